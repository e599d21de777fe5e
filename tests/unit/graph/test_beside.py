"""Which log records are read with which span."""

from __future__ import annotations

from causewatch.graph.beside import EVALUATION_EVENT, RESPONSE_ID, beside
from causewatch.graph.build import build
from causewatch.model.span import LogRecord, Span

ROOT = Span(trace_id="t", span_id="1", start_ns=1)
CHILD = Span(trace_id="t", span_id="2", parent_id="1", start_ns=0)
OTHER = Span(trace_id="u", span_id="3", parent_id="9", start_ns=5)
SPANS = (CHILD, OTHER, ROOT)


def record(trace: str, span: str, name: str = EVALUATION_EVENT) -> LogRecord:
    """Return a log record of a span."""
    return LogRecord(trace_id=trace, span_id=span, event_name=name)


def test_a_record_is_read_with_its_span() -> None:
    """Trace and span id both count."""
    one, two = record("t", "2", "x"), record("u", "3", "x")
    assert beside(SPANS, (one, two)) == {("t", "2"): [one], ("u", "3"): [two]}


def test_an_evaluation_without_a_span_judges_the_run() -> None:
    """It is read with the root of its trace, or with what is there of a trace without one."""
    none, unknown, rootless = record("t", ""), record("t", "77"), record("u", "")
    assert beside(SPANS, (none, unknown, rootless)) == {
        ("t", "1"): [none, unknown],
        ("u", "3"): [rootless],
    }


def test_an_evaluation_is_found_by_the_response_it_judges() -> None:
    """A judge that runs later knows the response, not the span; the first span of it is meant."""
    answer = Span(trace_id="t", span_id="7", start_ns=2, attributes={RESPONSE_ID: "resp-7"})
    again = Span(trace_id="t", span_id="8", start_ns=3, attributes={RESPONSE_ID: "resp-7"})
    judged, other = (
        LogRecord(trace_id="t", event_name=EVALUATION_EVENT, attributes={RESPONSE_ID: response})
        for response in ("resp-7", "resp-8")
    )
    assert beside((again, answer, *SPANS), (judged, other)) == {
        ("t", "7"): [judged],
        ("t", "1"): [other],
    }


def test_other_records_without_a_span_are_left_out() -> None:
    """What names no step says nothing of any; nor does what is of another trace."""
    assert beside(SPANS, (record("t", "", "gen_ai.choice"), record("v", ""))) == {}


def test_nothing_is_read_where_nothing_is() -> None:
    """Runs without logs, and logs without a run."""
    assert beside(SPANS, ()) == {}
    assert beside((), (record("t", ""),)) == {}


def test_an_evaluation_of_the_run_stands_on_its_root_step() -> None:
    """The graph shows it where blame looks for it."""
    judged = LogRecord(
        trace_id="t",
        event_name=EVALUATION_EVENT,
        attributes={
            "gen_ai.evaluation.name": "correctness",
            "gen_ai.evaluation.score.label": "fail",
        },
    )
    spans = [
        Span(trace_id="t", span_id="1", attributes={"gen_ai.operation.name": "invoke_agent"}),
        Span(
            trace_id="t",
            span_id="2",
            parent_id="1",
            start_ns=1,
            attributes={"gen_ai.operation.name": "chat"},
        ),
    ]
    graph = build(run_id="r", spans=spans, logs=[judged])
    assert [[e.label for e in step.evaluations] for step in graph.steps] == [["fail"], []]
