"""Reads time intervals, in the words of Alertmanager: ``monday:friday``, ``-3:-1``, ``09:00``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from causewatch.incidents.calendar import Interval, Range
from causewatch.rules.read import Section, did_you_mean
from causewatch.rules.yaml import Items, Problems, Scalar

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
_TIME = re.compile(r"(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)\Z")
_NUMBER = re.compile(r"-?[0-9]{1,4}\Z")
_DAY_MINUTES = 24 * 60
_SHORTEST_MONTH_DAYS = 28


class _BadError(ValueError):
    """Text that is no range; the message says why."""


def read_intervals(section: Section, problems: Problems) -> dict[str, tuple[Interval, ...]]:
    """Return the time intervals of a configuration by name; a second of one name is a problem."""
    found: dict[str, tuple[Interval, ...]] = {}
    for key in ("time_intervals", "mute_time_intervals"):
        for item in section.sections(key):
            name = item.text("name")
            if name in found:
                message = f"a second time interval {name!r}"
                problems.add(item.place_of("name"), "duplicate", message)
            found[name] = tuple(
                _interval(spec, problems) for spec in item.sections("time_intervals")
            )
    return found


def _interval(section: Section, problems: Problems) -> Interval:
    return Interval(
        minutes=tuple(_minutes(times, problems) for times in section.sections("times")),
        weekdays=_ranges(section, "weekdays", _weekdays, problems),
        days=_ranges(section, "days_of_month", _days, problems),
        months=_ranges(section, "months", _months, problems),
        years=_ranges(section, "years", _years, problems),
        zone=_zone(section, problems),
    )


def _minutes(section: Section, problems: Problems) -> Range:
    minutes: dict[str, int] = {}
    for key in ("start_time", "end_time"):
        found = _TIME.match(section.text(key))
        if found is not None:
            minutes[key] = _DAY_MINUTES if found[1] is None else int(found[1]) * 60 + int(found[2])
        elif section.is_good(key):
            message = f"a time is HH:MM, 00:00 to 24:00, not {section.text(key)!r}"
            problems.add(section.place_of(key), "value", message)
    start, end = minutes.get("start_time", 0), minutes.get("end_time", _DAY_MINUTES)
    if start >= end:
        message = "must be after the start; for a span over midnight give two of them"
        problems.add(section.place_of("end_time"), "value", f"the end {message}")
    return Range(first=start, last=end - 1)


def _ranges(
    section: Section, key: str, read: Callable[[str], Range], problems: Problems
) -> tuple[Range, ...]:
    node = section.node_of(key)
    found: list[Range] = []
    for item in node.nodes if isinstance(node, Items) else ():
        if not isinstance(item, Scalar) or item.kind == "broken":
            continue  # the reader has reported it
        try:
            found.append(read(item.text.strip().lower()))
        except _BadError as bad:
            problems.add(item.place, "value", f"{item.text!r}: {bad}")
    return tuple(found)


def _weekdays(text: str) -> Range:
    return _named(text, {name: n for n, name in enumerate(WEEKDAYS)}, "weekday")


def _months(text: str) -> Range:
    numbers = {str(n): n for n in range(1, 13)}
    return _named(text, {name: n for n, name in enumerate(MONTHS, start=1)} | numbers, "month")


def _named(text: str, known: Mapping[str, int], what: str) -> Range:
    ends = text.split(":")
    for name in ends:
        if name not in known:
            raise _BadError(f"there is no {what} {name!r}{did_you_mean(name, tuple(known))}")
    return _in_order([known[name] for name in ends])


def _years(text: str) -> Range:
    years = _numbers(text)
    if min(years) < 1:
        raise _BadError("a year is a number such as 2026")
    return _in_order(years)


def _days(text: str) -> Range:
    days = _numbers(text)
    if any(day == 0 or not -31 <= day <= 31 for day in days):
        raise _BadError("days are 1 to 31, or -1 to -31 from the end of the month")
    first, last = days[0], days[-1]
    if first < 0 < last:
        raise _BadError("what begins from the end of the month ends there, too")
    in_shortest = [day if day > 0 else _SHORTEST_MONTH_DAYS + day for day in days]
    _in_order(in_shortest)
    return Range(first=first, last=last)


def _numbers(text: str) -> list[int]:
    ends = text.split(":")
    if not all(_NUMBER.match(end) for end in ends):
        raise _BadError("a number, or two with a colon between them, is expected")
    return [int(end) for end in ends]


def _in_order(ends: list[int]) -> Range:
    if len(ends) > 2:
        raise _BadError("a range has two ends")
    if ends[0] > ends[-1]:
        raise _BadError("the end is before the start; give two ranges")
    return Range(first=ends[0], last=ends[-1])


def _zone(section: Section, problems: Problems) -> tzinfo:
    name = section.text("location")
    if not name or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"there is no time zone {name!r}; one is called like Europe/Oslo"
        problems.add(section.place_of("location"), "value", message)
        return UTC
