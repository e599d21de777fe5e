"""Whether a run that is judged early can still lack something, as far as its own spans tell."""

from __future__ import annotations

import msgspec
import pytest

from causewatch.graph.assemble import RunAssembler
from causewatch.graph.tree import CLOCK_SKEW_ALLOWANCE_MS
from causewatch.model.span import Resource, Span
from graph_fixtures import BASE_NS, SECOND_NS, TRACE, span


def root(end_ms: float, *, number: int = 1, trace: str = TRACE) -> Span:
    """Return a root that ends then."""
    return span(number, start_ms=0, length_ms=end_ms, trace=trace)


def part(number: int, parent: int, end_ms: float, *, process: str = "desk") -> Span:
    """Return a span below another one, of a process."""
    made = span(number, parent, start_ms=1, length_ms=end_ms - 1)
    return msgspec.structs.replace(made, resource=Resource(attributes={"service.name": process}))


def has_ended(*spans: Span) -> bool:
    """Return what a snapshot of these says."""
    assembler = RunAssembler()
    assembler.add(spans, (), batch=1, now_ns=BASE_NS)
    (found,) = assembler.changed(BASE_NS + 5 * SECOND_NS)
    return found.has_ended


@pytest.mark.parametrize(
    "spans",
    [
        (root(50),),
        (root(50), part(2, 1, 40), part(3, 2, 30)),
        (root(50), part(2, 1, 50)),
        (root(50), part(2, 1, 40, process="other"), part(3, 2, 45, process="other")),
        (root(50), part(2, 1, 40, process="other"), part(3, 2, 30)),
        (root(50), part(2, 1, 49 + CLOCK_SKEW_ALLOWANCE_MS, process="other")),
    ],
    ids=["root", "tree", "at once", "two processes", "and back", "other clock"],
)
def test_a_run_that_is_all_there_has_ended(spans: tuple[Span, ...]) -> None:
    """Each parent is there, and the root ended last: of its process exactly, of others about."""
    assert has_ended(*spans)
    assert has_ended(*reversed(spans))


@pytest.mark.parametrize(
    "spans",
    [
        (part(2, 1, 40),),
        (root(50), part(3, 2, 30)),
        (root(50), part(3, 2, 30, process="other")),
        (root(50), part(2, 1, 51)),
        (root(50), part(2, 1, 52 + CLOCK_SKEW_ALLOWANCE_MS, process="other")),
        (root(50), part(2, 1, 45, process="other"), part(3, 2, 51)),
    ],
    ids=["no root", "no parent", "no entry", "still at work", "long after", "back, still at work"],
)
def test_a_run_of_which_something_may_be_on_its_way_has_not(spans: tuple[Span, ...]) -> None:
    """A parent is not there, or a process went on after the root ended."""
    assert not has_ended(*spans)
    assert not has_ended(*reversed(spans))
