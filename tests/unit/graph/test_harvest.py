"""Tool spans without content get it from the messages that show the same call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.model.span import Span
from causewatch.model.step import Payload
from graph_fixtures import agent, answer, asked, call, graph_of, model, span, step_of, tool


def event(number: int, kind: str, content: list[Any]) -> Span:
    """Return the span of a runtime that processes one event of an agent."""
    message = {"message": {"source": "ann", "type": kind, "content": content}}
    return span(
        number,
        None,
        name="autogen process ann",
        scope="autogen SingleThreadedAgentRuntime",
        message=json.dumps(message),
    )


def requested(number: int, call_id: str, name: str, arguments: Any) -> Span:
    """Return the event of an agent that asks for a tool."""
    content = [{"id": call_id, "arguments": json.dumps(arguments), "name": name}]
    return event(number, "ToolCallRequestEvent", content)


def executed(number: int, call_id: str, name: str, result: str) -> Span:
    """Return the event of a tool that has run."""
    content = [{"content": result, "name": name, "call_id": call_id, "is_error": False}]
    return event(number, "ToolCallExecutionEvent", content)


def value_of(payload: Payload | None) -> Any:
    """Return what a payload holds."""
    assert payload is not None
    return payload.value


def test_a_runtimes_events_tell_what_its_tool_spans_lack() -> None:
    """An agent runtime passes calls and answers as events; the call id joins them to the span."""
    graph = graph_of(
        requested(1, "c1", "look", {"row": 4}),
        tool(2, None, "look", call_id="c1"),
        executed(3, "c1", "look", '{"grafts": 12}'),
    )
    step = step_of(graph, 2)
    assert value_of(step.arguments) == {"row": 4}
    assert value_of(step.result) == {"grafts": 12}


def test_a_later_history_tells_what_a_tool_answered() -> None:
    """What the next model call repeats fills a tool span that records neither side."""
    graph = graph_of(
        agent(0, None, "ann"),
        model(1, 0, says=[call("look", {"row": 4}, "c1")]),
        tool(2, 0, "look", call_id="c1"),
        model(3, 0, asks=[asked(call("look", {"row": 4}, "c1")), answer("c1", {"grafts": 12})]),
    )
    step = step_of(graph, 2)
    assert value_of(step.arguments) == {"row": 4}
    assert value_of(step.result) == {"grafts": 12}


def test_what_the_tool_span_says_itself_stays() -> None:
    """A message fills gaps only; what is recorded at the tool is the better witness."""
    graph = graph_of(
        requested(1, "c1", "look", {"row": 5}),
        tool(2, None, "look", call_id="c1", arguments={"row": 4}),
        executed(3, "c1", "look", "twelve"),
    )
    step = step_of(graph, 2)
    assert value_of(step.arguments) == {"row": 4}
    assert value_of(step.result) == "twelve"


def test_an_id_used_twice_is_told_apart_by_time() -> None:
    """A runtime that counts its calls anew each turn gives two calls one id."""
    graph = graph_of(
        requested(1, "c1", "look", {"row": 1}),
        tool(2, None, "look", call_id="c1", length_ms=1),
        executed(20, "c1", "look", "one"),
        requested(40, "c1", "look", {"row": 2}),
        tool(60, None, "look", call_id="c1", length_ms=1),
        executed(80, "c1", "look", "two"),
    )
    first, second = step_of(graph, 2), step_of(graph, 60)
    assert (value_of(first.arguments), value_of(first.result)) == ({"row": 1}, "one")
    assert (value_of(second.arguments), value_of(second.result)) == ({"row": 2}, "two")


def test_an_id_used_twice_is_told_apart_by_the_tools_name() -> None:
    """Parallel calls of two agents may bear one id."""
    graph = graph_of(
        requested(1, "c1", "look", {"row": 1}),
        requested(2, "c1", "weigh", {"box": 2}),
        tool(3, None, "look", call_id="c1"),
        tool(4, None, "weigh", call_id="c1"),
        executed(5, "c1", "weigh", "2 kg"),
        executed(6, "c1", "look", "one"),
    )
    assert value_of(step_of(graph, 3).result) == "one"
    assert value_of(step_of(graph, 4).arguments) == {"box": 2}


def test_an_answer_from_before_the_tool_ran_is_not_its_answer() -> None:
    """Where the second of two calls with one id is never answered, its result stays unknown."""
    graph = graph_of(
        tool(1, None, "look", call_id="c1"),
        executed(2, "c1", "look", "one"),
        tool(60, None, "look", call_id="c1"),
    )
    assert value_of(step_of(graph, 1).result) == "one"
    assert step_of(graph, 60).result is None


def test_the_same_answer_again_is_shown_again() -> None:
    """A loop gets the same answer each time, under one id or several."""
    graph = graph_of(
        tool(1, None, "look", call_id="c1"),
        executed(2, "c1", "look", "one"),
        tool(60, None, "look", call_id="c1"),
        executed(70, "c1", "look", "one"),
    )
    assert value_of(step_of(graph, 60).result) == "one"


def test_what_telemetry_cut_stays_uncertain() -> None:
    """A result seen only in messages that an SDK cut is no evidence of what is missing."""
    graph = graph_of(
        agent(0, None, "ann"),
        tool(1, 0, "look", call_id="c1"),
        model(2, 0, asks=[answer("c1", {"grafts": 12})], dropped=2),
    )
    result = step_of(graph, 1).result
    assert result is not None
    assert result.cut


@pytest.mark.parametrize("call_id", ["", "c9"])
def test_without_a_shown_call_nothing_is_filled_in(call_id: str) -> None:
    """A name alone does not join: other calls of the tool may be meant."""
    graph = graph_of(
        requested(1, "c1", "look", {"row": 4}),
        tool(2, None, "look", call_id=call_id),
        executed(3, "c1", "look", "one"),
    )
    assert step_of(graph, 2).arguments is None
    assert step_of(graph, 2).result is None


def test_dropped_arguments_are_found_again() -> None:
    """A count of dropped attributes says that something is missing; the message says what."""
    graph = graph_of(
        requested(1, "c1", "look", {"row": 4}),
        tool(2, None, "look", call_id="c1", dropped=1),
    )
    assert value_of(step_of(graph, 2).arguments) == {"row": 4}
    result = step_of(graph, 2).result
    assert result is not None
    assert result.cut
