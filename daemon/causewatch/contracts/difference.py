"""What became of a payload between sender and receiver, named as narrowly as the values allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal

import msgspec

from causewatch.contracts.pointer import pointer_of
from causewatch.model.value import Value

Kind = Literal["truncation", "serialization", "missing", "delta"]
Path = tuple[str | int, ...]

MAX_DIFFERENCES_COUNT = 20
MAX_DEPTH = 64
MIN_FRAGMENT_CHARS = 8
"""A shorter piece of a text is found in other texts by chance."""
MIN_TEMPLATE_CHARS = 24
"""As much of a text's beginning tells it apart from the template around it."""
CUT_MARKERS = ("...", "…", "[...]", "[…]", "[truncated]", "(truncated)", "<truncated>")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One place where what was received is not what was sent."""

    kind: Kind
    pointer: str
    message: str
    sent: Value
    received: Value


def differences(sent: Value, received: Value) -> tuple[Difference, ...]:
    """Return where ``received`` differs from ``sent``, at most ``MAX_DIFFERENCES_COUNT`` places.

    The kinds: *truncation*, what arrived is a proper part of what was sent (a text's prefix or
    fragment, fewer items, fewer keys); *serialization*, the same content in another form (structure
    flattened to text, JSON inside of a string, a number as text); *missing*, nothing arrived;
    *delta*, any other difference.
    """
    if not _is_empty(sent) and _is_empty(received):
        return (_difference("missing", (), "nothing was received", sent, received),)
    return tuple(islice(_walk(sent, received, ()), MAX_DIFFERENCES_COUNT))


def same(left: Value, right: Value) -> bool:
    """Tell whether two JSON values are equal; true is not 1, but 1 is 1.0.

    Below ``MAX_DEPTH`` nothing counts as equal.
    """
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
        elif isinstance(one, bool) != isinstance(other, bool) or one != other:
            return False
    return True


def only_text(value: Value) -> str | None:
    """Return the string of an object with exactly one member that is a string, else ``None``."""
    if isinstance(value, dict) and len(value) == 1:
        text = next(iter(value.values()))
        return text if isinstance(text, str) else None
    return None


def _walk(sent: Value, received: Value, path: Path) -> Iterator[Difference]:
    if len(path) > MAX_DEPTH:
        if repr(sent) != repr(received):
            yield _difference("delta", path, "differs below the depth limit", sent, received)
    elif isinstance(sent, dict) and isinstance(received, dict):
        yield from _walk_objects(sent, received, path)
    elif isinstance(sent, list) and isinstance(received, list):
        yield from _walk_arrays(sent, received, path)
    elif isinstance(sent, str) and isinstance(received, str):
        yield from _walk_texts(sent, received, path)
    elif not _same_scalar(sent, received):
        yield _type_change(sent, received, path)


def _walk_objects(
    sent: dict[str, Value], received: dict[str, Value], path: Path
) -> Iterator[Difference]:
    for key, value in sent.items():
        if key in received:
            yield from _walk(value, received[key], (*path, key))
        else:
            yield _difference("truncation", (*path, key), "the member was lost", value, None)
    for key in received.keys() - sent.keys():
        yield _difference("delta", (*path, key), "the member was added", None, received[key])


def _walk_arrays(sent: list[Value], received: list[Value], path: Path) -> Iterator[Difference]:
    if len(received) < len(sent) and _is_subsequence(received, sent):
        message = f"{len(sent) - len(received)} of {len(sent)} items were lost"
        yield _difference("truncation", path, message, sent, received)
    elif len(received) != len(sent):
        message = f"{len(sent)} items became {len(received)}"
        yield _difference("delta", path, message, sent, received)
    else:
        for index, (left, right) in enumerate(zip(sent, received, strict=True)):
            yield from _walk(left, right, (*path, index))


def _is_subsequence(part: Sequence[Value], whole: Sequence[Value]) -> bool:
    rest = iter(whole)
    return all(any(same(item, other) for other in rest) for item in part)


def _walk_texts(sent: str, received: str, path: Path) -> Iterator[Difference]:
    if sent == received:
        return
    if is_cut(sent, received):
        message = f"only {len(received)} of {len(sent)} characters arrived"
        yield _difference("truncation", path, message, sent, received)
    elif "".join(sent.split()) == "".join(received.split()):
        yield _difference("delta", path, "white space differs", sent, received)
    else:
        yield _difference("delta", path, "the text differs", sent, received)


def is_cut(sent: str, received: str) -> bool:
    """Tell whether ``received`` holds a proper part of ``sent`` and then stops.

    A mark of the cut ("...") is left aside, and so is a template before the text: what counts is
    that the copy begins as the original does and ends, with a line or the text, before it.
    """
    rest = _without_marker(received.rstrip())
    if not rest or sent in received:
        return False
    if sent.startswith(rest) or (len(rest) >= MIN_FRAGMENT_CHARS and rest in sent):
        return True
    start = received.find(sent[:MIN_TEMPLATE_CHARS]) if len(sent) > MIN_TEMPLATE_CHARS else -1
    if start < 0:
        return False
    copy = received[start:]
    length = next(
        (i for i, (a, b) in enumerate(zip(sent, copy, strict=False)) if a != b), len(copy)
    )
    return not _without_marker(copy[length:].split("\n", 1)[0].strip().strip("\"'`"))


def _without_marker(text: str) -> str:
    """Return a text without the mark of a cut at its end."""
    lower = text.lower()
    marker = next((mark for mark in CUT_MARKERS if lower.endswith(mark)), "")
    return text[: len(text) - len(marker)].rstrip()


def _type_change(sent: Value, received: Value, path: Path) -> Difference:
    if _is_empty(received) and not _is_empty(sent):
        return _difference("missing", path, "the value was lost", sent, received)
    if isinstance(sent, dict | list) and isinstance(received, str):
        return _flattened(sent, received, path)
    if isinstance(sent, str) and isinstance(received, dict | list):
        if same(parsed(sent), received):
            return _difference(
                "serialization", path, "text was parsed into structure", sent, received
            )
    elif (spelled := _scalar_text(sent)) is not None and spelled == _scalar_text(received):
        message = f"{_type_name(sent)} became {_type_name(received)}"
        return _difference("serialization", path, message, sent, received)
    message = f"{_type_name(sent)} became {_type_name(received)}"
    return _difference("delta", path, message, sent, received)


def _flattened(sent: dict[str, Value] | list[Value], received: str, path: Path) -> Difference:
    """Classify structure that arrived as text: cut, or only flattened."""
    if same(sent, parsed(received)):
        return _difference("serialization", path, "JSON inside of a string", sent, received)
    tight = "".join(received.split())
    spelled = "".join(msgspec.json.encode(sent).decode().split())
    if len(tight) >= MIN_FRAGMENT_CHARS and len(tight) < len(spelled) and spelled.startswith(tight):
        message = f"only the first {len(received)} characters of its JSON arrived"
        return _difference("truncation", path, message, sent, received)
    lost = [text for text in _texts(sent) if text not in received]
    if any(_prefix_arrived(text, received) for text in lost):
        return _difference("truncation", path, "cut on becoming text", sent, received)
    message = f"{_type_name(sent)} was flattened to text"
    return _difference("serialization", path, message, sent, received)


def _prefix_arrived(text: str, received: str) -> bool:
    """Tell whether the text's beginning, at least half of it or 24 characters, arrived."""
    size = max(MIN_FRAGMENT_CHARS, min(24, len(text) // 2))
    return len(text) > size and text[:size] in received


def _texts(value: Value) -> Iterator[str]:
    """Yield all strings inside of a value."""
    stack = [value]
    while stack:
        match stack.pop():
            case str() as text:
                yield text
            case dict() as members:
                stack.extend(members.values())
            case list() as items:
                stack.extend(items)
            case _:
                pass


def parsed(text: str) -> Value:
    """Return the JSON value of a text, or the text itself."""
    try:
        value: Value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return text
    return value


def _same_scalar(left: Value, right: Value) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _scalar_text(value: Value) -> str | None:
    """Return a scalar as people write it, so that 12 and "12" are the same; ``None`` if none."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return (
                str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
            )
        case str():
            return _scalar_text(number) if _is_number(number := parsed(value)) else value.lower()
        case None:
            return "null"
        case _:
            return None


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_empty(value: Value) -> bool:
    return value is None or (isinstance(value, str | list | dict | bytes) and not value)


def _type_name(value: Value) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "text", list: "array"}
    return "object" if isinstance(value, dict) else names.get(type(value), "null")


def _difference(kind: Kind, path: Path, message: str, sent: Value, received: Value) -> Difference:
    return Difference(
        kind=kind, pointer=pointer_of(path), message=message, sent=sent, received=received
    )
