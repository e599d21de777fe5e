"""Tokens to metrics queries, which are read and checked but never run."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from causewatch.signatures.cursor import Cursor
from causewatch.signatures.parse_field import (
    parse_literal,
    parse_reference_token,
    parse_signed_literal,
)
from causewatch.signatures.parse_scalar import COMPARISONS
from causewatch.signatures.syntax import (
    ArithmeticOperator,
    Field,
    Filter,
    Literally,
    Metric,
    MetricMath,
    MetricRank,
    MetricRoot,
)

_COUNTS = ("rate", "count_over_time")
_OF_FIELD = (
    "min_over_time",
    "max_over_time",
    "avg_over_time",
    "sum_over_time",
    "histogram_over_time",
)
METRICS = (*_COUNTS, *_OF_FIELD, "quantile_over_time", "compare")


def parse_metric(cursor: Cursor, parse_filter: Callable[[Cursor], Filter]) -> Metric:
    """Read a metrics function with its ``by``."""
    word = cursor.advance()
    cursor.expect("(")
    fields: tuple[Field, ...] = ()
    chosen = None
    if word.text == "compare":
        chosen = parse_filter(cursor)
        fields = _numbers(cursor)
    elif word.text not in _COUNTS:
        fields = (parse_reference_token(cursor),)
        if word.text == "quantile_over_time":
            fields += _numbers(cursor)
            if len(fields) == 1:
                cursor.fail("`,` and a quantile")
    cursor.expect(")")
    by = () if word.text == "compare" else _by(cursor)
    return Metric(at=word.start, function=word.text, fields=fields, filter=chosen, by=by)


def _numbers(cursor: Cursor) -> tuple[Field, ...]:
    numbers: list[Field] = []
    while cursor.accept(","):
        if cursor.token.kind not in {"int", "float"}:
            cursor.fail("a number")
        numbers.append(parse_literal(cursor))
    return tuple(numbers)


def _by(cursor: Cursor) -> tuple[Field, ...]:
    if not cursor.at_word("by"):
        return ()
    cursor.advance()
    cursor.expect("(")
    fields: list[Field] = [parse_reference_token(cursor)]
    while cursor.accept(","):
        fields.append(parse_reference_token(cursor))
    cursor.expect(")", "`,`")
    return tuple(fields)


def parse_ranks(cursor: Cursor) -> tuple[MetricRank, ...]:
    """Read ``| topk(n)``, ``| bottomk(n)`` and comparisons with a number."""
    ranks = []
    while True:
        if cursor.at_operator("|") and cursor.ahead(1).text in {"topk", "bottomk"}:
            cursor.advance()
            word = cursor.advance()
            cursor.expect("(")
            if cursor.token.kind != "int":
                cursor.fail("a whole number")
            ranks.append(MetricRank(at=word.start, function=word.text, value=parse_literal(cursor)))
            cursor.expect(")")
        elif cursor.at_operator(*COMPARISONS):
            operator = cursor.advance()
            value = parse_signed_literal(cursor)
            ranks.append(MetricRank(at=operator.start, function=operator.text, value=value))
        else:
            return tuple(ranks)


def parse_metric_math(
    cursor: Cursor, left: MetricRoot, operand: Callable[[Cursor], MetricRoot]
) -> MetricRoot:
    """Read ``+ - * /`` behind a metric, with ``* /`` binding tighter."""
    left = _product(cursor, left, operand)
    while cursor.at_operator("+", "-"):
        operator = cursor.advance()
        cursor.count_operator(operator)
        right = _product(cursor, operand(cursor), operand)
        text = cast("ArithmeticOperator", operator.text)
        left = MetricMath(at=operator.start, operator=text, left=left, right=right)
    ranks = parse_ranks(cursor)
    if ranks and isinstance(left, MetricMath):
        return MetricMath(
            at=left.at, operator=left.operator, left=left.left, right=left.right, ranks=ranks
        )
    if ranks or isinstance(left, Literally):
        cursor.fail("`+`", "`-`", "`*`", "`/`")
    return left


def _product(
    cursor: Cursor, left: MetricRoot, operand: Callable[[Cursor], MetricRoot]
) -> MetricRoot:
    while cursor.at_operator("*", "/"):
        operator = cursor.advance()
        cursor.count_operator(operator)
        text = cast("ArithmeticOperator", operator.text)
        left = MetricMath(at=operator.start, operator=text, left=left, right=operand(cursor))
    return left
