from __future__ import annotations

from typing import Any

import msgspec
import pytest

from causewatch.graph.build import build
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.span import Span
from claimed_fixtures import (
    ORDER,
    OTHER_TRACE,
    handoff_span,
    one_process,
    side,
    two_services,
)
from graph_fixtures import TRACE, agent, call, model, said, span, span_id, tool, user


def graph_of(spans: list[Span]) -> CausalGraph:
    """Return the graph of these spans; their order must not matter."""
    graph = build(run_id="r", spans=spans)
    assert build(run_id="r", spans=spans[::-1]).handoffs == graph.handoffs
    return graph


def only(spans: list[Span]) -> Handoff:
    """Return the only handoff of a run."""
    (handoff,) = graph_of(spans).handoffs
    return handoff


@pytest.mark.parametrize("content", [False, True])
def test_two_ends_in_two_services_are_one_handoff(*, content: bool) -> None:
    """The span that sent and the one that received are found together, and nothing is derived."""
    spans = two_services(ORDER, ORDER, content=content)
    handoff = only(spans)
    assert (handoff.rule, handoff.derived, handoff.confidence) == ("instrumented", False, 1.0)
    assert (handoff.from_agent, handoff.to_agent) == ("office", "depot")
    assert handoff.span_id == span_id(2)
    assert handoff.sent_sha256 == handoff.received_sha256 != ""
    assert handoff.mechanical is content
    graph = graph_of(spans)
    assert [graph.steps[i].span.span_id for i in (handoff.sender, handoff.receiver or 0)] == [
        span_id(1),
        span_id(3),
    ]


def test_the_link_joins_where_no_id_travels() -> None:
    """A queue that drops the id keeps the trace context."""
    spans = [
        msgspec.structs.replace(
            each,
            attributes={k: v for k, v in each.attributes.items() if k != "causewatch.handoff.id"},
        )
        for each in two_services(ORDER, ORDER)
    ]
    handoff = only(spans)
    assert handoff.claim is not None
    assert handoff.claim.received is not None


def test_both_sides_on_one_span() -> None:
    """A call within one process needs one span; what is below it is the receiver's work."""
    graph = graph_of(one_process(ORDER, ORDER))
    (handoff,) = graph.handoffs
    assert graph.steps[handoff.receiver or 0].span.span_id == span_id(3)
    assert graph.owner == ("office", "office", "depot", "depot")


def test_plain_functions_need_no_agent_spans() -> None:
    """Without any agent span the receiver is the agent that the handoff names."""
    sides = {**side("sent", ORDER), **side("received", ORDER)}
    spans = [
        span(1, None, name="job", length_ms=100),
        handoff_span(2, 1, length_ms=80, **sides),
        tool(3, 2, "book_truck", arguments={"n": 1}, result={"ok": True}),
    ]
    graph = graph_of(spans)
    (handoff,) = graph.handoffs
    assert (handoff.from_agent, handoff.to_agent) == ("office", "depot")
    assert graph.owner[2] == "depot"


def test_one_message_to_several_receivers_is_several_handoffs() -> None:
    """Each receiver has a handoff with an id of its own, and its own received side."""
    spans = [*two_services(ORDER, ORDER)]
    third: dict[str, Any] = {"trace": "c" * 32, "links": [(TRACE, 2)]}
    spans += [
        agent(6, None, "depot", trace="c" * 32),
        handoff_span(7, 6, "receive", **third, **side("received", {"order": "FO-7712"})),
    ]
    graph = graph_of(spans)
    assert [each.span_id for each in graph.handoffs] == [span_id(2), span_id(7)]
    assert len({each.received_sha256 for each in graph.handoffs}) == 2
    assert len({each.sent_sha256 for each in graph.handoffs}) == 1


def test_a_receiver_alone_is_a_handoff_with_one_side() -> None:
    """The sender may not be instrumented, or its spans may go elsewhere."""
    handoff = only(two_services(ORDER, ORDER)[2:])
    assert handoff.claim is not None
    assert (handoff.claim.sent, handoff.sent_sha256) == (None, "")
    assert (handoff.from_agent, handoff.to_agent) == ("office", "depot")


def test_a_sender_alone_is_a_handoff_with_one_side() -> None:
    """The message may be under way."""
    handoff = only(two_services(ORDER, ORDER)[:2])
    assert handoff.receiver is None
    assert handoff.received_sha256 == ""


@pytest.mark.parametrize("around", [True, False])
def test_a_told_handoff_wins_over_the_tool_that_made_it(*, around: bool) -> None:
    """A framework's own transfer tool, around the told handoff or below it, is no second one."""
    sides = {**side("sent", ORDER), **side("received", ORDER)}
    inner = [
        tool(
            3, 1 if around else 4, "transfer_to_depot", arguments=ORDER, call_id="c1", length_ms=90
        ),
        handoff_span(4, 3 if around else 1, length_ms=60, **sides),
    ]
    spans = [
        agent(1, None, "office", length_ms=200),
        model(2, 1, asks=[user("Go.")], says=[call("transfer_to_depot", ORDER, "c1")]),
        *inner,
        agent(5, None, "depot"),
        model(6, 5, asks=[user("Book a truck.")], says=[said("Booked.")]),
    ]
    assert [each.rule for each in graph_of(spans).handoffs] == ["instrumented"]


def test_a_told_handoff_wins_over_the_link() -> None:
    """Two agents that a link joins are told of once."""
    spans = two_services(ORDER, ORDER)
    spans[2] = agent(3, None, "depot", trace=OTHER_TRACE, links=[(TRACE, 1)])
    assert [each.rule for each in graph_of(spans).handoffs] == ["instrumented"]


def test_other_handoffs_of_the_run_are_still_found() -> None:
    """Only the boundary that is told of is taken: the next agent is found as always."""
    spans = [
        *one_process(ORDER, ORDER),
        agent(7, 3, "driver"),
        model(8, 7, asks=[user("Drive.")], says=[said("Driving.")]),
    ]
    rules = [(each.rule, each.to_agent) for each in graph_of(spans).handoffs]
    assert rules == [("instrumented", "depot"), ("agent_under_agent", "driver")]
