"""Backward slices: what a step can have come from."""

from __future__ import annotations

from causewatch.model.graph import CausalGraph, EdgeType

_CARRIES: frozenset[EdgeType] = frozenset({"data", "handoff", "link", "return"})
CLOCK_SKEW_NS = 5_000_000


def before(graph: CausalGraph, step: int) -> tuple[frozenset[int], frozenset[int]]:
    """Return the steps from which content may have come to ``step``, then all that were earlier.

    The first is its backward slice over data, handoff, link and return edges, in order of time and
    with ``step`` itself; spans do not tell all that flows, so the second is what is left to look at
    where nothing in the slice is suspect.
    """
    end_ns = graph.steps[step].span.end_ns + CLOCK_SKEW_NS
    earlier = frozenset(i for i, other in enumerate(graph.steps) if other.span.start_ns <= end_ns)
    into: dict[int, list[int]] = {}
    for edge in graph.edges:
        if edge.type in _CARRIES:
            into.setdefault(edge.target, []).append(edge.source)
    found = {step}
    pending = [step]
    while pending:
        for source in into.get(pending.pop(), ()):
            if source not in found and source in earlier:
                found.add(source)
                pending.append(source)
    return frozenset(found), earlier
