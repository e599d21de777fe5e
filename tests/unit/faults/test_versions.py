"""States of a thing that carry a version, and which of two is the newer."""

from __future__ import annotations

from typing import Any

import pytest

from blame_fixtures import payload
from causewatch.faults.versions import State, is_older, is_same_thing, outdated, states_of


def one(value: Any) -> State:
    """Return the only state of a value."""
    (state,) = states_of(payload(value))
    return state


@pytest.mark.parametrize(
    ("value", "key", "version"),
    [
        ({"order": "O-1", "revision": 8, "hall": "north"}, "revision", ("number", 8.0)),
        ({"order": "O-1", "Version": "v12", "hall": "north"}, "version", ("v", 12.0)),
        ({"id": "O-1", "seq_no": "4"}, "seqno", ("number", 4.0)),
        ({"x": {"id": 1, "as_of": "2026-05-03"}}, "asof", ("####-##-##", "2026-05-03")),
        (
            {"id": "1", "updatedAt": "2026-05-03 10:15:00Z"},
            "updatedat",
            ("####-##-##T##:##:##Z", "2026-05-03T10:15:00Z"),
        ),
        ('{"id": 1, "version": 3}', "version", ("number", 3.0)),
        ("Update 2: the price of lot LT-1 is 3.", "label update", ("number", 2.0)),
        ("[v3] the price is 3", "label v", ("number", 3.0)),
        ("Fassung 2/3: neu", "label fassung", ("number", 2.0)),
        ("更新3\uff1a金額は300", "label 更新", ("number", 3.0)),
        ("Ticket T-1, révision n° 4 — prix", "label révision", ("number", 4.0)),
    ],
)
def test_what_carries_a_version(value: Any, key: str, version: tuple[str, object]) -> None:
    """Members that count versions, times of the last change, and headings in several languages."""
    state = one(value)
    assert (state.key, state.version) == (key, version)


@pytest.mark.parametrize(
    "value",
    [
        {"order": "O-1", "count": 3},
        {"version": None, "id": 1},
        {"version": True, "id": 1},
        {"updated_at": "yesterday", "id": 1},
        {"version": "3.4.1", "id": 1},
        "Please go back to version 2 of the plan.",
        "Version 2.1: new",
        "the plan " * 20 + "version 2: old",
        [{"id": "O-1", "version": 2}, {"id": "O-1", "version": 1}],
        [{"version": 2, "price": 1}, {"version": 1, "price": 2}],
        "",
        None,
    ],
)
def test_what_carries_none(value: Any) -> None:
    """No version, none that can be compared, none that is a heading, or a whole history."""
    assert list(states_of(payload(value))) == []


def test_many_things_in_one_payload_have_each_a_state() -> None:
    """A list of different things is no history."""
    rows = [{"id": f"O-{i}", "version": i} for i in range(3)]
    assert [state.shown for state in states_of(payload(rows))] == ["2", "1", "0"]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ({"id": "1", "version": 2, "a": 1}, {"id": "1", "version": 1, "a": 2}, True),
        ({"id": "1", "version": 2, "a": 1}, {"id": "2", "version": 1, "a": 2}, False),
        ({"id": "1", "version": 2, "a": 1}, {"id": "1", "seq": 1, "a": 2}, False),
        ({"id": "1", "version": 2, "a": 1}, {"id": "1", "version": "v1", "a": 2}, False),
        ({"id": "1", "version": 2, "a": 1}, {"version": 1, "a": 2}, False),
        ({"version": 2, "a": 1}, {"version": 1, "a": 2}, True),
        ({"id": "1", "version": 2, "a": 1}, {"id": "1", "version": 1, "b": 2, "c": 3}, False),
        (
            {"event_id": "e2", "id": "1", "seq": 2, "a": 1},
            {"event_id": "e1", "id": "1", "seq": 1, "a": 2},
            True,
        ),
        ("Update 2: lot LT-1 at 3.50", "Update 1: lot LT-1 at 2.50", True),
        ("Update 2: lot LT-1 at 3.50", "Update 1: lot LT-9 at 2.50", False),
    ],
)
def test_states_of_one_thing(left: Any, right: Any, *, same: bool) -> None:
    """They count alike, share an id and contradict in none, and tell of the same matters."""
    assert is_same_thing(one(left), one(right)) is same
    assert is_same_thing(one(right), one(left)) is same


def test_which_is_older() -> None:
    """Numbers are compared as numbers, times as they are written."""
    assert is_older(one({"id": 1, "version": 9}), one({"id": 1, "version": 10}))
    assert not is_older(one({"id": 1, "version": 10}), one({"id": 1, "version": 10}))
    early, late = {"id": 1, "as_of": "2026-05-03"}, {"id": 1, "as_of": "2026-11-03"}
    assert is_older(one(early), one(late))


def test_what_the_newer_state_replaced() -> None:
    """Only values of members that both have, and that the newer one does not hold anywhere."""
    old = one({"id": "1", "version": 1, "price": 3.5, "hall": "north", "note": "blue", "gone": 7})
    new = one({"id": "1", "version": 2, "price": 4, "hall": "north", "note": "3.5"})
    assert outdated(old, new) == {"blue"}
