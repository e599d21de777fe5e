"""Baselines merge in any order, forget what is oldest, and say how much."""

from __future__ import annotations

import pytest

from causewatch.novelty import baseline
from causewatch.novelty.baseline import (
    NO_BASELINE,
    NS_PER_DAY,
    Baseline,
    forgotten_count,
    joined,
    learned,
)
from novelty_fixtures import DESK, shape


def test_a_run_teaches_its_shape_and_its_edges() -> None:
    """Each with the day on which it was seen."""
    found = learned(shape(DESK), 3 * NS_PER_DAY + 5)
    assert found.since_ns == 3 * NS_PER_DAY + 5
    assert list(found.shapes.values()) == [3]
    assert set(found.edges) == {"desk > desk", "desk > find_order", "desk > issue_refund"}


def test_the_same_again_on_one_day_changes_nothing_but_on_the_next_it_does() -> None:
    """So a workflow that does not change costs one write a day."""
    first = learned(shape(DESK), 3 * NS_PER_DAY)
    assert joined(first, learned(shape(DESK), 3 * NS_PER_DAY + 99)) == first
    later = joined(first, learned(shape(DESK), 4 * NS_PER_DAY))
    assert later != first
    assert later.since_ns == first.since_ns


def test_what_was_seen_longest_ago_is_forgotten_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limits hold at every merge."""
    monkeypatch.setattr(baseline, "MAX_EDGES_COUNT", 2)
    monkeypatch.setattr(baseline, "MAX_SHAPES_COUNT", 1)
    old = Baseline(since_ns=1, shapes={"a": 1}, edges={"a > b": 1, "a > c": 5})
    new = Baseline(since_ns=2, shapes={"b": 2}, edges={"a > d": 5})
    assert joined(old, new) == Baseline(since_ns=1, shapes={"b": 2}, edges={"a > c": 5, "a > d": 5})
    assert forgotten_count(old, new) == 2


def test_nothing_is_the_neutral_element() -> None:
    """A merge with nothing learned is what it was."""
    some = Baseline(since_ns=4, shapes={"a": 1}, edges={"a > b": 2})
    assert joined(some, NO_BASELINE) == joined(NO_BASELINE, some) == some
    assert joined(NO_BASELINE, NO_BASELINE) == NO_BASELINE
