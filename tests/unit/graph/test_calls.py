from __future__ import annotations

import pytest

from causewatch.model.span import Span
from causewatch.model.value import Value
from graph_fixtures import agent, call, evidence, graph_of, model, span, tool

LOOK = {"id": "A-1"}


def asks(number: int, *calls: dict[str, Value], parent: int = 0) -> Span:
    """Return a model step that asks for these calls."""
    return model(number, parent, says=calls)


@pytest.mark.parametrize(
    ("asked", "ran", "how"),
    [
        pytest.param(
            call("look", LOOK, "c1"),
            tool(2, 0, "look", arguments=LOOK, call_id="c1"),
            "tool_call_id c1",
            id="by id",
        ),
        pytest.param(
            call("look", LOOK, "c1"),
            tool(2, 0, "renamed", arguments={"x": 1}, call_id="c1"),
            "tool_call_id c1",
            id="an id counts more than a name",
        ),
        pytest.param(
            call("look", LOOK, "c1"),
            tool(2, 0, "look", arguments=LOOK),
            "name+arguments+order",
            id="by arguments",
        ),
        pytest.param(
            call("look", {"b": 1, "a": 2}),
            tool(2, 0, "look", arguments={"a": 2, "b": 1}),
            "name+arguments+order",
            id="by arguments, in any order of keys",
        ),
        pytest.param(
            call("look", LOOK, "c1"),
            span(2, 0, openinference__span__kind="TOOL", tool__name="look", input__value="A-1"),
            "name+arguments+order",
            id="by a single argument that was recorded bare",
        ),
        pytest.param(
            call("look", {"n": 5}, "c1"),
            span(2, 0, openinference__span__kind="TOOL", tool__name="look", input__value="5"),
            "name+arguments+order",
            id="by a bare number",
        ),
        pytest.param(
            call("look", '{"id": "A-1"}', "c1"),
            tool(2, 0, "look", arguments=LOOK),
            "name+arguments+order",
            id="arguments as text",
        ),
        pytest.param(
            call("look", None, "c1"),
            tool(2, 0, "look", arguments={}),
            "name+arguments+order",
            id="no arguments",
        ),
        pytest.param(call("look", LOOK, "c1"), tool(2, 0, "look"), "name+order", id="by name only"),
        pytest.param(call("look", LOOK, "c1"), tool(2, 0, "find"), None, id="another tool"),
        pytest.param(
            call("look", LOOK, "c1"),
            tool(2, 0, "look", arguments=LOOK, call_id="c2"),
            "name+arguments+order",
            id="ids of two conventions",
        ),
    ],
)
def test_a_tool_step_is_paired_with_the_call_that_asked_for_it(
    asked: dict[str, Value], ran: Span, how: str | None
) -> None:
    """By id where there is one, else by name and arguments, else by name; the evidence says how."""
    graph = graph_of(agent(0, None, "ann"), asks(1, asked), ran)
    assert evidence(graph, 1, 2) == how


def test_the_nth_of_identical_calls_pairs_with_the_nth_step() -> None:
    """A loop asks the same again and again; each step answers its own asking."""
    spans = [agent(0, None, "ann", length_ms=900)]
    for turn in range(5):
        spans.append(asks(1 + 2 * turn, call("look", LOOK)))
        spans.append(tool(2 + 2 * turn, 0, "look", arguments=LOOK))
    graph = graph_of(*spans)
    for turn in range(5):
        assert evidence(graph, 1 + 2 * turn, 2 + 2 * turn) == "name+arguments+order"


def test_parallel_calls_of_one_answer_are_told_apart() -> None:
    """Two calls in one answer go to two steps, by their arguments, whichever runs first."""
    graph = graph_of(
        agent(0, None, "ann"),
        asks(1, call("look", {"id": "B"}), call("look", {"id": "A"})),
        tool(2, 0, "look", arguments={"id": "A"}, start_ms=20),
        tool(3, 0, "look", arguments={"id": "B"}, start_ms=21),
    )
    assert evidence(graph, 1, 2) == evidence(graph, 1, 3) == "name+arguments+order"


def test_the_same_call_of_two_agents_goes_to_its_own() -> None:
    """Two agents that run in parallel and ask the same each get their own step."""
    graph = graph_of(
        agent(0, None, "ann", length_ms=900),
        agent(1, None, "bob", length_ms=900),
        asks(2, call("look", LOOK), parent=0),
        asks(3, call("look", LOOK), parent=1),
        tool(4, 1, "look", arguments=LOOK),
        tool(5, 0, "look", arguments=LOOK),
    )
    assert evidence(graph, 3, 4) is not None
    assert evidence(graph, 2, 5) is not None
    assert evidence(graph, 2, 4) is None


def test_a_step_long_before_a_call_did_not_run_it() -> None:
    """Time order is respected: a step that ran a second before the asking is another's."""
    graph = graph_of(
        agent(0, None, "ann", length_ms=9_000),
        tool(1, 0, "look", arguments=LOOK, start_ms=0),
        model(2, 0, says=[call("look", LOOK)], start_ms=1_000),
    )
    assert evidence(graph, 2, 1) is None


def test_clocks_may_differ_a_little() -> None:
    """A tool on another host may seem to start a little before the model that asked for it."""
    graph = graph_of(
        agent(0, None, "ann", length_ms=9_000),
        tool(1, 0, "look", arguments=LOOK, start_ms=950),
        model(2, 0, says=[call("look", LOOK)], start_ms=1_000),
    )
    assert evidence(graph, 2, 1) == "name+arguments+order"


def test_a_reused_call_id_goes_to_the_tool_of_its_name() -> None:
    """Careless models number their calls anew each time: the name decides between equal ids."""
    graph = graph_of(
        agent(0, None, "ann"),
        asks(1, call("find", {"q": 1}, "call_0")),
        asks(2, call("look", LOOK, "call_0")),
        tool(3, 0, "look", arguments=LOOK, call_id="call_0"),
        tool(4, 0, "find", arguments={"q": 1}, call_id="call_0"),
    )
    assert evidence(graph, 2, 3) == "tool_call_id call_0"
    assert evidence(graph, 1, 4) == "tool_call_id call_0"
