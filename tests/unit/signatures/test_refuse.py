from __future__ import annotations

import pytest

from causewatch.signatures.refuse import refused
from causewatch.signatures.signature import compile_query
from signatures_fixtures import found, subject

_TEXT = """
    a 0-10 k=src arr=["x","y"] numbers=[1,2]
      b 10-20 k=end
"""


@pytest.mark.parametrize(
    "query",
    [
        '{ span.arr = "x" || span.arr = "y" }',
        '{ (span.arr = "x" || span.arr = "y") && .k = "src" }',
        '{ span.arr = "x" || span.arr = "y" || span.arr = "z" }',
        '{ span.arr =~ "x" || span.arr =~ "y" }',
        '{ span.arr != "x" && span.arr != "y" }',
        '{ span.arr !~ "x" && span.arr !~ "y" }',
        "{ span.numbers = 1 || span.numbers = 2 }",
        '{ } >> { .arr = "x" || .arr = "y" }',
    ],
)
def test_alternatives_for_an_array_are_refused_where_answers_are_those_of_tempo(query: str) -> None:
    """Tempo's engine reads them as a set, and a set cannot be compared with an array."""
    where = subject(_TEXT, raw=True)

    problem = refused(compile_query(query), where)

    assert problem is not None
    assert problem.stage == "unsupported"
    assert "an array" in problem.message


@pytest.mark.parametrize(
    "query",
    [
        '{ span.arr = "x" && span.arr = "y" }',
        '{ span.arr = "x" || span.arr != "y" }',
        '{ span.arr = "x" || .k = "src" }',
        "{ span.arr = 1 || span.arr = 2 }",
        '{ span.k = "src" || span.k = "end" }',
        '{ span.arr = "x" } || { span.arr = "y" }',
        '{ span.arr =~ "x|y" }',
        '{ parent.span.arr = "x" || parent.span.arr = "y" }',
        '{ span.k = "src" || span.k = "end" || span.arr = "y" }',
    ],
)
def test_what_is_no_set_of_alternatives_for_an_array_is_answered(query: str) -> None:
    """Other operators, other types, several filters: all of it runs in Tempo too."""
    assert refused(compile_query(query), subject(_TEXT, raw=True)) is None


def test_a_rule_takes_the_alternatives_for_what_they_say() -> None:
    """Evaluation itself knows nothing of the refusal: any element may be any of them."""
    assert found('{ span.arr = "x" || span.arr = "z" }', subject(_TEXT)) == "a"
