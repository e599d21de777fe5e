"""Payloads with the JSON inside of their strings read: envelopes within envelopes."""

from __future__ import annotations

from operator import is_not

import msgspec

from causewatch.faults.unclosed import is_unclosed, read_unclosed
from causewatch.model.value import Value

MAX_EXPAND_DEPTH = 6
MAX_EXPANDED_CHARS = 1_000_000
_OPENING = ("{", "[")


def expand(value: Value, depth: int = 0) -> Value:
    """Return ``value`` with strings that are JSON objects or arrays replaced by what they hold.

    JSON that was cut is read as far as it goes. Other strings, and what lies deeper than
    ``MAX_EXPAND_DEPTH``, stay as they are; so does what holds nothing to be read.
    """
    if depth >= MAX_EXPAND_DEPTH:
        return value
    if isinstance(value, str):
        if value[:1] not in _OPENING or len(value) > MAX_EXPANDED_CHARS:
            return value
        inner = _read(value)
        return inner if isinstance(inner, str) else expand(inner, depth + 1)
    if isinstance(value, dict):
        members = {
            key: opened
            for key, member in value.items()
            if _may_hold(member) and (opened := expand(member, depth + 1)) is not member
        }
        return {**value, **members} if members else value
    if isinstance(value, list):
        items = [expand(item, depth + 1) if _may_hold(item) else item for item in value]
        return items if any(map(is_not, items, value)) else value
    return value


def _may_hold(value: Value) -> bool:
    if isinstance(value, str):
        return value[:1] in _OPENING
    return isinstance(value, dict | list)


def _read(text: str) -> Value:
    try:
        value: Value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return read_unclosed(text) if is_unclosed(text) else text
    return value
