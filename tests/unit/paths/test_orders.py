from __future__ import annotations

import pytest

from causewatch.model.graph import CausalGraph
from causewatch.paths.orders import MAX_BROKEN_COUNT, broken_by, occurrences_of
from causewatch.paths.parser import parse_order
from causewatch.paths.visits import visits_of
from graph_fixtures import agent, graph_of, tool


def broken(order: str, graph: CausalGraph, *, is_required: bool) -> list[int]:
    """Return the numbers of the spans that break an order."""
    occurrences = occurrences_of(visits_of(graph))
    found = broken_by(parse_order(order), occurrences, is_required=is_required)
    return [int(graph.steps[each.at.step].span.span_id, 16) for each in found]


DAY = graph_of(
    agent(1, None, "clerk", start_ms=0, length_ms=200),
    tool(2, 1, "ask", start_ms=10),
    tool(3, 1, "pay", start_ms=20),
    tool(4, 1, "ask", start_ms=30),
    tool(5, 1, "pay", start_ms=40),
    tool(6, 1, "pay", start_ms=41),
)


@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        ("ask before pay", []),
        ("pay before ask", [2]),
        ("audit before pay", [3, 5, 6]),
        ("pay after ask", []),
        ("ask after pay", [5, 6]),
        ("agent:clerk before pay", [3, 5, 6]),
        ("tool:clerk before pay", [3, 5, 6]),
        ("pay before pay", [3]),
        ('"p*" after ask', []),
    ],
)
def test_what_is_required_is_required_of_each(order: str, numbers: list[int]) -> None:
    """Each step on the right has one on the left that ended earlier, or began later."""
    assert broken(order, DAY, is_required=True) == numbers


@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        ("ask after pay", [4]),
        ("pay before ask", [4]),
        ("pay after ask", [3, 5, 6]),
        ("pay after pay", [5, 6]),
        ("audit after pay", []),
        ("agent:clerk after pay", []),
    ],
)
def test_what_is_forbidden_is_told_where_it_comes(order: str, numbers: list[int]) -> None:
    """Only what began when the other had ended came after it."""
    assert broken(order, DAY, is_required=False) == numbers


def test_an_agent_reached_by_a_handoff_counts_by_its_own_time() -> None:
    """It has ended when its span has, not when the tool that called it was asked."""
    graph = graph_of(
        agent(1, None, "clerk", start_ms=0, length_ms=300),
        tool(2, 1, "ask_policy", start_ms=10, length_ms=50),
        agent(3, 2, "policy", start_ms=20, length_ms=30),
        tool(4, 1, "pay", start_ms=100),
    )
    assert broken("agent:policy before tool:pay", graph, is_required=True) == []
    assert broken("tool:ask_policy before tool:pay", graph, is_required=True) == []
    assert broken("policy before ask_policy", graph, is_required=True) == [2]
    assert broken("tool:pay after agent:policy", graph, is_required=False) == [4]


def test_of_one_order_only_so_many_are_told() -> None:
    """A run of a thousand refunds is one mistake, not a thousand sentences."""
    graph = graph_of(agent(1, None, "a"), *(tool(i, 1, "pay") for i in range(2, 40)))
    assert len(broken("ask before pay", graph, is_required=True)) == MAX_BROKEN_COUNT
