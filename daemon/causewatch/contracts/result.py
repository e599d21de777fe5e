"""What a result must be beyond its schema: not empty, not stale, not badly matched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from causewatch.contracts.equality import scalar_text
from causewatch.contracts.mention import leaves_of
from causewatch.contracts.pointer import found_at
from causewatch.contracts.spec import AgeLimit, ItemLimit, ScoreFloor
from causewatch.model.judgement import ViolationName
from causewatch.model.step import Step
from causewatch.model.value import Value

MAX_NAMED_COUNT = 20
"""So many old dates are named in one result."""
MIN_EPOCH_S = 10**8
MAX_EPOCH_S = 10**10
"""Numbers between are seconds since 1970; a thousand times as much, milliseconds."""
_NS_PER_S = 1_000_000_000
ZONELESS = timedelta(hours=12)
"""A time without a zone may be of any: none is further behind than that."""
MAX_SCORE = 1e300
MAX_EPOCH_DIGITS = 13
MAX_DATE_CHARS = 40
_ENVELOPE = frozenset(
    {"count", "total", "hits", "size", "length", "page", "pages", "limit", "offset", "cursor",
     "next", "status", "state", "code", "message", "detail", "info", "note", "type", "kind",
     "object", "version", "took", "elapsed", "duration", "timestamp", "time"}
)  # fmt: skip
"""Words in the names of members that tell of an answer rather than of what was looked up."""


class Shortfall(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a result is too little; without a ``name`` it could not be checked."""

    name: ViolationName | None
    pointer: str
    message: str
    expected: str = ""
    actual: Value = None


def too_few(value: Value, limit: ItemLimit, asked: Value = None) -> Iterator[Shortfall]:
    """Yield a shortfall where a result has fewer items than it must; see ``items_of``."""
    if limit.pointer:
        yield from _too_few_at(value, limit)
        return
    count = items_of(value, asked)
    if count < limit.count:
        message = f"{count} items where {limit.count} were due"
        yield Shortfall(name="empty", pointer="", message=message, actual=value)


def _too_few_at(value: Value, limit: ItemLimit) -> Iterator[Shortfall]:
    places = found_at(value, limit.pointer)
    for pointer, place in places or [(limit.pointer, None)]:
        count = len(place) if isinstance(place, list | dict) else int(place not in (None, ""))
        if count < limit.count:
            message = f"{count} items where {limit.count} were due"
            yield Shortfall(name="empty", pointer=pointer, message=message, actual=place)


def items_of(value: Value, asked: Value = None) -> int:
    """Return how many items a result has.

    Those of an array; of an object those of its longest array, of the ones nearest to its top.
    Where these are all empty, an object that says something else is one item: an order without
    remarks is an order. What only tells of the answer, or repeats what was ``asked``, says nothing.
    Any other value that is not empty is one item.
    """
    if not isinstance(value, dict):
        return len(value) if isinstance(value, list) else int(_is_something(value))
    echoes = {text for _, leaf in leaves_of(asked) if (text := scalar_text(leaf)) is not None}
    layer, says, has_arrays = [value], False, False
    while layer and not has_arrays:
        members = [pair for item in layer for pair in item.items()]
        longest = max((len(each) for _, each in members if isinstance(each, list)), default=-1)
        if longest > 0:
            return longest
        has_arrays = longest == 0
        says = says or any(_says(key, member, echoes) for key, member in members)
        layer = [member for _, member in members if isinstance(member, dict)]
    return int(says)


def _is_something(value: Value) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _says(key: str, member: Value, echoes: set[str]) -> bool:
    """Tell whether a member says something of what was looked up."""
    if isinstance(member, dict | list | bool) or not _is_something(member) or member == 0:
        return False
    words = re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower())
    return scalar_text(member) not in echoes and not _ENVELOPE & set(words)


def too_old(value: Value, limit: AgeLimit, now_ns: int) -> Iterator[Shortfall]:
    """Yield a shortfall for each date in a result that is older than it may be.

    Args:
        value: the result.
        limit: where the dates stand, and how old they may be.
        now_ns: the Unix time at which the step that asked received it.
    """
    places = found_at(value, limit.pointer)
    if not places and "*" not in limit.pointer:
        yield Shortfall(name=None, pointer=limit.pointer, message=f"no date at {limit.pointer}")
    named = 0
    for pointer, place in places:
        at = moment_of(place)
        if at is None:
            yield Shortfall(
                name=None, pointer=pointer, message=f"what stands at {pointer} is no date"
            )
            return
        age_s = now_ns / _NS_PER_S - at.timestamp()
        if age_s > limit.limit_s:
            message = f"{_spell(age_s)} old where {_spell(limit.limit_s)} is the limit"
            yield Shortfall(name="stale", pointer=pointer, message=message, actual=place)
            named += 1
        if named == MAX_NAMED_COUNT:
            return


def moment_of(value: Value) -> datetime | None:
    """Return the latest moment that a date may mean, or ``None`` if it is none.

    ISO 8601 with or without a time and a zone, seconds or milliseconds since 1970.
    """
    if isinstance(value, str) and value.strip().isdecimal() and len(value) <= MAX_EPOCH_DIGITS:
        value = int(value) if len(value.strip()) > len("20260312") else value
    if isinstance(value, bool) or value is None or isinstance(value, bytes | dict | list):
        return None
    if isinstance(value, int | float):
        return _from_epoch(value)
    text = value.strip()[:MAX_DATE_CHARS].replace("/", "-")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        # A day lasts until its end, wherever on earth that is.
        at = at.replace(tzinfo=UTC) + ZONELESS
        at += timedelta(days=1) if len(text) <= len("2026-03-12") else timedelta(0)
    return at


def _from_epoch(number: float) -> datetime | None:
    seconds = number / 1000 if MIN_EPOCH_S * 1000 <= number < MAX_EPOCH_S * 1000 else number
    if not MIN_EPOCH_S <= seconds < MAX_EPOCH_S:
        return None
    return datetime.fromtimestamp(float(seconds), UTC)


def _spell(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def too_low(step: Step, value: Value, floor: ScoreFloor) -> Iterator[Shortfall]:
    """Yield a shortfall where the best score of a result is too low.

    A result without items has no score, and none is missed.
    """
    if floor.pointer:
        scores = [place for _, place in found_at(value, floor.pointer)]
    else:
        scores = [document.score for document in step.documents]
    known = [each for each in scores if isinstance(each, int | float) and abs(each) < MAX_SCORE]
    if scores and len(known) == len(scores):
        best = max(known)
        if best < floor.limit:
            message = f"the best score is {best:g} where {floor.limit:g} is the least"
            yield Shortfall(name="low_score", pointer=floor.pointer, message=message, actual=best)
    elif scores or items_of(value):
        yield Shortfall(name=None, pointer=floor.pointer, message="it has no scores")
