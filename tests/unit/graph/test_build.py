from __future__ import annotations

import pytest

from causewatch.graph.build import build
from causewatch.model.span import LogRecord, Span
from graph_fixtures import (
    TRACE,
    agent,
    capture,
    edges,
    graph_of,
    model,
    number,
    span,
    span_id,
    user,
)

OTHER = "b" * 32


def test_a_run_without_spans_is_an_empty_graph() -> None:
    """Nothing gives nothing, not an exception."""
    graph = build(run_id="r", spans=[])
    assert (graph.steps, graph.edges, graph.handoffs, graph.agents) == ((), (), (), ())
    assert graph.workflow == ""


def test_the_run_and_its_state_are_told() -> None:
    """What the caller says of the run is on its graph."""
    graph = build(run_id="r", spans=[span(0), span(1, trace=OTHER)], state="late")
    assert (graph.run_id, graph.state, graph.trace_ids) == ("r", "late", (TRACE, OTHER))


def test_every_step_is_called_by_its_parent_and_returns_to_it() -> None:
    """Call and return are each other's inverse; roots and orphans have neither."""
    graph = graph_of(span(0), span(1, 0), span(2, 1), span(3, 99))
    assert edges(graph, "call") == {(0, 1), (1, 2)}
    assert edges(graph, "return") == {(1, 0), (2, 1)}


@pytest.mark.parametrize(
    ("spans", "workflow"),
    [
        ([span(0, gen_ai__operation__name="invoke_workflow", gen_ai__workflow__name="w")], "w"),
        ([span(0, name="graph", openinference__span__kind="CHAIN")], "graph"),
        ([agent(0, None, "ann"), agent(1, 0, "bob")], "ann"),
        ([span(0, name="setup"), agent(1, 0, "ann")], "ann"),
        ([span(0, name="job")], "job"),
    ],
)
def test_a_workflow_has_a_name(spans: list[Span], workflow: str) -> None:
    """The workflow's own word, else the name of what the run begins with."""
    assert graph_of(*spans).workflow == workflow


def test_the_first_session_is_the_runs() -> None:
    """Agents may have sessions of their own; the run's is the first that is told."""
    graph = graph_of(span(0), span(1, 0, session__id="s1"), span(2, 0, session__id="s2"))
    assert graph.session == ""
    graph = graph_of(agent(0, None, "a", session__id="s1"), agent(1, 0, "b", session__id="s2"))
    assert graph.session == "s1"


def test_log_records_are_read_with_their_span() -> None:
    """A record with a span's ids is part of its step; one without is left out."""
    records = [
        LogRecord(
            trace_id=TRACE,
            span_id=span_id(1),
            event_name="gen_ai.user.message",
            body={"content": "hi"},
        ),
        LogRecord(trace_id=TRACE, event_name="gen_ai.user.message", body={"content": "lost"}),
    ]
    spans = [span(0, gen_ai__operation__name="chat", gen_ai__system="x"),
             span(1, 0, gen_ai__operation__name="chat", gen_ai__system="x")]  # fmt: skip
    graph = build(run_id="r", spans=spans, logs=records)
    texts = [[m.text for m in step.input_messages] for step in graph.steps]
    assert texts == [[], ["hi"]]


def test_edges_name_steps_of_the_graph() -> None:
    """Every index in a graph is one of its steps."""
    graph = build(run_id="r", spans=capture("autogen__native__ok"))
    count = len(graph.steps)
    assert len(graph.owner) == len(graph.parent) == count
    assert all(0 <= e.source < count and 0 <= e.target < count for e in graph.edges)
    for handoff in graph.handoffs:
        places = (handoff.sender, handoff.receiver, handoff.performed_by, handoff.received_by)
        assert all(place is None or 0 <= place < count for place in places)


def test_no_edge_is_listed_twice() -> None:
    """Of each type there is one edge between two steps."""
    for name in ("langgraph__openinference__loop", "autogen__native__ok", "strands__native__ok"):
        graph = build(run_id="r", spans=capture(name))
        keys = [(e.type, e.source, e.target) for e in graph.edges]
        assert len(keys) == len(set(keys))
        assert all(e.source != e.target for e in graph.edges)


def test_a_remote_parent_is_an_orphans_missing_parent() -> None:
    """A service whose caller is not instrumented is a part of its own, with all its steps."""
    graph = graph_of(agent(1, 77, "ann"), model(2, 1, asks=[user("hi")]))
    assert graph.parent == (-2, 0)
    assert graph.owner == ("ann", "ann")
    assert [number(graph, i) for i in range(2)] == [1, 2]
