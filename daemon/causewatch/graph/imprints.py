"""Compares two sides of a handoff by digests and shapes, where their content is not recorded.

The shape lists the places inside of a payload with their types, sizes and digests, as
``causewatch.instrument`` writes them; of content that is there the same shape can be made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Literal

import msgspec

from causewatch.model.imprint import FieldPrint, Imprint, PlainType
from causewatch.model.value import Value, canonical_bytes, sha256_of

MAX_FIELDS_COUNT = 256
MAX_DEPTH = 6
MAX_ITEMS_COUNT = 64
DIGEST_CHARS = 16
PREFIX_DIGEST_CHARS = 8
FIRST_PREFIX_CHARS = 32
MAX_BREAKS_COUNT = 20
MIN_KEPT_SHARE = 0.5
"""Structure that became a text of fewer characters than this share of its JSON lost content."""
MIN_EQUAL_PREFIXES_COUNT = 2
"""So many beginnings must agree where the last one holds the mark of the cut itself."""

BreakKind = Literal["truncation", "serialization", "missing", "delta"]


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """One place where what was received is not what was sent.

    ``lost`` says that content is gone, whatever a contract may demand; a mere change of form or of
    a value is none.
    """

    kind: BreakKind
    pointer: str
    message: str
    lost: bool = False
    is_absent: bool = False
    """Whole members or items are gone; what is left of the rest is as it was sent."""


def imprint_of(value: Value) -> Imprint:
    """Return the imprint of a value, with the limits of ``causewatch.instrument``."""
    fields: dict[str, FieldPrint] = {}
    dropped_count = 0
    level: list[tuple[str, Value]] = [("", value)]
    for depth in range(MAX_DEPTH + 1):
        following: list[tuple[str, Value]] = []
        for pointer, item in level:
            if len(fields) >= MAX_FIELDS_COUNT:
                dropped_count += 1
                continue
            fields[pointer] = _print_of(item)
            inner = list(_members(pointer, item))
            if depth == MAX_DEPTH:
                dropped_count += len(inner)
                continue
            limit = MAX_ITEMS_COUNT if isinstance(item, list) else len(inner)
            following.extend(inner[:limit])
            dropped_count += len(inner) - len(inner[:limit])
        level = following
    size = len(canonical_bytes(value))
    return Imprint(
        sha256=sha256_of(value), size_bytes=size, fields=fields, dropped_count=dropped_count
    )


def _members(pointer: str, value: Value) -> Iterator[tuple[str, Value]]:
    if isinstance(value, dict):
        # In the order of canonical JSON, so that the same ones are listed whoever lists them.
        for key in sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass")):
            yield f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}", value[key]
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield f"{pointer}/{index}", item


def _print_of(value: Value) -> FieldPrint:
    prefixes: tuple[str, ...] = ()
    if isinstance(value, str) and len(value) > FIRST_PREFIX_CHARS:
        lengths = _prefix_lengths(len(value))
        prefixes = tuple(sha256_of(value[:n])[:PREFIX_DIGEST_CHARS] for n in lengths)
    return FieldPrint(
        type=type_of(value),
        size=len(value) if isinstance(value, str | list | dict) else 0,
        digest=sha256_of(value)[:DIGEST_CHARS],
        prefixes=prefixes,
    )


def _prefix_lengths(size: int) -> Iterator[int]:
    length = FIRST_PREFIX_CHARS
    while length < size:
        yield length
        length *= 2


def type_of(value: Value) -> PlainType:
    """Return the JSON type of a value; bytes, which JSON has none for, count as text."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return "string"


def breaks_between(
    sent: Imprint, received: Imprint, is_ignored: Callable[[str], bool] | None = None
) -> tuple[Break, ...]:
    """Return where ``received`` differs from ``sent``, at most ``MAX_BREAKS_COUNT`` places.

    The kinds are those of a contract's comparison of content. ``is_ignored`` tells of a JSON
    pointer whether that place, and what lies inside of it, does not count. A difference of which no
    listed place shows the kind is a *delta*, unless an ignored place may have made it.
    """
    if sent.sha256 == received.sha256:
        return ()
    whole, other = sent.fields.get(""), received.fields.get("")
    if whole is None or other is None:
        return () if is_ignored else (_delta("", "the digests differ"),)
    if _is_unwrapped(sent, other) or _is_unwrapped(received, whole):
        return ()
    if _is_empty(other) and not _is_empty(whole):
        return (_break("missing", "", "nothing was received", lost=True),)
    found = tuple(islice(_walk(sent, received, is_ignored), MAX_BREAKS_COUNT))
    if not found and is_ignored is None:
        return (_delta("", "differs in a place that is not listed by itself"),)
    return found


def _is_unwrapped(imprint: Imprint, text: FieldPrint) -> bool:
    """Tell whether ``text`` is the only member of an object: such a pair is one payload."""
    whole = imprint.fields.get("")
    if whole is None or whole.type != "object" or whole.size != 1 or text.type != "string":
        return False
    return any(
        pointer.count("/") == 1 and each.type == "string" and each.digest == text.digest
        for pointer, each in imprint.fields.items()
    )


def _walk(
    sent: Imprint, received: Imprint, is_ignored: Callable[[str], bool] | None
) -> Iterator[Break]:
    """Yield the breaks from the whole inwards; what lies inside of one is not listed again."""
    places = (*sent.fields, *received.fields) if is_ignored is not None else ()
    done = {pointer for pointer in places if is_ignored is not None and is_ignored(pointer)}
    for pointer, field in sent.fields.items():
        if _is_inside(pointer, done):
            continue
        other = received.fields.get(pointer)
        found = (
            _lost_member(pointer, field, sent, received)
            if other is None
            else _changed(pointer, field, other, sent, received)
        )
        if found is not None:
            done.add(pointer)
            yield found
    for pointer in received.fields:
        parent = pointer.rpartition("/")[0]
        is_new = pointer not in sent.fields and not sent.dropped_count
        if is_new and not _is_inside(pointer, done) and _type_at(sent, parent) == "object":
            done.add(pointer)
            yield _delta(pointer, "the member was added")


def _is_inside(pointer: str, done: set[str]) -> bool:
    """Tell whether a place is one of ``done`` or lies in one; places are at most 7 levels deep."""
    while pointer not in done:
        if not pointer:
            return False
        pointer = pointer.rpartition("/")[0]
    return True


def _type_at(imprint: Imprint, pointer: str) -> PlainType | None:
    field = imprint.fields.get(pointer)
    return field.type if field is not None else None


def _lost_member(pointer: str, field: FieldPrint, sent: Imprint, received: Imprint) -> Break | None:
    """Return the loss of an object's member; of arrays the array itself tells."""
    parent = pointer.rpartition("/")[0]
    is_object = _type_at(sent, parent) == "object" and _type_at(received, parent) == "object"
    if not is_object or received.dropped_count:
        return None
    return Break(
        kind="truncation",
        pointer=pointer,
        message="the member was lost",
        lost=not _is_empty(field),
        is_absent=True,
    )


def _changed(
    pointer: str, one: FieldPrint, other: FieldPrint, sent: Imprint, received: Imprint
) -> Break | None:
    if one.digest == other.digest and one.type == other.type:
        return None
    if one.type != other.type:
        return _retyped(pointer, one, other, sent)
    match one.type:
        case "string":
            return _text_changed(pointer, one, other)
        case "array":
            return _array_changed(pointer, one, other, sent.fields, received.fields)
        case "object":
            return None  # its members tell
        case "number" | "boolean" | "null":
            return _delta(pointer, f"the {one.type} differs")


def _retyped(pointer: str, one: FieldPrint, other: FieldPrint, sent: Imprint) -> Break:
    message = f"{one.type} became {other.type}"
    if _is_empty(other):
        return _break("missing", pointer, "the value was lost", lost=not _is_empty(one))
    if one.type in {"array", "object"} and other.type == "string":
        lost = other.size < MIN_KEPT_SHARE * _spelled_chars(pointer, sent)
        return _break("serialization", pointer, f"{one.type} was flattened to text", lost=lost)
    if "string" in {one.type, other.type}:
        return _break("serialization", pointer, message)
    return _delta(pointer, message)


def _spelled_chars(pointer: str, imprint: Imprint) -> int:
    """Return about how many characters a place takes as JSON, going by what is listed of it."""
    inside = f"{pointer}/"
    return sum(
        len(place) - place.rfind("/") + (field.size if field.type == "string" else 1)
        for place, field in imprint.fields.items()
        if place.startswith(inside)
    )


def _text_changed(pointer: str, one: FieldPrint, other: FieldPrint) -> Break:
    if not other.size:
        return _break("missing", pointer, "the text was lost", lost=True)
    if other.size < one.size and _begins_alike(one, other):
        message = f"only {other.size} of {one.size} characters arrived"
        return _break("truncation", pointer, message, lost=True)
    return _delta(pointer, "the text differs")


def _begins_alike(one: FieldPrint, other: FieldPrint) -> bool:
    """Tell whether the shorter text is the beginning of the longer one, but for a mark at its end.

    A text that is cut to one of the lengths itself has that prefix as its whole.
    """
    shorter = (*other.prefixes, other.digest[:PREFIX_DIGEST_CHARS])
    lengths = (*_prefix_lengths(other.size), other.size)
    known = dict(zip(_prefix_lengths(one.size), one.prefixes, strict=False))
    pairs = [
        (known[length], digest)
        for length, digest in zip(lengths, shorter, strict=False)
        if length in known
    ]
    equal = next((i for i, (a, b) in enumerate(pairs) if a != b), len(pairs))
    if equal == len(pairs):
        return bool(pairs)
    return equal >= MIN_EQUAL_PREFIXES_COUNT and equal == len(pairs) - 1


def _array_changed(
    pointer: str,
    one: FieldPrint,
    other: FieldPrint,
    sent: Mapping[str, FieldPrint],
    received: Mapping[str, FieldPrint],
) -> Break | None:
    if other.size == one.size:
        first = f"{pointer}/0"
        return None if first in sent and first in received else _delta(pointer, "the items differ")
    if not other.size:
        return _items_lost(pointer, one, other)
    message = f"{one.size} items became {other.size}"
    if other.size > one.size:
        return _delta(pointer, message)
    whole = [item for i in range(one.size) if (item := sent.get(f"{pointer}/{i}")) is not None]
    part = [item for i in range(other.size) if (item := received.get(f"{pointer}/{i}")) is not None]
    rest = iter(whole)
    if part and all(any(item.digest == each.digest for each in rest) for item in part):
        return _items_lost(pointer, one, other)
    return _delta(pointer, message)


def _items_lost(pointer: str, one: FieldPrint, other: FieldPrint) -> Break:
    message = f"{one.size - other.size} of {one.size} items were lost"
    return Break(kind="truncation", pointer=pointer, message=message, lost=True, is_absent=True)


def _is_empty(field: FieldPrint) -> bool:
    return field.type == "null" or (field.type in {"string", "array", "object"} and not field.size)


def _break(kind: BreakKind, pointer: str, message: str, *, lost: bool = False) -> Break:
    return Break(kind=kind, pointer=pointer, message=message, lost=lost)


def _delta(pointer: str, message: str) -> Break:
    return Break(kind="delta", pointer=pointer, message=message)
