from __future__ import annotations

import msgspec
import pytest

from causewatch.graph.clocks import Clocks
from causewatch.graph.tree import Tree, grow
from causewatch.model.span import Resource, Span
from causewatch.model.step import Step
from graph_fixtures import BASE_NS, MS, span

NS = 1
ODD_NS = 123
"""A time of a clock that counts nanoseconds."""


def tree_of(*spans: Span) -> Tree:
    """Return the tree of these spans, in order of their start."""
    ordered = sorted(spans, key=lambda each: (each.start_ns, -each.end_ns))
    steps = [Step(span=s, kind="other", dialect="", reason="") for s in ordered]
    return grow(steps)


def at(base: Span, start_ns: int, end_ns: int, **resource: str) -> Span:
    """Return ``base`` at these times, from this resource."""
    return msgspec.structs.replace(
        base,
        start_ns=BASE_NS + start_ns,
        end_ns=BASE_NS + end_ns,
        resource=Resource(attributes=resource),
    )


@pytest.mark.parametrize(
    ("end_ns", "start_ns", "one", "other", "expected"),
    [
        (5 * MS, 6 * MS, {}, {}, True),
        (5 * MS, 5 * MS, {}, {}, True),
        (6 * MS, 5 * MS, {}, {}, True),
        (7 * MS, 5 * MS, {}, {}, False),
        (6 * MS + ODD_NS, 6 * MS, {}, {}, True),
        (7 * MS + ODD_NS, 6 * MS, {}, {}, False),
        (6 * MS + ODD_NS, 6 * MS + NS, {}, {}, False),
        (6 * MS, 6 * MS - NS, {}, {}, False),
        (90 * MS, 5 * MS, {"service.name": "a"}, {"service.name": "b"}, True),
        (106 * MS, 5 * MS, {"service.name": "a"}, {"service.name": "b"}, False),
        (90 * MS, 5 * MS, {"service.name": "a"}, {"service.name": "a"}, False),
        (
            90 * MS,
            5 * MS,
            {"service.name": "a", "host.name": "h"},
            {"service.name": "b", "host.name": "h"},
            False,
        ),
        (
            90 * MS,
            5 * MS,
            {"service.name": "a", "host.id": "1"},
            {"service.name": "a", "host.id": "2"},
            True,
        ),
    ],
)
def test_an_output_flows_on_from_its_end(
    end_ns: int, start_ns: int, one: dict[str, str], other: dict[str, str], *, expected: bool
) -> None:
    """The allowance is for different clocks; one clock is believed, to its own grain."""
    tree = tree_of(at(span(1), 0, end_ns, **one), at(span(2), start_ns, 300 * MS, **other))
    source, target = (
        next(i for i, s in enumerate(tree.steps) if s.span.span_id.endswith(digit))
        for digit in "12"
    )
    assert Clocks(tree).may_flow(source, target) is expected


def test_nothing_flows_into_a_step_from_what_holds_it() -> None:
    """A wrapper shows at its end what the steps in it said: it gave them nothing."""
    wrapper = at(span(1), 0, 3 * MS, **{"service.name": "a"})
    inner = at(span(2, 1), 2 * MS, 3 * MS, **{"service.name": "b"})
    clocks = Clocks(tree_of(wrapper, inner))
    assert not clocks.may_flow(0, 1)
    assert not clocks.may_flow(0, 0)


def test_siblings_and_later_subtrees_are_not_taken_for_children() -> None:
    """Only what is below a step is held by it."""
    clocks = Clocks(
        tree_of(
            at(span(1), 0, 100 * MS),
            at(span(2, 1), 1 * MS, 2 * MS),
            at(span(3, 2), 1 * MS, 2 * MS),
            at(span(4, 1), 5 * MS, 9 * MS),
        )
    )
    assert clocks.may_flow(1, 3)
    assert clocks.may_flow(2, 3)
    assert not clocks.may_flow(3, 1)
