"""The steps of a run in order, and who called whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from causewatch.model.span import Span
from causewatch.model.step import Step, StepKind

ROOT = -1
ORPHAN = -2
CLOCK_SKEW_ALLOWANCE_MS = 100
"""How much earlier than its cause an effect may seem to start, as clocks of hosts differ."""
SKEW_NS = CLOCK_SKEW_ALLOWANCE_MS * 1_000_000


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """Steps in order of start (ties: end descending, then ids), parents and children by index."""

    steps: tuple[Step, ...]
    parent: tuple[int, ...]
    children: tuple[tuple[int, ...], ...]
    downward: tuple[int, ...]
    """All indices, every parent before its children."""

    def ancestors(self, index: int) -> Iterator[int]:
        """Yield the parent of ``index``, its parent, and so on up to the root."""
        index = self.parent[index]
        while index >= 0:
            yield index
            index = self.parent[index]

    def descendants(self, index: int) -> Iterator[int]:
        """Yield all below ``index``, parents first."""
        pending = list(reversed(self.children[index]))
        while pending:
            index = pending.pop()
            yield index
            pending.extend(reversed(self.children[index]))

    def nearest(self, kinds: frozenset[StepKind]) -> list[int]:
        """Return, for each step, its nearest ancestor of one of these kinds, or ``ROOT``."""
        found = [ROOT] * len(self.steps)
        for i in self.downward:
            above = self.parent[i]
            if above >= 0:
                found[i] = above if self.steps[above].kind in kinds else found[above]
        return found

    def with_steps(self, steps: Sequence[Step]) -> Tree:
        """Return the same tree over refined steps (same spans, same order)."""
        return msgspec.structs.replace(self, steps=tuple(steps))


def unique(spans: Sequence[Span]) -> list[Span]:
    """Return ``spans`` in order, of each (trace id, span id) one.

    Delivery is at least once, and a span may be exported again when it is complete: the fuller one
    stays, whatever the order of arrival. Spans without an id cannot be told apart and all stay.
    """
    found: dict[tuple[str, str], Span] = {}
    nameless: list[Span] = []
    for span in spans:
        key = (span.trace_id, span.span_id)
        if not span.span_id:
            nameless.append(span)
        elif (other := found.get(key)) is None or (other is not span and is_fuller(span, other)):
            found[key] = span
    return sorted([*found.values(), *nameless], key=span_order)


def is_fuller(span: Span, other: Span) -> bool:
    """Tell whether ``span`` tells more than another with its ids: a total order."""
    return _fullness(span) > _fullness(other)


def span_order(span: Span) -> tuple[int, int, str, str, str]:
    """Return by what the steps of a run are ordered: start, then end descending, then ids."""
    return span.start_ns, -span.end_ns, span.span_id, span.trace_id, span.name


def _fullness(span: Span) -> tuple[int, int, int, str]:
    return span.end_ns, len(span.attributes), len(span.events), repr(span)


def grow(steps: Sequence[Step]) -> Tree:
    """Return the tree of ``steps``, which are unique and in order.

    A parent that is not there makes an orphan. A cycle is cut at its first step, which becomes an
    orphan.
    """
    index = {(s.span.trace_id, s.span.span_id): i for i, s in enumerate(steps) if s.span.span_id}
    return rooted(steps, [_parent(step, index) for step in steps])


def rehung(tree: Tree, parents: Mapping[int, int]) -> Tree:
    """Return ``tree`` with roots hung below other steps: parents by their indices."""
    if not parents:
        return tree
    return rooted(tree.steps, [parents.get(i, above) for i, above in enumerate(tree.parent)])


def rooted(steps: Sequence[Step], parent: list[int]) -> Tree:
    """Return the tree of ``steps``, which are in order, with their parents by index."""
    _cut_cycles(parent)
    children: list[list[int]] = [[] for _ in steps]
    for i, above in enumerate(parent):
        if above >= 0:
            children[above].append(i)
    return Tree(
        steps=tuple(steps),
        parent=tuple(parent),
        children=tuple(tuple(below) for below in children),
        downward=tuple(_downward(parent, children)),
    )


def _parent(step: Step, index: dict[tuple[str, str], int]) -> int:
    if not step.span.parent_id:
        return ROOT
    return index.get((step.span.trace_id, step.span.parent_id), ORPHAN)


def _cut_cycles(parent: list[int]) -> None:
    """Make the first step of each cycle an orphan. Each step is walked once."""
    walk_of = [-1] * len(parent)
    for start in range(len(parent)):
        at = start
        while at >= 0 and walk_of[at] == -1:
            walk_of[at] = start
            at = parent[at]
        if at >= 0 and walk_of[at] == start:
            cycle = [at]
            while parent[cycle[-1]] != at:
                cycle.append(parent[cycle[-1]])
            parent[min(cycle)] = ORPHAN


def _downward(parent: list[int], children: list[list[int]]) -> Iterator[int]:
    pending = [i for i in reversed(range(len(parent))) if parent[i] < 0]
    while pending:
        index = pending.pop()
        yield index
        pending.extend(reversed(children[index]))
