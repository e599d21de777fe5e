from __future__ import annotations

import pytest

from causewatch.signatures.limits import EvaluationLimits
from causewatch.signatures.signature import compile_query
from signatures_fixtures import bound, found, subject

_RUN = subject("""
    r 0-100 kind=server
      a 0-10 k=src n=1 ^team=x
      b 0-20 k=src n=2 ^team=y
      c 20-30 k=mid n=1 <-data-a ^team=x
      d 30-40 k=end n=2 <-data-c <-data-b ^team=x
      e 50-60 k=end n=9 <-link-c
""")


@pytest.mark.parametrize(
    ("query", "spans", "bindings"),
    [
        ("{ .k = `src` } as s", "a b", ["s=a", "s=b"]),
        ("{ .k = `zz` } as s", "", []),
        (
            "{ .k = `src` } as s -[data]->> { .k = `end` } as v",
            "d",
            ["s=a v=d", "s=b v=d"],
        ),
        (
            "{ .k = `src` } as s -[flow]->> { .k = `end` } as v",
            "d e",
            ["s=a v=d", "s=a v=e", "s=b v=d"],
        ),
        ("{ .k = `src` } as s -[data]-> { .k = `end` }", "d", ["s=b"]),
        ("{ .k = `src` } -[flow]->> { .k = `end` } as v", "d e", ["v=d", "v=e"]),
        # References: the later span for which some such named span exists.
        ("{ .k = `src` } as s -[data]->> { .n = s.span.n }", "c d", ["s=a", "s=b"]),
        ("{ .k = `src` } as s -[data]->> { .n > s.span.n }", "d", ["s=a"]),
        ("{ .k = `src` } as s -[data]->> { .n != s.span.n } as v", "d", ["s=a v=d"]),
        ("{ .k = `src` } as s -[data]->> { .n = s.span.zz }", "", []),
        ("{ .k = `src` } as s -[flow]->> { .n = 9 && s.span.n = 1 }", "e", ["s=a"]),
        ("{ .k = `src` } as s -[flow]->> { resource.team != s.resource.team }", "d", ["s=b"]),
        ("{ .k = `src` } as s -[flow]->> { span:start > s:end }", "c d e", ["s=a", "s=b"]),
        ("{ .k = `src` } as s -[flow]->> { span:start - s:end > 25ms }", "e", ["s=a"]),
        ("{ .k = `src` } as s -[flow]->> { duration = s:duration }", "c d e", ["s=a"]),
        ("{ } as p > { kind != p:kind && .n = 9 }", "e", ["p=r"]),
        ("{ .k = `src` } as s ~ { .n = s.span.n && .k != `src` }", "c d", ["s=a", "s=b"]),
        # Both names, chained.
        (
            "{ .k = `src` } as s -[data]-> { } as m -[data]-> { .n > s.span.n && .n > m.span.n }",
            "d",
            ["s=a m=c"],
        ),
        # Logic: every pair that fits.
        (
            "{ .k = `src` } as s && { .k = `end` && .n = s.span.n } as v",
            "b d",
            ["s=b v=d"],
        ),
        ("{ .k = `src` } as s && { .n = 9 }", "a b e", ["s=a", "s=b"]),
        ("{ .n = 9 } && { .k = `src` } as s", "a b e", ["s=a", "s=b"]),
        ("{ .k = `src` } as s || { .k = `mid` } as m", "a b c", ["m=c", "s=a", "s=b"]),
        # Negation: no span for this assignment.
        ("{ .k = `src` } as s && !{ .k = `mid` && .n = s.span.n }", "b", ["s=b"]),
        ("{ .k = `src` } as s && !{ .n > s.span.n && .k = `zz` }", "a b", ["s=a", "s=b"]),
        ("{ .k = `src` } as s && !{ .n > s.span.n }", "", []),
        ("{ .k = `src` } as s !-[data]->> { .n > s.span.n }", "b", ["s=b"]),
        ("{ .k = `src` } as s !-[data]-> { .k = `mid` }", "b", ["s=b"]),
        ("{ .k = `mid` } as m !>> { .k = `src` } as s", "a b", ["s=a", "s=b"]),
        # Guards.
        (
            "{ .k = `src` } as s -[data ! { .n = s.span.n }]->> { .k = `end` } as v",
            "d",
            ["s=b v=d"],
        ),
        ("{ .k = `src` } as s -[data ! { .k = `mid` }]->> { .k = `end` }", "d", ["s=b"]),
        # Both sides.
        ("{ .k = `src` } as s &-[data]->> { .n > s.span.n }", "a d", ["s=a"]),
        ("{ } as p &> { .n = 9 }", "r e", ["p=r"]),
        # A name for a whole expression.
        ("({ .k = `src` } -[data]-> { }) as x", "c d", ["x=c", "x=d"]),
        ("({ .k = `mid` } || { .n = 9 }) as x && { .n = x.span.n && .k = `src` }", "a c", ["x=c"]),
        # Right sides that are more than a filter.
        (
            "{ .k = `src` } as s -[data]->> ({ .n = s.span.n } && { .k = `end` })",
            "c d",
            ["s=a", "s=b"],
        ),
        # Later stages see the rows that are left.
        ("{ .k = `src` } as s -[data]->> { } | { .n = s.span.n }", "c d", ["s=a", "s=b"]),
        ("{ .k = `src` } as s -[data]->> { } | { .k = `mid` }", "c", ["s=a"]),
        ("{ .k = `src` } as s -[data]->> { } as v | { .n = 2 }", "d", ["s=a v=d", "s=b v=d"]),
        ("{ .k = `src` } as s | count() = 2", "a b", ["s=a", "s=b"]),
        ("{ .k = `src` } as s | count() = 3", "", []),
        ("{ .k = `src` } as s | by(.n) | max(.n) = 2", "b", ["s=b"]),
        ("{ .k = `src` } as s | by(.n) | coalesce()", "a b", ["s=a", "s=b"]),
        ("{ .k = `src` } as s -[data]->> { } | origin(data)", "c", ["s=a"]),
        (
            "({ .k = `src` } as s | count() = 2) && ({ .n = s.span.n && .k = `mid` })",
            "a c",
            ["s=a"],
        ),
        ("({ .k = `src` } as s | count()) > ({ .k = `mid` } as m | count())", "a b c", []),
    ],
)
def test_names(query: str, spans: str, bindings: list[str]) -> None:
    """A name stands for one span; each assignment that takes part in a match is reported once."""
    assert found(query, _RUN) == spans
    assert bound(query, _RUN) == bindings


def test_a_signature_without_names_has_no_bindings() -> None:
    """Bindings are assignments of names."""
    assert bound("{ .k = `src` }", _RUN) == []


def test_the_documented_rule() -> None:
    """The rule of the documentation binds each pair of source and victim with a path of flow."""
    run = subject("""
        root 0-100
          kb 0-10 +causewatch.step=tool +causewatch.fault=["truncated"]
          ok 0-10 +causewatch.step=tool +causewatch.fault=[]
          plan 10-20 +causewatch.agent=planner <-data-kb <-data-ok
          ans 20-30 +causewatch.agent=answer_writer <-handoff-plan
          alt 20-30 +causewatch.agent=answer_writer
    """)
    query = """
      { span.causewatch.step = "tool" && span.causewatch.fault = "truncated" } as source
        -[flow]->> { span.causewatch.agent = "answer_writer" } as victim
    """
    assert found(query, run) == "ans"
    assert bound(query, run) == ["source=kb victim=ans"]
    signature = compile_query(query)
    assert signature.names == ("source", "victim")
    assert signature.monotone
    assert not signature.portable


def _wide(count: int) -> str:
    return "\n".join(f"s{i} {i}-{i} n={i}" for i in range(count))


def test_bindings_have_a_limit() -> None:
    """Past the limit assignments are cut, and the result says so; the spans stay complete."""
    where = subject(_wide(40))
    signature = compile_query("{ } as a && { } as b")
    result = signature.evaluate(where, limits=EvaluationLimits(max_bindings=100))
    assert (len(result.bindings), result.limited) == (100, True)
    assert len(result.spansets[0]) == 40
    whole = signature.evaluate(where, limits=EvaluationLimits(max_bindings=1_600))
    assert (len(whole.bindings), whole.limited) == (1_600, False)


def test_rows_have_a_limit() -> None:
    """Past the limit no new pairs are formed, so a negation cannot make up a match."""
    where = subject(_wide(40))
    tight = EvaluationLimits(max_rows=50)
    same = compile_query("{ } as a && { .n > a.span.n } as b").evaluate(where, limits=tight)
    assert same.limited
    assert len(same.bindings) < 780
    absent = compile_query("{ } as a && !{ .n = a.span.n + 1 }")
    assert absent.evaluate(where).spansets == ((39,),)
    unmatched = compile_query("{ } as a !-[before]-> { .n = a.span.n }")
    assert unmatched.evaluate(where).spansets == (tuple(range(40)),)
    # The first runs out on the left side, the second while the negated side is looked at.
    for limits in (tight, EvaluationLimits(max_rows=150)):
        for signature in (absent, unmatched):
            cut = signature.evaluate(where, limits=limits)
            assert (cut.spansets, cut.limited) == ((), True)


def test_limits_do_not_touch_what_needs_no_rows() -> None:
    """Without names nothing is limited, however large the run."""
    where = subject(_wide(400))
    result = compile_query("{ } >> { } || { .n > 5 }").evaluate(
        where, limits=EvaluationLimits(max_rows=0)
    )
    assert (len(result.spansets[0]), result.limited) == (394, False)
