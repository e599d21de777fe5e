from __future__ import annotations

import pytest

from causewatch.model.value import Value
from causewatch.model.withheld import WITHHELD, holds_mark, is_withheld_from, mark_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (mark_of("email"), True),
        (f"text around {mark_of('email')} it", True),
        (["a", {"b": mark_of("x")}], True),
        ({mark_of("x"): 1}, True),
        ("redacted", False),
        (17, False),
        (None, False),
        (b"[redacted:x]", False),
        ({"a": ["b"]}, False),
    ],
)
def test_a_mark_is_seen_wherever_it_stands(value: Value, expected: bool) -> None:
    """In texts, lists, maps and their keys."""
    assert holds_mark(value) is expected


def test_depth_costs_no_stack() -> None:
    """What is nested too deep is not looked at."""
    value: Value = mark_of("x")
    for _ in range(10_000):
        value = [value]
    assert not holds_mark(value)


def test_a_span_says_that_something_was_withheld() -> None:
    """By an attribute, whatever it holds."""
    assert is_withheld_from({WITHHELD: []})
    assert not is_withheld_from({"other": mark_of("x")})
