from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from causewatch.likeness.asked import Alias, Check, Put, TooCloseError, Total, Variable
from causewatch.likeness.numbers import Run, bucket, check_total, holds, value_at
from causewatch.model.value import Value
from graph_fixtures import span

TOKENS = Variable(
    what="attribute",
    key="tokens",
    aliases=(Alias(key="old"), Alias(key="usage", path="total.input")),
    is_count=True,
)


def tokens(**attributes: Any) -> float | None:
    """Return the number of tokens of a span with these attributes."""
    one = span(0, **attributes)
    return Run([one]).number(TOKENS, one)


def test_a_value_lies_on_a_limit_or_between_two() -> None:
    """What is no number lies nowhere, and equals no limit."""
    assert [bucket((1, 5.5), value) for value in (0, 1, 1.0, 3, 5.5, 9)] == [0, 1, 1, 2, 3, 4]
    assert bucket((1,), float("nan")) == -1


@pytest.mark.parametrize(
    ("attributes", "number"),
    [
        ({}, None),
        ({"tokens": 7, "old": 9}, 7),
        ({"tokens": "7", "old": 9}, None),
        ({"tokens": True}, None),
        ({"old": "12"}, 12),
        ({"old": "12.9"}, 12),
        ({"old": 3.0}, 3),
        ({"old": -3}, None),
        ({"old": "none"}, None),
        ({"old": "", "usage": '{"total": {"input": 4}}'}, 4),
        ({"old": 4, "usage": '{"total": {"input": "4"}}'}, 4),
        ({"usage": '{"total": {}}'}, None),
        ({"usage": "not said"}, None),
        ({"usage": {"total": {"input": 5}}}, 5),
    ],
)
def test_a_number_is_read_where_dialects_keep_it(
    attributes: dict[str, Value], number: float | None
) -> None:
    """Under its own name as it is; else as text, or inside of JSON."""
    assert tokens(**attributes) == number


@pytest.mark.parametrize(
    "attributes",
    [
        {"old": 4, "usage": '{"total": {"input": 5}}'},
        {"old": "about 12"},
        {"old": "1e3"},
        {"old": [4]},
        {"old": 2**60},
        {"tokens": 2.0**60},
        {"tokens": float("nan")},
        {"usage": '{"total": {"input": 5'},
    ],
)
def test_what_cannot_be_told_is_not_guessed(attributes: dict[str, Value]) -> None:
    """Two that differ, text that is not plain, numbers that floats do not tell apart."""
    with pytest.raises(TooCloseError):  # it has no text: nobody reads it
        tokens(**attributes)


def put(*steps: Variable | float | str) -> tuple[Put, ...]:
    """Return a calculation in postfix form."""
    return tuple(
        Put(variable=step)
        if isinstance(step, Variable)
        else Put(operator=step)  # type: ignore[arg-type]  # one of the four
        if isinstance(step, str)
        else Put(number=step)
        for step in steps
    )


@pytest.mark.parametrize(
    ("left", "is_so"),
    [
        (put(7, 2, "/"), True),
        (put(7.0, 2, "/"), False),
        (put(-7, 2, "/", 6, "+"), True),
        (put(1, 0, "/"), False),
        (put(1.5, 2, "*"), True),
        (put(TOKENS, 1, "-"), False),
    ],
)
def test_calculations_are_those_of_the_language(
    left: tuple[Put, ...], is_so: bool
) -> None:  # a parameter of the table
    """Division of integers cuts off; by nothing, or of what is not there, it gives nothing."""
    one = span(0)
    assert holds(Check(left=left, operator="=", right=put(3)), one, Run([one])) is is_so


def test_numbers_of_the_parent_and_of_the_trace_are_read() -> None:
    """A root has no parent's."""
    spans = [span(0, length_ms=100), span(1, 0, length_ms=20)]
    run = Run(spans)
    own, whole = Variable(what="duration"), Variable(what="trace")
    parents = Variable(what="start", of_parent=True)
    assert [run.number(own, each) for each in spans] == [100_000_000, 20_000_000]
    assert [run.number(whole, each) for each in spans] == [100_000_000] * 2
    assert [run.number(parents, each) for each in spans] == [None, spans[0].start_ns]
    assert [run.first_after(each) for each in spans] == [2, 2]


@pytest.mark.parametrize(
    ("values", "total", "is_far"),
    [
        ((4, 5), {}, True),
        ((4, 6), {}, False),
        ((4, -9, 5), {}, True),
        ((4, 9), {"is_mean": True}, True),
        ((4, 11), {"is_mean": True}, False),
        ((11, 12), {"is_falling": True}, True),
        ((11, 12), {"is_falling": True, "is_mean": True}, True),
        ((11, 9), {"is_falling": True}, False),
        ((), {"is_falling": True}, True),
    ],
)
def test_a_total_is_far_whichever_spans_are_in_it(
    values: Sequence[int],
    total: dict[str, bool],
    is_far: bool,  # as above
) -> None:
    """Of a sum what is above zero counts; of a mean the largest, or the least."""
    run = Run([span(i, tokens=value) for i, value in enumerate(values)])
    asked = Total(variable=TOKENS, limit=10, **total)
    if is_far:
        check_total(asked, run)
    else:
        with pytest.raises(TooCloseError):  # as above
            check_total(asked, run)


def test_a_path_names_a_part_of_a_value() -> None:
    """Where it cannot be followed, the whole counts."""
    alias = Alias(key="m", path="a.1")
    assert value_at(alias, '{"a": [3, 4]}') == 4
    assert value_at(alias, "{'a': [3, 4]}") == "{'a': [3, 4]}"
