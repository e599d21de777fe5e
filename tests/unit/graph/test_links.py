from __future__ import annotations

import pytest

from causewatch.dialects.understand import understand
from causewatch.graph.links import link, senders_of
from causewatch.graph.owners import own
from causewatch.graph.tree import grow, unique
from graph_fixtures import TRACE, agent, edges, graph_of, route, span

OTHER = "b" * 32


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([(TRACE, 0)], {(0, 5)}),
        ([(TRACE, 0), (TRACE, 0)], {(0, 5)}),
        ([(OTHER, 1)], {(1, 5)}),
        ([(TRACE, 0), (OTHER, 1)], {(0, 5), (1, 5)}),
        ([(TRACE, 77)], set()),
        ([(TRACE, 1)], set()),
        ([(TRACE, 5)], set()),
        ([("", 0)], set()),
        ([], set()),
    ],
)
def test_links_lead_from_the_linked_span_to_its_carrier(
    links: list[tuple[str, int]], expected: set[tuple[int, int]]
) -> None:
    """Each link that resolves inside of the run is one edge, also into another trace."""
    graph = graph_of(span(0), span(1, trace=OTHER), span(5, links=links))
    assert edges(graph, "link") == expected


def test_links_in_a_circle_end() -> None:
    """Following links backwards visits each step once, whatever they lead to."""
    spans = [span(0, links=[(TRACE, 1)]), span(1, links=[(TRACE, 0)])]
    ring = [span(i, links=[(TRACE, 10 + (i + 1) % 50)]) for i in range(10, 60)]
    bob = agent(70, None, "bob", links=[(TRACE, 0), (TRACE, 10)])
    assert route(graph_of(*spans, *ring, bob)) == []


def test_several_messages_join_several_senders() -> None:
    """A fan-in has as many senders as links."""
    tree = grow(
        [
            understand(each)
            for each in unique(
                [
                    agent(0, None, "ann"),
                    agent(1, None, "bob"),
                    agent(2, None, "cid", links=[(TRACE, 0), (TRACE, 1)]),
                ]
            )
        ]
    )
    owners = own(tree)
    found = list(senders_of(tree, owners, link(tree), 2))
    assert [(s.sender, s.performed_by) for s in found] == [(0, None), (1, None)]


def test_a_queue_between_traces_is_followed() -> None:
    """Publish and process in traces of their own: the run is joined by links alone."""
    graph = graph_of(
        agent(0, None, "ann", length_ms=100),
        span(1, 0, name="publish"),
        span(2, trace=OTHER, name="deliver", links=[(TRACE, 1)]),
        agent(3, 2, "bob", trace=OTHER),
    )
    assert route(graph) == [("ann", "bob", "link_edge")]


def test_a_long_way_back_is_given_up() -> None:
    """A chain of a thousand relays is not one handoff."""
    relays = [span(i, links=[(TRACE, i - 1)]) for i in range(2, 500)]
    graph = graph_of(
        agent(0, None, "ann"), span(1, 0), *relays, agent(500, None, "bob", links=[(TRACE, 499)])
    )
    assert route(graph) == []
