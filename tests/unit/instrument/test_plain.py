from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import msgspec
import pytest

from causewatch.instrument.plain import MAX_DEPTH, MAX_VALUES_COUNT, Plainer, TooLargeError


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclass
class Brief:
    goal: str
    colour: Colour


class Order(msgspec.Struct):
    number: str


class Model:
    """As pydantic's models: they write themselves."""

    def model_dump(self, mode: str) -> dict[str, str]:
        """Return itself as JSON."""
        return {"mode": mode}


class Opaque:
    pass


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (("a", 1), ["a", 1]),
        (Brief("g", Colour.RED), {"goal": "g", "colour": "red"}),
        (Level.HIGH, 3),
        (Order(number="7"), {"number": "7"}),
        (Model(), {"mode": "json"}),
        ({1: "a", None: "b"}, {"1": "a", "null": "b"}),
        ({2.5: 1, False: 2, Colour.RED: 3}, {"2.5": 1, "false": 2, "<Colour>": 3}),
        (b"caf\xc3\xa9", "café"),
        ({"b", "a"}, ["a", "b"]),
        (dt.date(2026, 5, 4), "2026-05-04"),
        (dt.datetime(2026, 5, 4, 3, tzinfo=dt.UTC), "2026-05-04T03:00:00+00:00"),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (decimal.Decimal("1.10"), "1.10"),
        (PurePosixPath("a/b"), "a/b"),
        ("a\ud800b", "a\ufffdb"),
        ("\ud83c\udf31", "🌱"),
    ],
)
def test_what_agents_hand_over_has_a_json_form(value: Any, plain: Any) -> None:
    """Data classes, models, enumerations, times and bytes are written as libraries write them."""
    plainer = Plainer()
    assert plainer.plain(value) == plain
    assert plainer.left_out == []


def test_what_has_no_json_form_is_named() -> None:
    """Two objects of a class read alike: a text with an address would never be equal."""
    plainer = Plainer()
    assert plainer.plain([Opaque(), Opaque(), Opaque]) == ["<Opaque>", "<Opaque>", "<type>"]
    assert plainer.left_out == [
        "a value of type Opaque: it has no JSON form",
        "a value of type type: it has no JSON form",
    ]


def test_a_huge_integer_has_no_json_form() -> None:
    """Python itself refuses to write it: it does not become an exception here."""
    assert Plainer().plain(1 << 100_000) == "<int>"


def nested(levels: int) -> Any:
    """Return lists in lists."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def test_limits() -> None:
    """Depth and count are limited, a value that contains itself ends at a limit."""
    assert Plainer().plain(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    with pytest.raises(TooLargeError, match="64 levels"):
        Plainer().plain(nested(MAX_DEPTH + 1))
    with pytest.raises(TooLargeError, match="100000 values"):
        Plainer().plain([0] * MAX_VALUES_COUNT)
    with pytest.raises(TooLargeError, match="characters"):
        Plainer().plain("x" * (8 * 1024 * 1024 + 1))
    loop: dict[str, Any] = {}
    loop["self"] = [loop, loop]
    with pytest.raises(TooLargeError):
        Plainer().plain(loop)
