"""Time intervals: which moments they contain, and when a route is silent."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from causewatch.incidents.calendar import Interval, Range, contains, muted_by

S = 1_000_000_000


def at(text: str) -> int:
    """Return a time in UTC as Unix ns."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * S


def between(first: int, last: int) -> tuple[Range, ...]:
    """Return one range."""
    return (Range(first=first, last=last),)


@pytest.mark.parametrize(
    ("interval", "time", "expected"),
    [
        (Interval(), "2026-11-23T03:00", True),
        (Interval(minutes=between(540, 1019)), "2026-11-23T09:00", True),
        (Interval(minutes=between(540, 1019)), "2026-11-23T16:59:59", True),
        (Interval(minutes=between(540, 1019)), "2026-11-23T17:00", False),
        (Interval(weekdays=between(1, 5)), "2026-11-23T12:00", True),  # a Monday
        (Interval(weekdays=between(1, 5)), "2026-11-22T12:00", False),  # a Sunday
        (Interval(weekdays=between(0, 0)), "2026-11-22T12:00", True),
        (Interval(days=between(-1, -1)), "2026-02-28T12:00", True),
        (Interval(days=between(-1, -1)), "2028-02-28T12:00", False),  # a leap year
        (Interval(days=between(1, 31)), "2026-02-28T12:00", True),
        (Interval(days=between(30, 31)), "2026-02-28T12:00", False),
        (Interval(days=between(-31, -28)), "2026-02-01T12:00", True),
        (Interval(days=between(-31, -30)), "2026-02-01T12:00", False),
        (Interval(months=between(12, 12)), "2026-12-01T00:00", True),
        (Interval(years=between(2027, 2028)), "2026-12-31T23:59", False),
        (Interval(weekdays=between(1, 1), months=between(12, 12)), "2026-11-23T12:00", False),
    ],
)
def test_every_field_given_must_hold(interval: Interval, time: str, expected: bool) -> None:
    """Minutes end before their end, days count from either end of their month."""
    assert contains(interval, at(time)) is expected


@pytest.mark.parametrize(
    ("time", "expected"),
    [("2026-07-01T07:00", True), ("2026-01-01T07:00", False), ("2026-01-01T08:00", True)],
)
def test_times_are_in_the_zone_of_the_interval(time: str, expected: bool) -> None:
    """Nine o'clock in Oslo is seven in summer and eight in winter, by UTC."""
    morning = Interval(minutes=between(540, 599), zone=ZoneInfo("Europe/Oslo"))
    assert contains(morning, at(time)) is expected


NIGHT, WEEKEND = Interval(minutes=between(0, 359)), Interval(weekdays=between(6, 6))
NAMED = {"night": (NIGHT,), "off": (NIGHT, WEEKEND)}


@pytest.mark.parametrize(
    ("mute", "active", "time", "reason"),
    [
        ((), (), "2026-11-23T03:00", ""),
        (("night",), (), "2026-11-23T03:00", "muted by the time interval night"),
        (("night",), (), "2026-11-23T13:00", ""),
        (("off",), (), "2026-11-28T13:00", "muted by the time interval off"),
        ((), ("night",), "2026-11-23T03:00", ""),
        ((), ("night", "off"), "2026-11-23T13:00", "outside of the time interval night, off"),
        (("night",), ("off",), "2026-11-23T03:00", "muted by the time interval night"),
    ],
)
def test_a_route_says_why_it_is_silent(
    mute: tuple[str, ...], active: tuple[str, ...], time: str, reason: str
) -> None:
    """In one of its mute intervals, or outside of all of its active ones."""
    assert muted_by(mute, active, NAMED, at(time)) == reason
