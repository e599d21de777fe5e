"""LangGraph itself. Runs where the ``frameworks`` extra is installed, as it is in CI."""

from __future__ import annotations

import asyncio
import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import pytest

from causewatch.instrument.langgraph import agent
from recorded_spans import Recorded, shape

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

pytestmark = pytest.mark.slow

NAME = "causewatch.handoff."
BRIEF = {"goal": "Compare the spring offers of three nurseries.", "rows": [1, 2, 3]}


def added(left: list[Any], right: Any) -> Any:
    """Add messages as LangGraph's own reducer does."""
    from langgraph.graph import add_messages  # noqa: PLC0415  # of the frameworks extra

    return add_messages(left, right)


class State(TypedDict, total=False):
    brief: dict[str, Any]
    notes: Annotated[list[str], operator.add]
    messages: Annotated[list[Any], added]


def plan(_state: State) -> Any:
    """Hand a brief over, by a command."""
    from langchain_core.messages import AIMessage  # noqa: PLC0415  # of the frameworks extra
    from langgraph.types import Command  # noqa: PLC0415

    update = {"brief": BRIEF, "notes": ["planned"], "messages": [AIMessage("Please write.")]}
    return Command(goto="between", update=update)


async def aplan(state: State) -> Any:
    """Plan as a coroutine."""
    return plan(state)


def write(_state: State, config: RunnableConfig) -> dict[str, Any]:
    """Write; LangGraph injects the configuration by the parameter's name."""
    assert config["metadata"]["langgraph_node"] == "writer"
    return {"notes": ["written"], "messages": [("assistant", "Written.")]}


def run(recorded: Recorded, between: Any, planner: Any = plan) -> None:
    """Run planner, a node that is no agent, writer and critic."""
    from langgraph.graph import START, StateGraph  # noqa: PLC0415

    builder = StateGraph(State)
    for name, node in [("planner", planner), ("writer", write), ("critic", lambda _: {})]:
        builder.add_node(name, agent(name, node, instrument=recorded.instrument))
    builder.add_node("between", between)
    builder.add_edge(START, "planner")
    builder.add_edge("between", "writer")
    builder.add_edge("writer", "critic")
    graph = builder.compile()
    given = {"notes": [], "messages": [("user", "Offers, please.")]}
    if planner is aplan:
        asyncio.run(graph.ainvoke(given))
    else:
        graph.invoke(given)


@pytest.mark.parametrize("planner", [plan, aplan])
def test_healthy_handoffs_have_equal_sides(planner: Any) -> None:
    """Reducers add to lists and give messages ids and types; that is no difference."""
    recorded = Recorded()
    run(recorded, lambda _: {}, planner)
    for name, source in [("writer", "planner"), ("critic", "writer")]:
        span = recorded.attributes(f"handoff {name}")
        assert span[NAME + "from"] == source
        assert span[NAME + "sent.sha256"] == span[NAME + "received.sha256"]


def test_a_node_in_between_that_cuts_is_seen() -> None:
    """What a node between two agents drops is lost at the handoff, without content."""
    recorded = Recorded()
    run(recorded, lambda _: {"brief": BRIEF | {"rows": [1]}})
    span = recorded.attributes("handoff writer")
    sent, received = shape(span, "sent"), shape(span, "received")
    assert (sent["/brief/rows"][1], received["/brief/rows"][1]) == (3, 1)
    assert sent["/messages"] == received["/messages"]
