from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.model.span import Span
from causewatch.model.step import StepKind
from graph_fixtures import agent, graph_of, model, said, span, step_of, tool, user


def kinds(*spans: Span) -> list[StepKind]:
    """Return the kinds of the steps of these spans, in order."""
    return [step.kind for step in graph_of(*spans).steps]


def bare(number: int, parent: int | None) -> Span:
    """Return a model call without messages."""
    return span(number, parent, gen_ai__operation__name="chat")


FULL: dict[str, Any] = {"asks": [user("hi")], "says": [said("hello there")]}


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([model(0, None, **FULL), model(1, 0, **FULL)], ["other", "model"]),
        ([model(0, None, **FULL), span(1, 0), model(2, 1, **FULL)], ["other", "other", "model"]),
        ([model(0, None, **FULL), bare(1, 0)], ["model", "other"]),
        ([bare(0, None), bare(1, 0)], ["other", "model"]),
        (
            [model(0, None, **FULL), tool(1, 0, "t"), model(2, 1, **FULL)],
            ["model", "tool", "model"],
        ),
        ([model(0, None, **FULL), model(1, None, **FULL)], ["model", "model"]),
    ],
)
def test_one_model_call_counts_once(spans: list[Span], expected: list[StepKind]) -> None:
    """A model step inside of a model step is the same call; what tells its content stays."""
    assert kinds(*spans) == expected


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([tool(0, None, "t"), tool(1, 0, "t")], ["tool", "other"]),
        ([tool(0, None, "t"), tool(1, 0, "t"), tool(2, 1, "t")], ["tool", "other", "other"]),
        ([tool(0, None, "t"), tool(1, 0, "u")], ["tool", "tool"]),
        (
            [tool(0, None, "t", arguments={"a": 1}), tool(1, 0, "t", arguments={"a": 2})],
            ["tool", "tool"],
        ),
        (
            [tool(0, None, "t", call_id="c1"), tool(1, 0, "t", call_id="c2")],
            ["tool", "tool"],
        ),
        (
            [tool(0, None, "t"), agent(1, 0, "a"), tool(2, 1, "t")],
            ["tool", "agent", "tool"],
        ),
    ],
)
def test_client_and_server_of_a_tool_call_count_once(
    spans: list[Span], expected: list[StepKind]
) -> None:
    """Spans of one call nest (MCP: client, transport, server); the outermost is the call."""
    assert kinds(*spans) == expected


def test_the_outer_span_takes_over_what_it_lacks() -> None:
    """Where only the server recorded the result, the call has it all the same."""
    graph = graph_of(
        tool(0, None, "t", call_id="c1"), tool(1, 0, "t", arguments={"a": 1}, result={"b": 2})
    )
    step = step_of(graph, 0)
    assert step.arguments is not None
    assert step.result is not None
    assert (step.arguments.value, step.result.value, step.call_id) == ({"a": 1}, {"b": 2}, "c1")


def test_an_agent_that_only_holds_agents_is_a_workflow() -> None:
    """A pipeline that is emitted as an agent calls no model itself: it owns nothing."""
    graph = graph_of(
        agent(0, None, "pipeline"),
        agent(1, 0, "ann"),
        model(2, 1, **FULL),
        agent(3, 0, "bob"),
        model(4, 3, **FULL),
    )
    assert graph.steps[0].kind == "workflow"
    assert graph.agents == ("ann", "bob")
    assert graph.workflow == "pipeline"


@pytest.mark.parametrize(
    "own_work", [model(9, 0, **FULL), tool(9, 0, "t"), span(9, 0, openinference__span__kind="LLM")]
)
def test_an_agent_that_works_itself_stays_one(own_work: Span) -> None:
    """An agent with a model or tool step of its own stays an agent, whatever it holds."""
    graph = graph_of(agent(0, None, "boss"), own_work, agent(1, 0, "ann"), model(2, 1, **FULL))
    assert graph.steps[0].kind == "agent"


def test_a_wrapper_of_the_same_agent_works_through_it() -> None:
    """An agent emitted twice with one name is one agent, not a workflow around it."""
    graph = graph_of(agent(0, None, "ann"), agent(1, 0, "ann"), model(2, 1, **FULL))
    assert [s.kind for s in graph.steps] == ["agent", "agent", "model"]
    assert graph.agents == ("ann",)


def test_an_agent_alone_stays_one() -> None:
    """An agent of which only the span is there is still an agent."""
    assert kinds(agent(0, None, "ann")) == ["agent"]


def node(number: int, parent: int, name: str, *, tells: bool = True) -> Span:
    """Return the span of a node of a graph, as LangChain's instrumentation writes it."""
    metadata = json.dumps({"langgraph_node": name if tells else "elsewhere"})
    return span(number, parent, name=name, openinference__span__kind="CHAIN", metadata=metadata)


def llm(number: int, parent: int) -> Span:
    """Return a model call of the same instrumentation."""
    return span(number, parent, name="ChatModel", openinference__span__kind="LLM")


ROOT = span(0, name="graph", openinference__span__kind="CHAIN")


def test_nodes_that_call_models_are_the_agents_where_none_are_named() -> None:
    """A graph written by hand has no agents by name: its nodes that call models are they."""
    graph = graph_of(
        ROOT, node(1, 0, "plan"), llm(2, 1), node(3, 0, "write"), llm(4, 3), node(5, 0, "save")
    )
    assert graph.agents == ("plan", "write")
    assert graph.owner == ("", "plan", "plan", "write", "write", "")


@pytest.mark.parametrize(
    "spans",
    [
        pytest.param([node(1, 0, "model"), llm(2, 1), node(3, 0, "tools")], id="one such node"),
        pytest.param(
            [node(1, 0, "a", tells=False), llm(2, 1), node(3, 0, "b", tells=False), llm(4, 3)],
            id="chains inside of nodes",
        ),
        pytest.param(
            [node(1, 0, "m"), llm(2, 1), node(3, 0, "m"), llm(4, 3)], id="one node twice: a loop"
        ),
    ],
)
def test_a_loop_inside_of_an_agent_makes_no_agents(spans: list[Span]) -> None:
    """The nodes of an agent's own loop are not agents."""
    assert graph_of(ROOT, *spans).agents == ()


def test_named_agents_make_nodes_mere_nodes() -> None:
    """Where agents are named, nodes are not promoted beside them."""
    graph = graph_of(
        ROOT, node(1, 0, "plan"), llm(2, 1), node(3, 0, "write"), llm(4, 3), agent(5, 0, "ann")
    )
    assert graph.agents == ("ann",)


def mark(number: int, parent: int | None, to: str) -> Span:
    """Return a span with which a framework marks a handoff."""
    return span(number, parent, gen_ai__operation__name="goto", langgraph__command__goto_node=to)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([tool(1, 0, "transfer_to_bob"), mark(2, 1, "bob")], ["tool", "other"]),
        ([tool(1, 0, "transfer_to_bob"), mark(2, 1, "bob"), mark(3, 0, "bob")],
         ["tool", "other", "other"]),
        ([tool(1, 0, "route"), mark(2, 1, "bob")], ["tool", "handoff"]),
        ([tool(1, 0, "transfer_to_bob"), mark(2, 0, "cyd")], ["tool", "handoff"]),
        ([mark(1, 0, "bob"), mark(2, 0, "bob")], ["handoff", "other"]),
    ],
)  # fmt: skip
def test_one_handoff_is_marked_once(spans: list[Span], expected: list[StepKind]) -> None:
    """Marks inside of the handoff's own tool, and of its unwinding, are no further handoffs."""
    assert kinds(agent(0, None, "ann"), *spans, agent(9, None, "bob"))[1:-1] == expected


def test_marks_outside_of_any_agent_all_stay() -> None:
    """Without an agent nothing tells repeated marks from repeated handoffs."""
    assert kinds(mark(1, None, "bob"), mark(2, None, "bob")) == ["handoff", "handoff"]
