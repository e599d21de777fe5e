"""The structure of a run: which nodes stand below which, and in which order they first come.

The nodes of a run are taken together by name, as a document type describes all elements of one name
by one line, so a shape is a set of edges and, for the children of each node, the pairs of which one
always came first. What varies from run to run without meaning anything is gone by construction: how
often a step was repeated, how deep agents call themselves, in which order parallel siblings began,
how many model calls it took, ids, names made up for a run, times. It is the idea of a DataGuide
(Goldman and Widom, "DataGuides", VLDB 1997: each label path once), with paths of length two.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Protocol

import msgspec

from causewatch.model.graph import CausalGraph
from causewatch.novelty.names import plain_name

MAX_EDGES_COUNT = 1_000
"""A run with more has names made up in a way that is not known: nothing is said of its shape."""
MAX_ORDERED_COUNT = 40
"""Below a node with more different children their order is left out: it would cost the square."""
FINGERPRINT_CHARS = 16


class Part(Protocol):
    """One child of a node, such as a visit of path templates has them."""

    @property
    def name(self) -> str:
        """The name of an agent or a tool."""
        ...

    @property
    def step(self) -> int:
        """Index of its step."""
        ...

    @property
    def start_ns(self) -> int:
        """When it started, Unix ns."""
        ...

    @property
    def end_ns(self) -> int:
        """When it ended, Unix ns."""
        ...

    @property
    def is_handoff(self) -> bool:
        """Whether control, or context, was handed over to it."""
        ...


class Activation(Protocol):
    """One activation of a node (an agent, a tool, the run itself) with its children in order."""

    @property
    def name(self) -> str:
        """The name of the node."""
        ...

    @property
    def children(self) -> Sequence[Part]:
        """What stands directly below it, in order of start."""
        ...


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The structure of one run."""

    fingerprint: str
    """The first hex digits of a digest over edges and orders."""
    edges: dict[str, int]
    """Each edge, with the index of the first step at which it stands."""
    workflow: str = ""
    root: int = 0
    """Index of the run's first step."""


def shape_of(graph: CausalGraph, activations: Iterable[Activation]) -> Shape | None:
    """Return the structure of a run; ``None`` where it has no edge, or too many to tell a shape."""
    turns = _Turns(graph)
    edges: dict[str, int] = {}
    orders: dict[str, _Orders] = {}
    for activation in activations:
        node = plain_name(activation.name)
        ranks: dict[str, int] = {}
        for rank, group in enumerate(turns.groups(activation)):
            for child in group:
                edge = f"{node} {'->' if child.is_handoff else '>'} {plain_name(child.name)}"
                ranks.setdefault(edge, rank)
                edges[edge] = min(edges.get(edge, child.step), child.step)
        if len(edges) > MAX_EDGES_COUNT:
            return None
        orders.setdefault(node, _Orders()).add(ranks)
    if not edges:
        return None
    pairs = sorted(pair for order in orders.values() for pair in order.pairs())
    written = msgspec.json.encode([sorted(edges), pairs])
    digest = hashlib.sha256(written).hexdigest()[:FINGERPRINT_CHARS]
    return Shape(fingerprint=digest, edges=edges, workflow=graph.workflow, root=_root_of(graph))


class _Orders:
    """Which children of a node came before which, in all activations that had both."""

    def __init__(self) -> None:
        self._before: set[tuple[str, str]] = set()
        self._unordered: set[tuple[str, str]] = set()
        self._names: set[str] = set()

    def add(self, ranks: dict[str, int]) -> None:
        """Take in one activation: for each child the number of the turn in which it first came."""
        self._names.update(ranks)
        if len(self._names) > MAX_ORDERED_COUNT:
            return
        for one, other in combinations(sorted(ranks), 2):
            first, second = (one, other) if ranks[one] < ranks[other] else (other, one)
            if ranks[one] == ranks[other] or (second, first) in self._before:
                self._unordered.add((one, other))
            self._before.add((first, second))

    def pairs(self) -> set[tuple[str, str]]:
        """Return the pairs whose order never differed."""
        if len(self._names) > MAX_ORDERED_COUNT:
            return set()
        mirrored = {(second, first) for first, second in self._unordered}
        return self._before - self._unordered - mirrored


class _Turns:
    """Tells children that came one after the other from those that came together.

    What one turn of a model asked for is run in any order, at once or not, as threads happen to be
    scheduled; so between two children of an agent whose model calls are recorded there must be one
    of these. Without recorded model calls only time tells: what overlaps came together.
    """

    def __init__(self, graph: CausalGraph) -> None:
        self._graph = graph
        self._models: dict[str, list[int]] = {}
        for step, owner in zip(graph.steps, graph.owner, strict=True):
            if step.kind == "model" and owner:
                self._models.setdefault(owner, []).append(step.span.start_ns)
        for calls in self._models.values():
            calls.sort()

    def groups(self, activation: Activation) -> Iterable[list[Part]]:
        """Yield the children of an activation, those that came together in one list."""
        calls = self._models.get(activation.name, ())
        group: list[Part] = []
        end_ns = 0
        for child in activation.children:
            is_later = bool(group) and child.start_ns >= end_ns
            if is_later and calls and self._is_tool(group[-1]) and self._is_tool(child):
                is_later = _is_between(calls, group[-1].start_ns, child.start_ns)
            if is_later:
                yield group
                group, end_ns = [], 0
            group.append(child)
            end_ns = max(end_ns, child.end_ns)
        if group:
            yield group

    def _is_tool(self, child: Part) -> bool:
        return self._graph.steps[child.step].kind in {"tool", "retrieval"}


def _is_between(starts_ns: Sequence[int], after_ns: int, until_ns: int) -> bool:
    """Tell whether a model call began between two times: an agent's clock is one clock."""
    at = bisect_left(starts_ns, after_ns)
    return at < len(starts_ns) and starts_ns[at] < until_ns


def _root_of(graph: CausalGraph) -> int:
    return next((i for i, above in enumerate(graph.parent) if above < 0), 0)
