"""Tokens to scalars: aggregates, constants and arithmetic between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from causewatch.signatures.cursor import Cursor
from causewatch.signatures.parse_field import parse_field, parse_signed_literal
from causewatch.signatures.syntax import (
    Aggregate,
    AggregateFunction,
    Arithmetic,
    ArithmeticOperator,
    Compare,
    CompareOperator,
    Literally,
    Scalar,
)

AGGREGATES = ("count", "min", "max", "avg", "sum")
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_ADD, _MULTIPLY, _POWER = 1, 2, 3
_BINDING = {"+": _ADD, "-": _ADD, "*": _MULTIPLY, "/": _MULTIPLY, "%": _MULTIPLY, "^": _POWER}

Parenthesised = Callable[[Cursor], Scalar]
"""Reads a scalar that starts with ``(``."""


def parse_scalar(
    cursor: Cursor, parenthesised: Parenthesised, *, left: Scalar | None = None, least: int = _ADD
) -> Scalar:
    """Read a scalar; ``left`` is its first operand where that has been read."""
    scalar = _operand(cursor, parenthesised) if left is None else left
    while cursor.token.kind == "operator":
        operator = cursor.token
        binding = _BINDING.get(operator.text, 0)
        if binding < least or (isinstance(scalar, Literally) and cursor.ahead(1).text == "("):
            # A number before `+ (` starts arithmetic between metrics, which others read.
            break
        cursor.count_operator(operator)
        cursor.advance()
        tighter = binding if binding == _POWER else binding + 1
        right = parse_scalar(cursor, parenthesised, least=tighter)
        text = cast("ArithmeticOperator", operator.text)
        scalar = Arithmetic(at=operator.start, operator=text, left=scalar, right=right)
    return scalar


def parse_compare(cursor: Cursor, left: Scalar, parenthesised: Parenthesised) -> Compare | Scalar:
    """Read the comparison behind ``left``; without one, ``left`` is all there is."""
    operator = cursor.token
    if not cursor.at_operator(*COMPARISONS):
        return left
    cursor.count_operator(operator)
    cursor.advance()
    right = parse_scalar(cursor, parenthesised)
    if isinstance(left, Literally) and isinstance(right, Literally):
        cursor.fail_at(operator, "a comparison between two constants", "an aggregate")
    text = cast("CompareOperator", operator.text)
    return Compare(at=operator.start, operator=text, left=left, right=right)


def _operand(cursor: Cursor, parenthesised: Parenthesised) -> Scalar:
    token = cursor.token
    if cursor.at_operator("("):
        return parenthesised(cursor)
    if not cursor.at_word(*AGGREGATES):
        return parse_signed_literal(cursor)
    cursor.advance()
    cursor.expect("(")
    function = cast("AggregateFunction", token.text)
    operand = None if token.text == "count" else parse_field(cursor)
    cursor.expect(")", *(() if token.text == "count" else ("an operator",)))
    return Aggregate(at=token.start, function=function, operand=operand)
