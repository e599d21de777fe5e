"""What the operators of the language do with two values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import assert_never, cast

from causewatch.signatures.columns import Cell, tag_of
from causewatch.signatures.syntax import ArithmeticOperator, CompareOperator

_MAX_INT_BITS = 128


def compare(operator: CompareOperator, left: Cell, right: Cell) -> bool:
    """Return whether a comparison holds.

    Nothing compares with nil or across types. Of an array any element may fit, except that ``!=``
    holds when no element equals. Two arrays never compare.
    """
    if left is None or right is None:
        return False
    if isinstance(left, list):
        return not isinstance(right, list) and _any_of(operator, left, right, swapped=False)
    if isinstance(right, list):
        return _any_of(operator, right, left, swapped=True)
    return compare_scalars(operator, left, right)


def _any_of(
    operator: CompareOperator, elements: Sequence[Cell], other: Cell, *, swapped: bool
) -> bool:
    if operator == "!=":
        return not any(compare_scalars("=", element, other) for element in elements)
    if swapped:
        return any(compare_scalars(operator, other, element) for element in elements)
    return any(compare_scalars(operator, element, other) for element in elements)


def compare_scalars(operator: CompareOperator, left: Cell, right: Cell) -> bool:
    """Return whether a comparison between two values that are no arrays holds."""
    tag = tag_of(left)
    if not tag or tag != tag_of(right):
        return False
    match operator:
        case "=":
            return left == right
        case "!=":
            return left != right
        case "<" | "<=" | ">" | ">=":
            return tag in {"number", "string"} and _ordered(operator, left, right)
        case _:
            assert_never(operator)


def _ordered(operator: CompareOperator, left: object, right: object) -> bool:
    # The caller has made sure that both are numbers or both are strings.
    first, second = cast("float", left), cast("float", right)
    match operator:
        case "<":
            return first < second
        case "<=":
            return first <= second
        case ">":
            return first > second
        case _:
            return first >= second


def calculate(operator: ArithmeticOperator, left: Cell, right: Cell) -> Cell:
    """Return the result of arithmetic; ``None`` where it has none.

    Between integers ``/`` cuts off towards zero and ``%`` has the sign of the left side; dividing
    by zero gives nothing.
    """
    if tag_of(left) != "number" or tag_of(right) != "number":
        return None
    first, second = cast("int | float", left), cast("int | float", right)
    try:
        return _ARITHMETIC[operator](first, second)
    except (ArithmeticError, ValueError):
        return None


def _divide(left: float, right: float) -> int | float:
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return left / right


def _remainder(left: float, right: float) -> int | float:
    if isinstance(left, int) and isinstance(right, int):
        return int(math.copysign(1, left)) * (abs(left) % abs(right))
    return math.fmod(left, right)


def _power(left: float, right: float) -> int | float:
    if isinstance(left, int) and isinstance(right, int) and right >= 0:
        # Attributes are not ours to trust: a large power of integers would never end.
        small = abs(left) <= 1 or left.bit_length() * right <= _MAX_INT_BITS
        return int(left**right) if small else math.pow(left, right)
    return math.pow(left, right)


_ARITHMETIC: dict[ArithmeticOperator, Callable[[float, float], int | float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "%": _remainder,
    "^": _power,
}
