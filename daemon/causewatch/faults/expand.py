"""Payloads with the JSON inside of their strings read: envelopes within envelopes."""

from __future__ import annotations

import msgspec

from causewatch.faults.unclosed import is_unclosed, read_unclosed
from causewatch.model.value import Value

MAX_EXPAND_DEPTH = 6
MAX_EXPANDED_CHARS = 1_000_000


def expand(value: Value, depth: int = 0) -> Value:
    """Return ``value`` with strings that are JSON objects or arrays replaced by what they hold.

    JSON that was cut is read as far as it goes. Other strings, and what lies deeper than
    ``MAX_EXPAND_DEPTH``, stay as they are.
    """
    if depth >= MAX_EXPAND_DEPTH:
        return value
    match value:
        case str() as text if text[:1] in ("{", "[") and len(text) <= MAX_EXPANDED_CHARS:
            inner = _read(text)
            return inner if isinstance(inner, str) else expand(inner, depth + 1)
        case dict() as members:
            return {key: expand(member, depth + 1) for key, member in members.items()}
        case list() as items:
            return [expand(item, depth + 1) for item in items]
        case _:
            return value


def _read(text: str) -> Value:
    try:
        value: Value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return read_unclosed(text) if is_unclosed(text) else text
    return value
