"""Detectors that compare steps with each other: what each sees, and what it must not see."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from blame_fixtures import RunBuilder
from causewatch.faults.asked import calls_by_id
from causewatch.faults.branches import MAX_GROUPS_COUNT, groups_of
from causewatch.faults.calls import Run, calls_of
from causewatch.faults.changed_fact import detect_changed_fact
from causewatch.faults.flattened import detect_flattened
from causewatch.faults.out_of_order import detect_out_of_order
from causewatch.faults.outcome import answer_text, final_answer, outcomes_of
from causewatch.faults.timeline import Timeline, sees_all, text_of
from causewatch.faults.ungrounded import MAX_FAULTS_COUNT, detect_ungrounded
from causewatch.faults.unused_result import detect_unused_result
from causewatch.model.graph import CausalGraph
from causewatch.model.step import (
    Message,
    OtherPart,
    Step,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

ORDER = {"article": "DR-77120", "count": 40, "price": 118.45}


def run_of(graph: CausalGraph) -> Run:
    """Return a run as the detectors get it."""
    return Run(graph=graph, calls=calls_of(graph))


def changed(graph: CausalGraph, index: int, **fields: Any) -> CausalGraph:
    """Return a graph with one of its steps changed."""
    steps = list(graph.steps)
    steps[index] = msgspec.structs.replace(steps[index], **fields)
    return msgspec.structs.replace(graph, steps=tuple(steps))


def paid(amount: Any, found: Any = 318.45, prompt: str = "Settle the claim.") -> RunBuilder:
    """Return a run that looks a claim up and pays an amount."""
    run = RunBuilder(prompt)
    run.call("fetch_claim", {"who": "bakery"}, {"claim": "WD-40127", "covered": found})
    run.call("pay_claim", {"claim": "WD-40127", "amount": amount}, {"ok": True})
    run.say("Settled.")
    return run


# ---- changed_fact


@pytest.mark.parametrize(
    ("amount", "how"),
    [
        (3184.5, "the decimal point moved"),
        (381.45, "two digits swapped"),
        ("318.15", "one digit changed"),
    ],
)
def test_a_model_that_changes_a_number(amount: Any, how: str) -> None:
    """The fault is on the model step that wrote it, and names the act that took it."""
    (fault,) = detect_changed_fact(run_of(paid(amount).graph()))
    assert (fault.name, fault.step, fault.at, fault.induced) == ("changed_fact", 3, "output", 4)
    assert how in fault.reason
    assert "“318.45” became" in fault.reason


@pytest.mark.parametrize("amount", [318.45, "318,45", 318, 31845, 636.9, 300, None])
def test_an_amount_that_is_explained(amount: Any) -> None:
    """The same, rounded, in cents, doubled, or another one altogether."""
    assert list(detect_changed_fact(run_of(paid(amount).graph()))) == []


@pytest.mark.parametrize(
    ("found", "amount"),
    [([318.45, 3184.5], 3184.5), ([318.45, 318.65], 318.55), ([318.45, 10], 3184.5)],
)
def test_a_number_with_two_explanations(found: Any, amount: float) -> None:
    """It stood before, it may stem from either of two, or it can be reckoned."""
    assert list(detect_changed_fact(run_of(paid(amount, found).graph()))) == []


def test_whole_numbers_differ_by_a_digit() -> None:
    """Counts and line numbers do; only sums of money are held to their digits."""
    assert list(detect_changed_fact(run_of(paid(41203, 41207).graph()))) == []


def test_a_model_that_may_have_seen_more() -> None:
    """Messages that were cut, and pictures in them, may have told the number."""
    graph = paid(3184.5).graph()
    assert list(detect_changed_fact(run_of(changed(graph, 3, messages_cut=True)))) == []
    picture = Message(role="user", parts=(OtherPart(type="image", content="iVBOR"),))
    seen = (*graph.steps[3].input_messages, picture)
    assert list(detect_changed_fact(run_of(changed(graph, 3, input_messages=seen)))) == []


def test_an_answer_is_less_sure_than_an_act() -> None:
    """People may see that an answer is wrong."""
    run = RunBuilder("What is covered?")
    run.call("fetch_claim", {"who": "bakery"}, {"covered": 318.45})
    run.say("Covered are 3184.50.")
    (fault,) = detect_changed_fact(run_of(run.graph()))
    (acted,) = detect_changed_fact(run_of(paid(3184.5).graph()))
    assert fault.confidence < acted.confidence


def test_an_answer_that_names_both_is_no_slip() -> None:
    """Who tells the original as well knows what they do."""
    run = RunBuilder("What is covered?")
    run.call("fetch_claim", {"who": "bakery"}, {"covered": 318.45})
    run.say("Covered are 318.45, in the old currency 3184.50.")
    assert list(detect_changed_fact(run_of(run.graph()))) == []


def test_a_failed_act_harms_nobody() -> None:
    """A slip that the tool refuses comes to nothing."""
    run = RunBuilder("Settle it.")
    run.call("fetch_claim", {"who": "bakery"}, {"claim": "WD-40127"})
    run.call("pay_claim", {"claim": "WD-40172"}, {"error": "no such claim"})
    run.say("Could not be settled.")
    assert list(detect_changed_fact(run_of(run.graph()))) == []


@pytest.mark.parametrize("performed", [True, False])
def test_a_handoff_that_changes_a_number(*, performed: bool) -> None:
    """It is seen on the step that performed the handoff, else on the receiver."""
    run = RunBuilder("Pay what is due.")
    sent = {"task": "Pay the invoice IN-40127 of 318.45 EUR to the printer."}
    got = "Pay the invoice IN-40127 of 3184.5 EUR to the printer."
    place = run.hand_over("payer", sent, got, performed=performed)
    run.call("send_payment", {"invoice": "IN-40127", "amount": 3184.5}, {"ok": True})
    run.say("Paid.")
    (fault,) = detect_changed_fact(run_of(run.graph()))
    assert (fault.step, fault.handoff) == (place, 0)
    assert fault.at == ("output" if performed else "input")


# ---- flattened


def ordered(received: Any, act: Any = None, sent: Any = None) -> RunBuilder:
    """Return a run that hands an order over and places it."""
    run = RunBuilder("Order the seals DR-77120.")
    run.hand_over("buyer", {"order": ORDER} if sent is None else sent, received)
    run.call("place_order", act or {"article": "DR-77120", "count": 40}, {"ok": True})
    run.say("Ordered.")
    return run


@pytest.mark.parametrize(
    ("received", "says"),
    [
        ("Order: [object Object]", "arrived as"),
        ("Order: <Order object at 0x7f3a1c2b>", "arrived as"),
        ("Order: {...}, members: article, count", "arrived as"),
        ("article: DR-77120, count: 40, price: None", "member “price”"),
        ("article=DR-77120 count=undefined price=118.45", "member “count”"),
        ("Please order DR-77120.", "without 1 of"),
    ],
)
def test_an_order_that_lost_something(received: str, says: str) -> None:
    """A placeholder, a blank, a member that is not there."""
    sent = {"order": {**ORDER, "to": "hall nine"}} if "without" in says else None
    faults = list(detect_flattened(run_of(ordered(received, sent=sent).graph())))
    assert len(faults) == 1
    assert says in faults[0].reason or "without 2 of" in faults[0].reason


@pytest.mark.parametrize(
    "received",
    [
        "same",
        None,
        "article: DR-77120\ncount: 40\nprice: 118.45",
        "Order {'article': 'DR-77120', 'count': 40, 'price': 118.45}",
        '{"order": {"article": "DR-77120", "count": 40, "price": 118.45}}',
        "Please buy 40 of DR-77120 at 118,45 each.",
        "Go on with the seals.",
    ],
)
def test_an_order_that_lost_nothing(received: Any) -> None:
    """How an object is written is its writer's affair; where nothing is, it went elsewhere."""
    assert list(detect_flattened(run_of(ordered(received).graph()))) == []


@pytest.mark.parametrize(
    ("received", "confidence"),
    [("DR-77120 118.45 40", 0.75), ("article DR-77120, count 40, price 118.45", 0.55)],
)
def test_an_order_whose_members_were_mixed_up(received: str, confidence: float) -> None:
    """The receiver ordered the price; where the text names the members it may have misread it."""
    act = {"article": "DR-77120", "count": 118.45}
    (fault,) = detect_flattened(run_of(ordered(received, act).graph()))
    assert fault.confidence == confidence
    assert "took “118.45” for its “count”" in fault.reason


def test_json_in_a_text_was_misread_by_its_reader() -> None:
    """An object written as JSON lost nothing; what is done with it is the model's doing."""
    received = 'Do this: {"article": "DR-77120", "count": 40, "price": 118.45}'
    act = {"article": "DR-77120", "count": 118.45}
    assert list(detect_flattened(run_of(ordered(received, act).graph()))) == []


# ---- unused_result


def both(*shown: int, results: tuple[Any, Any] | None = None) -> RunBuilder:
    """Return a run with two parallel calls, of which the next model turn is shown some."""
    run = RunBuilder("Settle the claim if it is no fraud.")
    first, second = results or ({"claim": "WD-40127"}, {"score": 0.931, "review": "RV-2210"})
    parts = (
        ToolCallPart(id="c1", name="fetch_claim", arguments={"who": "x"}),
        ToolCallPart(id="c2", name="check_fraud", arguments={"who": "x"}),
    )
    turn = run.model(*parts)
    for part, result in zip(parts, (first, second), strict=True):
        step = run.tool(part, result)
        run.link(turn, step)
        if step - turn - 1 in shown:
            answer = ToolResultPart(id=part.id, name=part.name, result=result)
            run.history.append(Message(role="tool", parts=(answer,)))
            run.link(step, turn + 3)
    run.call("pay_claim", {"claim": "WD-40127"}, {"ok": True})
    run.say("Settled.")
    return run


def test_a_parallel_result_that_is_not_shown() -> None:
    """The fault is on the call whose result was dropped, and names the act that went on."""
    (fault,) = detect_unused_result(run_of(both(0).graph()))
    assert (fault.step, fault.induced) == (3, 5)
    assert "what check_fraud came to reached no later step" in fault.reason


@pytest.mark.parametrize("shown", [(0, 1), ()])
def test_all_or_none_are_shown(shown: tuple[int, ...]) -> None:
    """Where no branch is shown, nobody joined them."""
    assert list(detect_unused_result(run_of(both(*shown).graph()))) == []


@pytest.mark.parametrize(
    "result", [{"error": "down"}, {}, "", [], {"status": "pending"}, "still running"]
)
def test_a_branch_with_nothing_to_tell(result: Any) -> None:
    """It failed, found nothing, or is not done."""
    run = both(0, results=({"claim": "WD-40127"}, result))
    assert list(detect_unused_result(run_of(run.graph()))) == []


def test_a_join_that_may_have_seen_more() -> None:
    """Where the input of the join was cut, nothing can be said."""
    graph = both(0).graph()
    assert list(detect_unused_result(run_of(changed(graph, 4, messages_cut=True)))) == []


def test_many_groups_are_looked_at_up_to_a_limit() -> None:
    """A run with thousands of parallel calls is not looked at to the end."""
    run = RunBuilder("Go.")
    for number in range(MAX_GROUPS_COUNT + 5):
        parts = [
            ToolCallPart(id=f"{number}-{i}", name="read", arguments={"n": i}) for i in range(2)
        ]
        turn = run.model(*parts)
        for part in parts:
            run.link(turn, run.tool(part, {"n": 1}))
    assert len(list(groups_of(run_of(run.graph())))) == MAX_GROUPS_COUNT


# ---- out_of_order


def read_twice(first: Any, second: Any, act: Any, arguments: Any = None) -> CausalGraph:
    """Return a run that reads one thing twice, and then acts."""
    run = RunBuilder("Pay the invoice IN-40127.")
    run.call("read_invoice", {"invoice": "IN-40127"}, first)
    run.call("load_invoice", arguments or {"invoice": "IN-40127"}, second)
    run.call("send_payment", act, {"ok": True})
    run.say("Paid.")
    return run.graph()


NEW = {"invoice": "IN-40127", "version": 4, "total": 318.45, "payee": "Halden AS"}
OLD = {"invoice": "IN-40127", "version": 3, "total": 441.2, "payee": "Halden AS"}


def test_an_older_state_after_a_newer_one() -> None:
    """The fault is on the step that brought the older state."""
    graph = read_twice(NEW, OLD, {"amount": 441.2})
    (fault,) = detect_out_of_order(run_of(graph))
    assert (fault.step, fault.at, fault.induced) == (4, "output", 6)
    assert "got “3” after “4” of the same thing, and went by its “441.2”" in fault.reason


@pytest.mark.parametrize(
    ("first", "second", "act", "arguments"),
    [
        (OLD, NEW, {"amount": 318.45}, None),
        (NEW, OLD, {"amount": 318.45}, None),
        (NEW, OLD, {"amount": 500}, None),
        (NEW, OLD, {"payee": "Halden AS"}, None),
        (NEW, OLD, {"amount": 441.2, "not": 318.45}, None),
        (NEW, OLD, {"amount": 441.2}, {"invoice": "IN-40127", "version": 3}),
        (NEW, {**OLD, "invoice": "IN-50931"}, {"amount": 441.2}, None),
        (NEW, {**OLD, "total": 318.45}, {"amount": 318.45}, None),
        ([NEW, OLD], [OLD, NEW], {"amount": 441.2}, None),
        ("Version 4 of it", "Version 3 of it", {"amount": 441.2}, None),
    ],
)
def test_states_in_order_or_not_acted_on(first: Any, second: Any, act: Any, arguments: Any) -> None:
    """In order, not used, used knowingly, asked for, or of two things."""
    assert list(detect_out_of_order(run_of(read_twice(first, second, act, arguments)))) == []


# ---- ungrounded


def test_an_id_that_nothing_told() -> None:
    """An act on an id that stands nowhere is a finding, too weak for a verdict."""
    run = RunBuilder("Pay the open invoice.")
    run.call("send_payment", {"invoice": "IN-40127"}, {"ok": True})
    (fault,) = detect_ungrounded(run_of(run.graph()))
    assert (fault.step, fault.at) == (2, "input")
    assert fault.confidence < 0.4


def test_an_id_in_place_of_the_one_that_was_told() -> None:
    """Acting on a made-up id where one of its form was told is worth a verdict."""
    run = RunBuilder("Pay the open invoice IN-50931.")
    run.call("send_payment", {"invoice": "IN-40127"}, {"ok": True})
    (fault,) = detect_ungrounded(run_of(run.graph()))
    assert (fault.step, fault.at, fault.induced) == (1, "output", 2)
    assert fault.confidence > 0.5
    assert "“IN-40127”, which nothing told, where it was told “IN-50931”" in fault.reason


@pytest.mark.parametrize(
    ("prompt", "arguments", "result"),
    [
        ("Pay IN-50931 or IN-60722.", {"invoice": "IN-40127"}, {"ok": True}),
        ("Pay IN-50931.", {"invoice": "IN-40127", "not": "IN-50931"}, {"ok": True}),
        ("Pay IN-50931.", {"note": "for IN-40127 then"}, {"ok": True}),
        ("Pay IN-50931.", {"invoice": "IN-40127"}, {"error": "no such invoice"}),
        ("Pay RX-50931.", {"invoice": "IN-40127"}, {"ok": True}),
    ],
)
def test_a_made_up_id_that_stands_in_nobody_s_place(
    prompt: str, arguments: Any, result: Any
) -> None:
    """Several were told, the told one stands beside it, it is in a text, refused, of other form."""
    run = RunBuilder(prompt)
    run.call("send_payment", arguments, result)
    faults = list(detect_ungrounded(run_of(run.graph())))
    assert [fault.confidence < 0.4 for fault in faults] == [True]


@pytest.mark.parametrize(
    ("prompt", "tool", "arguments"),
    [
        ("Pay IN-40127.", "send_payment", {"invoice": "in-40127"}),
        ("Pay number 40127.", "send_payment", {"invoice": "IN-40127"}),
        ("The last one was IN-40126.", "send_payment", {"invoice": "IN-40127"}),
        ("Pay IN-40172.", "send_payment", {"invoice": "IN-40127"}),
        ("Make an invoice.", "create_invoice", {"invoice": "IN-40127"}),
        ("Look for it.", "read_invoice", {"invoice": "IN-40127"}),
        ("Pay 5.", "send_payment", {"invoice": "A-5", "amount": 77120}),
    ],
)
def test_an_id_that_is_explained(prompt: str, tool: str, arguments: Any) -> None:
    """It was told, follows from one that was, is a slip of one, is new, is only looked for."""
    run = RunBuilder(prompt)
    run.call(tool, arguments, {"ok": True})
    assert list(detect_ungrounded(run_of(run.graph()))) == []


@pytest.mark.parametrize(
    ("attributes", "count"),
    [
        ({"gen_ai.tool.definitions": '[{"name": "read_stock"}]'}, 1),
        ({"llm.tools.0.tool.json_schema": '{"name": "read_stock"}'}, 1),
        ({"ai.prompt.tools": ['{"name": "read_stock"}']}, 1),
        ({"gen_ai.tool.definitions": '[{"name": "place_order"}]'}, 0),
        ({"gen_ai.output.messages": "a tool.definition"}, 0),
        ({}, 0),
    ],
)
def test_a_tool_that_was_not_offered(attributes: dict[str, Any], count: int) -> None:
    """Only where a model step tells its tools can one be missing among them."""
    run = RunBuilder("Order DR-77120.")
    run.call("place_order", {"article": "DR-77120"}, {"ok": True})
    graph = run.graph()
    span = msgspec.structs.replace(graph.steps[1].span, attributes=attributes)
    found = list(detect_ungrounded(run_of(changed(graph, 1, span=span))))
    assert [fault.step for fault in found] == [1] * count


def test_findings_are_limited() -> None:
    """A run that makes up hundreds of ids says so a few times."""
    run = RunBuilder("Go.")
    for number in range(MAX_FAULTS_COUNT + 5):
        run.call("send_payment", {"invoice": f"{chr(65 + number)}N-{40127 + 1111 * number}"}, {})
    assert len(list(detect_ungrounded(run_of(run.graph())))) == MAX_FAULTS_COUNT


# ---- what they share


def test_a_timeline_holds_each_text_once() -> None:
    """In order of time, with the step that shows it first."""
    timeline = Timeline(paid(318.45).graph())
    texts = [content.text for content in timeline.contents]
    assert len(texts) == len(set(texts))
    assert texts[0] == "Settle the claim."
    first = timeline.contents[timeline.first["WD-40127"]]
    assert (first.side, first.step) == ("found", 2)
    assert timeline.stands_before("wd-40127", len(texts))
    assert not timeline.stands_before("WD-40127", 1)


def test_a_call_inside_of_its_model_step_comes_after_its_words() -> None:
    """Some spans of models last until their tools are done."""
    graph = paid(3184.5).graph()
    late = msgspec.structs.replace(graph.steps[3].span, end_ns=graph.steps[4].span.end_ns + 1)
    first = Timeline(changed(graph, 3, span=late)).first["3184.5"]
    assert Timeline(graph).contents[first].side == "said"


@pytest.mark.parametrize(
    ("value", "text"),
    [("as it is", "as it is"), ({"a": [1, "b", None, True]}, "1\nb"), (None, ""), (2.5, "2.5")],
)
def test_a_value_as_text(value: Any, text: str) -> None:
    """Its scalars, one a line."""
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("parts", "sees"),
    [
        ((TextPart(content="x"),), True),
        ((OtherPart(type="text", content=""),), True),
        ((OtherPart(type="reasoning", content="hm"),), True),
        ((OtherPart(type="file", content="a.pdf"),), False),
        ((), False),
    ],
)
def test_whether_a_model_s_input_is_known(parts: tuple[Any, ...], *, sees: bool) -> None:
    """Texts are known; what a file told is not."""
    messages = (Message(role="user", parts=parts),) if parts else ()
    step = paid(1).graph().steps[1]
    assert sees_all(msgspec.structs.replace(step, input_messages=messages)) is sees


@pytest.mark.parametrize(
    ("attributes", "sees"),
    [
        ({"gen_ai.openai.request.previous_response_id": "resp_1"}, False),
        ({"gen_ai.openai.request.previous_response_id": ""}, True),
        ({"llm.invocation_parameters": '{"previous_response_id": "resp_1"}'}, False),
        ({"llm.invocation_parameters": '{"previous_response_id": null}'}, True),
    ],
)
def test_a_model_that_goes_on_from_an_earlier_response(
    attributes: dict[str, Any], *, sees: bool
) -> None:
    """The provider keeps what was said before, and no span shows it."""
    step = paid(1).graph().steps[1]
    span = msgspec.structs.replace(step.span, attributes=attributes)
    assert sees_all(msgspec.structs.replace(step, span=span)) is sees


def test_calls_without_an_id_of_their_own() -> None:
    """The step that the graph pairs with the model's call answers its id."""
    graph = both(0, 1).graph()
    for index in (2, 3):
        graph = changed(graph, index, call_id="")
    found = calls_by_id(run_of(graph))
    assert {call_id: call.index for call_id, call in found.items()} == {
        "c1": 2,
        "c2": 3,
        graph.steps[5].call_id: 5,
    }


def test_what_came_of_a_run() -> None:
    """Acts, handoffs and the answer in order of time."""
    run = RunBuilder("Order.")
    run.call("read_stock", {"hall": 3}, {"left": 4})
    run.hand_over("buyer", {"task": "Order forty of DR-77120 please."})
    run.call("place_order", {"article": "DR-77120"}, {"ok": True})
    run.say("Ordered.")
    graph = run.graph()
    assert [each.kind for each in outcomes_of(run_of(graph))] == ["handoff", "act", "answer"]
    last = final_answer(graph)
    assert last is not None
    assert answer_text(graph, last) == "Ordered."


def test_no_run_is_too_empty() -> None:
    """A run without steps, and one without content, have nothing to find."""
    graph = RunBuilder("").graph()
    bare: tuple[Step, ...] = ()
    for each in (graph, msgspec.structs.replace(graph, steps=bare, owner=(), parent=())):
        run = run_of(each)
        for detector in (
            detect_changed_fact,
            detect_flattened,
            detect_unused_result,
            detect_out_of_order,
            detect_ungrounded,
        ):
            assert list(detector(run)) == []
