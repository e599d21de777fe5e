from __future__ import annotations

import pytest

from causewatch.model.span import Span, SpanLink
from causewatch.signatures.signature import compile_query
from causewatch.signatures.subject import link_edges, raw_subject
from signatures_fixtures import found, shown, subject

_RUN = subject("""
    r 0-100
      a 0-10 k=src
      b 10-20 k=mid <-data-a
      g 20-30 k=guard <-data-b
      c 30-40 k=end <-data-g <-link-b
      d 5-50 k=end <-handoff-c
      e 60-70 k=lone
""")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        # One hop.
        ("{ .k = `src` } -[data]-> { }", "b"),
        ("{ .k = `mid` } -[data]-> { }", "g"),
        ("{ .k = `mid` } -[link]-> { }", "c"),
        ("{ .k = `mid` } -[data|link]-> { }", "g c"),
        ("{ .k = `src` } -[link]-> { }", ""),
        ("{ .k = `end` } -[handoff]-> { }", "d"),
        ("{ .k = `mid` } -[flow]-> { }", "g c"),
        # One or more.
        ("{ .k = `src` } -[data]->> { }", "b g c"),
        ("{ .k = `src` } -[flow]->> { }", "b g c d"),
        ("{ .k = `src` } -[flow]->> { .k = `end` }", "c d"),
        ("{ .k = `end` } -[flow]->> { .k = `end` }", "d"),
        ("{ .k = `lone` } -[flow]->> { }", ""),
        ("{ } -[flow]->> { .k = `src` }", ""),
        # Parents.
        ("{ } -[call]-> { .k = `src` }", "a"),
        ("{ name = `r` } -[call]-> { .k = `end` }", "c d"),
        ("{ .k = `src` } -[return]-> { }", "r"),
        ("{ .k = `src` } -[call|return]->> { .k = `lone` }", "e"),
        ("{ name = `r` } -[call|return]->> { name = `r` }", "r"),
        # Bounds: walks of that many hops.
        ("{ .k = `src` } -[data]->>{1,2} { }", "b g"),
        ("{ .k = `src` } -[data]->>{2,3} { }", "g c"),
        ("{ .k = `src` } -[data]->>{2} { }", "g"),
        ("{ .k = `src` } -[data]->>{2,} { }", "g c"),
        ("{ .k = `src` } -[flow]->>{4,9} { }", "d"),
        ("{ .k = `src` } -[data]->>{5,} { }", ""),
        ("{ name = `r` } -[call|return]->>{2} { }", "r"),
        ("{ name = `r` } -[call|return]->>{3} { .k = `src` }", "a"),
        ("{ name = `r` } -[call|return]->>{100} { }", "r"),
        # Avoidance: no guard strictly between.
        ("{ .k = `src` } -[data ! { .k = `guard` }]->> { }", "b g"),
        ("{ .k = `src` } -[flow ! { .k = `guard` }]->> { .k = `end` }", "c d"),
        ("{ .k = `src` } -[flow ! { .k = `mid` }]->> { }", "b"),
        ("{ .k = `src` } -[data ! { .k = `src` }]->> { .k = `end` }", "c"),
        ("{ .k = `src` } -[data ! { .k = `end` }]->> { .k = `end` }", "c"),
        ("{ .k = `src` } -[data ! { .zz = 1 }]->> { .k = `end` }", "c"),
        ("{ .k = `src` } -[data ! { }]->> { }", "b"),
        ("{ .k = `src` } -[data ! { .k = `guard` }]->>{3} { }", ""),
        ("{ .k = `src` } -[data|link ! { .k = `guard` }]->>{2} { }", "g c"),
        # Both sides that take part.
        ("{ } &-[data]-> { .k = `mid` }", "a b"),
        ("{ .k = `src` } &-[flow]->> { .k = `end` }", "a c d"),
        ("{ } &-[flow]->> { name = `d` }", "a b g c d"),
        ("{ } &-[data]->>{2} { .k = `guard` }", "a g"),
        ("{ } &-[flow ! { .k = `guard` || .k = `mid` }]->> { name = `c` }", "b g c"),
        ("{ .k = `lone` } &-[flow]->> { }", ""),
        # The left spans without one.
        ("{ .k = `end` } !-[handoff]-> { }", "d"),
        ("{ .k != nil } !-[flow]->> { .k = `end` }", "d e"),
        ("{ .k = `src` } !-[data]-> { .k = `end` }", "a"),
        ("{ .k = `src` } !-[data]->> { .k = `end` }", ""),
        ("{ .k = `src` } !-[data ! { .k = `guard` }]->> { .k = `end` }", "a"),
        ("{ .k = `src` } !-[data]-> { .zz = 1 }", "a"),
        ("{ .zz = 1 } !-[data]-> { }", ""),
        # Chains.
        ("{ .k = `src` } -[data]-> { } -[data]-> { }", "g"),
        ("{ name = `r` } > { .k = `mid` } -[link]-> { }", "c"),
        ("({ .k = `src` } && { .k = `mid` }) -[data]-> { }", "b g"),
        ("{ .k = `src` } -[data]-> ({ .k = `mid` } || { .k = `end` })", "b"),
    ],
)
def test_typed_edges(query: str, expected: str) -> None:
    """Typed edges lead from cause to effect, with hops, guards and forms as documented."""
    assert found(query, _RUN) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ name = `a` } -[before]-> { }", "b g c e"),
        ("{ name = `g` } -[before]-> { }", "c e"),
        ("{ name = `d` } -[before]-> { }", "e"),
        ("{ } -[before]-> { name = `a` }", ""),
        ("{ name = `r` } -[before]-> { }", ""),
        ("{ name = `a` } -[before]->>{2} { }", "g c e"),
        ("{ name = `a` } -[before]->>{4} { }", "e"),
        ("{ name = `a` } -[before]->>{5} { }", ""),
        ("{ } &-[before]-> { name = `b` }", "a b"),
        ("{ .k != nil } !-[before]-> { .k = `lone` }", "e"),
        ("{ name = `d` } -[before|return]->> { }", "r e"),
    ],
)
def test_before(query: str, expected: str) -> None:
    """``before`` is computed from the times: A ended no later than B started."""
    assert found(query, _RUN) == expected


def test_before_with_spans_of_no_length() -> None:
    """A span of no length is not before itself, but before another at the same moment."""
    points = subject("""
        a 5-5
        b 5-5
        c 5-9
    """)
    assert found("{ name = `a` } -[before]-> { }", points) == "b c"
    assert found("{ } -[before]-> { }", points) == "a b c"
    assert found("{ name = `a` } -[before]->>{2} { name = `a` }", points) == "a"
    alone = subject("a 5-5")
    assert found("{ } -[before]->> { }", alone) == ""
    assert found("{ } &-[before]->> { }", alone) == ""


def test_cycles_end() -> None:
    """A walk round a cycle is followed once, and a bounded one as often as its bound says."""
    ring = subject("""
        a 0-1 <-data-c
        b 0-1 <-data-a
        c 0-1 <-data-b
        d 0-1 <-data-d
    """)
    assert found("{ name = `a` } -[data]->> { }", ring) == "a b c"
    assert found("{ name = `d` } -[data]->> { }", ring) == "d"
    assert found("{ name = `a` } -[data]->>{100} { }", ring) == "b"
    assert found("{ name = `a` } -[data]->>{3,} { name = `a` }", ring) == "a"
    assert found("{ name = `a` } -[data ! { name = `b` }]->> { }", ring) == "b"
    assert found("{ name = `a` } !-[data]->> { name = `a` }", ring) == ""


def test_edges_lead_into_other_traces() -> None:
    """A typed edge crosses from one trace of the run into another."""
    run = subject("""
        a 0-1 trace=one
        b 2-3 trace=two <-handoff-a
    """)
    assert found("{ name = `a` } -[flow]-> { }", run) == "b"


def test_given_edges_replace_those_of_the_parents() -> None:
    """``call`` edges that are given are taken as they are."""
    run = subject("""
        a 0-1
          b 0-1
        c 0-1 <-call-b
    """)
    assert found("{ } -[call]-> { }", run) == "c"
    assert found("{ } -[return]-> { }", run) == "a"


def test_edges_see_orphans() -> None:
    """Orphans are ordinary nodes for edges, raw too."""
    text = """
        o 0-1 parent=gone
          p 0-1
    """
    assert found("{ } -[call]-> { }", subject(text)) == "p"
    assert found("{ } -[call]-> { }", subject(text, raw=True)) == "p"


def _span(span_id: str, **fields: object) -> Span:
    return Span(trace_id="t", span_id=span_id, **fields)  # type: ignore[arg-type] # a test's shorthand


def test_a_raw_subject_takes_links_and_returned_data() -> None:
    """Raw, a link leads from the linked-to span, and data from a tool span to its parent."""
    tool = {"gen_ai.operation.name": "execute_tool"}
    spans = (
        _span("a", attributes={"gen_ai.operation.name": "invoke_agent"}),
        _span("t", parent_id="a", attributes=tool),
        _span("m", parent_id="a"),
        _span(
            "b", links=(SpanLink(trace_id="t", span_id="a"), SpanLink(trace_id="x", span_id="t"))
        ),
        _span("lost", parent_id="gone", attributes=tool),
    )
    where = raw_subject(spans)
    assert where.raw
    assert link_edges(spans) == ((0, 3),)
    for query, expected in (
        ("{ } -[link]-> { }", "b"),
        ("{ } -[data]-> { }", "a"),
        ("{ span:id = `t` } -[flow]->> { }", "a b"),
        ("{ } -[handoff]-> { }", ""),
        ("{ } -[call]-> { }", "t m"),
        ("{ } -[return]-> { }", "a"),
    ):
        assert shown(where, compile_query(query).evaluate(where).spansets) == expected


def test_links_are_edges_once() -> None:
    """Two links to the same span are one edge, and a link to nowhere is none."""
    spans = (
        _span("a"),
        _span(
            "b",
            links=(
                SpanLink(trace_id="t", span_id="a"),
                SpanLink(trace_id="t", span_id="a"),
                SpanLink(trace_id="t", span_id="zz"),
            ),
        ),
    )
    assert link_edges(spans) == ((0, 1),)
