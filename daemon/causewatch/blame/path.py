"""The causal path from origin to symptom, each hop with the evidence that leads to it."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from causewatch.blame.uses import Use
from causewatch.faults.text import excerpt
from causewatch.graph.content import shared_values
from causewatch.model.graph import CausalGraph, Edge
from causewatch.model.judgement import Hop

MAX_HOPS_COUNT = 12
CLOCK_SKEW_NS = 5_000_000
_COST = {"data": 1.0, "handoff": 1.2, "link": 1.3, "return": 2.0}
"""What carries content: a hop over lineage is the best evidence, one over nesting the weakest."""
MAX_SHOWN_VALUES_COUNT = 3
WHOLE_SHARE = 0.95
_BY_CONTENT = frozenset({"text", "values", "read back"})
Reached = dict[int, tuple[float, int, Edge]]


def path_of(
    graph: CausalGraph, origin: int, uses: Sequence[Use], evidence: Sequence[str], reason: str
) -> tuple[Hop, ...]:
    """Return the hops from ``origin`` over the uses to the last of them.

    Between two stations the cheapest way over data, handoff, link and return edges is taken; where
    the graph knows none, the hop rests on the evidence of the use alone.
    """
    hops = [Hop(step=origin, agent=graph.owner[origin], evidence=reason)]
    for use, why in zip(uses, evidence, strict=False):
        if use.step == hops[-1].step:
            continue
        way = _way(graph, hops[-1].step, use.step)
        hops.extend(
            Hop(step=edge.target, agent=graph.owner[edge.target], evidence=_spoken(graph, edge))
            for edge in way[:-1]
        )
        hops.append(Hop(step=use.step, agent=graph.owner[use.step] or use.agent, evidence=why))
    return tuple(hops if len(hops) <= MAX_HOPS_COUNT else _shortened(hops))


def _shortened(hops: list[Hop]) -> list[Hop]:
    """Keep both ends of a long path: where it began, and where it came out."""
    half = MAX_HOPS_COUNT // 2
    return hops[:half] + hops[-half:]


def _way(graph: CausalGraph, start: int, goal: int) -> list[Edge]:
    """Return the edges of the cheapest way between two steps, empty if there is none."""
    out: dict[int, list[Edge]] = {}
    for edge in graph.edges:
        if edge.type in _COST:
            out.setdefault(edge.source, []).append(edge)
    latest_ns = graph.steps[goal].span.end_ns + CLOCK_SKEW_NS
    reached: Reached = {}
    queue: list[tuple[float, int]] = [(0.0, start)]
    done: set[int] = set()
    while queue:
        cost, here = heapq.heappop(queue)
        if here == goal:
            return _backwards(reached, start, goal)
        if here in done:
            continue
        done.add(here)
        for edge in out.get(here, ()):
            total = cost + _COST[edge.type] + 0.5 * (1.0 - edge.share)
            if edge.target in reached and total >= reached[edge.target][0]:
                continue
            if edge.target == goal or graph.steps[edge.target].span.start_ns <= latest_ns:
                reached[edge.target] = total, edge.source, edge
                heapq.heappush(queue, (total, edge.target))
    return []


def _backwards(reached: Reached, start: int, goal: int) -> list[Edge]:
    way: list[Edge] = []
    here = goal
    while here != start and len(way) < 10_000:
        _, before, edge = reached[here]
        way.append(edge)
        here = before
    return way[::-1]


def _spoken(graph: CausalGraph, edge: Edge) -> str:
    """Return an edge's evidence as a sentence part."""
    names = {"data": "flowed on", "handoff": "was handed over", "link": "was sent on"}
    return f"{names.get(edge.type, 'was returned')} ({_carried(graph, edge)})"


def _carried(graph: CausalGraph, edge: Edge) -> str:
    """Return what an edge carried: its evidence, the values seen again, and how much it was."""
    if edge.type != "data" or edge.evidence not in _BY_CONTENT:
        return edge.evidence
    what = edge.evidence
    if what == "values":
        seen = shared_values(graph.steps[edge.source], graph.steps[edge.target])
        what = " ".join((what, ", ".join(map(excerpt, seen[:MAX_SHOWN_VALUES_COUNT])))).rstrip()
    return what if edge.share > WHOLE_SHARE else f"{what}, {edge.share:.0%} of it"
