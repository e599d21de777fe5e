"""Named intervals of time, as in Alertmanager: minutes of the day, weekdays, days, months, years.

Source of the rules: the Alertmanager documentation, ``time_interval``. A field that is given must
contain the moment in one of its spans; all fields given must. Times are in the interval's zone.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo

import msgspec

_NS_PER_S = 1_000_000_000


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """From one number to another, both included."""

    first: int
    last: int

    def __contains__(self, value: int) -> bool:
        return self.first <= value <= self.last


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """One interval. Fields that are empty do not narrow it.

    ``minutes`` are of the day (0 to 1439), ``weekdays`` begin with Sunday as 0, ``days`` are of the
    month and count from its end where negative (-1 is the last), ``months`` begin with 1.
    """

    minutes: tuple[Range, ...] = ()
    weekdays: tuple[Range, ...] = ()
    days: tuple[Range, ...] = ()
    months: tuple[Range, ...] = ()
    years: tuple[Range, ...] = ()
    zone: tzinfo = UTC


Intervals = Mapping[str, tuple[Interval, ...]]
"""Intervals by name; a moment is in a name's when it is in one of them."""


def contains(interval: Interval, now_ns: int) -> bool:
    """Tell whether a moment (Unix ns) is within an interval."""
    at = datetime.fromtimestamp(now_ns // _NS_PER_S, tz=UTC).astimezone(interval.zone)
    return (
        _is_in(interval.minutes, at.hour * 60 + at.minute)
        and _is_in(interval.weekdays, at.isoweekday() % 7)
        and _is_in(interval.months, at.month)
        and _is_in(interval.years, at.year)
        and _is_day(interval.days, at)
    )


def muted_by(mute: Iterable[str], active: Iterable[str], intervals: Intervals, now_ns: int) -> str:
    """Return why a route tells nobody at a moment, empty when it does.

    It is silent in the intervals named in ``mute``, and outside of those in ``active`` where some
    are named. A name that nothing is known of is passed over.
    """
    for name in mute:
        if any(contains(interval, now_ns) for interval in intervals.get(name, ())):
            return f"muted by the time interval {name}"
    wanted = tuple(active)
    for name in wanted:
        if any(contains(interval, now_ns) for interval in intervals.get(name, ())):
            return ""
    return f"outside of the time interval {', '.join(wanted)}" if wanted else ""


def _is_in(ranges: tuple[Range, ...], value: int) -> bool:
    return not ranges or any(value in each for each in ranges)


def _is_day(ranges: tuple[Range, ...], at: datetime) -> bool:
    if not ranges:
        return True
    length = calendar.monthrange(at.year, at.month)[1]
    for each in ranges:
        first, last = (n if n > 0 else length + n + 1 for n in (each.first, each.last))
        # A day before the month's first or past its last is cut to it; a range that begins past
        # the end is in another month.
        if first <= length and max(first, 1) <= at.day <= min(last, length):
            return True
    return False
