"""Whether a number can be reckoned from others: then it is a result, not a slip."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

MAX_NUMBERS_COUNT = 60
"""The latest numbers looked at; of more, anything can be reckoned."""
_COUNTS = (2, 3, 4, 5, 6, 7, 8, 9, 11, 12)
"""What is multiplied or shared in the head: two nights, a dozen, months of a year."""


def is_derived(number: float, known: Iterable[float]) -> bool:
    """Tell whether ``number`` is a sum, difference, product, share or percentage of ``known`` ones.

    To two decimals, as people write sums of money.
    """
    numbers = list(dict.fromkeys(known))
    if _is(number, sum(numbers)):
        return True
    numbers = numbers[-MAX_NUMBERS_COUNT:]
    there = {round(each, 2) for each in numbers}
    singly = any(
        _is(number, each * count) or _is(number * count, each)
        for each in numbers
        for count in _COUNTS
    )
    return singly or _of_two(number, numbers) or _of_three(number, numbers, there)


def _of_two(number: float, numbers: list[float]) -> bool:
    for one, two in combinations(numbers, 2):
        for a, b in ((one, two), (two, one)):
            if _is(number, a + b) or _is(number, a - b) or _is(number, a * b):
                return True
            share = a * b / 100
            if _is(number, share) or _is(number, a + share) or _is(number, a - share):
                return True
            if b and (_is(number, a / b) or _is(number, a / (1 + b / 100))):
                return True
    return False


def _of_three(number: float, numbers: list[float], there: set[float]) -> bool:
    return any(
        round(number - a - b, 2) in there or round(number - a + b, 2) in there
        for a, b in combinations(numbers, 2)
    )


def _is(number: float, other: float) -> bool:
    return abs(number - other) < 0.005 + 1e-9 * abs(number)
