"""The causal path: over which edges it goes, and what it does without any."""

from __future__ import annotations

import msgspec
import pytest

from blame_fixtures import RunBuilder
from causewatch.blame.atoms import Atoms
from causewatch.blame.path import MAX_HOPS_COUNT, path_of
from causewatch.blame.uses import Use
from causewatch.model.graph import CausalGraph, Edge, EdgeType
from graph_fixtures import graph_of, span, tool


def chain(count: int) -> CausalGraph:
    """Return a run of so many model steps, without edges."""
    run = RunBuilder()
    for number in range(count):
        run.say(f"word {number}")
    return run.graph()


def use(step: int) -> Use:
    """Return an act in a step."""
    return Use(kind="act", step=step, agent="front", at_ns=0, text="", atoms=Atoms())


def edged(graph: CausalGraph, *edges: tuple[int, int, EdgeType]) -> CausalGraph:
    """Return the run with exactly these edges."""
    built = tuple(Edge(source=a, target=b, type=t, evidence=f"{a}-{b}") for a, b, t in edges)
    return msgspec.structs.replace(graph, edges=built)


WAYS: list[tuple[str, tuple[tuple[int, int, EdgeType], ...], list[int]]] = [
    ("over data", ((1, 2, "data"), (2, 4, "data")), [1, 2, 4]),
    ("the shorter way", ((1, 2, "data"), (2, 3, "data"), (3, 4, "data"), (1, 4, "data")), [1, 4]),
    ("data before return", ((1, 2, "return"), (2, 4, "return"), (1, 3, "data"), (3, 4, "data")),
     [1, 3, 4]),
    ("over a handoff", ((1, 3, "handoff"), (3, 4, "data")), [1, 3, 4]),
    ("over a link", ((1, 2, "link"), (2, 4, "link")), [1, 2, 4]),
    ("never over nesting downwards", ((1, 2, "call"), (2, 4, "call")), [1, 4]),
    ("without edges", (), [1, 4]),
    ("with a circle", ((1, 2, "data"), (2, 1, "data"), (2, 4, "data")), [1, 2, 4]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("edges", "steps"), [row[1:] for row in WAYS], ids=[row[0] for row in WAYS]
)
def test_ways(edges: tuple[tuple[int, int, EdgeType], ...], steps: list[int]) -> None:
    """The path takes the best-proven way; where the graph knows none, the use alone proves it."""
    hops = path_of(edged(chain(4), *edges), 1, [use(4)], ["used it"], "broke")
    assert [hop.step for hop in hops] == steps
    assert (hops[0].evidence, hops[-1].evidence) == ("broke", "used it")


def test_hops_between_name_their_edge() -> None:
    """A hop in the middle says over which edge it was reached, with the edge's evidence."""
    graph = edged(chain(4), (1, 2, "data"), (2, 4, "handoff"))
    hops = path_of(graph, 1, [use(4)], ["used it"], "broke")
    assert hops[1].evidence == "flowed on (1-2)"


@pytest.mark.parametrize(
    ("evidence", "share", "expected"),
    [
        ("text", 1.0, "flowed on (text)"),
        ("text", 0.834, "flowed on (text, 83% of it)"),
        ("read back", 0.5, "flowed on (read back, 50% of it)"),
        ("values", 1.0, "flowed on (values)"),
        ("tool_call_id c1", 0.5, "flowed on (tool_call_id c1)"),
    ],
)
def test_hops_by_content_say_how_much_was_carried(
    evidence: str, share: float, expected: str
) -> None:
    """A tenth of a result in a prompt is weaker than all of it, and people are told so."""
    graph = edged(chain(4), (2, 4, "handoff"))
    carried = Edge(source=1, target=2, type="data", evidence=evidence, share=share)
    graph = msgspec.structs.replace(graph, edges=(carried, *graph.edges))
    assert path_of(graph, 1, [use(4)], ["used it"], "broke")[1].evidence == expected


def test_values_that_were_carried_stand_in_quotes() -> None:
    """They stem from payloads: whoever must not see those leaves the quotations out."""
    graph = graph_of(
        span(0, length_ms=900),
        tool(1, 0, "look", arguments={"side": "west"}, result={"berth": "KQ-7781", "pay": 2499.0}),
        tool(2, 0, "book", arguments={"berth": "KQ-7781", "pay": 2499}, result={"no": "BK-4"}),
        tool(3, 0, "tell", arguments={"no": "BK-44-1"}, result={"ok": True}),
    )
    hops = path_of(graph, 1, [use(2)], ["used it"], "broke")
    assert [hop.step for hop in hops] == [1, 2]
    handed = Edge(source=2, target=3, type="handoff", evidence="h")
    graph = msgspec.structs.replace(graph, edges=(*graph.edges, handed))
    hops = path_of(graph, 1, [use(3)], ["used it"], "broke")
    assert hops[1].evidence == "flowed on (values “kq-7781”, “2499”)"


def test_a_path_passes_every_use() -> None:
    """Several uses are stations of one path; a use of the origin itself is none."""
    hops = path_of(chain(4), 1, [use(1), use(2), use(4)], ["a", "b", "c"], "broke")
    assert [(hop.step, hop.evidence) for hop in hops] == [(1, "broke"), (2, "b"), (4, "c")]


def test_a_long_path_keeps_both_ends() -> None:
    """A path of many hops is cut in the middle."""
    graph = chain(40)
    edges = tuple((i, i + 1, "data") for i in range(1, 40))
    hops = path_of(edged(graph, *edges), 1, [use(40)], ["used"], "broke")  # type: ignore[arg-type]  # literals of a generator
    assert len(hops) == MAX_HOPS_COUNT
    assert (hops[0].step, hops[-1].step) == (1, 40)


def test_a_path_does_not_run_through_the_future() -> None:
    """A step that began after the symptom ended cannot lie on the way to it."""
    graph = edged(chain(6), (1, 6, "data"), (6, 3, "data"))
    hops = path_of(graph, 1, [use(3)], ["used"], "broke")
    assert [hop.step for hop in hops] == [1, 3]
