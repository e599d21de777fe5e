from __future__ import annotations

import pytest

from causewatch.store.sqlite.runs import number_of

MANY = 1_000


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("{:032x}", id="64 bits with zeros before them"),
        pytest.param("67425d1a00000000{:016x}", id="begun in one second"),
        pytest.param("{:016x}0000000000000000", id="the same end"),
        pytest.param("{0:016x}{0:016x}", id="one half twice"),
        pytest.param("not an id {}", id="no number"),
    ],
)
def test_traces_of_one_tracer_are_told_apart(pattern: str) -> None:
    """However alike the ids of a tracer are, each has a number of its own that SQLite can hold."""
    numbers = {number_of(pattern.format(each)) for each in range(MANY)}
    assert len(numbers) == MANY
    assert all(-(2**63) <= number < 2**63 for number in numbers)
