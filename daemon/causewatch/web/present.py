"""Incidents and alerts as the pages and the API show them. Pure."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from causewatch.incidents.silence import Silence
from causewatch.incidents.title import UNSEEN
from causewatch.model.finding import Alert
from causewatch.model.incident import Incident
from causewatch.notify.times import iso
from causewatch.store.record import StoredRun

_HIDDEN = str.maketrans({code: "\ufffd" for code in UNSEEN if chr(code) not in "\n\t"})
Json: TypeAlias = dict[str, Any]


def incident_json(incident: Incident) -> Json:
    """Return an incident as ``/api/v1/incidents`` lists it."""
    return {
        "id": incident.id,
        "state": incident.state,
        "title": incident.title,
        "severity": incident.severity,
        "revision": incident.revision,
        "cause": msgspec.to_builtins(incident.cause),
        "alerts": [alert_json(alert) for alert in incident.alerts],
        "runs": list(incident.run_ids),
        "opened_at": iso(incident.opened_at_ns),
        "updated_at": iso(incident.updated_at_ns),
        "resolved_at": iso(incident.resolved_at_ns),
        "acknowledged_by": incident.acknowledged_by or None,
        "acknowledged_at": iso(incident.acknowledged_at_ns),
        "closed_by": incident.closed_by or None,
    }


def silence_json(silence: Silence, state: str) -> Json:
    """Return a silence as Alertmanager's API writes it."""
    return {
        "id": silence.id,
        "status": {"state": state},
        "matchers": [
            {
                "name": matcher.name,
                "value": matcher.value,
                "isRegex": matcher.op in {"=~", "!~"},
                "isEqual": matcher.op in {"=", "=~"},
            }
            for matcher in silence.matchers
        ],
        "startsAt": iso(silence.starts_at_ns),
        "endsAt": iso(silence.ends_at_ns),
        "updatedAt": iso(silence.updated_at_ns),
        "createdBy": silence.created_by,
        "comment": silence.comment,
    }


def alert_json(alert: Alert) -> Json:
    """Return an alert as ``/api/v1/alerts`` lists it, in the manner of Prometheus."""
    return {
        "alertname": alert.alertname,
        "rule": alert.rule_id,
        "state": alert.state,
        "value": alert.value,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "active_at": iso(alert.active_at_ns),
        "fired_at": iso(alert.fired_at_ns),
        "resolved_at": iso(alert.resolved_at_ns),
        "runs": list(alert.run_ids),
        "revision": alert.revision,
    }


def run_json(run: StoredRun) -> Json:
    """Return a run's line of ``causewatch explain``; empty where it cannot be read."""
    try:
        found = msgspec.json.decode(run.summary, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
    return found


def visible(value: Any) -> Any:
    """Return text with marks in place of control characters and of marks that turn its direction.

    Escaping keeps markup out of a page; this keeps a name from dressing up as another.
    """
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return value.translate(_HIDDEN)
    return value
