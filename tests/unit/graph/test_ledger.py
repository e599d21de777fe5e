from __future__ import annotations

from itertools import permutations

from causewatch.graph.ledger import MAX_HOLDERS_COUNT, OUTSIDE, Ledger


def test_nobody_holds_what_was_never_given() -> None:
    """An empty ledger knows nothing."""
    ledger = Ledger()
    assert ledger.holders("kq-7781") == ()
    assert not ledger.knew("kq-7781", 10**9)


def test_the_earliest_holder_is_first_whatever_the_order_of_notes() -> None:
    """Outputs are noted within the skew allowance ahead of time, so order is by time."""
    for order in permutations([(3, 30), (1, 10), (2, 20), (OUTSIDE, 15)]):
        ledger = Ledger()
        for step, time_ns in order:
            ledger.add(["kq-7781", 99], step, time_ns)
        assert ledger.holders("kq-7781") == ledger.holders(99) == (1, OUTSIDE, 2, 3)


def test_a_value_is_known_from_its_first_time_on() -> None:
    """What comes later cannot have been new then."""
    ledger = Ledger()
    ledger.add(["kq-7781"], 4, 40)
    ledger.add(["kq-7781"], 2, 20)
    assert not ledger.knew("kq-7781", 19)
    assert ledger.knew("kq-7781", 20)


def test_of_many_holders_the_earliest_stay_and_the_rest_are_counted() -> None:
    """One value a hundred thousand times is looked up like any other; each drop is counted."""
    ledger = Ledger()
    for step in range(1_000):
        ledger.add(["kq-7781"], step, step)
    ledger.add(["kq-7781"], 5_000, -1)
    expected = (5_000, *range(MAX_HOLDERS_COUNT - 1))
    assert ledger.holders("kq-7781") == expected
    assert ledger.dropped_count == 1_001 - MAX_HOLDERS_COUNT
