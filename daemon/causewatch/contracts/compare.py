"""Compare the two sides of a handoff in a contract's mode, and name what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from causewatch.contracts.difference import MAX_WALKED_COUNT, Difference, differences
from causewatch.contracts.equality import only_text, parsed, same, size_bytes
from causewatch.contracts.outcome import MAX_VIOLATIONS_COUNT, Outcome
from causewatch.contracts.pointer import covers, without
from causewatch.contracts.semantic import Sides, compare_meaning
from causewatch.contracts.spec import Compare
from causewatch.contracts.unexplained import STRONG, Known
from causewatch.model.step import Payload
from causewatch.model.value import Value

MAX_SEMANTIC_CHARS = 2_000_000
"""Facts of longer payloads are not followed: that would take many seconds."""
TOO_MANY_FIX = "compare in another mode, or ignore its lists"
_Walk = Callable[[Value, Value], tuple[Difference, ...]]


def compare(
    demand: Compare,
    sent: Payload,
    received: Payload,
    outcome: Outcome,
    known: Callable[[], Known],
) -> None:
    """Compare both sides and note every violation.

    Args:
        demand: the mode and what it leaves aside.
        sent: what was sent, whole.
        received: what was received, whole.
        outcome: takes the violations.
        known: gives what was recorded before; asked only where something was added.
    """
    if received.raw == sent.raw and received.value == sent.value:
        return
    if demand.mode == "semantic":
        found = _semantic(demand, sent, received, outcome, known)
    elif demand.mode == "subset":
        found = _subset(demand, sent, received)
    else:
        found = _strict(demand, sent, received)
    for each in found[:MAX_VIOLATIONS_COUNT]:
        named = each
        if each.added is not None and not known().explains(each.added):
            message = f"{each.message}; nothing that was recorded before explains it"
            named = msgspec.structs.replace(each, kind="poisoning", message=message)
        outcome.violate(
            named.kind,
            "both",
            named.pointer,
            named.message,
            sent=named.sent,
            received=named.received,
        )


def _strict(demand: Compare, sent: Payload, received: Payload) -> list[Difference]:
    if demand.mode == "exact" and not demand.ignore:
        text = only_text(sent.value)
        if received.raw == sent.raw or (text is not None and received.raw == text):
            return []
    left = without(sent.value, demand.ignore)
    right = without(received.value, demand.ignore)
    found = list(_least(left, right, _walked))
    if not found and demand.mode == "exact" and not demand.ignore:
        return [_spelling(sent, received)]
    return _tolerated(demand, found, left)


def _subset(demand: Compare, sent: Payload, received: Payload) -> list[Difference]:
    def walked(left: Value, right: Value) -> tuple[Difference, ...]:
        # What may be lacking takes no place among those that are told.
        return differences(left, right, MAX_WALKED_COUNT, lambda each: not _may_lack(demand, each))

    return _tolerated(demand, list(_least(sent.value, received.value, walked)), sent.value)


def _walked(sent: Value, received: Value) -> tuple[Difference, ...]:
    return differences(sent, received, MAX_WALKED_COUNT)


def _least(sent: Value, received: Value, walk: _Walk) -> Sequence[Difference]:
    """Compare under the unwrapping rule: a one-string object also equals its string."""
    text = only_text(sent)
    if text is not None and isinstance(received, str):
        return walk(text, received)
    whole = walk(sent, received)
    if not whole or text is None:
        return whole
    return () if same(parsed(text), received) else whole


def _spelling(sent: Payload, received: Payload) -> Difference:
    """Return the difference of two texts that mean the same value."""
    return Difference(
        kind="serialization",
        pointer="",
        message="the same value, but not the same bytes",
        sent=sent.raw,
        received=received.raw,
    )


def _may_lack(demand: Compare, difference: Difference) -> bool:
    """Tell whether the receiver may lack what it lacks.

    Of an array only what a pointer says of all its items may be lacking, since the items behind a
    lost one move up.
    """
    lacks = difference.is_absent or difference.kind == "missing"
    if not lacks or not (difference.pointer or isinstance(difference.received, list)):
        return False
    if not demand.ignore:
        return True
    inside = f"{difference.pointer}/-" if isinstance(difference.received, list) else ""
    return covers(demand.ignore, difference.pointer) or bool(
        inside and covers(demand.ignore, inside)
    )


def _tolerated(demand: Compare, found: list[Difference], sent: Value) -> list[Difference]:
    """Leave out losses where in all no more was lost than the contract tolerates."""
    losses = [each for each in found if each.kind in {"truncation", "missing"}]
    if not losses or not demand.max_lost_ratio or len(found) == MAX_WALKED_COUNT:
        return found
    lost_bytes = sum(each.lost_bytes for each in losses)
    if lost_bytes > demand.max_lost_ratio * size_bytes(sent):
        return found
    return [each for each in found if each not in losses]


def _semantic(
    demand: Compare,
    sent: Payload,
    received: Payload,
    outcome: Outcome,
    known: Callable[[], Known],
) -> list[Difference]:
    left = without(sent.value, demand.ignore)
    right = without(received.value, demand.ignore)
    # The wrapping of a one-string object is no content: its text may come alone.
    text = only_text(left)
    sides = Sides(left if text is None or not isinstance(right, str) else text, right)
    if not sides.are_same and max(len(sent.raw), len(received.raw)) > MAX_SEMANTIC_CHARS:
        outcome.gaps.append(f"a payload is too long for its facts to be followed: {TOO_MANY_FIX}")
        return []
    meaning = compare_meaning(sides, MAX_WALKED_COUNT)
    if meaning.differences and text is not None and not isinstance(right, str):
        unwrapped = Sides(parsed(text), right)
        other = compare_meaning(unwrapped, MAX_WALKED_COUNT)
        if len(other.differences) < len(meaning.differences):
            sides, meaning = unwrapped, other
    found = list(meaning.differences)
    if found and not sides.is_whole:
        outcome.gaps.append(f"a payload holds too many facts to be followed: {TOO_MANY_FIX}")
        return []
    ratio = demand.max_lost_ratio
    if meaning.lost_count and ratio and meaning.lost_count <= ratio * sides.sent_count:
        found = [each for each in found if each.kind not in {"truncation", "missing"}]
    return [*found, *_strange(sides, known)]


def _strange(sides: Sides, known: Callable[[], Known]) -> list[Difference]:
    """Return the ids, addresses and URLs at the receiver that nothing explains."""
    if sides.are_same:
        return []
    told, facts = sides.sent_told, sides.received_told.mentions.facts
    fresh = [each for each in facts if each.kind in STRONG and not told.has(each)]
    if not fresh:
        return []
    return [
        Difference(
            kind="poisoning",
            pointer=each.pointer,
            message=f"nothing that was recorded before explains this {each.kind}",
            sent=None,
            received=each.text,
        )
        for each in known().strange(fresh)
    ]
