"""Walks along typed causal edges.

All functions work on sets of nodes as integer masks; a set of sources is followed in one
breadth-first search, in which each node is expanded at most twice, so that cycles end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from causewatch.model.graph import EdgeType
from causewatch.signatures.subject import Subject, mask_of, nodes_of
from causewatch.signatures.syntax import EdgeName, Hops
from causewatch.signatures.tree import MAX_REMEMBERED_MASKS, tree_of


class Edges:
    """The edges of some types, in one direction.

    ``before`` edges are never listed: there may be a quadratic number of them.
    """

    def __init__(self, subject: Subject, types: tuple[EdgeName, ...], *, backward: bool) -> None:
        self._next: list[list[int]] = [[] for _ in subject.spans]
        for type_ in types:
            for source, target in _pairs(subject, type_):
                if backward:
                    self._next[target].append(source)
                else:
                    self._next[source].append(target)
        self._order = _Order(subject, backward=backward) if "before" in types else None
        self._walks: dict[tuple[int, int, int | None], int] = {}

    def step(self, mask: int) -> int:
        """Return the nodes one hop from some node of ``mask``."""
        found = 0
        for node in nodes_of(mask):
            for target in self._next[node]:
                found |= 1 << target
        if self._order is not None and mask:
            found |= self._order.step(mask)
        return found

    def walk(self, mask: int, hops: Hops, guard: int = 0) -> int:
        """Return the nodes at the end of a walk of ``hops`` hops from some node of ``mask``.

        No node strictly between the ends of the walk is in ``guard``.
        """
        if guard:
            return self._walk(mask, hops, guard)
        # Many signatures start from the same few spans: those of one tool, of one agent.
        key = mask, hops.least, hops.most
        found = self._walks.get(key)
        if found is None:
            found = self._walk(mask, hops, 0)
            if len(self._walks) < MAX_REMEMBERED_MASKS:
                self._walks[key] = found
        return found

    def _walk(self, mask: int, hops: Hops, guard: int) -> int:
        found = 0
        frontier = mask
        taken = 0
        while frontier and (hops.most is None or taken < hops.most):
            taken += 1
            reached = self.step(frontier)
            if taken < hops.least:
                frontier = reached & ~guard
                continue
            # Past the lower bound a walk of any length may not revisit; a bounded one may have to.
            frontier = (reached & ~found if hops.most is None else reached) & ~guard
            found |= reached
        return found


class _Order:
    """``before`` edges: A ended no later than B started.

    Seen forward, a node leaves at its end and others are met at their start; backward it is the
    mirror image, with times negated.
    """

    def __init__(self, subject: Subject, *, backward: bool) -> None:
        if backward:
            self._leave = [-span.start_ns for span in subject.spans]
            self._meet = [-span.end_ns for span in subject.spans]
        else:
            self._leave = [span.end_ns for span in subject.spans]
            self._meet = [span.start_ns for span in subject.spans]
        self._by_meet = sorted(range(len(subject.spans)), key=self._meet.__getitem__)
        self._meets = [self._meet[node] for node in self._by_meet]
        self._suffixes: dict[int, int] = {}

    def step(self, mask: int) -> int:
        """Return the nodes met after some *other* node of ``mask`` left."""
        first, first_leaves, second_leaves = -1, 0, None
        for node in nodes_of(mask):
            leaves = self._leave[node]
            if first < 0 or leaves < first_leaves:
                second_leaves = first_leaves if first >= 0 else None
                first, first_leaves = node, leaves
            elif second_leaves is None or leaves < second_leaves:
                second_leaves = leaves
        found = self._from(bisect_left(self._meets, first_leaves))
        # The one that left first may have no length; it is not before itself.
        if second_leaves is None or self._meet[first] < second_leaves:
            found &= ~(1 << first)
        return found

    def _from(self, position: int) -> int:
        """Return the nodes from this position on, in order of their meeting time."""
        suffix = self._suffixes.get(position)
        if suffix is None:
            suffix = mask_of(self._by_meet[position:])
            if len(self._suffixes) < _MAX_SUFFIXES:
                self._suffixes[position] = suffix
        return suffix


_MAX_SUFFIXES = 256


def edges_of(subject: Subject, types: tuple[EdgeName, ...], *, backward: bool = False) -> Edges:
    """Return the adjacency of these edge types, built once per subject."""
    key = ("edges", types, backward)
    return subject.cache.get(key, lambda: Edges(subject, types, backward=backward))


def shortest_path(
    subject: Subject, types: tuple[EdgeName, ...], sources: int, target: int
) -> tuple[int, ...]:
    """Return one of the shortest walks of at least one hop from ``sources`` to ``target``.

    It is empty where there is none; ties are broken in favour of the lower index.
    """
    back = edges_of(subject, types, backward=True)
    layers = [1 << target]
    seen = 0
    while layers[-1]:
        layers.append(back.step(layers[-1]) & ~seen)
        seen |= layers[-1]
        if layers[-1] & sources:
            break
    else:
        return ()
    forward = edges_of(subject, types)
    path = [next(nodes_of(layers.pop() & sources))]
    while layers:
        path.append(next(nodes_of(forward.step(1 << path[-1]) & layers.pop())))
    return tuple(path)


def _pairs(subject: Subject, type_: EdgeType) -> Sequence[tuple[int, int]]:
    given = subject.edges.get(type_)
    if given is not None:
        return subject.cache.get(("pairs", type_), given) if callable(given) else given
    parents = tree_of(subject).all_parents
    match type_:
        case "call":
            return [(parent, i) for i, parent in enumerate(parents) if parent >= 0]
        case "return":
            return [(i, parent) for i, parent in enumerate(parents) if parent >= 0]
        case _:
            return ()
