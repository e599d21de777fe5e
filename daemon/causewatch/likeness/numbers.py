"""Numbers of spans, as rules see them, read from spans that nobody understood yet.

A rule knows the count of tokens under one name; spans carry it under many, as a number, as text or
inside of JSON, and which of them counts is the dialects' to say. Here all of them are read: where
they say the same, that is the number; where they do not, or where the text of one is not plain,
nothing is guessed (``TooCloseError``).
"""

from __future__ import annotations

import operator
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from causewatch.dialects.shape import at_path
from causewatch.dialects.understand import MAX_TOKENS_COUNT
from causewatch.likeness.asked import Alias, Check, Put, TooCloseError, Total, Variable
from causewatch.model.span import Span
from causewatch.model.value import Value

MAX_EXACT_INT = 2**53
"""Larger integers are not told apart as floats."""
SLACK = 1e-9
"""The order in which floats are added makes that much of a difference to a total at most."""
Number = int | float
_DECIMAL = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_NO_NUMBER = re.compile(r"[\x00-/:-\x7f]*")
_ABSENT: Value = b"\0absent"
"""Stands for no value at all."""


_COMPARISONS: dict[str, Callable[[Number, Number], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def bucket(limits: Sequence[float], value: float) -> int:
    """Return an odd number for a value on a limit, an even one between two, -1 for no number."""
    if value != value:  # noqa: PLR0124  # what is not equal to itself is no number
        return -1
    return bisect_left(limits, value) + bisect_right(limits, value)


class Run:
    """The spans of one run with what they know of each other."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = spans
        self.index = {span.span_id: i for i, span in enumerate(spans)}
        self._begun = [span.start_ns for span in spans]
        self._starts: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        for span in spans:
            trace = span.trace_id
            self._starts[trace] = min(self._starts.get(trace, span.start_ns), span.start_ns)
            self._ends[trace] = max(self._ends.get(trace, span.end_ns), span.end_ns)

    def trace_ns(self, span: Span) -> int:
        """Return the duration of a span's trace."""
        return self._ends[span.trace_id] - self._starts[span.trace_id]

    def first_after(self, span: Span) -> int:
        """Return the position, in order of time, of the first span that began after one ended."""
        return bisect_left(self._begun, span.end_ns)

    def number(self, variable: Variable, span: Span) -> Number | None:
        """Return a number of a span, ``None`` where it has none.

        Raises:
            TooCloseError: it cannot be told.
        """
        if variable.of_parent:
            parent = self.index.get(span.parent_id) if span.parent_id else None
            if parent is None:
                return None
            span = self.spans[parent]
        if variable.what == "attribute":
            return _attribute(variable, span)
        return self._time(variable.what, span)

    def _time(self, what: Literal["duration", "trace", "start", "end"], span: Span) -> int:
        match what:
            case "duration":
                return span.end_ns - span.start_ns
            case "trace":
                return self.trace_ns(span)
            case "start":
                return span.start_ns
            case "end":
                return span.end_ns


def holds(test: Check, span: Span, run: Run) -> bool:
    """Return whether a comparison holds for a span.

    Raises:
        TooCloseError: that cannot be told.
    """
    left = _calculated(test.left, span, run)
    right = _calculated(test.right, span, run)
    if left is None or right is None:
        return False
    compare = _COMPARISONS[test.operator]
    return compare(left, right)


def check_total(total: Total, run: Run) -> None:
    """See that a total cannot meet its limit, whichever spans of the run are in it.

    Raises:
        TooCloseError: it may.
    """
    numbers = [
        number for span in run.spans if (number := run.number(total.variable, span)) is not None
    ]
    if not numbers:
        return
    room = abs(total.limit) * SLACK
    if total.is_falling:
        least = min(numbers)
        is_far = least > total.limit + room and (total.is_mean or least >= 0)
    else:
        most = max(numbers) if total.is_mean else sum(max(number, 0) for number in numbers)
        is_far = most < total.limit - room
    if not is_far:
        raise TooCloseError


def _attribute(variable: Variable, span: Span) -> Number | None:
    attributes = span.attributes
    if variable.key in attributes:
        return _exact(attributes[variable.key])
    found: Number | None = None
    is_first = True
    for alias in variable.aliases:
        if alias.key not in attributes:
            continue
        value = _at(alias, attributes[alias.key])
        if value is _ABSENT:
            continue
        number = _read(value, is_count=variable.is_count)
        if not is_first and number != found:
            raise TooCloseError
        found, is_first = number, False
    return found


def _exact(value: Value) -> Number | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if value != value or abs(value) > MAX_EXACT_INT:  # noqa: PLR0124  # as above
        raise TooCloseError
    return value


def value_at(alias: Alias, value: Value) -> Value:
    """Return what an alias names within a value; the whole where that cannot be told."""
    try:
        return _at(alias, value)
    except TooCloseError:
        return value


def _at(alias: Alias, value: Value) -> Value:
    """Return the value an alias stands for, ``_ABSENT`` for none."""
    if value is None or value == "":
        return _ABSENT
    if not alias.path:
        return value
    if isinstance(value, str):
        text = value
        try:
            value = msgspec.json.decode(value.encode("utf-8", "surrogatepass"))
        except (msgspec.DecodeError, RecursionError):
            if _NO_NUMBER.fullmatch(text):
                return _ABSENT
            raise TooCloseError from None
    if not isinstance(value, dict | list):
        return _ABSENT
    found = at_path(value, alias.path)
    return _ABSENT if found is None or found == "" else found


def _read(value: Value, *, is_count: bool) -> Number | None:
    """Return the number that a dialect reads, ``None`` for what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not _DECIMAL.fullmatch(value):
            if _NO_NUMBER.fullmatch(value):
                return None
            raise TooCloseError
        value = float(value)
    number = _exact(value)
    if number is None:
        raise TooCloseError  # a list: its first item may be a number
    if not is_count:
        return float(number)
    return int(number) if 0 <= number < MAX_TOKENS_COUNT else None


def _calculated(puts: Sequence[Put], span: Span, run: Run) -> Number | None:
    stack: list[Number | None] = []
    for put in puts:
        if put.variable is not None:
            stack.append(run.number(put.variable, span))
        elif put.number is not None:
            stack.append(put.number)
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(_operated(put.operator, left, right))
    return stack.pop()


def _operated(sign: str, left: Number | None, right: Number | None) -> Number | None:
    if left is None or right is None:
        return None
    match sign:
        case "+":
            found: Number = left + right
        case "-":
            found = left - right
        case "*":
            found = left * right
        case _:
            if right == 0:
                return None
            if isinstance(left, int) and isinstance(right, int):
                quotient = abs(left) // abs(right)
                found = quotient if (left < 0) == (right < 0) else -quotient
            else:
                found = left / right
    if found != found or abs(found) > MAX_EXACT_INT:  # noqa: PLR0124  # as above
        raise TooCloseError
    return found
