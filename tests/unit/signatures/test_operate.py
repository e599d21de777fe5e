from __future__ import annotations

import math

import pytest

from causewatch.signatures.columns import Cell, tag_of
from causewatch.signatures.operate import calculate, compare
from causewatch.signatures.syntax import ArithmeticOperator, CompareOperator, Kind, Status

_NAN = float("nan")


@pytest.mark.parametrize(
    ("cell", "tag"),
    [
        (1, "number"),
        (1.5, "number"),
        (True, "bool"),
        ("", "string"),
        (Status.OK, "status"),
        (Kind.SERVER, "kind"),
        (None, ""),
        ([], ""),
        ({}, ""),
        (b"", ""),
    ],
)
def test_what_can_be_compared(cell: Cell, tag: str) -> None:
    """A boolean is no number, an enum no text, and bytes and objects compare with nothing."""
    assert tag_of(cell) == tag


@pytest.mark.parametrize(
    ("left", "operators", "right"),
    [
        (1, "= <= >=", 1.0),
        (1, "!= < <=", 2),
        (2.5, "!= > >=", 2),
        (2**53 + 1, "!= > >=", 2**53),
        ("a", "!= < <=", "b"),
        ("a", "= <= >=", "a"),
        ("Z", "!= < <=", "a"),
        ("a", "!= < <=", "\u00e9"),
        (True, "=", True),
        (True, "!=", False),
        (Status.OK, "=", Status.OK),
        (Status.OK, "!=", Status.ERROR),
        (Kind.SERVER, "!=", Kind.CLIENT),
        # Different types: nothing holds, not even !=.
        (1, "", True),
        (1, "", "1"),
        ("ok", "", Status.OK),
        (Status.UNSET, "", Kind.UNSPECIFIED),
        (b"a", "", b"a"),
        ({"k": 1}, "", {"k": 1}),
        (None, "", None),
        (None, "", 1),
        (1, "", None),
        (_NAN, "!=", _NAN),
        (_NAN, "!=", 1),
        # Arrays: some element, or for != no element.
        ([1, 5], "!= < <= > >=", 3),
        ([1, 5], "= < <= >=", 5),
        ([1, 2], "!= < <=", 3),
        (3, "!= > >=", [1, 2]),
        (2, "= <= > >=", [1, 2]),
        ([], "!=", 1),
        (["a", 1], "= <= >=", 1),
        (["a"], "!=", 1),
        ([1], "", [1]),
        ([[1]], "!=", 1),
        ([None], "!=", 1),
    ],
)
def test_comparisons(left: Cell, operators: str, right: Cell) -> None:
    """Exactly the listed comparisons hold between two values."""
    every: tuple[CompareOperator, ...] = ("=", "!=", "<", "<=", ">", ">=")
    held = [operator for operator in every if compare(operator, left, right)]
    assert held == operators.split()


@pytest.mark.parametrize(
    ("left", "operator", "right", "result"),
    [
        (7, "+", 2, 9),
        (7, "-", 2.5, 4.5),
        (7, "*", 2, 14),
        (7, "/", 2, 3),
        (-7, "/", 2, -3),
        (7, "/", -2, -3),
        (-7, "/", -2, 3),
        (7.0, "/", 2, 3.5),
        (7, "%", 3, 1),
        (-7, "%", 3, -1),
        (7, "%", -3, 1),
        (7.5, "%", 2, 1.5),
        (2, "^", 10, 1024),
        (2, "^", 63, 2**63),
        (2, "^", -1, 0.5),
        (0, "^", 0, 1),
        (-1, "^", 10**18, 1),
        (2.0, "^", 0.5, math.sqrt(2)),
        (10**18, "^", 2, 10**36),
        (10**18, "^", 3, 1e54),
        # Without a result.
        (7, "/", 0, None),
        (7, "%", 0, None),
        (7.0, "/", 0.0, None),
        (7.0, "%", 0.0, None),
        (0, "^", -1, None),
        (-2, "^", 0.5, None),
        (10**18, "^", 10**18, None),
        (1e300, "^", 2, None),
        (True, "+", 1, None),
        ("a", "+", "b", None),
        (None, "+", 1, None),
        ([1], "+", 1, None),
    ],
)
def test_arithmetic(left: Cell, operator: ArithmeticOperator, right: Cell, result: Cell) -> None:
    """Integers stay integers; what has no result gives nothing and never raises or hangs."""
    found = calculate(operator, left, right)
    assert found == result
    assert type(found) is type(result)
