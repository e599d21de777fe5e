"""How much of a run can be checked: counted boundary by boundary, each problem with its fix."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from causewatch.blame.coverage import Check, Coverage, checks_of, coverage_of
from causewatch.graph.build import build
from causewatch.model.span import LogRecord, Span
from graph_fixtures import CAPTURES, agent, capture, model, said, span, tool, user, with_attributes

RECORDED = sorted(path.name.removesuffix(".jsonl.gz") for path in CAPTURES.glob("*.jsonl.gz"))
DESK = agent(0, None, "desk", length_ms=1_000)
LOOK: dict[str, Any] = {"call_id": "c1", "arguments": {"a": 1}, "result": {"b": 2}}


def covered(*spans: Span, logs: tuple[LogRecord, ...] = ()) -> dict[tuple[str, str], Coverage]:
    """Return the boundaries of a run by what they are and their name."""
    checks = checks_of(build(run_id="r", spans=spans, logs=logs), logs)
    return {(one.boundary, one.name): one for one in coverage_of(checks)}


def reasons(one: Coverage) -> list[str]:
    """Return why some cannot be checked."""
    return [problem.reason for problem in one.problems]


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_runs_count_up(name: str) -> None:
    """What is not checkable has a reason and a fix, and the counts agree."""
    for one in coverage_of(checks_of(build(run_id="r", spans=capture(name)))):
        assert 0 <= one.checkable <= one.count
        assert sum(problem.count for problem in one.problems) == one.count - one.checkable
        assert all(problem.reason and problem.fix for problem in one.problems)


def test_a_whole_run_is_checkable_everywhere() -> None:
    """Results, inputs and owners, each counted under its name."""
    found = covered(
        DESK, tool(1, 0, "look", **LOOK), model(2, 0, asks=[user("a")], says=[said("b")])
    )
    assert {key: (one.checkable, one.count) for key, one in found.items()} == {
        ("agent", "desk"): (2, 2),
        ("model_input", "desk"): (1, 1),
        ("tool_result", "look"): (1, 1),
    }


def test_calls_of_one_tool_are_counted_together() -> None:
    """One of two has no content at all."""
    one = covered(DESK, tool(1, 0, "look", **LOOK), tool(2, 0, "look"))[("tool_result", "look")]
    assert (one.checkable, one.count) == (1, 2)
    assert reasons(one) == ["neither arguments nor result are on any span"]


def test_a_tool_that_returns_nothing_is_told_from_results_that_nobody_records() -> None:
    """Where other results are recorded, an absent one is no missing capture."""
    alone = covered(DESK, tool(1, 0, "send", arguments={"a": 1}))[("tool_result", "send")]
    assert reasons(alone) == ["the result is on no span"]
    beside = covered(DESK, tool(1, 0, "send", arguments={"a": 1}), tool(2, 0, "look", **LOOK))
    assert reasons(beside[("tool_result", "send")]) == []


def test_cut_and_dropped_results_name_the_limit() -> None:
    """Three reasons, three settings."""
    cut = json.dumps({"ships": [f"ship number {i}" for i in range(20)]})[:128]
    dropped = tool(2, 0, "look", dropped=4)
    one = covered(DESK, tool(1, 0, "look", result=cut), dropped)[("tool_result", "look")]
    fixes = [problem.fix for problem in one.problems]
    assert any("VALUE_LENGTH_LIMIT" in fix for fix in fixes)
    assert any("ATTRIBUTE_COUNT_LIMIT" in fix for fix in fixes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "no message content is on the span"),
        ({"dropped_attributes_count": 2}, "the SDK dropped attributes"),
    ],
)
def test_silent_models_say_why(changes: dict[str, Any], reason: str) -> None:
    """Not captured, or lost."""
    silent = with_attributes(span(1, 0), {"gen_ai.operation.name": "chat"})
    found = covered(DESK, msgspec.structs.replace(silent, **changes))
    assert reasons(found[("model_input", "desk")]) == [reason]


def test_cut_messages_say_where() -> None:
    """By the length limit, or by dropped attributes or events."""
    whole = model(1, 0, asks=[user("a")], says=[said("b")])
    lost = msgspec.structs.replace(whole, dropped_attributes_count=1)
    assert reasons(covered(DESK, lost)[("model_input", "desk")]) == ["the SDK dropped attributes"]
    text = json.dumps([user("a long question about the order of the ships " * 9)])[:256]
    cut = with_attributes(whole, {"gen_ai.input.messages": text})
    found = covered(DESK, cut)[("model_input", "desk")]
    assert reasons(found) == ["the messages were cut by telemetry"]


def test_work_of_nobody_is_told_with_the_way_to_name_it() -> None:
    """No agent identity: blame could name a step, and no agent."""
    call = {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "look", "ai.toolCall.args": "{}"}
    one = covered(with_attributes(span(1), call))[("agent", "")]
    assert reasons(one) == ["no span says which agent did this"]
    assert "functionId" in one.problems[0].fix


def test_several_agents_without_a_handoff_are_told() -> None:
    """Whatever passes between them is on no span that joins them."""
    two = (agent(0, None, "a", trace="1" * 32), agent(1, None, "b", trace="2" * 32))
    one = covered(*two, model(2, 0, asks=[user("a")], says=[said("b")], trace="1" * 32))
    assert reasons(one[("handoff", "a, b")]) == [
        "there are several agents, and no span shows what passes between them"
    ]


def test_a_handoff_with_one_side_is_told_with_the_other() -> None:
    """Half a boundary cannot be compared."""
    asks = tool(1, 0, "ask", call_id="c1", arguments={"task": "Count the ships of the day."})
    silent = with_attributes(agent(2, 1, "b"), {})
    found = covered(agent(0, None, "a", length_ms=1_000), asks, silent)
    handoffs = [one for (boundary, _), one in found.items() if boundary == "handoff"]
    assert [reasons(one) for one in handoffs] == [["what was received is on no span"]]


def test_missing_spans_are_counted_once_each() -> None:
    """A hole in the trace, however many spans are below it."""
    below = [tool(number, 77, "look", **LOOK) for number in (2, 3)]
    one = covered(DESK, *below)[("trace", "")]
    assert (one.count, one.checkable) == (1, 0)
    assert "never arrived" in reasons(one)[0]


def test_one_span_above_the_whole_run_is_no_hole() -> None:
    """It belongs to whoever called."""
    found = covered(agent(0, 99, "desk"), tool(1, 0, "look", **LOOK))
    assert ("trace", "") not in found


def test_log_records_of_no_span_are_told() -> None:
    """Content that cannot be joined: without a span's id, or with that of a missing span."""
    name = "gen_ai.user.message"
    logs = (
        LogRecord(trace_id=DESK.trace_id, event_name=name, body={"content": "a"}),
        LogRecord(trace_id=DESK.trace_id, span_id="9" * 16, event_name=name),
        LogRecord(trace_id=DESK.trace_id, span_id=DESK.span_id, event_name=name),
        LogRecord(trace_id=DESK.trace_id, event_name="http.access"),
        LogRecord(trace_id=DESK.trace_id, event_name="gen_ai.evaluation.result"),
    )
    one = covered(DESK, tool(1, 0, "look", **LOOK), logs=logs)[("log", name)]
    assert (one.count, one.checkable) == (2, 0)
    assert sorted(reasons(one)) == [
        "the log record names a span that never arrived",
        "the log record names no span",
    ]


def test_spans_of_no_dialect_count_only_where_there_is_nothing_else() -> None:
    """A web server beside the agents is no problem; an unknown framework is."""
    strange = span(1, trace="c" * 32, scope="my.tracer", my__kind="thing")
    one = covered(strange)[("dialect", "my.tracer")]
    assert (one.count, one.checkable) == (1, 0)
    assert "dialects explain" in one.problems[0].fix
    both = [
        *checks_of(build(run_id="a", spans=(DESK, tool(1, 0, "look", **LOOK)))),
        *checks_of(build(run_id="b", spans=(strange,))),
    ]
    assert not [one for one in coverage_of(both) if one.boundary == "dialect"]


def test_the_order_of_checks_does_not_matter() -> None:
    """Runs come in any order."""
    checks = [
        Check(service="s", dialect="d", scope="", boundary="agent", name=name, reason=reason)
        for name in ("b", "a")
        for reason in ("", "why")
    ]
    forth, back = coverage_of(checks), coverage_of(checks[::-1])
    assert [(one.name, one.count) for one in forth] == [("a", 2), ("b", 2)]
    assert forth == back
