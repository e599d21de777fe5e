from __future__ import annotations

import pytest

from causewatch.signatures.limits import EvaluationLimits
from causewatch.signatures.plan import Plan
from causewatch.signatures.signature import compile_query
from signatures_fixtures import subject

_RUN = """
    r 0-100
      a 0-10 k=src n=1
      b 10-20 k=mid n=2 <-data-a
      c 30-40 k=end n=2 <-data-b
"""


def candidates(*queries: str, run: str = _RUN) -> list[int]:
    """Return the positions of the queries that a plan would evaluate."""
    return Plan([compile_query(query) for query in queries]).candidates(subject(run))


def test_only_what_can_match_is_asked() -> None:
    """A signature that requires a value no span has is left out; order is kept."""
    assert candidates(
        "{ .k = `gone` }",
        "{ .k = `end` }",
        "{ .k = `src` } -[data]-> { .k = `mid` }",
        "{ .n > 1 }",
        "{ name = `b` }",
        "{ name = `z` }",
    ) == [1, 2, 3, 4]


def test_the_value_that_tells_most_apart_is_the_one_looked_up() -> None:
    """Of two required values the one at the place where rules differ decides."""
    queries = [f"{{ .n = 2 && .k = `k{i}` }}" for i in range(50)]
    assert candidates(*queries, "{ .n = 2 && .k = `mid` }") == [50]


def test_more_values_than_the_run_has_or_fewer_are_the_same() -> None:
    """The lookup goes over the shorter side; what it finds does not depend on it."""
    many = [f"{{ .k = `k{i}` }}" for i in range(50)]
    assert candidates("{ .k = `src` }", *many, "{ .k = `end` }") == [0, 51]
    assert candidates("{ .k = `src` }") == [0]


def test_a_plan_of_nothing_asks_nothing() -> None:
    """No rules, no work."""
    assert candidates() == []


@pytest.mark.parametrize("run", ["", "a 0-1"])
def test_runs_without_attributes(run: str) -> None:
    """Only signatures that require nothing are asked."""
    assert candidates("{ .k = `a` }", "{ }", run=run) == [1]


def test_a_plan_says_what_all_its_signatures_read() -> None:
    """For whoever decodes: the union."""
    plan = Plan([compile_query("{ .a = 1 }"), compile_query("{ span.b = 1 }")])
    assert plan.needs.attributes == {("", "a"), ("span", "b")}


def test_equal_signatures_are_evaluated_once_a_subject() -> None:
    """The same question in other words of spacing gives the very same answer object."""
    where = subject(_RUN)
    first = compile_query("{ .k = `src` } -[data]->> { }").evaluate(where)
    second = compile_query("{.k=`src`}-[data]->>{}").evaluate(where)
    assert first is second
    assert compile_query("{ .k = `src` } -[data]->> { }").evaluate(subject(_RUN)) is not first


def test_other_limits_are_other_answers() -> None:
    """A result that a tight limit cut is not remembered for those who asked without it."""
    where = subject(_RUN)
    signature = compile_query("{ } as a -[before]-> { } as b")
    tight = signature.evaluate(where, limits=EvaluationLimits(max_bindings=1))
    assert tight.limited
    assert not signature.evaluate(where).limited


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{ .k = `src` } -[data]->> { }", "{ .k = `src` } as a -[data]->> { } as b"),
        ("{ .k = `mid` } !-[data]-> { }", "{ .k = `end` } !-[data]-> { }"),
        ("{ } >> { .k = `mid` }", "{ } !>> { .k = `mid` }"),
        ("{ } -[data]-> { .n = 2 }", "{ } -[data]->>{2,2} { .n = 2 }"),
        ("{ } -[data]->> { .n = 2 }", "{ } -[data ! {.k = `mid`}]->> { .n = 2 }"),
    ],
)
def test_what_is_shared_does_not_leak(first: str, second: str) -> None:
    """Answers are the same whether a signature is evaluated alone or after a similar one."""
    alone = compile_query(second).evaluate(subject(_RUN))
    where = subject(_RUN)
    compile_query(first).evaluate(where)
    assert compile_query(second).evaluate(where) == alone
