from __future__ import annotations

import pytest

from causewatch.signatures.classify import Mixed
from causewatch.signatures.signature import compile_query


@pytest.mark.parametrize(
    "text",
    [
        "{ }",
        "{ span.x = 1 && status != error } >> { .y =~ `x` }",
        "{ } !>> { } &> { } ~ { }",
        "{ } | by(.x) | count() > 2 | coalesce()",
        "{ } | select(.x) with(most_recent=true)",
        "({ } | count() > 1) && ({ } | max(.x) < 2)",
        "{ .x = nil }",
        "{ nestedSetParent < 0 }",
    ],
)
def test_what_tempo_runs(text: str) -> None:
    """Plain TraceQL is portable."""
    assert compile_query(text).portable


@pytest.mark.parametrize(
    "text",
    [
        "{ } -[data]-> { }",
        "{ } !-[data]->> { }",
        "{ } as a",
        "{ } as a >> { .x = a.span.x }",
        "{ } && !{ .x = 1 }",
        "{ span:start > 1 }",
        "{ span:end > 1 }",
        "{ parent.x = 1 }",
        "{ parent:name = `x` }",
        "{ } | origin(data)",
        "{ } | path(data)",
        "{ } | count() > max(.x)",
        "{ } | count() + 1 > 2",
        "({ } | count()) > ({ } | count())",
        "({ } | count()) > 2",
    ],
)
def test_what_tempo_does_not_run(text: str) -> None:
    """Each extension makes a signature causewatch's own."""
    assert not compile_query(text).portable


@pytest.mark.parametrize(
    "text",
    [
        "{ }",
        "{ .x = 1 && .y != 2 || !(.z = 3) }",
        "{ .x = nil }",
        "{ .x !~ `a` }",
        "{ status != error }",
        "{ span.causewatch.step != `tool` }",
        "{ span.causewatch.fault = `truncated` }",
        "{ span.causewatch.tool = nil }",
        "{ } >> { } && { } &> { }",
        "{ } as a -[flow]->> { .x = a.span.x } as b",
        "{ } -[flow ! { .x = 1 }]->>{2,3} { }",
        "{ } &-[data]-> { }",
        "{ parent.x = 1 }",
        "{ parent.x < 1 }",
        "{ trace:duration > 5s }",
        "{ 5s < traceDuration }",
        "{ span:childCount >= 3 }",
        "{ rootName = `x` }",
        "{ } | by(.x) | count() > 2",
        "{ } | count() >= 2",
        "{ } | 2 < count()",
        "{ } | max(.x) > 1",
        "{ } | min(.x) < 1",
        "{ } | 1 > min(.x)",
        "({ } | count()) > 2",
        "{ } | by(.x) | coalesce() | select(.y)",
        "{ } | path(data)",
    ],
)
def test_what_more_spans_cannot_take_back(text: str) -> None:
    """A match of a monotone signature stays one when more spans of the run arrive."""
    assert compile_query(text).monotone


@pytest.mark.parametrize(
    "text",
    [
        "{ } && !{ .x = 1 }",
        "{ } !>> { }",
        "{ } !-[data]-> { }",
        "{ } | count() < 3",
        "{ } | count() = 3",
        "{ } | count() != 3",
        "{ } | 3 > count()",
        "{ } | max(.x) < 1",
        "{ } | min(.x) > 1",
        "{ } | avg(.x) > 1",
        "{ } | sum(.x) > 1",
        "{ } | count() > max(.x)",
        "({ } | count()) < 3",
        "({ } | count()) > ({ } | count())",
        "{ } | origin(data)",
        "{ parent.x = nil }",
        "{ parent.x != 1 }",
        "{ !(parent.x = 1) }",
        "{ !parent.x }",
        "{ span:childCount = 0 }",
        "{ span:childCount < 3 }",
        "{ trace:duration < 5s }",
        "{ duration < traceDuration * 0.5 }",
        "{ nestedSetLeft = 3 }",
        "{ rootName != `x` }",
        "{ span.causewatch.fault != `truncated` }",
        "{ span.causewatch.verdict = nil }",
        "{ !(.causewatch.handoff.mode = `x`) }",
        "{ span.causewatch.violation !~ `x` }",
        "{ } | rate()",
    ],
)
def test_what_more_spans_may_take_back(text: str) -> None:
    """Negations and upper bounds are judged only when the run is complete."""
    assert not compile_query(text).monotone


def test_what_a_signature_tells() -> None:
    """A compiled signature knows its text, its kind, its names and what it reads."""
    signature = compile_query("{ .a = 1 } as one -[call]-> { resource.b = one.span.c } as two")
    assert signature.text.startswith("{ .a = 1 }")
    assert signature.kind == "search"
    assert signature.names == ("one", "two")
    assert [field.name for field in signature.attributes] == ["a", "b", "c"]
    assert signature.mixed == ()


def test_a_result_that_may_surprise_is_explained() -> None:
    """A negated edge gives its left side, which differs from the tree's negations: it says so."""
    (remark,) = compile_query("{ .a } !-[data|link]->> { .b }").remarks
    assert remark.startswith("`!-[data|link]->` gives the spans of its left side")
    assert compile_query("{ .a } -[data]-> { .b } !>> { }").remarks == ()


def test_mixed_logic_is_told_by_place() -> None:
    """``&&`` and ``||`` without parentheses are legal; a warning can say where."""
    signature = compile_query("{ .a && .b\n  || .c }")
    assert signature.mixed == (Mixed(line=2, column=3),)
    assert "parentheses" in signature.mixed[0].message
