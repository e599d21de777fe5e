"""Objects of one kind in a payload, each as its scalar members in normal form."""

from __future__ import annotations

import re

from causewatch.faults.text import fold
from causewatch.model.facts import fact_of
from causewatch.model.value import Value

MIN_RECORD_MEMBERS_COUNT = 3
MAX_RECORDS_COUNT = 200

_DIGIT = re.compile(r"\d")
_JOINT = re.compile(r"[\W_]")

Record = dict[str, str]
"""The scalar members of one object, normalised; the keys too."""


def records_of(value: Value, min_members_count: int = MIN_RECORD_MEMBERS_COUNT) -> list[Record]:
    """Return the objects inside of a value that have several scalar members."""
    found: list[Record] = []
    stack = [value]
    while stack and len(found) < MAX_RECORDS_COUNT:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            stack.extend(item.values())
            members = {key_of(key): text for key, each in item.items() if (text := scalar_of(each))}
            if len(members) >= min_members_count:
                found.append(members)
    return found


def key_of(key: str) -> str:
    """Return a key in lower case, without what joins its words."""
    lower = key.lower()
    return lower if lower.isalnum() else _JOINT.sub("", lower)


def scalar_of(value: Value) -> str:
    """Return a scalar in normal form; empty for none, for truth values and for structure."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = fold(str(value))
    if _DIGIT.search(text) is None:
        return text
    fact = fact_of(text)
    return min(fact.readings) if fact is not None and fact.kind == "number" else text
