"""Answers who would be told of an alert with some labels, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from causewatch.incidents.calendar import muted_by
from causewatch.incidents.route import Route, routes_of
from causewatch.notify.config import Alerting


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One route that an alert leads to. Durations are in seconds."""

    receiver: str
    route: str
    """The matchers from the root to it."""
    group_by: tuple[str, ...]
    group_wait_s: float
    group_interval_s: float
    repeat_interval_s: float
    muted: str
    """Why the route is silent at the moment asked about, empty when it is not."""


def told_of(alerting: Alerting, labels: Mapping[str, str], now_ns: int) -> tuple[Told, ...]:
    """Return the routes that an alert with these labels leads to; the first one groups it."""
    found = routes_of(alerting.route, labels) if alerting.route else ()
    return tuple(
        Told(
            receiver=route.receiver,
            route=route.key,
            group_by=route.group_by,
            group_wait_s=route.group_wait_s,
            group_interval_s=route.group_interval_s,
            repeat_interval_s=route.repeat_interval_s,
            muted=muted_by(
                route.mute_time_intervals, route.active_time_intervals, alerting.intervals, now_ns
            ),
        )
        for route in found
    )


def tree_lines(route: Route, depth: int = 0) -> Iterator[str]:
    """Yield the routing tree, a line a route."""
    matchers = ", ".join(map(str, route.matchers)) or ("everything" if depth else "root")
    goes_on = "  continue" if route.continue_ else ""
    yield f"{'  ' * depth}{matchers}  -> {route.receiver}{goes_on}"
    for child in route.routes:
        yield from tree_lines(child, depth + 1)
