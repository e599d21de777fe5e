"""Reads ``receive.redact`` and ``receive.drop_attributes``: what is never stored."""

from __future__ import annotations

import re2

from causewatch.app.redaction_shape import NAME
from causewatch.receive.redaction import KINDS, Redaction, Rule, kind
from causewatch.rules.read import Section
from causewatch.rules.yaml import Place, Problems

_QUIET = re2.Options()
_QUIET.log_errors = False


def read_redaction(section: Section, problems: Problems) -> Redaction:
    """Return what the receivers take out; problems are named at their place."""
    found: list[Rule] = []
    for item in _items(section):
        rule = kind(item) if isinstance(item, str) else _rule(item, problems)
        if rule is not None and any(rule.name == other.name for other in found):
            place = item.place if isinstance(item, Section) else section.place_of("redact")
            problems.add(place, "duplicate", f"a second rule {rule.name!r}")
        elif rule is not None:
            found.append(rule)
    return Redaction(rules=tuple(found), drops=section.texts("drop_attributes"))


def _items(section: Section) -> list[str | Section]:
    """Return the entries: names of kinds, and rules."""
    listed = section.value("redact")
    items = listed if isinstance(listed, list) else []
    return [item for item in items if isinstance(item, str | Section)]


def _rule(section: Section, problems: Problems) -> Rule | None:
    if not section.ok:
        return None
    if section.has("kind") == section.has("pattern"):
        problems.add(section.place, "value", "give either `kind`, or `name` and `pattern`")
        return None
    attributes = section.texts("attributes")
    if section.has("kind"):
        return kind(section.text("kind"), attributes)
    name, pattern = section.text("name"), section.text("pattern")
    if NAME.fullmatch(name) is None or name in KINDS:
        message = "`name` must be letters, digits, `_`, `-` or `.`, and not the name of a kind"
        problems.add(section.place_of("name"), "value", message)
        return None
    if not _is_usable(pattern, section.place_of("pattern"), problems):
        return None
    return Rule(name=name, pattern=pattern, attributes=attributes)


def _is_usable(pattern: str, place: Place, problems: Problems) -> bool:
    try:
        compiled = re2.compile(pattern, _QUIET)
    except re2.error as error:
        problems.add(place, "regex", f"not a regular expression that RE2 knows: {error}")
        return False
    if compiled.search("") is not None:
        problems.add(place, "regex", "matches the empty text: nothing would be left")
        return False
    return True
