"""The labels that routes, silences, inhibition and grouping see of an alert.

An alert's own labels come first; where they are silent, what is known of its cause speaks.
"""

from __future__ import annotations

from collections.abc import Mapping

from causewatch.incidents.severity import severity_of
from causewatch.model.finding import Alert, Cause
from causewatch.model.incident import Incident


def labels_of(alert: Alert) -> dict[str, str]:
    """Return the labels of an alert that is in no incident yet."""
    return alert_labels(alert, {"severity": severity_of(alert), **_cause_labels(alert.cause)})


def incident_labels(incident: Incident) -> dict[str, str]:
    """Return what every alert of an incident can be matched by, where its own labels are silent."""
    own = {"incident": incident.id, "severity": incident.severity}
    return own | _cause_labels(incident.cause)


def alert_labels(alert: Alert, incident: Mapping[str, str]) -> dict[str, str]:
    """Return an alert's labels over those of its incident."""
    return {**incident, "alertname": alert.alertname, **alert.labels}


def _cause_labels(cause: Cause) -> dict[str, str]:
    origin = cause.origin
    return {
        "workflow": cause.workflow,
        "category": cause.category,
        "origin": origin.name if origin else "",
        "origin_agent": origin.agent if origin else "",
    }
