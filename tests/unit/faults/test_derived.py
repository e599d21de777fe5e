"""Numbers that can be reckoned from others are results, not slips."""

from __future__ import annotations

import pytest

from causewatch.faults.derived import is_derived


@pytest.mark.parametrize(
    ("number", "known"),
    [
        (440.75, [318.45, 122.30]),  # a sum
        (196.15, [318.45, 122.30]),  # a difference
        (955.35, [318.45]),  # three of them
        (26.54, [318.45, 12.0, 1.0]),  # a month's share
        (52.89, [440.75, 12.0]),  # a percentage
        (387.86, [440.75, 12.0]),  # what is left of it
        (524.49, [440.75, 19.0]),  # with tax
        (370.38, [440.75, 19.0]),  # without it
        (249.5, [24.95, 10.0]),  # ten of a thing
        (60.0, [10.0, 20.0, 30.0]),  # all of it
        (45.5, [10.25, 15.25, 20.0]),  # three of several
        (35.5, [20.25, 30.5, 15.25]),  # two, less one
    ],
)
def test_what_can_be_reckoned(number: float, known: list[float]) -> None:
    """Sums, differences, products, shares and percentages."""
    assert is_derived(number, [*known, 7777.77])


@pytest.mark.parametrize(
    ("number", "known"),
    [(3184.5, [318.45]), (31.845, [318.45]), (381.45, [318.45, 122.3]), (5.0, [])],
)
def test_what_cannot_be_reckoned(number: float, known: list[float]) -> None:
    """Ten times is reckoned only where there is a ten."""
    assert not is_derived(number, known)


def test_only_the_latest_of_many_numbers_count() -> None:
    """From hundreds of numbers anything can be reckoned."""
    assert not is_derived(1.25 + 1.5, [1.25, 1.5, *(1000.0 + 7.01 * i for i in range(200))])
