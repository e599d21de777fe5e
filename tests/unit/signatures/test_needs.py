from __future__ import annotations

import pytest

from causewatch.signatures.needs import all_of
from causewatch.signatures.signature import compile_query


def required(query: str) -> set[str]:
    """Return what a query requires, as ``scope.name=value``."""
    needs = compile_query(query).needs
    return {f"{each.scope}.{each.name}={each.value}" for each in needs.required}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ }", set()),
        ("{ span.a = 1 }", {"span.a=1"}),
        ("{ 1 = span.a }", {"span.a=1"}),
        ("{ .a = `x` && span.b > 2 }", {".a=x"}),
        ("{ span.a = 1 && span.b = 2 }", {"span.a=1", "span.b=2"}),
        ("{ span.a = 1 || span.b = 2 }", set()),
        ("{ !(span.a = 1) }", set()),
        ("{ span.a != 1 }", set()),
        ("{ span.a =~ `x.*` }", set()),
        ("{ span.a = nil }", set()),
        ("{ span.a = span.b }", set()),
        ("{ parent.span.a = 1 }", set()),
        ("{ event.a = 1 }", set()),
        ("{ link.a = 1 }", set()),
        ("{ event:name = `x` }", set()),
        ("{ name = `x` }", {"intrinsic.span:name=x"}),
        ("{ span:status = error }", {"intrinsic.span:status=Status.ERROR"}),
        ("{ span.a = 1 } && { span.b = 2 }", {"span.a=1", "span.b=2"}),
        ("{ span.a = 1 } || { span.b = 2 }", set()),
        ("{ span.a = 1 } || { span.a = 1 && span.b = 2 }", {"span.a=1"}),
        ("{ span.a = 1 } && !{ span.b = 2 }", {"span.a=1"}),
        ("!{ span.b = 2 } && { span.a = 1 }", {"span.a=1"}),
        ("{ span.a = 1 } >> { span.b = 2 }", {"span.a=1", "span.b=2"}),
        ("{ span.a = 1 } &>> { span.b = 2 }", {"span.a=1", "span.b=2"}),
        ("{ span.a = 1 } !>> { span.b = 2 }", {"span.b=2"}),
        ("{ span.a = 1 } -[data]->> { span.b = 2 }", {"span.a=1", "span.b=2"}),
        ("{ span.a = 1 } !-[data]->> { span.b = 2 }", {"span.a=1"}),
        ("{ span.a = 1 } -[data ! {span.g = 1}]->> { span.b = 2 }", {"span.a=1", "span.b=2"}),
        ("{ span.a = 1 } as x | { span.b = x.span.b && span.c = 3 }", {"span.a=1", "span.c=3"}),
        ("({ span.a = 1 } | count() > 1) && ({ span.b = 2 })", {"span.a=1", "span.b=2"}),
        ("{ span.a = 1 } | by(span.c) | { span.b = 2 }", {"span.a=1", "span.b=2"}),
        ("({ span.a = 1 } | count()) < ({ span.b = 2 } | count())", set()),
        ("{ span.a = 1 } | rate()", set()),
    ],
)
def test_what_must_be_there_is_known(query: str, expected: set[str]) -> None:
    """Only an equality without which nothing can match is required; when in doubt nothing is."""
    assert required(query) == expected


def test_what_is_read_and_followed_is_known() -> None:
    """Attributes with their scopes, intrinsics by their full names, edges of every kind of use."""
    needs = compile_query(
        "{ span.causewatch.step = `tool` && .x = 1 } -[data|link]->> { duration > 1s }"
        " | origin(handoff) | path(before)"
    ).needs
    assert needs.attributes == {("span", "causewatch.step"), ("", "x")}
    assert needs.intrinsics == {"span:duration"}
    assert needs.edges == {"data", "link", "handoff", "before"}
    assert needs.kinds == {"tool"}


def test_what_several_need_is_the_sum_and_requires_nothing() -> None:
    """A value that one of them needs to be there says nothing of the others."""
    both = all_of(
        compile_query(text).needs for text in ("{ span.a = 1 }", "{ } -[data]-> { name = `b` }")
    )
    assert both.attributes == {("span", "a")}
    assert both.intrinsics == {"span:name"}
    assert both.edges == {"data"}
    assert both.required == frozenset()
    assert all_of(()).attributes == frozenset()
