"""When two JSON values are the same, and when they are in all but their spelling."""

from __future__ import annotations

import struct

import msgspec

from causewatch.model.value import MAX_SAFE_INTEGER, Value

MAX_DEPTH = 64


def same(left: Value, right: Value) -> bool:
    """Tell whether two JSON values are equal; true is not 1, but 1 is 1.0.

    Below ``MAX_DEPTH`` nothing counts as equal.
    """
    return not _differ(left, right) and _same(left, right)


def _differ(left: Value, right: Value) -> bool:
    """Tell quickly whether two values differ; those that do not may yet be true and 1."""
    try:
        return left != right
    except RecursionError:
        return True


def _same(left: Value, right: Value) -> bool:
    pending: list[tuple[Value, Value, int]] = [(left, right, 0)]
    while pending:
        one, other, depth = pending.pop()
        if depth > MAX_DEPTH:
            return False
        if isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            pending.extend((item, other[key], depth + 1) for key, item in one.items())
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            pending.extend((*pair, depth + 1) for pair in zip(one, other, strict=True))
        elif not same_scalar(one, other):
            return False
    return True


def spelled_alike(left: Value, right: Value) -> bool:
    """Tell quickly whether two values have the same JSON, whatever the order of their members.

    Those that do not may yet be the same: 1 is 1.0.
    """
    if left is right:
        return True
    if _differ(left, right):
        return False
    try:
        one = msgspec.json.encode(left, order="sorted")
        return one == msgspec.json.encode(right, order="sorted")
    except (msgspec.EncodeError, TypeError, ValueError, RecursionError):
        return False


def same_scalar(left: Value, right: Value) -> bool:
    """Tell whether two scalars are equal; true is not 1."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def only_text(value: Value) -> str | None:
    """Return the string of an object with exactly one member that is a string, else ``None``."""
    if isinstance(value, dict) and len(value) == 1:
        text = next(iter(value.values()))
        return text if isinstance(text, str) else None
    return None


def parsed(text: str) -> Value:
    """Return the JSON value of a text, or the text itself."""
    try:
        value: Value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return text
    return value


def scalar_text(value: Value) -> str | None:
    """Return a scalar as people write it, so that 12 and "12" are the same; ``None`` if none."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return _number_text(value)
        case str():
            return _number_text(number) if _is_number(number := parsed(value)) else value.lower()
        case None:
            return "null"
        case _:
            return None


def _number_text(value: Value) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    try:
        return str(value)
    except ValueError:
        # Python refuses to write out integers of many thousand digits.
        return "a huge number"


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def loose_key(value: Value) -> bytes:
    """Return bytes that are equal for values that differ in spelling only: 12 and "12".

    They tell which item of an array became which; takes time linear in the value's size.
    """
    try:
        return msgspec.json.encode(_loose(value, 0), order="sorted")
    except (msgspec.EncodeError, TypeError, ValueError, RecursionError):
        return b"?"


def _loose(value: Value, depth: int) -> Value:
    if depth > MAX_DEPTH:
        return ""
    if isinstance(value, dict):
        return {key: _loose(member, depth + 1) for key, member in value.items()}
    if isinstance(value, list):
        return [_loose(item, depth + 1) for item in value]
    return scalar_text(value)


def is_empty(value: Value) -> bool:
    """Tell whether a value is null, or an empty text, object or array."""
    return value is None or (isinstance(value, str | list | dict | bytes) and not value)


def size_bytes(value: Value) -> int:
    """Return how many bytes the JSON of a value has; of a text, without its quotes."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    try:
        return len(msgspec.json.encode(value))
    except (msgspec.EncodeError, TypeError, ValueError, RecursionError):
        return 1


def precision_lost(sent: Value, received: Value) -> bool:
    """Tell whether a number became the nearest one that a narrower type can hold."""
    if not isinstance(sent, int | float) or not isinstance(received, int | float):
        return False
    if isinstance(sent, bool) or isinstance(received, bool):
        return False
    try:
        if isinstance(sent, int) and abs(sent) > MAX_SAFE_INTEGER:
            return float(sent) == float(received)
        if isinstance(sent, int):
            return False
        single: float = struct.unpack("f", struct.pack("f", sent))[0]
    except (OverflowError, struct.error):
        return False
    return single == received
