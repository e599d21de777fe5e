"""How often a rule that fails is tried."""

from __future__ import annotations

import pytest

from causewatch.rules.backoff import (
    LONGEST_REST_S,
    MAX_RUN_IDS,
    OVER_AFTER_S,
    PATIENCE,
    Failing,
    failed,
    is_over,
    is_resting,
    rest_s,
    rested,
    worked,
)

S = 1_000_000_000
T0_NS = 1_800_000_000 * S


def failing(count: int, *, now_ns: int = T0_NS) -> Failing:
    """Return what is remembered after so many failures at one time, each over a run of its own."""
    found = Failing()
    for number in range(count):
        found = failed(found, reason="It raised ValueError", run_id=f"r{number}", now_ns=now_ns)
    return found


def test_one_odd_run_does_not_blind_a_rule() -> None:
    """Up to its patience a rule is tried with every run."""
    assert not is_resting(failing(PATIENCE - 1), T0_NS)
    assert is_resting(failing(PATIENCE), T0_NS)
    assert not is_resting(failing(PATIENCE), T0_NS + 10 * S)


def test_each_further_failure_doubles_the_rest() -> None:
    """Ten seconds, twenty, forty, and never more than five minutes."""
    found, now_ns, rests = failing(PATIENCE), T0_NS, []
    for _ in range(9):
        rests.append((found.retry_at_ns - now_ns) / S)
        now_ns = found.retry_at_ns
        found = failed(found, reason="again", run_id="r", now_ns=now_ns)
    assert rests == [10, 20, 40, 80, 160, 300, 300, 300, 300]


@pytest.mark.parametrize("in_a_row", [2_000, 10**9])
def test_the_rest_is_bounded_however_often_it_fails(in_a_row: int) -> None:
    """A number of failures that no power of two can hold is no failure of its own."""
    assert rest_s(in_a_row, patience=1, first_s=5.0, longest_s=LONGEST_REST_S) == LONGEST_REST_S


def test_a_run_over_which_it_works_ends_the_rest_but_not_the_episode() -> None:
    """People still hear of the runs that it did not judge."""
    found = worked(failing(PATIENCE))
    assert not is_resting(found, T0_NS)
    assert (found.in_a_row, found.failed_count) == (0, PATIENCE)
    again = failed(found, reason="once more", run_id="x", now_ns=T0_NS + S)
    assert not is_resting(again, T0_NS + S)


def test_an_episode_is_over_a_quarter_of_an_hour_after_the_last_failure() -> None:
    """A later failure begins to count anew."""
    found = failing(3)
    end_ns = T0_NS + int(OVER_AFTER_S * S)
    assert not is_over(found, end_ns - 1)
    assert is_over(found, end_ns)
    assert failed(found, reason="new", run_id="n", now_ns=end_ns).failed_count == 1


def test_runs_are_counted_all_and_named_the_last() -> None:
    """A run that fails twice is named once; those that passed while it rested are counted."""
    found = rested(failing(MAX_RUN_IDS + 5))
    assert len(found.run_ids) == MAX_RUN_IDS
    assert found.run_ids[-1] == f"r{MAX_RUN_IDS + 4}"
    assert (found.failed_count, found.rested_count) == (MAX_RUN_IDS + 5, 1)
    twice = failed(found, reason="r", run_id=found.run_ids[0], now_ns=T0_NS)
    assert len(set(twice.run_ids)) == MAX_RUN_IDS
    assert failed(found, reason="no run", run_id="", now_ns=T0_NS).run_ids == found.run_ids
