from __future__ import annotations

from typing import Any

import pytest

from causewatch.model.graph import CausalGraph
from causewatch.model.span import Span
from graph_fixtures import agent, graph_of, model, span, tool, user

LOOK: dict[str, Any] = {"type": "tool_call", "id": "", "name": "look", "arguments": {"a": 1}}


def turn(number: int, who: str, *calls: dict[str, Any]) -> list[Span]:
    """Return an agent's turn, at the top, in which its model asks for these calls."""
    return [
        agent(number, 0, who),
        model(number + 1, number, asks=[user("go")], says=list(calls)),
    ]


def owner_of(graph: CausalGraph, what: str) -> str:
    """Return whose the tool step of this name is."""
    return next(graph.owner[i] for i, step in enumerate(graph.steps) if step.tool == what)


def test_a_tool_beside_its_agents_turn_is_the_agents() -> None:
    """Workflow engines run a turn and the tools that it asked for as siblings."""
    graph = graph_of(span(0), *turn(1, "ann", LOOK), tool(5, 0, "look", arguments={"a": 1}))
    assert owner_of(graph, "look") == "ann"


@pytest.mark.parametrize("arguments", [{"a": 2}, {"a": 1, "ctx": "<Context object>"}, None])
def test_other_arguments_are_matched_by_name(arguments: Any) -> None:
    """An engine may add arguments of its own; the name and the order still tell the caller."""
    graph = graph_of(span(0), *turn(1, "ann", LOOK), tool(5, 0, "look", arguments=arguments))
    assert owner_of(graph, "look") == "ann"


def test_a_tool_that_nobody_asked_for_stays_nobodys() -> None:
    """Position alone proves no owner."""
    graph = graph_of(span(0), *turn(1, "ann", LOOK), tool(5, 0, "other"))
    assert owner_of(graph, "other") == ""


def test_a_tool_of_an_agent_stays_with_it() -> None:
    """What the tree says goes before what a call suggests."""
    graph = graph_of(
        span(0), *turn(1, "ann", LOOK), agent(5, 0, "bob"), tool(6, 5, "look", arguments={"a": 1})
    )
    assert owner_of(graph, "look") == "bob"


def test_a_handoff_tool_beside_the_turns_hands_over() -> None:
    """The engine's handoff tool runs between two turns; the one who asked for it is the sender."""
    asked = {**LOOK, "name": "handoff", "arguments": {"to_agent": "bob", "reason": "all is known"}}
    ran = {**asked["arguments"], "ctx": "<Context object>"}
    graph = graph_of(
        span(0),
        *turn(1, "ann", asked),
        tool(5, 0, "handoff", arguments=ran),
        *turn(7, "bob"),
    )
    assert [(h.from_agent, h.to_agent) for h in graph.handoffs] == [("ann", "bob")]
