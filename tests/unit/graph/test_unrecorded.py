"""Tool calls of plain model clients, which no span records."""

from __future__ import annotations

from typing import Any

import pytest

from causewatch.blame.judge import judge
from causewatch.blame.render import explain_json, graph_json
from causewatch.graph.assemble import RunAssembler
from causewatch.model.graph import CausalGraph
from causewatch.model.span import Span
from causewatch.model.step import Step
from causewatch.model.value import Value
from graph_fixtures import (
    agent,
    answer,
    asked,
    call,
    graph_of,
    model,
    said,
    span_id,
    tool,
    user,
)

QUESTION = user("Refund the duplicate charge of the order that the caller named, please.")
BAD: dict[str, Value] = {
    "error": "upstream timeout",
    "partial": True,
    "charge": "ch_19",
    "amount": 81.5,
}
REFUND: dict[str, Value] = {"charge": "ch_19", "amount": 81.5}


def trace(number: int) -> str:
    """Return the trace id that stands for a small number."""
    return f"{number:032x}"


def client(result: Value, *, traces: bool = False) -> list[Span]:
    """Return three bare model calls: a look-up, an action on its result, the answer."""
    look = call("get_order", {"order": "B-22"}, "call_a1")
    pay = call("issue_refund", REFUND, "call_b2")
    history = [QUESTION, asked(look), answer("call_a1", result)]
    after = [*history, asked(pay), answer("call_b2", {"refund": "rf_1"})]
    where: list[dict[str, Any]] = [{"trace": trace(n)} if traces else {} for n in range(3)]
    return [
        model(1, None, asks=[QUESTION], says=[look], **where[0]),
        model(2, None, asks=history, says=[pay], **where[1]),
        model(3, None, asks=after, says=[said("It is refunded, number rf_1.")], **where[2]),
    ]


def shown(graph: CausalGraph) -> list[Step]:
    """Return the steps that no span records."""
    return [step for step in graph.steps if step.derived]


def test_a_call_that_messages_show_is_a_step() -> None:
    """With its arguments and its result, between the model that asked and the one that was told."""
    graph = graph_of(*client({"charge": "ch_19"}))
    look, pay = shown(graph)
    assert (look.kind, look.tool, look.call_id) == ("tool", "get_order", "call_a1")
    assert look.arguments is not None
    assert look.result is not None
    assert (look.arguments.value, look.result.value) == ({"order": "B-22"}, {"charge": "ch_19"})
    assert [step.name for step in graph.steps] == [
        "chat m", "get_order", "chat m", "issue_refund", "chat m",
    ]  # fmt: skip
    assert pay.tool == "issue_refund"


def test_its_span_is_the_one_that_first_held_the_result() -> None:
    """What is said of it names a span that was received."""
    look, pay = shown(graph_of(*client({})))
    assert (look.span.span_id, pay.span.span_id) == (span_id(2), span_id(3))
    assert look.span.start_ns <= look.span.end_ns


@pytest.mark.parametrize("traces", [False, True])
def test_a_swallowed_failure_of_a_plain_client_is_found(*, traces: bool) -> None:
    """Each call may be in a trace of its own: the history joins them."""
    assembler = RunAssembler()
    assembler.add(client(BAD, traces=traces), (), batch=1, now_ns=0)
    (run,) = assembler.due(1 << 62)
    told = explain_json(judge(graph_of(*run.spans)))
    assert (told["verdict"], told["category"]) == ("corrupted", "tool_failure")
    assert told["origin"]["span_id"] == span_id(2)
    assert told["symptom"]["span_id"] == span_id(3)


def test_a_good_result_of_a_plain_client_is_healthy() -> None:
    """The same run without the failure."""
    found: dict[str, Value] = {"charge": "ch_19", "amount": 81.5, "order": "B-22"}
    assert judge(graph_of(*client(found))).blame.verdict == "healthy"


def test_the_printed_graph_lists_received_spans_only() -> None:
    """Each span once, and no edge of a span to itself."""
    told = graph_json(judge(graph_of(*client(BAD))))
    assert [step["span_id"] for step in told["steps"]] == [span_id(n) for n in (1, 2, 3)]
    assert all(edge["from"] != edge["to"] for edge in told["edges"])


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([tool(9, None, "other", arguments={})], id="tools have spans"),
        pytest.param([agent(9, None, "ann")], id="an agent framework"),
    ],
)
def test_with_a_framework_nothing_is_read_from_messages(more: list[Span]) -> None:
    """What has no span there was not run, or was recorded otherwise."""
    assert shown(graph_of(*client(BAD), *more)) == []


def test_a_call_that_was_not_answered_is_no_step() -> None:
    """Nobody knows whether it ran."""
    assert shown(graph_of(client(BAD)[0])) == []


def test_an_answer_to_an_unseen_call_is_no_step() -> None:
    """The model that asked is not in the run."""
    assert shown(graph_of(client(BAD)[1])) == []


def test_a_history_that_repeats_an_answer_repeats_no_call() -> None:
    """Each later call is given the whole conversation again."""
    look, pay, end = client(BAD)
    assert len(shown(graph_of(look, pay, end))) == 2


def test_an_id_used_again_is_another_call() -> None:
    """A client that counts its calls anew each turn."""
    look = call("look", {"row": 1}, "call_1")
    again = call("look", {"row": 2}, "call_1")
    first = [QUESTION, asked(look), answer("call_1", "one")]
    graph = graph_of(
        model(1, None, asks=[QUESTION], says=[look]),
        model(2, None, asks=first, says=[again]),
        model(3, None, asks=[*first, asked(again), answer("call_1", "two")]),
    )
    assert [step.result.value for step in shown(graph) if step.result] == ["one", "two"]


def test_telemetry_cuts_stay_uncertain() -> None:
    """Of messages that an SDK cut nothing is concluded."""
    look, pay, end = client(BAD)
    cut = model(2, None, asks=[QUESTION, answer("call_a1", BAD)], says=[], dropped=1)
    (step,) = shown(graph_of(look, cut))
    assert step.result is not None
    assert step.result.cut
    assert len(shown(graph_of(look, pay, end))) == 2
