"""What changed from one JSON value to another, as a JSON Patch (RFC 6902) for people to read.

The operations lead from the first value to the second when applied in order. Values are shown as
far as a person needs them: a long one is cut, a redacted one left out, and then the operation has
the member ``shortened`` (RFC 6902, section 4, has readers ignore members they do not know).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from causewatch.contracts.equality import same
from causewatch.contracts.excerpt import REDACTED, excerpt
from causewatch.contracts.pointer import covers, pointer_of, touches
from causewatch.model.limits import DEFAULT_PAYLOAD_LIMITS
from causewatch.model.value import Value

MAX_PATCH_BYTES = 4 * 1024
MAX_OPERATIONS_COUNT = 200
MAX_DEPTH = 64
MAX_POINTER_CHARS = 512
TOO_DEEP = "[nested too deep to be shown]"
_Path = tuple[str | int, ...]
_Operation = dict[str, Value]


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """A patch as JSON text, and whether anything was left out of it."""

    text: str
    shortened: bool


class _Change(msgspec.Struct, frozen=True, kw_only=True):
    """One operation before its value is cut to what may be shown."""

    op: str
    path: _Path
    value: Value = None


def patch_between(
    sent: Value, received: Value, *, place: str = "", redact: Sequence[str] = ()
) -> Patch:
    """Return the patch from ``sent`` to ``received``, at most ``MAX_PATCH_BYTES`` long.

    ``place`` is the JSON pointer at which both stand. Each item and member is compared a bounded
    number of times, so the time is linear in the size of both.
    """
    operations: list[_Operation] = []
    shortened = False
    size_bytes = 2
    for change in islice(_changes(sent, received, ()), MAX_OPERATIONS_COUNT + 1):
        operation = _operation(change, place, redact)
        size_bytes += len(msgspec.json.encode(operation)) + 1
        if size_bytes > MAX_PATCH_BYTES or len(operations) == MAX_OPERATIONS_COUNT:
            shortened = True
            break
        shortened = shortened or "shortened" in operation
        operations.append(operation)
    return Patch(text=msgspec.json.encode(operations).decode(), shortened=shortened)


def _operation(change: _Change, place: str, redact: Sequence[str]) -> _Operation:
    # A key may hold half of a character pair, which no JSON text can.
    path = (place + pointer_of(change.path)).encode("utf-8", "replace").decode()
    found: _Operation = {"op": change.op, "path": path}
    if len(path) > MAX_POINTER_CHARS:
        found = {"op": change.op, "path": path[:MAX_POINTER_CHARS], "shortened": True}
    if change.op == "remove":
        return found
    if covers(redact, path):
        return {**found, "value": REDACTED, "shortened": True}
    is_whole = not touches(redact, path) and _is_short(change.value)
    shown = change.value if is_whole else _excerpt(change.value, path, redact)
    return {**found, "value": shown, **({} if is_whole else {"shortened": True})}


def _excerpt(value: Value, path: str, redact: Sequence[str]) -> str:
    try:
        return excerpt(value, place=path, redact=redact)
    except RecursionError:
        return TOO_DEEP


def _is_short(value: Value) -> bool:
    """Tell whether a value is shown as it is; what JSON does not know is shown as text."""
    limit = DEFAULT_PAYLOAD_LIMITS.max_excerpt_chars
    if isinstance(value, str):
        return len(value) <= limit and value.isprintable()
    if isinstance(value, dict | list) and len(value) > limit:
        return False
    try:
        text = msgspec.json.encode(value)
    except (msgspec.EncodeError, TypeError, ValueError, RecursionError):
        return False
    return len(text) <= limit and text.isascii()


def _changes(sent: Value, received: Value, path: _Path) -> Iterator[_Change]:
    if len(path) < MAX_DEPTH and isinstance(sent, dict) and isinstance(received, dict):
        yield from _of_objects(sent, received, path)
    elif len(path) < MAX_DEPTH and isinstance(sent, list) and isinstance(received, list):
        yield from _of_arrays(sent, received, path)
    elif not same(sent, received):
        yield _Change(op="replace", path=path, value=received)


def _of_objects(
    sent: dict[str, Value], received: dict[str, Value], path: _Path
) -> Iterator[_Change]:
    for key, value in sent.items():
        if key in received:
            yield from _changes(value, received[key], (*path, key))
        else:
            yield _Change(op="remove", path=(*path, key))
    for key, value in received.items():
        if key not in sent:
            yield _Change(op="add", path=(*path, key), value=value)


def _of_arrays(sent: list[Value], received: list[Value], path: _Path) -> Iterator[_Change]:
    """Yield what was taken out, else what was put in, else item by item.

    Items are taken out from the end, so that the places of those before them stay as they are.
    """
    start, end = _common_ends(sent, received)
    old, new = sent[start : len(sent) - end], received[start : len(received) - end]
    if len(old) > len(new) and (kept := _places(new, old)) is not None:
        for index in reversed([i for i in range(len(old)) if i not in kept]):
            yield _Change(op="remove", path=(*path, start + index))
        return
    if len(new) > len(old) and (kept := _places(old, new)) is not None:
        for index in (i for i in range(len(new)) if i not in kept):
            yield _Change(op="add", path=(*path, start + index), value=new[index])
        return
    for index, (one, other) in enumerate(zip(old, new, strict=False)):
        yield from _changes(one, other, (*path, start + index))
    for index in reversed(range(len(new), len(old))):
        yield _Change(op="remove", path=(*path, start + index))
    for index in range(len(old), len(new)):
        yield _Change(op="add", path=(*path, start + index), value=new[index])


def _common_ends(sent: list[Value], received: list[Value]) -> tuple[int, int]:
    """Return how many items are the same at the beginning, and of the rest at the end."""
    most = min(len(sent), len(received))
    start = next((i for i in range(most) if not same(sent[i], received[i])), most)
    rest = most - start
    end = next((i for i in range(rest) if not same(sent[-1 - i], received[-1 - i])), rest)
    return start, end


def _places(part: list[Value], whole: list[Value]) -> set[int] | None:
    """Return where in ``whole`` the items of ``part`` stand, in order; ``None`` if not all do."""
    places: set[int] = set()
    at = 0
    for item in part:
        while at < len(whole) and not same(item, whole[at]):
            at += 1
        if at == len(whole):
            return None
        places.add(at)
        at += 1
    return places
