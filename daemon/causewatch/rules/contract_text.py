"""Writes learned contracts as a rule file for people to review."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from causewatch.contracts.spec import CompareMode
from causewatch.model.value import Value

COMMENT = "$comment"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_NAME = re.compile(r"[^a-z0-9]+")
_HEAD = (
    "# Learned from good runs. Read it: loosen what may change, tighten what you know better.",
    "# What is not said here stays open; a key is required where every payload had it.",
)


class LearnedContract(msgspec.Struct, frozen=True, kw_only=True):
    """One contract to review: whom it binds, and the schemas with their support as comments."""

    binds: Mapping[str, str]
    """``tool``, or ``from`` and ``to``, with their globs."""
    support: str
    """How much speaks for it, for the comment beside its name."""
    schemas: Mapping[str, Value]
    """By the side that each is for: arguments, result, sent, received."""
    mode: CompareMode | None = None
    mode_support: str = ""

    @property
    def text(self) -> str:
        """Return the stem of the contract's name."""
        return "-to-".join(_NAME.sub("-", each.lower()).strip("-") for each in self.binds.values())


def contract_file(learned: Sequence[LearnedContract]) -> str:
    """Return a rule file with one contract for each."""
    lines = [*_HEAD, "contracts:" if learned else "contracts: []"]
    names: set[str] = set()
    for each in learned:
        lines += contract_lines(each, _free_name(each.text, names))
    return "\n".join(lines) + "\n"


def contract_lines(learned: LearnedContract, name: str) -> list[str]:
    """Return the lines of one contract."""
    lines = [f"- contract: {scalar(name)}  # {learned.support}"]
    lines += [f"  {key}: {scalar(glob)}" for key, glob in learned.binds.items()]
    for side, schema in learned.schemas.items():
        lines += [f"  {side}:", f"    schema:{_remark(schema)}", *_block(schema, 6)]
    if learned.mode is not None:
        lines.append(f"  compare: {{mode: {learned.mode}}}  # {learned.mode_support}")
    return lines


def scalar(text: str) -> str:
    """Return text as a YAML scalar that reads back as it is, in a list on one line, too."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _block(value: Value, indent: int) -> Iterator[str]:
    """Yield the lines of a mapping, each with its comment."""
    if not isinstance(value, dict):
        return
    pad = " " * indent
    for key, each in value.items():
        if key == COMMENT:
            continue
        if isinstance(each, dict) and any(inner != COMMENT for inner in each):
            yield f"{pad}{scalar(key)}:{_remark(each)}"
            yield from _block(each, indent + 2)
        elif isinstance(each, list) and any(isinstance(item, dict) for item in each):
            yield f"{pad}{scalar(key)}:"
            yield from _listed(each, indent)
        else:
            yield f"{pad}{scalar(key)}: {_flow(each)}{_remark(each)}"


def _listed(items: Sequence[Value], indent: int) -> Iterator[str]:
    """Yield the lines of a list of mappings."""
    for item in items:
        lines = list(_block(item, indent + 2)) or [" " * (indent + 2) + "{}"]
        yield f"{' ' * indent}- {lines[0].lstrip()}{_remark(item)}"
        yield from lines[1:]


def _flow(value: Value) -> str:
    match value:
        case str():
            return scalar(value)
        case list():
            return f"[{', '.join(_flow(item) for item in value)}]"
        case dict():
            return "{}"
        case _:
            return json.dumps(value)


def _remark(value: Value) -> str:
    comment = value.get(COMMENT) if isinstance(value, dict) else None
    return f"  # {comment}" if isinstance(comment, str) else ""


def _free_name(stem: str, taken: set[str]) -> str:
    stem = stem[:80].strip("-") or "contract"
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name)
    return name
