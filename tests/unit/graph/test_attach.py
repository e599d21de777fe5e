"""Log records and the spans that they are read with."""

from __future__ import annotations

from typing import Any

from causewatch.graph.attach import attach
from causewatch.graph.build import build
from causewatch.model.span import LogRecord
from graph_fixtures import TRACE, agent, model, span_id, step_of

SPANS = [agent(0, None, "ann"), model(1, 0, gen_ai__response__id="resp-7")]


def evaluation(**more: Any) -> LogRecord:
    """Return the record of a judge that found an answer bad."""
    attributes = {
        "gen_ai.evaluation.name": "faithful",
        "gen_ai.evaluation.score.value": 0.1,
        **more.pop("attributes", {}),
    }
    return LogRecord(event_name="gen_ai.evaluation.result", attributes=attributes, **more)


def test_a_record_with_ids_belongs_to_its_span() -> None:
    """Whatever it is about."""
    record = LogRecord(trace_id=TRACE, span_id=span_id(1), body="hello")
    assert attach(SPANS, [record]) == {(TRACE, span_id(1)): [record]}


def test_an_evaluation_is_found_by_the_response_it_judges() -> None:
    """A judge that runs later knows the response, not the span."""
    record = evaluation(attributes={"gen_ai.response.id": "resp-7"})
    assert attach(SPANS, [record]) == {(TRACE, span_id(1)): [record]}


def test_an_evaluation_of_a_trace_belongs_to_its_root() -> None:
    """It judges the whole run."""
    record = evaluation(trace_id=TRACE)
    assert attach(SPANS, [record]) == {(TRACE, span_id(0)): [record]}


def test_what_belongs_nowhere_is_left_out() -> None:
    """Other records of a trace, and evaluations of other traces and responses."""
    records = [
        LogRecord(trace_id=TRACE, body="hello"),
        evaluation(trace_id="b" * 32),
        evaluation(attributes={"gen_ai.response.id": "resp-8"}),
        evaluation(),
    ]
    assert attach(SPANS, records) == {}


def test_the_step_shows_the_evaluation() -> None:
    """So a run that a judge found bad is known to have ended wrong."""
    graph = build(run_id="run", spans=SPANS, logs=[evaluation(trace_id=TRACE)])
    (judged,) = step_of(graph, 0).evaluations
    assert (judged.name, judged.score) == ("faithful", 0.1)
