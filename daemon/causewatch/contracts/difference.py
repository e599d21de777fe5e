"""What became of a payload between sender and receiver, named as narrowly as the values allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Literal

import msgspec

from causewatch.contracts.encoding import encoded_as
from causewatch.contracts.equality import (
    MAX_DEPTH,
    is_empty,
    loose_key,
    parsed,
    precision_lost,
    same,
    same_scalar,
    scalar_text,
    size_bytes,
    spelled_alike,
)
from causewatch.contracts.pointer import pointer_of
from causewatch.model.value import Value

Kind = Literal["truncation", "serialization", "missing", "delta", "poisoning"]
Path = tuple[str | int, ...]

MAX_DIFFERENCES_COUNT = 20
MAX_WALKED_COUNT = 2_000
"""Of more differences only the first are told, and nothing is said of the rest."""
MIN_FRAGMENT_CHARS = 8
"""A shorter piece of a text is found in other texts by chance."""
MIN_TEMPLATE_CHARS = 24
"""As much of a text's beginning tells it apart from the template around it."""
MAX_SEARCHED_CHARS = 20_000_000
"""How much text is searched for what was lost when structure became text."""
CUT_MARKERS = ("...", "…", "[...]", "[…]", "[truncated]", "(truncated)", "<truncated>")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One place where what was received is not what was sent."""

    kind: Kind
    pointer: str
    message: str
    sent: Value
    received: Value
    lost_bytes: int = 0
    """How much of what was sent did not arrive here."""
    is_absent: bool = False
    """Members or items did not arrive at all; what did, is as it was sent."""
    added: Value = None
    """What stands at the receiver beside all that was sent."""


def differences(
    sent: Value,
    received: Value,
    limit: int = MAX_DIFFERENCES_COUNT,
    counts: Callable[[Difference], bool] | None = None,
) -> tuple[Difference, ...]:
    """Return where ``received`` differs from ``sent``, at most ``limit`` places that ``counts``.

    The kinds: *truncation*, what arrived is a proper part of what was sent (a text's prefix or
    fragment, fewer items, fewer keys); *serialization*, the same content in another form (structure
    flattened to text, JSON inside of a string, a number as text, another encoding); *missing*,
    nothing arrived; *delta*, any other difference. Without ``counts`` every place does.
    """
    if spelled_alike(sent, received):
        return ()
    if not is_empty(sent) and is_empty(received):
        return (_difference("missing", (), "nothing was received", sent, received),)
    return tuple(islice(filter(counts, _walk(sent, received, ())), limit))


def _walk(sent: Value, received: Value, path: Path) -> Iterator[Difference]:
    if len(path) > MAX_DEPTH:
        if not spelled_alike(sent, received):
            yield _difference("delta", path, "differs below the depth limit", sent, received)
    elif isinstance(sent, dict) and isinstance(received, dict):
        yield from _walk_objects(sent, received, path)
    elif isinstance(sent, list) and isinstance(received, list):
        yield from _walk_arrays(sent, received, path)
    elif isinstance(sent, str) and isinstance(received, str):
        if sent != received:
            yield _text_change(sent, received, path)
    elif not same_scalar(sent, received):
        yield _type_change(sent, received, path)


def _walk_objects(
    sent: dict[str, Value], received: dict[str, Value], path: Path
) -> Iterator[Difference]:
    for key, value in sent.items():
        if key in received:
            yield from _walk(value, received[key], (*path, key))
        else:
            yield Difference(
                kind="truncation",
                pointer=pointer_of((*path, key)),
                message="the member was lost",
                sent=value,
                received=None,
                lost_bytes=size_bytes(key) + size_bytes(value),
                is_absent=True,
            )
    for key, value in received.items():
        if key not in sent:
            yield Difference(
                kind="delta",
                pointer=pointer_of((*path, key)),
                message="the member was added",
                sent=None,
                received=value,
                added=value,
            )


def _walk_arrays(sent: list[Value], received: list[Value], path: Path) -> Iterator[Difference]:
    if len(received) == len(sent):
        for index, (left, right) in enumerate(zip(sent, received, strict=True)):
            yield from _walk(left, right, (*path, index))
        return
    if len(received) < len(sent):
        places = _places(received, sent)
        left = f"{len(sent) - len(received)} of {len(sent)} items were lost"
    else:
        places = _places(sent, received)
        left = f"{len(received) - len(sent)} items were added to {len(sent)}"
    if places is None:
        message = f"{len(sent)} items became {len(received)}"
        yield _difference("delta", path, message, sent, received)
    elif len(received) < len(sent):
        rest = _others(sent, places)
        yield Difference(
            kind="truncation",
            pointer=pointer_of(path),
            message=left,
            sent=sent,
            received=received,
            lost_bytes=sum(map(size_bytes, rest)),
            is_absent=True,
        )
        for index, place in enumerate(places):
            yield from _walk(sent[place], received[index], (*path, place))
    else:
        yield Difference(
            kind="delta",
            pointer=pointer_of(path),
            message=left,
            sent=sent,
            received=received,
            added=_others(received, places),
        )
        for index, place in enumerate(places):
            yield from _walk(sent[index], received[place], (*path, index))


def _places(part: Sequence[Value], whole: Sequence[Value]) -> list[int] | None:
    """Return where the items of ``part`` stand in ``whole`` in the same order, ``None`` if not.

    Items are known again also where numbers became text: what changed in them is told apart.
    """
    keys = enumerate(map(loose_key, whole))
    places = []
    for item in part:
        key = loose_key(item)
        place = next((at for at, other in keys if other == key), None)
        if place is None:
            return None
        places.append(place)
    return places


def _others(items: list[Value], places: list[int]) -> list[Value]:
    taken = set(places)
    return [item for place, item in enumerate(items) if place not in taken]


def _text_change(sent: str, received: str, path: Path) -> Difference:
    """Return how two texts differ that are not equal."""
    encoding = encoded_as(sent, received)
    if encoding:
        return _difference("serialization", path, encoding, sent, received)
    if is_cut(sent, received):
        message = f"only {len(received)} of {len(sent)} characters arrived"
        return _difference("truncation", path, message, sent, received)
    if "".join(sent.split()) == "".join(received.split()):
        return _difference("delta", path, "white space differs", sent, received)
    if passage := inserted(sent, received):
        message = f"{len(passage)} characters were added to {len(sent)}"
        return Difference(
            kind="delta",
            pointer=pointer_of(path),
            message=message,
            sent=sent,
            received=received,
            added=passage,
        )
    return _difference("delta", path, "the text differs", sent, received)


def inserted(sent: str, received: str) -> str:
    """Return the passage that was put into a text which is whole otherwise; empty if none was."""
    if not sent or len(received) <= len(sent):
        return ""
    before = common_chars(sent, received)
    after = common_chars(sent[before:][::-1], received[before:][::-1])
    if before + after >= len(sent):
        return received[before : len(received) - (len(sent) - before)].strip()
    at = received.find(sent)
    return f"{received[:at]} {received[at + len(sent) :]}".strip() if at >= 0 else ""


def common_chars(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


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
    length = common_chars(sent, copy)
    return not _without_marker(copy[length:].split("\n", 1)[0].strip().strip("\"'`"))


def has_cut_marker(text: str) -> bool:
    """Tell whether a text ends with a mark that says it was cut."""
    return _without_marker(text.rstrip()) != text.rstrip()


def _without_marker(text: str) -> str:
    """Return a text without the mark of a cut at its end."""
    end = text[-max(map(len, CUT_MARKERS)) :].lower()
    marker = next((mark for mark in CUT_MARKERS if end.endswith(mark)), "")
    return text[: len(text) - len(marker)].rstrip()


def _type_change(sent: Value, received: Value, path: Path) -> Difference:
    if is_empty(received) and not is_empty(sent):
        return _difference("missing", path, "the value was lost", sent, received)
    if isinstance(sent, dict | list) and isinstance(received, str):
        return _flattened(sent, received, path)
    if form := _other_form(sent, received):
        return _difference("serialization", path, form, sent, received)
    one, other = _type_name(sent), _type_name(received)
    message = f"{one} became {other}" if one != other else f"another {one}"
    return _difference("delta", path, message, sent, received)


def _other_form(sent: Value, received: Value) -> str:
    """Return how the same content changed its form, as a phrase; empty if it did not."""
    if isinstance(sent, str) and isinstance(received, dict | list):
        return "text was parsed into structure" if same(parsed(sent), received) else ""
    if (spelled := scalar_text(sent)) is not None and spelled == scalar_text(received):
        return f"{_type_name(sent)} became {_type_name(received)}"
    if sent is None and received == "None":
        return "null became text"
    if precision_lost(sent, received):
        return "a number lost digits that its new type cannot hold"
    return ""


def _flattened(sent: dict[str, Value] | list[Value], received: str, path: Path) -> Difference:
    """Classify structure that arrived as text: cut, or only flattened."""
    if same(sent, parsed(received)):
        return _difference("serialization", path, "JSON inside of a string", sent, received)
    tight = "".join(received.split())
    if len(tight) >= MIN_FRAGMENT_CHARS and any(
        len(tight) < len(spelled) and spelled.startswith(tight) for spelled in _spellings(sent)
    ):
        message = f"only the first {len(received)} characters of its text arrived"
        return _difference("truncation", path, message, sent, received)
    if any(_prefix_arrived(text, received) for text in _texts_lost(sent, received)):
        return _difference("truncation", path, "cut on becoming text", sent, received)
    message = f"{_type_name(sent)} was flattened to text"
    return _difference("serialization", path, message, sent, received)


def _spellings(value: Value) -> Iterator[str]:
    """Yield a value as JSON and as Python writes it, without white space."""
    try:
        yield "".join(msgspec.json.encode(value).decode().split())
        yield "".join(repr(value).split())
    except (msgspec.EncodeError, TypeError, ValueError, RecursionError):
        return


def _texts_lost(value: Value, received: str) -> Iterator[str]:
    """Yield the strings inside of a value that are not in a text, as far as the limit allows.

    What is written out is mostly written in order, so each is looked for behind the one before.
    """
    left, cursor = MAX_SEARCHED_CHARS, 0
    for text in _texts(value):
        at = received.find(text, cursor)
        if at < 0:
            left -= len(received)
            if left < 0:
                return
            at = received.find(text)
        if at < 0:
            yield text
        else:
            left -= max(at - cursor, 0)
            cursor = at


def _prefix_arrived(text: str, received: str) -> bool:
    """Tell whether the text's beginning, at least half of it or 24 characters, arrived."""
    size = max(MIN_FRAGMENT_CHARS, min(24, len(text) // 2))
    return len(text) > size and text[:size] in received


def _texts(value: Value) -> Iterator[str]:
    """Yield all strings inside of a value, in order."""
    stack = [value]
    while stack:
        match stack.pop():
            case str() as text:
                yield text
            case dict() as members:
                stack.extend(reversed(members.values()))
            case list() as items:
                stack.extend(reversed(items))
            case _:
                pass


def _type_name(value: Value) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "text", list: "array"}
    return "object" if isinstance(value, dict) else names.get(type(value), "null")


def _difference(kind: Kind, path: Path, message: str, sent: Value, received: Value) -> Difference:
    lost = size_bytes(sent) - size_bytes(received) if kind in {"truncation", "missing"} else 0
    return Difference(
        kind=kind,
        pointer=pointer_of(path),
        message=message,
        sent=sent,
        received=received,
        lost_bytes=max(lost, 0),
    )
