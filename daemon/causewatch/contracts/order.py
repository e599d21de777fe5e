"""Whether what one agent hands to another is processed in its order: nothing older after newer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from causewatch.contracts.pointer import found_at
from causewatch.contracts.result import moment_of
from causewatch.contracts.spec import Order
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.value import Value

MAX_COMPARED_COUNT = 2_000
"""Of more handoffs between two agents the first are put in order."""
MAX_KEY_CHARS = 100
_DIGITS = re.compile(r"\d{1,30}")
_Key = tuple[str, float]


class Overtaken(msgspec.Struct, frozen=True, kw_only=True):
    """A handoff that was processed after one that is newer; ``newer`` is that one's index.

    Without ``newer`` its place in the order is not known, for the reason given.
    """

    handoff: int
    newer: int | None
    pointer: str
    message: str


def overtaken(
    graph: CausalGraph, bound: Sequence[tuple[int, Handoff]], order: Order
) -> Iterator[Overtaken]:
    """Yield each handoff that was processed after a newer one of the same two agents.

    Processed means that the receiver was done with the newer one before it began with the older:
    agents that work side by side have no order. Newer is what has the greater key, else what was
    sent later.
    """
    pairs: dict[tuple[str, str], list[tuple[int, Handoff]]] = {}
    for index, handoff in bound:
        if handoff.receiver is not None or handoff.received_by is not None:
            pairs.setdefault((handoff.from_agent, handoff.to_agent), []).append((index, handoff))
    for handoffs in pairs.values():
        if len(handoffs) > 1:
            yield from _within(graph, handoffs[:MAX_COMPARED_COUNT], order)


def _within(
    graph: CausalGraph, handoffs: list[tuple[int, Handoff]], order: Order
) -> Iterator[Overtaken]:
    """Yield what was overtaken between two agents."""
    placed: list[tuple[int, int, int, _Key]] = []
    shares = Counter(handoff.receiver for _, handoff in handoffs)
    for index, handoff in handoffs:
        key = _key_of(graph, handoff, order)
        if key is None:
            message = f"nothing that can be ordered stands at {order.key}"
            yield Overtaken(handoff=index, newer=None, pointer=order.key, message=message)
        else:
            is_shared = shares[handoff.receiver] > 1
            begun_ns, done_ns = _processed(graph, handoff, is_shared=is_shared)
            placed.append((begun_ns, done_ns, index, key))
    placed.sort()
    done = sorted(placed, key=lambda each: each[1])
    newest: tuple[int, int, int, _Key] | None = None
    waiting = 0
    for each in placed:
        while waiting < len(done) and done[waiting][1] <= each[0]:
            other = done[waiting]
            if other[2] != each[2] and (newest is None or _is_newer(other[3], newest[3])):
                newest = other
            waiting += 1
        if newest is not None and _is_newer(newest[3], each[3]):
            yield Overtaken(
                handoff=each[2],
                newer=newest[2],
                pointer=order.key,
                message=_message(order, each[3], newest[3]),
            )


def _message(order: Order, older: _Key, newer: _Key) -> str:
    if not order.key:
        return "it was processed after one that was sent later"
    return f"{older[1]:.15g} was processed after {newer[1]:.15g}"


def _is_newer(one: _Key, other: _Key) -> bool:
    """Tell whether a key is greater; keys of two kinds have no order."""
    return one[0] == other[0] and one[1] > other[1]


def _key_of(graph: CausalGraph, handoff: Handoff, order: Order) -> _Key | None:
    if not order.key:
        return "sent", float(sent_ns(graph, handoff))
    for payload in (handoff.received, handoff.sent):
        if payload is not None and not payload.cut:
            for _, value in found_at(payload.value, order.key):
                return _comparable(value)
    return None


def _comparable(value: Value) -> _Key | None:
    """Return a value as it is ordered: numbers, dates, and texts that are counted (``step-12``).

    Each has an order only among its own kind.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, int | float):
        return "number", value
    text = value.strip()[:MAX_KEY_CHARS]
    if (at := moment_of(text)) is not None:
        return "date", at.timestamp()
    numbers = _DIGITS.findall(text)
    return (_DIGITS.sub("#", text), int(numbers[0])) if len(numbers) == 1 else None


def sent_ns(graph: CausalGraph, handoff: Handoff) -> int:
    """Return when a handoff was sent: when its performer began, else when its sender ended."""
    if handoff.performed_by is not None:
        return graph.steps[handoff.performed_by].span.start_ns
    return graph.steps[handoff.sender].span.end_ns


def _processed(graph: CausalGraph, handoff: Handoff, *, is_shared: bool) -> tuple[int, int]:
    """Return from when to when a handoff was processed.

    Where one activation of an agent receives several, only the step that shows each tells.
    """
    by = handoff.received_by if handoff.received_by is not None else handoff.receiver
    if not is_shared and handoff.receiver is not None:
        by = handoff.receiver
    span = graph.steps[handoff.sender if by is None else by].span
    return span.start_ns, span.end_ns
