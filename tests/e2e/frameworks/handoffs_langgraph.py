"""Handoffs of LangGraph itself, seen by its adapter; one line of JSON for each case.

A planner hands a brief to a writer past a node that is no agent, and the writer to a critic.
"""

from __future__ import annotations

import asyncio
import json
import operator
import sys
from typing import Annotated, Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command

from causewatch.instrument.langgraph import agent
from instrument_fixtures import Recorded

BRIEF = {"goal": "Compare the spring offers of three nurseries.", "rows": [1, 2, 3]}


class State(MessagesState):
    """Messages, and what LangGraph's reducers make of the rest."""

    brief: dict[str, Any]
    notes: Annotated[list[str], operator.add]


def plan(_state: State) -> Command[str]:
    """Hand a brief over, by a command."""
    update = {"brief": BRIEF, "notes": ["planned"], "messages": [AIMessage("Please write.")]}
    return Command(goto="between", update=update)


async def aplan(state: State) -> Command[str]:
    """Plan as a coroutine."""
    return plan(state)


def write(_state: State, config: RunnableConfig) -> dict[str, Any]:
    """Write; LangGraph injects the configuration by the parameter's name."""
    assert config["metadata"]["langgraph_node"] == "writer"
    return {"notes": ["written"], "messages": [("assistant", "Written.")]}


def attributes(between: Any, planner: Any = plan) -> list[dict[str, Any]]:
    """Run it, and return what the spans of its handoffs say."""
    recorded = Recorded()
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
    return [recorded.attributes(f"handoff {name}") for name in ("writer", "critic")]


if __name__ == "__main__":
    cases = {
        "plain": attributes(lambda _: {}),
        "coroutine": attributes(lambda _: {}, aplan),
        "cut": attributes(lambda _: {"brief": BRIEF | {"rows": [1]}}),
    }
    for name, (first, second) in cases.items():
        sys.stdout.write(json.dumps({"case": name, "attributes": first}) + "\n")
        sys.stdout.write(json.dumps({"case": f"{name}, onwards", "attributes": second}) + "\n")
