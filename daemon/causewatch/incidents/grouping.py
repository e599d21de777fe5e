"""What makes alerts one incident where a route's ``group_by`` does not say the cause."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from causewatch.incidents.fingerprint import cause_key, incident_key
from causewatch.incidents.labels import labels_of
from causewatch.incidents.route import BY_ALL, BY_CAUSE, Route, home_of
from causewatch.model.finding import Alert

_BY_LABELS = "group"


def grouped_by(route: Route | None) -> Callable[[Alert], str]:
    """Return how the routing tree groups: from an alert to the key of its incident.

    The first route that an alert leads to decides, also where it continues to others: an incident
    is one thing, whoever hears of it. Without a tree the cause decides.
    """
    return incident_key if route is None else lambda alert: group_key(alert, home_of(route, alert))


def group_key(alert: Alert, route: Route) -> str:
    """Return the key of the incident that an alert of a route belongs to."""
    if route.group_by == BY_CAUSE:
        return incident_key(alert)
    labels = labels_of(alert)
    names = sorted(alert.labels) if route.group_by == BY_ALL else route.group_by
    parts = [
        f"{name}={labels.get(name, '')}" if name not in BY_CAUSE else cause_key(alert.cause)
        for name in names
    ]
    if route.group_by == BY_ALL:
        parts.append(alert.alertname)
    return msgspec.json.encode((_BY_LABELS, route.key, *parts)).decode()


def is_by_cause(key: str) -> bool:
    """Tell whether alerts of an incident's cause belong to it, whatever else its key says."""
    return not key.startswith(f'["{_BY_LABELS}"')
