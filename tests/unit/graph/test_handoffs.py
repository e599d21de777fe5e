from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from causewatch.model.graph import Handoff
from causewatch.model.span import Span
from graph_fixtures import (
    BASE_NS,
    MS,
    agent,
    answer,
    asked,
    call,
    graph_of,
    model,
    number,
    of_type,
    only,
    route,
    said,
    span,
    span_id,
    step_of,
    tool,
    user,
)

TICKET = "Ticket 7: the parcel of order A-1 did not arrive, please find out why and tell me."
NOTE = "Order A-1 was sent on Monday with carrier Blue, tracking number BL-99, weight 2.5 kg."


def payload(handoff: Handoff, side: str) -> Any:
    """Return the value of one side of a handoff."""
    found = getattr(handoff, side)
    return None if found is None else found.value


def transfer(
    arguments: Any,
    received: list[dict[str, Any]],
    *,
    name: str = "transfer_to_bob",
    words: str = "",
    result: Any = None,
    with_tool: bool = True,
) -> list[Span]:
    """Return a run in which ann passes control to bob by a transfer tool."""
    says = [said(words)] if words else []
    spans = [
        span(0, length_ms=900, name="desk"),
        agent(1, 0, "ann"),
        model(2, 1, asks=[user(TICKET)], says=[*says, call(name, arguments, "c1")]),
        agent(4, 0, "bob"),
        model(5, 4, asks=received),
    ]
    if with_tool:
        spans.append(tool(3, 1, name, arguments=arguments, call_id="c1", result=result))
    return spans


SHARED = [user(TICKET), asked(call("transfer_to_bob", {"note": NOTE}, "c1")), answer("c1", "ok")]


@pytest.mark.parametrize(
    ("spans", "sent", "received", "mechanical"),
    [
        pytest.param(
            transfer({"note": NOTE}, [user(f"Handoff from ann: {NOTE}")]),
            {"note": NOTE},
            f"Handoff from ann: {NOTE}",
            True,
            id="payload in a new message",
        ),
        pytest.param(
            transfer({"note": NOTE}, [user(f"Handoff from ann: {NOTE[:40]}")]),
            {"note": NOTE},
            f"Handoff from ann: {NOTE[:40]}",
            True,
            id="payload cut on the way",
        ),
        pytest.param(
            transfer({"note": NOTE}, SHARED),
            {"note": NOTE},
            {"note": NOTE},
            True,
            id="payload in the shared history",
        ),
        pytest.param(
            transfer(
                {"note": NOTE},
                [user(TICKET), asked(call("transfer_to_bob", {"note": NOTE[:30]}, "other-id"))],
            ),
            {"note": NOTE},
            {"note": NOTE[:30]},
            True,
            id="history with other ids",
        ),
        pytest.param(
            transfer({"note": NOTE}, [user("Please look after the customer.")]),
            {"note": NOTE},
            "Please look after the customer.",
            False,
            id="a model wrote the receiver's task",
        ),
        pytest.param(
            transfer({"note": TICKET + " It is urgent."}, [user(TICKET)]),
            {"note": TICKET + " It is urgent."},
            TICKET,
            False,
            id="the receiver only sees what the sender was asked, too",
        ),
        pytest.param(transfer({}, [user(TICKET)]), TICKET, TICKET, False, id="no payload"),
        pytest.param(
            transfer({}, [user("Hello.")]), TICKET, "Hello.", False, id="no payload, history lost"
        ),
        pytest.param(
            transfer({}, [user(TICKET), user(f"[ann] said: {NOTE}")], words=NOTE),
            NOTE,
            f"[ann] said: {NOTE}",
            True,
            id="the sender's last words are the payload",
        ),
        pytest.param(
            transfer({}, [user(TICKET)], words="Over to bob."),
            TICKET,
            TICKET,
            False,
            id="small talk is no payload",
        ),
        pytest.param(
            transfer({"agent_name": "bob"}, [user(TICKET)], name="transfer_to_agent"),
            TICKET,
            TICKET,
            False,
            id="the target's name is no payload",
        ),
        pytest.param(
            transfer(
                {"agent_name": "bob", "message": NOTE, "context": {}},
                [user(f"Handoff Message: {NOTE}\n\nUser Request: {TICKET}")],
                name="handoff_to_agent",
            ),
            {"agent_name": "bob", "message": NOTE, "context": {}},
            f"Handoff Message: {NOTE}\n\nUser Request: {TICKET}",
            True,
            id="swarm",
        ),
    ],
)
def test_a_transfer_tool_passes_control(
    spans: list[Span], sent: Any, received: Any, *, mechanical: bool
) -> None:
    """Both sides of a transfer are read from where frameworks leave them."""
    handoff = only(graph_of(*spans))
    assert (handoff.from_agent, handoff.to_agent) == ("ann", "bob")
    assert (handoff.rule, handoff.mode, handoff.derived) == ("handoff_tool", "pass_control", True)
    assert payload(handoff, "sent") == sent
    assert payload(handoff, "received") == received
    assert handoff.mechanical is mechanical


def test_all_places_of_a_handoff_are_named() -> None:
    """Sender, receiver, the step that performed it and the one that shows it are told."""
    graph = graph_of(*transfer({"note": NOTE}, [user(NOTE)]))
    handoff = only(graph)
    assert handoff.receiver is not None
    assert handoff.performed_by is not None
    assert handoff.received_by is not None
    places = (handoff.sender, handoff.receiver, handoff.performed_by, handoff.received_by)
    assert [number(graph, i) for i in places] == [1, 4, 3, 5]
    (edge,) = of_type(graph, "handoff")
    assert (edge.source, edge.target) == (handoff.sender, handoff.receiver)


def test_a_transfer_tool_whose_own_output_holds_the_payload_is_mechanical() -> None:
    """Where the tool's output shows the payload as a message, code carried it on."""
    command = {
        "goto": "bob",
        "update": {"messages": [{"type": "human", "content": f"From ann: {NOTE}"}]},
    }
    handoff = only(graph_of(*transfer({"note": NOTE}, [], result=command)))
    assert handoff.mechanical
    history = {"update": {"messages": [{"type": "ai", "tool_calls": [{"args": {"note": NOTE}}]}]}}
    assert not only(graph_of(*transfer({"note": NOTE}, [], result=history))).mechanical


def test_a_call_without_a_span_is_a_handoff_when_its_target_starts() -> None:
    """Some frameworks record a handoff only as a call in the model's answer."""
    graph = graph_of(*transfer({"note": NOTE}, SHARED, with_tool=False))
    handoff = only(graph)
    assert (handoff.rule, handoff.performed_by) == ("handoff_call", None)
    assert payload(handoff, "sent") == {"note": NOTE}
    assert not handoff.mechanical


def test_a_call_without_a_span_whose_target_never_starts_is_none() -> None:
    """A call alone does not prove that control passed."""
    spans = [s for s in transfer({}, [], with_tool=False) if s.span_id not in map(span_id, (4, 5))]
    graph = graph_of(*spans, agent(900, None, "bob", start_ms=-5_000, length_ms=1))
    assert route(graph) == []


EXPLICIT: dict[str, Any] = {"openinference__span__kind": "TOOL", "name": "handoff to bob"}


def explicit(received: list[dict[str, Any]], **attributes: Any) -> list[Span]:
    """Return a run in which a span of its own is the handoff."""
    return [
        span(0, length_ms=900, name="desk"),
        agent(1, 0, "ann"),
        model(2, 1, asks=[user(TICKET)], says=[call("transfer_to_bob", {"note": NOTE}, "c1")]),
        span(3, 1, **{**EXPLICIT, **attributes}),
        agent(4, 0, "bob"),
        model(5, 4, asks=received),
    ]


def test_a_handoff_span_is_explicit_and_keeps_its_id() -> None:
    """A span that is a handoff is not derived; what was sent is in the call before it."""
    handoff = only(graph_of(*explicit(SHARED, input__value="ann", output__value="bob")))
    assert (handoff.rule, handoff.derived, handoff.span_id) == ("handoff_span", False, span_id(3))
    assert payload(handoff, "sent") == payload(handoff, "received") == {"note": NOTE}
    assert handoff.mechanical
    assert handoff.confidence == 1.0


def test_a_handoff_span_without_a_target_leads_to_the_next_agent() -> None:
    """Where the span leaves the target out, the next other agent beside the sender is it."""
    spans = explicit(
        SHARED,
        openinference__span__kind=None,
        name="ann -> unknown",
        gen_ai__operation__name="handoff",
        gen_ai__handoff__from_agent="ann",
    )
    handoff = only(graph_of(*spans))
    assert (handoff.from_agent, handoff.to_agent) == ("ann", "bob")
    assert payload(handoff, "sent") == {"note": NOTE}


def test_the_draft_convention_of_a_handoff_is_known() -> None:
    """``gen_ai.transfer.*`` names target and mode on the tool span itself."""
    graph = graph_of(
        agent(1, None, "ann", length_ms=900),
        tool(
            2,
            1,
            "send",
            gen_ai__transfer__mode="return_to_caller",
            gen_ai__transfer__target__name="bob",
        ),
        agent(3, None, "bob"),
        model(4, 3, asks=[user(TICKET)]),
    )
    handoff = only(graph)
    assert (handoff.from_agent, handoff.to_agent, handoff.mode) == (
        "ann",
        "bob",
        "return_to_caller",
    )


def delegated(received: str, *, rewrites: bool = False) -> list[Span]:
    """Return a run in which bob is called through a tool of ann's, and ann goes on."""
    spans = [
        agent(0, None, "ann", length_ms=900),
        model(1, 0, asks=[user(TICKET)], says=[call("ask_bob", {"task": NOTE}, "c1")]),
        tool(2, 0, "ask_bob", arguments={"task": NOTE}, result="done", call_id="c1"),
        agent(4, 2, "bob"),
        model(5, 4, asks=[{"role": "system", "content": "You are bob."}, user(received)]),
        model(60, 0, asks=[answer("c1", "done")], says=[said("All done, good bye.")]),
    ]
    if rewrites:
        spans.append(model(3, 2, asks=[user("Rephrase.")], says=[said("shorter")]))
    return spans


@pytest.mark.parametrize(
    ("received", "rewrites", "mechanical"),
    [(NOTE, False, True), (NOTE[:40], False, True), (NOTE, True, False), ("Other.", False, True)],
)
def test_an_agent_below_a_tool_was_called_by_it(
    received: str, *, rewrites: bool, mechanical: bool
) -> None:
    """Sent are the tool's arguments, received is the callee's first message; its return is none."""
    handoff = only(graph_of(*delegated(received, rewrites=rewrites)))
    assert (handoff.rule, handoff.mode) == ("agent_under_tool", "return_to_caller")
    assert payload(handoff, "sent") == {"task": NOTE}
    assert payload(handoff, "received") == received
    assert handoff.mechanical is mechanical


def test_a_receiver_whose_system_prompt_alone_is_recorded_shows_nothing() -> None:
    """Instructions are not what was handed over."""
    spans = [
        agent(0, None, "ann", length_ms=900),
        tool(2, 0, "ask_bob", arguments={"task": NOTE}),
        agent(4, 2, "bob"),
        model(5, 4, asks=[{"role": "system", "content": "You are bob."}]),
    ]
    handoff = only(graph_of(*spans))
    assert payload(handoff, "sent") == {"task": NOTE}
    assert handoff.received is None


def test_the_agents_own_input_serves_where_its_models_tell_nothing() -> None:
    """An agent span may hold the input that its model spans lack."""
    spans = [
        agent(0, None, "ann", length_ms=900),
        tool(2, 0, "ask_bob", arguments={"task": NOTE}),
        agent(4, 2, "bob", gen_ai__input__messages=json.dumps([user(NOTE)])),
        span(5, 4, gen_ai__operation__name="chat"),
    ]
    graph = graph_of(*spans)
    handoff = only(graph)
    assert payload(handoff, "received") == NOTE
    assert handoff.received_by is not None
    assert number(graph, handoff.received_by) == 4


def test_an_agent_inside_of_an_agent_was_called_by_it() -> None:
    """Without a tool between, the caller's last words before are what it sent."""
    graph = graph_of(
        agent(0, None, "boss", length_ms=900),
        model(1, 0, asks=[user(TICKET)], says=[said(NOTE)]),
        agent(2, 0, "bob"),
        model(3, 2, asks=[user(f"Your task: {NOTE}")]),
    )
    handoff = only(graph)
    assert (handoff.rule, handoff.mode) == ("agent_under_agent", "return_to_caller")
    assert payload(handoff, "sent") == NOTE
    assert payload(handoff, "received") == f"Your task: {NOTE}"
    assert not handoff.mechanical


def test_an_agent_emitted_twice_is_handed_over_to_once() -> None:
    """Wrappers of one agent are one receiver."""
    spans = transfer({"note": NOTE}, [])
    spans[4] = agent(40, 4, "bob")
    graph = graph_of(*spans, model(50, 40, asks=[user(NOTE)]))
    assert route(graph) == [("ann", "bob", "handoff_tool")]
    assert number(graph, graph.handoffs[0].receiver or 0) == 4


def test_back_and_forth_is_as_many_handoffs() -> None:
    """Each activation is received once, in order: ann, bob, ann, bob."""
    spans = [span(0, length_ms=9_000, name="desk")]
    for turn, (sender, receiver) in enumerate([("ann", "bob"), ("bob", "ann"), ("ann", "bob")]):
        first = 1 + 10 * turn
        spans += [
            agent(first, 0, sender),
            model(first + 1, first, says=[call(f"transfer_to_{receiver}", {}, f"c{turn}")]),
            tool(first + 2, first, f"transfer_to_{receiver}", call_id=f"c{turn}"),
        ]
    spans += [agent(31, 0, "bob"), model(32, 31, asks=[user(TICKET)])]
    graph = graph_of(*spans)
    assert [(h.from_agent, h.to_agent) for h in graph.handoffs] == [
        ("ann", "bob"),
        ("bob", "ann"),
        ("ann", "bob"),
    ]
    receivers = [number(graph, h.receiver or 0) for h in graph.handoffs]
    assert receivers == [11, 21, 31]
    assert len({h.span_id for h in graph.handoffs}) == 3


def test_going_back_to_an_agent_that_still_runs_leads_to_it() -> None:
    """A transfer to an agent that is under way needs no new activation."""
    graph = graph_of(
        agent(0, None, "boss", length_ms=900),
        model(1, 0, asks=[user(TICKET)]),
        agent(2, 0, "bob", length_ms=100),
        tool(3, 2, "transfer_back_to_boss"),
        model(40, 0, asks=[user(TICKET)]),
    )
    back = graph.handoffs[-1]
    assert (back.from_agent, back.to_agent, back.mode) == ("bob", "boss", "return_to_caller")
    assert back.receiver is not None
    assert number(graph, back.receiver) == 0


def test_a_transfer_to_nobody_is_a_handoff_without_receiver() -> None:
    """A framework's own tool with an agent's name that nobody has: told, for the detectors."""
    graph = graph_of(
        agent(0, None, "ann"), tool(1, 0, "transfer_to_agent", arguments={"agent_name": "ghost"})
    )
    handoff = only(graph)
    assert (handoff.to_agent, handoff.receiver, handoff.received) == ("ghost", None, None)
    assert of_type(graph, "handoff") == []


def test_a_delegation_without_an_agent_span_is_a_handoff_too() -> None:
    """The delegated agent may have no span; its tools below the delegation are its own."""
    graph = graph_of(
        agent(0, None, "ann"),
        tool(
            1,
            0,
            "Delegate work to coworker",
            arguments={"coworker": "bob", "task": "look", "context": NOTE},
            result="found",
        ),
        tool(2, 1, "look"),
    )
    handoff = only(graph)
    assert (handoff.to_agent, handoff.mode, handoff.receiver) == ("bob", "return_to_caller", None)
    assert graph.owner == ("ann", "ann", "bob")
    assert step_of(graph, 2).tool == "look"


def test_moving_money_is_no_handoff() -> None:
    """A tool whose name merely looks like a transfer is a tool."""
    graph = graph_of(
        agent(0, None, "ann"),
        model(1, 0, says=[call("transfer_to_savings", {"amount": 5}, "c1")]),
        tool(2, 0, "transfer_to_savings", arguments={"amount": 5}, call_id="c1"),
    )
    assert route(graph) == []


def linked(*, direct: bool) -> list[Span]:
    """Return a workflow in which messages start agents; ``direct``, or through a merging step."""
    trace = "a" * 32
    spans = [
        span(0, name="workflow.run", length_ms=900),
        span(1, 0, name="process ann"),
        agent(2, 1, "ann"),
        model(3, 2, asks=[user(TICKET)], says=[said(NOTE)]),
        span(4, 1, name="message.send"),
    ]
    source = 4
    if not direct:
        spans += [
            span(5, 0, name="process merge", links=[(trace, 4)]),
            span(6, 5, name="message.send"),
        ]
        source = 6
    return [
        *spans,
        span(7, 0, name="process bob", links=[(trace, source)]),
        agent(8, 7, "bob"),
        model(9, 8, asks=[user(NOTE)]),
    ]


@pytest.mark.parametrize(("direct", "performed_by"), [(True, None), (False, 5)])
def test_links_lead_to_the_sender(*, direct: bool, performed_by: int | None) -> None:
    """A message's link joins two agents, also through a step that belongs to neither."""
    graph = graph_of(*linked(direct=direct))
    handoff = only(graph)
    assert (handoff.from_agent, handoff.to_agent, handoff.rule) == ("ann", "bob", "link_edge")
    found = handoff.performed_by
    assert (None if found is None else number(graph, found)) == performed_by
    assert payload(handoff, "sent") == payload(handoff, "received") == NOTE
    assert handoff.mechanical is not direct


def test_agents_in_a_row_are_a_weak_handoff() -> None:
    """One agent after the other under one parent, and nothing else to tell how."""
    graph = graph_of(
        span(0, length_ms=900, name="pipeline"),
        agent(1, 0, "ann"),
        model(2, 1, asks=[user(TICKET)], says=[said(NOTE)], start_ms=11, length_ms=2),
        agent(3, 0, "bob"),
        model(4, 3, asks=[user(NOTE)]),
    )
    handoff = only(graph)
    assert (handoff.rule, handoff.mode) == ("sibling_sequence", "pass_control")
    assert handoff.confidence < 0.5
    assert payload(handoff, "sent") == payload(handoff, "received") == NOTE


@pytest.mark.parametrize(("first_ms", "handoffs"), [(10, 1), (11, 0)])
def test_beginnings_cut_to_milliseconds_do_not_hide_a_row(first_ms: int, handoffs: int) -> None:
    """An end between two ticks came before the next beginning, unless both began in one tick."""
    ann = agent(1, 0, "ann", start_ms=first_ms, length_ms=1)
    graph = graph_of(
        span(0, length_ms=900, name="pipeline"),
        msgspec.structs.replace(ann, end_ns=BASE_NS + 11 * MS + 456_789),
        agent(2, 0, "bob", start_ms=11),
    )
    assert len(route(graph)) == handoffs


def test_agents_side_by_side_hand_nothing_over() -> None:
    """Agents that run at the same time do not receive from each other."""
    graph = graph_of(
        span(0, length_ms=900, name="fan-out"),
        agent(1, 0, "ann", length_ms=100),
        model(2, 1),
        agent(3, 0, "bob", length_ms=100),
        model(4, 3),
    )
    assert route(graph) == []


def test_a_derived_handoff_has_a_stable_id() -> None:
    """The id hangs on the two spans alone: it is the same whenever the run is built."""
    one, two = only(graph_of(*delegated(NOTE))), only(graph_of(*reversed(delegated("Other."))))
    assert one.span_id == two.span_id
    assert len(one.span_id) == 16
    assert int(one.span_id, 16)
