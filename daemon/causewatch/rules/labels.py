"""Reads labels: those written in a rule, and those that ``by`` takes from a signature's names."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import msgspec

from causewatch.rules.bundle import ByLabel
from causewatch.rules.read import Section, did_you_mean
from causewatch.rules.yaml import Items, Node, Place, Problems, Scalar, Table
from causewatch.signatures.cursor import Cursor
from causewatch.signatures.error import SignatureError
from causewatch.signatures.lexer import tokens_of
from causewatch.signatures.parse_field import parse_reference_token
from causewatch.signatures.syntax import Attribute, Intrinsic

MAX_LABEL_CHARS = 1_024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_OTHER = re.compile(r"[^A-Za-z0-9_]")
_PREFIX = "causewatch."


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``by``: what is written, and the label it is renamed to, if any."""

    place: Place
    expression: Scalar
    label: str = ""


def labels_of(section: Section, taken: Collection[str], problems: Problems) -> dict[str, str]:
    """Return the ``labels`` of a rule or group; ``taken`` are names that causewatch sets itself."""
    labels = section.labels("labels")
    node = section.node_of("labels")
    for entry in node.entries if isinstance(node, Table) else ():
        wrong = _wrong_name(entry.key)
        if entry.key in taken:
            wrong = f"the label {entry.key!r} is set by causewatch"
        if wrong:
            problems.add(entry.key_place, "label", wrong)
        elif len(labels.get(entry.key, "")) > MAX_LABEL_CHARS:
            message = f"a label's value has at most {MAX_LABEL_CHARS} characters"
            problems.add(entry.value.place, "label", message)
    return labels


def by_of(
    section: Section, names: Sequence[str], labels: Mapping[str, str], problems: Problems
) -> tuple[ByLabel, ...]:
    """Return the labels that ``by`` asks for.

    Args:
        section: the rule.
        names: what the signature binds with ``as``.
        labels: the labels that the rule has anyway: none may be hidden.
        problems: takes what is wrong.
    """
    found: dict[str, ByLabel] = {}
    for entry in _entries(section.node_of("by")):
        reference = _reference(entry.expression, names, problems)
        if reference is None:
            continue
        label = entry.label or label_name(reference)
        wrong = _wrong_name(label)
        if label in found:
            wrong = f"the label {label!r} is already made from {found[label].text!r}"
        elif label in labels or label == "alertname":
            wrong = f"the label {label!r} is already set by the rule"
        if wrong:
            problems.add(entry.place, "label", wrong)
        else:
            text = entry.expression.text.strip()
            found[label] = ByLabel(label=label, text=text, reference=reference)
    return tuple(found.values())


def label_name(reference: Attribute | Intrinsic) -> str:
    """Return the label of a reference: ``a.span.causewatch.tool`` becomes ``a_tool``."""
    name = reference.name.removeprefix(_PREFIX)
    if isinstance(reference, Intrinsic):
        name = name.removeprefix("span:")
    return _OTHER.sub("_", f"{reference.owner}_{name}")


def _entries(node: Node | None) -> list[_Entry]:
    """Return the entries of ``by``; the reader has reported those of a wrong form."""
    entries: list[_Entry] = []
    for item in node.nodes if isinstance(node, Items) else ():
        if isinstance(item, Scalar) and item.kind != "broken":
            entries.append(_Entry(place=item.place, expression=item))
        elif isinstance(item, Table):
            entries.extend(
                _Entry(place=entry.key_place, expression=entry.value, label=entry.key)
                for entry in item.entries
                if isinstance(entry.value, Scalar) and entry.value.kind != "broken"
            )
    return entries


def _reference(
    written: Scalar, names: Sequence[str], problems: Problems
) -> Attribute | Intrinsic | None:
    """Return what an expression of ``by`` refers to; ``None`` after a problem."""
    try:
        cursor = Cursor(written.text, tokens_of(written.text))
        reference = parse_reference_token(cursor)
        if cursor.token.kind != "end":
            cursor.fail("the end")
    except SignatureError as error:
        place = written.at(error.line, error.column)
        problems.add(place, "label", sentence_of(error))
        return None
    if reference.owner in names:
        return reference
    listed = f"; named are {', '.join(names)}" if names else "; add `as name` to it"
    owner = reference.owner
    if not owner or owner == "parent":
        message = f"{written.text!r} must start with a name of the signature{listed}"
    else:
        hint = did_you_mean(owner, names) or listed
        message = f"the signature names nothing {owner!r}{hint}"
    problems.add(written.place, "label", message)
    return None


def sentence_of(error: SignatureError) -> str:
    """Return the error's sentence without its place: the file's place is told instead."""
    return str(error).removeprefix(f"line {error.line}, column {error.column}: ")


def _wrong_name(name: str) -> str:
    if not _NAME.match(name):
        return f"{name!r} is no label name: letters, digits and _ only, no digit first"
    if name.startswith("__"):
        return f"label names that start with __ are reserved, such as {name!r}"
    return ""
