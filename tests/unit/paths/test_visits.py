from __future__ import annotations

import pytest

from causewatch.graph.build import build
from causewatch.model.graph import CausalGraph
from causewatch.paths.visits import Visit, is_whole, visits_of
from graph_fixtures import agent, capture, graph_of, span, tool

SAME_IN_ALL = {
    "triage_agent": ["-> research_agent"],
    "research_agent": ["get_order", "check_fraud", "search_policy", "-> billing_agent"],
    "billing_agent": ["issue_refund"],
}


def tree(graph: CausalGraph, *, kind: str = "agent") -> dict[str, list[str]]:
    """Return the children of each visit of a kind, by its name."""
    return {v.name: [c.shown for c in v.children] for v in visits_of(graph) if v.kind == kind}


def visit(graph: CausalGraph, name: str) -> Visit:
    """Return the one visit of a name."""
    (found,) = [v for v in visits_of(graph) if v.name == name and v.kind == "agent"]
    return found


@pytest.mark.parametrize(
    "name",
    [
        "autogen__native__ok",
        "google-adk__native-v1__ok",
        "langgraph__openinference__ok",
        "langgraph__openllmetry__ok",
        "llamaindex__openinference__ok",
        "openai-agents__openinference__ok",
        "pydantic-ai__native__ok",
    ],
)
def test_one_workflow_looks_the_same_in_every_framework(name: str) -> None:
    """Nested or one after the other, by a tool, a span or a message: the children are the same.

    Among them is one that runs an agent's tools beside the agent's spans, turn by turn.
    """
    assert tree(build(run_id="r", spans=capture(name))) == SAME_IN_ALL


def test_an_agent_without_a_span_of_its_own_is_found_below_the_tool_that_asks_it() -> None:
    """What runs below a delegation is the coworker's, and the delegation a handoff."""
    graph = build(run_id="r", spans=capture("crewai__openinference__ok"))
    assert tree(graph) == {
        "triage_agent": ["-> research_agent"],
        "research_agent": ["get_order", "check_fraud", "search_policy"],
        "billing_agent": ["issue_refund"],
    }
    assert tree(graph, kind="workflow") == {
        "refund_crew.kickoff": ["triage_agent", "billing_agent"]
    }


def test_models_messages_and_plumbing_are_looked_through() -> None:
    """What a framework puts between an agent and its tools is no child, and hides none."""
    graph = graph_of(
        agent(1, None, "cook"),
        span(2, 1, name="turn"),
        span(3, 2, name="chat", gen_ai__operation__name="chat"),
        span(4, 2, name="retry loop"),
        tool(5, 4, "stir"),
        tool(6, 1, "taste"),
    )
    assert tree(graph) == {"cook": ["stir", "taste"]}


def test_a_wrapper_of_the_same_agent_is_the_same_visit() -> None:
    """Some frameworks open two spans for one activation."""
    graph = graph_of(agent(1, None, "cook"), agent(2, 1, "cook"), tool(3, 2, "stir"))
    assert tree(graph) == {"cook": ["stir"]}


def test_an_agent_that_calls_itself_is_its_own_child() -> None:
    """Recursion goes through a tool: each activation is a visit of its own."""
    graph = graph_of(
        agent(1, None, "cook", length_ms=90),
        tool(2, 1, "ask_cook", length_ms=60),
        agent(3, 2, "cook", length_ms=40),
        tool(4, 3, "stir"),
        tool(5, 2, "note"),
    )
    inner = [[c.shown for c in v.children] for v in visits_of(graph) if v.kind == "agent"]
    assert inner == [["-> cook"], ["stir"]]
    assert tree(graph, kind="tool")["ask_cook"] == ["note"]


def test_two_agents_of_ones_own_name_below_one_tool_are_two_calls() -> None:
    """The call is theirs both."""
    graph = graph_of(
        agent(1, None, "cook", length_ms=90),
        tool(2, 1, "ask_cooks", length_ms=60),
        agent(3, 2, "cook"),
        agent(4, 2, "cook"),
    )
    shown = [[c.shown for c in v.children] for v in visits_of(graph) if v.kind == "agent"]
    assert shown == [["-> cook", "-> cook"], [], []]


def test_a_tool_may_have_children() -> None:
    """A tool that calls tools is a node like any other."""
    graph = graph_of(agent(1, None, "cook"), tool(2, 1, "meal"), tool(3, 2, "boil"))
    assert tree(graph, kind="tool") == {"meal": ["boil"], "boil": []}


def test_a_handoff_names_the_tool_that_did_it_and_when() -> None:
    """Templates may name either, and the time is the sender's."""
    graph = graph_of(
        agent(1, None, "clerk", length_ms=100),
        tool(2, 1, "transfer_to_cook", start_ms=30, length_ms=5),
        agent(3, None, "cook", start_ms=200),
    )
    (child,) = visit(graph, "clerk").children
    assert (child.name, child.by, child.kind, child.is_handoff) == (
        "cook",
        "transfer_to_cook",
        "agent",
        True,
    )
    assert graph.steps[child.step].tool == "transfer_to_cook"
    assert child.end_ns - child.start_ns == 5_000_000


def test_agents_that_merely_follow_each_other_hand_over_nothing() -> None:
    """They are the workflow's children, in order; nobody's arrow."""
    graph = graph_of(
        span(1, None, name="flow", length_ms=100, gen_ai__operation__name="invoke_workflow"),
        agent(2, 1, "cook"),
        agent(3, 1, "waiter"),
    )
    assert [h.rule for h in graph.handoffs] == ["sibling_sequence"]
    assert tree(graph) == {"cook": [], "waiter": []}
    assert list(tree(graph, kind="workflow").values()) == [["cook", "waiter"]]


def test_a_run_with_an_orphan_is_not_whole() -> None:
    """Where a parent never came other spans may be missing as well."""
    assert is_whole(graph_of(agent(1, None, "cook"), tool(2, 1, "stir")))
    orphaned = graph_of(agent(1, None, "cook"), tool(2, 77, "stir"))
    assert not is_whole(orphaned)
    assert tree(orphaned) == {"cook": []}
    early = build(run_id="r", spans=[agent(1, None, "cook")], state="early")
    assert not is_whole(early)


def test_the_run_itself_is_the_first_visit() -> None:
    """Its step is the workflow's span, its children are what nobody else's child is."""
    graph = graph_of(
        tool(1, None, "warm_up"),
        span(2, None, name="flow", length_ms=100, gen_ai__operation__name="invoke_workflow"),
        agent(3, 2, "cook"),
    )
    first = visits_of(graph)[0]
    assert (first.kind, [c.shown for c in first.children]) == ("workflow", ["warm_up", "cook"])
    assert graph.steps[first.step].kind == "workflow"


def test_no_spans_no_children() -> None:
    """An empty run has one visit, of nothing."""
    (empty,) = visits_of(build(run_id="r", spans=[]))
    assert (empty.children, empty.step, empty.end_ns) == ((), 0, 0)
