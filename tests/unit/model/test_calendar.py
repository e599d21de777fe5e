"""Days that a text names, by words or by their number alone."""

from __future__ import annotations

import pytest

from causewatch.model.calendar import names_day, take_dates


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("on the 5th", True),
        ("from May 5th on", True),
        ("am 5. Mai", True),
        ("on the 5th of January", False),
        ("January 5", False),
        ("the 15th", False),
        ("nothing", False),
    ],
)
def test_a_day_may_be_named_by_its_number(text: str, *, want: bool) -> None:
    """Unless the number belongs to another month."""
    assert names_day("2027-05-05", text) == want


def test_dates_in_words_are_taken_out() -> None:
    """With the days that they stand for."""
    rest, found = take_dates("to the 5th of May 2027.")
    assert rest.split() == ["to", "the", "."]
    assert [days for _, days in found] == [{"2027-05-05"}]
