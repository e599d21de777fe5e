from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from causewatch.sampling.budget import Budget

_SPENDING = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 6)), max_size=60)


@given(spending=_SPENDING, amount=st.integers(1, 12), interval=st.integers(1, 30))
def test_no_interval_ever_has_more_than_the_budget(
    spending: list[tuple[int, int]], amount: int, interval: int
) -> None:
    """Wherever it begins; and nothing is refused that would have fitted."""
    budget = Budget(amount, interval)
    spent: list[tuple[int, int]] = []
    now = 0
    for pause, cost in spending:
        now += pause
        recent = sum(each for at, each in spent if at > now - interval)
        is_taken = budget.take(cost, now)
        assert is_taken == (recent + cost <= amount)
        if is_taken:
            spent.append((now, cost))
        assert recent + cost * is_taken <= amount


def test_a_clock_that_goes_back_gives_nothing_free() -> None:
    """Time stands still for the budget until it goes on."""
    budget = Budget(1, 10)
    assert budget.take(1, 100)
    assert not budget.take(1, 5)
    assert not budget.take(1, 109)
    assert budget.take(1, 110)


def test_every_spending_costs_something() -> None:
    """So that what is held is bounded by the amount."""
    budget = Budget(2, 10)
    assert [budget.take(0, 1) for _ in range(3)] == [True, True, False]
