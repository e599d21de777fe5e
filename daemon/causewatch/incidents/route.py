"""Which receivers hear of an incident: the routing tree, as in Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from causewatch.incidents.labels import alert_labels, incident_labels, labels_of
from causewatch.incidents.matcher import Matcher, matches_all
from causewatch.model.finding import Alert
from causewatch.model.incident import Incident

MAX_DEPTH = 16
BY_CAUSE = ("cause",)
BY_ALL = ("...",)


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the routing tree. The matchers of the root are not asked. Times are in seconds.

    What a route does not say it has from the one above; reading the configuration fills that in.
    """

    receiver: str
    matchers: tuple[Matcher, ...] = ()
    routes: tuple[Route, ...] = ()
    continue_: bool = False
    group_by: tuple[str, ...] = BY_CAUSE
    """``cause``, names of labels, or ``...`` (every label): what makes alerts one incident."""
    group_wait_s: float = 0.0
    """How long the first message waits for further alerts, unless somebody is paged."""
    group_interval_s: float = 60.0
    """Small changes update a message at most this often."""
    repeat_interval_s: float = 4 * 3600.0
    """How long after the last message an open incident is told again."""
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    key: str = ""
    """The matchers from the root to here: what distinguishes the groups of two routes."""


class Destined(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver that hears of an incident, the route that led there, and through which alerts."""

    receiver: str
    route: Route
    alerts: tuple[Alert, ...] = ()


def route_incident(route: Route, incident: Incident) -> tuple[Destined, ...]:
    """Return who hears of an incident: the receivers of any alert in it, each once.

    Where several routes lead to one receiver the first of them counts.
    """
    labels = incident_labels(incident)
    found: dict[str, Route] = {}
    alerts: dict[str, list[Alert]] = {}
    for alert in incident.alerts:
        for node in routes_of(route, alert_labels(alert, labels)):
            found.setdefault(node.receiver, node)
            told = alerts.setdefault(node.receiver, [])
            if not told or told[-1] is not alert:
                told.append(alert)
    return tuple(
        Destined(receiver=name, route=node, alerts=tuple(alerts[name]))
        for name, node in found.items()
    )


def routes_of(route: Route, labels: Mapping[str, str]) -> tuple[Route, ...]:
    """Return the routes that labels lead to; there is always one."""
    return tuple(_walk(route, labels, MAX_DEPTH))


def home_of(route: Route, alert: Alert) -> Route:
    """Return the route that says how an alert is grouped: the first that it leads to."""
    return next(_walk(route, labels_of(alert), MAX_DEPTH))


def _walk(route: Route, labels: Mapping[str, str], depth: int) -> Iterator[Route]:
    """Yield the deepest routes that match; the first of siblings ends it unless it continues."""
    matched = False
    for child in route.routes if depth else ():
        if matches_all(child.matchers, labels):
            matched = True
            yield from _walk(child, labels, depth - 1)
            if not child.continue_:
                break
    if not matched:
        yield route
