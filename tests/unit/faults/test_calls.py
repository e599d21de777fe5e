"""The calls of a run, and what could be known before a handoff."""

from __future__ import annotations

import msgspec
import pytest

from blame_fixtures import RunBuilder, payload
from causewatch.faults.calls import Run, calls_of
from causewatch.faults.earlier import MAX_EARLIER_COUNT, Library
from causewatch.faults.sources import prompts_of, said_in
from causewatch.model.graph import CausalGraph
from causewatch.model.step import (
    Message,
    OtherPart,
    StepKind,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)


def run_of(graph: CausalGraph) -> Run:
    """Return a run as the detectors see it."""
    return Run(graph=graph, calls=calls_of(graph))


KINDS: list[tuple[str, StepKind, bool, bool]] = [
    ("send_mail", "tool", True, False),
    ("get_mail", "tool", False, False),
    ("manual", "retrieval", False, False),
    ("final_answer", "tool", False, True),
]


@pytest.mark.parametrize(("tool", "kind", "acts", "answers"), KINDS)
def test_calls_know_what_they_are(tool: str, kind: StepKind, acts: bool, answers: bool) -> None:
    """A call acts, looks or answers, as far as its kind and name tell."""
    run = RunBuilder()
    index = run.call(tool, {"n": 1}, [1], kind=kind)
    (call,) = calls_of(run.graph())
    assert (call.index, call.acts, call.answers) == (index, acts, answers)
    assert (call.agent, call.delegates) == ("front", False)


def test_a_transfer_delegates_and_does_not_act() -> None:
    """The tool that performs a handoff is no act, whatever its name."""
    run = RunBuilder()
    index = run.hand_over("back", {"task": "x"})
    (call,) = calls_of(run.graph())
    assert (call.index, call.delegates, call.acts) == (index, True, False)


def test_arguments_have_one_key() -> None:
    """Arguments that are equal as JSON have one key; none have the empty one."""
    run = RunBuilder()
    run.call("a", {"x": 1, "y": 2}, 1)
    run.call("a", {"y": 2.0, "x": 1}, 1)
    run.call("a", None, 1)
    first, second, none = calls_of(run.graph())
    assert first.arguments_key == second.arguments_key != ""
    assert none.arguments_key == ""


def test_an_agent_between_makes_two_calls() -> None:
    """A tool below an agent below a tool of the same name is another call."""
    run = RunBuilder()
    outer = run.call("ask", {"n": 1}, {"a": 1})
    inner_agent = run.agent("deep", "x", parent=outer)
    run._add("tool", "ask", inner_agent, tool="ask", result=payload({"a": 1}))
    assert len(calls_of(run.graph())) == 2


def test_other_call_ids_are_other_calls() -> None:
    """Nested spans with different call ids are different calls."""
    run = RunBuilder()
    outer = run.call("ask", {"n": 1}, {"a": 1})
    run._add("tool", "ask", outer, tool="ask", call_id="other", result=payload({"a": 1}))
    assert len(calls_of(run.graph())) == 2


def test_a_client_and_a_server_span_with_one_result_are_one_call() -> None:
    """Nested spans under other names with the same result record one call."""
    run = RunBuilder()
    outer = run.call("ask", {"n": 1}, {"a": 1})
    run._add("tool", "tools/call", outer, tool="", result=payload({"a": 1}))
    (call,) = calls_of(run.graph())
    assert call.index == len(run.steps) - 1


def test_the_library_knows_what_was_there_in_time() -> None:
    """Prompts, results and other agents' words count from when they were there."""
    run = RunBuilder("Compare the offers of both insurers.")
    run.call("get_offers", {"n": 1}, {"note": "offer one"})
    run.hand_over("back", {"task": "x"}, "x")
    run.call("get_more", {"n": 1}, {"note": "offer two"})
    graph = run.graph()
    steps = (msgspec.structs.replace(graph.steps[0], output=payload("own words")), *graph.steps[1:])
    graph = msgspec.structs.replace(graph, steps=steps)
    known = {each.text for each in Library(run_of(graph)).before(graph.handoffs[0])}
    assert {"Compare the offers of both insurers.", "offer one"} <= known
    assert "offer two" not in known
    assert "own words" not in known


def test_the_library_is_bounded() -> None:
    """Of very many texts only the latest are looked at."""
    run = RunBuilder()
    for n in range(MAX_EARLIER_COUNT + 50):
        run.history.clear()
        run.call("get_a", {"n": n}, f"text number {n}")
    run.hand_over("back", {"task": "x"}, "x")
    graph = run.graph()
    known = [each.text for each in Library(run_of(graph)).before(graph.handoffs[0])]
    assert f"text number {MAX_EARLIER_COUNT + 49}" in known
    assert "text number 0" not in known


def test_prompts_count_once_at_their_first_step() -> None:
    """Every model step repeats the conversation; a prompt is one text all the same."""
    run = RunBuilder("Please look into it.")
    run.say("one")
    run.say("two")
    (prompt,) = prompts_of(run.graph())
    assert (prompt.text, prompt.step) == ("Please look into it.", 1)


def test_all_that_a_message_says() -> None:
    """Texts, arguments and results of a message are said; other parts are not text."""
    message = Message(
        role="assistant",
        parts=(
            TextPart(content="a"),
            ToolCallPart(id="1", name="x", arguments={"b": ["c", 1]}),
            ToolResultPart(id="1", result="d"),
            OtherPart(type="image", content="e"),
        ),
    )
    assert list(said_in(message)) == ["a", "c", "d"]
