"""Objects of one kind, and facts told of the wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from blame_fixtures import RunBuilder
from causewatch.faults.calls import Run, calls_of
from causewatch.faults.mixed_up import MAX_RECORDS_COUNT, mixed_up
from causewatch.faults.placeholders import MAX_VALUE_CHARS, isolated_in
from causewatch.faults.records import MAX_RECORDS_COUNT as MAX_READ_COUNT
from causewatch.faults.records import key_of, records_of, scalar_of
from causewatch.model.judgement import Fault
from causewatch.model.value import Value

ROOMS = [
    {"room": "RM-20417", "price": 118.45, "noise": 3, "town": "Porto"},
    {"room": "RM-31902", "price": 206.85, "noise": 1, "town": "Porto"},
]


def booked(act: Any, rooms: Any = None, prompt: str = "Book the quietest room.") -> list[Fault]:
    """Return what is found in a run that reads rooms and books one."""
    run = RunBuilder(prompt)
    run.call("list_rooms", {"town": "Porto"}, {"rooms": ROOMS if rooms is None else rooms})
    run.call("book_room", act, {"ok": True})
    run.say("Booked.")
    graph = run.graph()
    return list(mixed_up(Run(graph=graph, calls=calls_of(graph))))


def test_another_thing_s_price() -> None:
    """The fault is on the model step that told it, and names what is right."""
    (fault,) = booked({"room": "RM-20417", "price": 206.85})
    assert (fault.name, fault.step, fault.induced) == ("changed_fact", 3, 4)
    assert "told “206.85” of “rm-20417”, which has “118.45”" in fault.reason


@pytest.mark.parametrize(
    "act",
    [
        {"room": "RM-20417", "price": 118.45},
        {"room": "RM-20417", "price": 99.5},
        {"room": "RM-20417", "instead_of": "RM-31902", "price": 206.85},
        {"room": "RM-20417", "price": 118.45, "saved_against": 206.85},
        {"price": 206.85},
        {"room": "RM-20417", "noise": 1},
    ],
)
def test_facts_told_of_the_right_thing(act: Any) -> None:
    """Its own, nobody's, both named, or too short to be anyone's."""
    assert booked(act) == []


@pytest.mark.parametrize(
    "rooms",
    [
        ROOMS[:1],
        [{**ROOMS[0], "floor": 4}, ROOMS[1]],
        [{**each, "price": 206.85} for each in ROOMS],
        [{**each, "room": "RM"} for each in ROOMS],
        [{**ROOMS[0], "room": f"RM-{10417 + 97 * i}"} for i in range(MAX_RECORDS_COUNT + 1)],
        "two rooms",
    ],
)
def test_things_that_cannot_be_told_apart(rooms: Any) -> None:
    """One thing, things of two kinds, with equal prices, without ids, or too many."""
    assert booked({"room": "RM-20417", "price": 206.85}, rooms) == []


def test_a_pairing_that_was_told() -> None:
    """What the user pairs is right."""
    act = {"room": "RM-20417", "price": 206.85}
    assert booked(act, prompt="Book RM-20417 for 206.85, as agreed.") != []
    run = RunBuilder("Book it.")
    run.call("list_rooms", {}, {"rooms": ROOMS})
    run.call("ask_price", {"of": "room"}, {"room": "RM-20417", "price": 206.85})
    run.call("book_room", act, {"ok": True})
    graph = run.graph()
    assert list(mixed_up(Run(graph=graph, calls=calls_of(graph)))) == []


@pytest.mark.parametrize(
    ("value", "records"),
    [
        ({"a": 1, "b": "x", "c": 2.50}, [{"a": "1", "b": "x", "c": "2.5"}]),
        ({"a": 1, "b": "x"}, []),
        ({"a": 1, "b": True, "c": None, "d": [1]}, []),
        ([{"x": {"Order_ID": "A", "to": "B", "n": "1.000,5"}}], [{"orderid": "A".lower(),
                                                                  "to": "b", "n": "1000.5"}]),
        ("text", []),
    ],
)  # fmt: skip
def test_records(value: Value, records: list[dict[str, str]]) -> None:
    """Objects with several scalar members, however deep."""
    assert records_of(value) == records


def test_records_are_read_up_to_a_limit() -> None:
    """A payload with thousands of objects is not read to the end."""
    rows: Value = [{"a": i, "b": i, "c": i} for i in range(MAX_READ_COUNT + 9)]
    assert len(records_of(rows)) == MAX_READ_COUNT


@pytest.mark.parametrize(
    ("value", "text"),
    [("  A  b ", "a b"), (2.50, "2.5"), ("1.234,50", "1234.5"), (True, ""), (None, ""), ([1], "")],
)
def test_a_scalar_in_normal_form(value: Value, text: str) -> None:
    """Folded text, a number as it is read."""
    assert scalar_of(value) == text


def test_a_key_in_normal_form() -> None:
    """Spelled with or without what joins words."""
    assert key_of("Order_ID") == key_of("order-id") == key_of("orderId") == "orderid"


@pytest.mark.parametrize(
    ("text", "isolated"),
    [
        ("[object Object]", True),
        ("order: [object Object], to: B", True),
        ("EXP-1: [object Object]\nEXP-2: x", True),
        ("(<Order object at 0x7f3a1c2b>)", True),
        ("The cart shows [object Object] where the price was", False),
        ("it says [object Object].", False),
        ("x" * MAX_VALUE_CHARS + ": [object Object]", False),
    ],
)
def test_a_placeholder_in_place_of_a_value(text: str, *, isolated: bool) -> None:
    """It stands by itself, after a label or between marks; in a sentence it is talked about."""
    assert bool(isolated_in(text)) is isolated
