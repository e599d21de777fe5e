"""Orders that hold for a whole run, wherever in it the steps stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import nlargest, nsmallest
from itertools import islice

import msgspec

from causewatch.graph.tree import SKEW_NS
from causewatch.paths.parser import Order
from causewatch.paths.syntax import Pattern
from causewatch.paths.template import is_match
from causewatch.paths.visits import Visit

MAX_BROKEN_COUNT = 10
"""Violations told of one order in one run."""


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One activation of an agent or one call of a tool, and the visit that it stands below."""

    names: tuple[tuple[str, str], ...]
    """Pairs of kind and name: a handoff by a tool is an agent's activation and a tool call."""
    step: int
    below: Visit
    start_ns: int
    end_ns: int
    host: str


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A step that breaks an order, and why."""

    at: Occurrence
    message: str


def occurrences_of(visits: Sequence[Visit]) -> tuple[Occurrence, ...]:
    """Return the activations of agents and calls of tools of a run, in order of start."""
    agents = {(visit.step, visit.name): visit for visit in visits if visit.kind == "agent"}
    found: dict[tuple[int, str], Occurrence] = {}
    for visit in visits:
        for child in visit.children:
            # An agent may end later than the call that started it: in several turns.
            own = agents.get((child.step, child.name)) if child.kind == "agent" else None
            named = [(child.kind, child.name)] if not child.is_handoff else []
            named += [("tool", child.by)] if child.by else []
            key = child.step, child.name
            if not named or key in found:
                continue
            found[key] = Occurrence(
                names=tuple((str(kind), name) for kind, name in named),
                step=child.step,
                below=visit,
                start_ns=child.start_ns,
                end_ns=own.end_ns if own else child.end_ns,
                host=child.host,
            )
    found |= _unseen(visits, found)
    return tuple(sorted(found.values(), key=lambda each: (each.start_ns, each.end_ns)))


def _unseen(
    visits: Sequence[Visit], found: dict[tuple[int, str], Occurrence]
) -> dict[tuple[int, str], Occurrence]:
    """Return the agents that are no plain child: reached by a handoff only, or orphaned."""
    return {
        (visit.step, visit.name): Occurrence(
            names=(("agent", visit.name),),
            step=visit.step,
            below=visit,
            start_ns=visit.start_ns,
            end_ns=visit.end_ns,
            host=visit.host,
        )
        for visit in visits
        if visit.kind == "agent" and (visit.step, visit.name) not in found
    }


def broken_by(
    order: Order, occurrences: Sequence[Occurrence], *, is_required: bool
) -> tuple[Broken, ...]:
    """Return the steps that break an order: the first ``MAX_BROKEN_COUNT``."""
    left = _named(order.left, occurrences)
    right = _named(order.right, occurrences)
    # Between clocks of different hosts a short time proves nothing, either way.
    allowance_ns = SKEW_NS if len({each.host for each in (*left, *right)}) > 1 else 0
    if is_required:
        broken = _without(order, left, right, allowance_ns)
    elif order.word == "after":
        broken = _forbidden(order, right, left, allowance_ns)
    else:
        broken = _forbidden(order, left, right, allowance_ns)
    return tuple(islice(broken, MAX_BROKEN_COUNT))


def _named(pattern: Pattern, occurrences: Sequence[Occurrence]) -> list[Occurrence]:
    return [
        each
        for each in occurrences
        if any(pattern.kind in {"", kind} and is_match(pattern.glob, n) for kind, n in each.names)
    ]


def _without(
    order: Order, left: Sequence[Occurrence], right: Sequence[Occurrence], allowance_ns: int
) -> Iterator[Broken]:
    """Yield the steps on the right that have none on the left where they need one."""
    message = f"no {order.left.shown} {order.word} {order.right.shown}, which is required"
    if order.word == "before":
        # Two are enough to look at: one of them is another step than the one that needs it.
        nearest = nsmallest(2, left, key=lambda each: each.end_ns)
    else:
        nearest = nlargest(2, left, key=lambda each: each.start_ns)
    for each in right:
        pairs = ((o, each) if order.word == "before" else (each, o) for o in nearest)
        if not any(a is not b and a.end_ns <= b.start_ns + allowance_ns for a, b in pairs):
            yield Broken(at=each, message=message)


def _forbidden(
    order: Order, first: Sequence[Occurrence], second: Sequence[Occurrence], allowance_ns: int
) -> Iterator[Broken]:
    """Yield the steps that come after one of those that they may not come after."""
    earliest = nsmallest(2, first, key=lambda each: each.end_ns)
    for each in second:
        if any(a is not each and a.end_ns + allowance_ns <= each.start_ns for a in earliest):
            yield Broken(at=each, message=f"{order.text}, which is forbidden")
