"""An incident as the JSON body of a webhook, version 1. Pure: golden files show every case.

The body says where and why, and carries no payload: what evidence quotes is left out unless the
webhook is configured to show excerpts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from causewatch.model.finding import Alert, Cause, StepRef
from causewatch.model.incident import Incident
from causewatch.notify.config import Links
from causewatch.notify.excerpt import without_excerpts
from causewatch.notify.links import incident_url, runbook_url, trace_url
from causewatch.notify.times import iso
from causewatch.store.record import OutboxRow

VERSION = "1"
ALERTS_TRIED = (25, 10, 4, 1)
"""How many alerts a body carries: the first of these with which it is small enough."""
MAX_BODY_BYTES = 20_000
MAX_RUNS = 50
MAX_PATH_STEPS = 20
MAX_EVIDENCE = 8
MAX_LABELS = 30
MAX_SENTENCE_CHARS = 300
MAX_NAME_CHARS = 100
_Json: TypeAlias = dict[str, Any]
_Say: TypeAlias = Callable[[str], str]


def render_body(row: OutboxRow, links: Links, *, excerpts: bool = False) -> bytes:
    """Return the body of one message: UTF-8 JSON, the same bytes at every attempt.

    Standard Webhooks asks for less than 20 kB: of many alerts the first are there, and the rest
    are counted in ``truncated_alerts``.
    """
    say = _cut if excerpts else _private
    body = b""
    for alerts in ALERTS_TRIED:
        body = msgspec.json.encode(_body(row, links, say, alerts))
        if len(body) <= MAX_BODY_BYTES:
            break
    return body


def _body(row: OutboxRow, links: Links, say: _Say, alerts: int) -> _Json:
    incident, resolved = row.incident, row.action == "resolve"
    return {
        "version": VERSION,
        "id": row.message_id,
        "type": "incident.resolved" if resolved else "incident.opened",
        "reminder": row.reason == "repeated",
        **({"instead_of": row.instead_of} if row.instead_of else {}),
        "incident": _incident(incident, say, resolved=resolved),
        "cause": _cause(incident.cause, say),
        "alerts": [_alert(alert, say) for alert in incident.alerts[:alerts]],
        "truncated_alerts": max(0, len(incident.alerts) - alerts),
        "runs": list(incident.run_ids[-MAX_RUNS:]),
        "links": {
            "incident": incident_url(links, incident) or None,
            "trace": trace_url(links, incident) or None,
            "runbook": runbook_url(incident) or None,
        },
    }


def _incident(incident: Incident, say: _Say, *, resolved: bool) -> _Json:
    return {
        "id": incident.id,
        "key": incident.key,
        # A message about the opening speaks of an open incident, also where it has ended since.
        "state": "resolved" if resolved else "open",
        "title": say(incident.title),
        "severity": incident.severity,
        "revision": incident.revision,
        "alertnames": [_name(name) for name in incident.alertnames[:MAX_LABELS]],
        "opened_at": iso(incident.opened_at_ns),
        "updated_at": iso(incident.updated_at_ns),
        "resolved_at": iso(incident.resolved_at_ns) if resolved else None,
        "resolved_by": incident.closed_by or None if resolved else None,
    }


def _cause(cause: Cause, say: _Say) -> _Json:
    origin = None
    if cause.origin is not None:
        origin = _step(cause.origin, say) | {
            "at": cause.origin_at,
            "reason": say(cause.origin_reason),
        }
    return {
        "category": cause.category or None,
        "workflow": cause.workflow or None,
        "origin": origin,
        "propagators": [_step(ref, say) for ref in cause.propagators[:MAX_PATH_STEPS]],
        "symptom": _step(cause.symptom, say) if cause.symptom is not None else None,
        "path": [_step(ref, say) for ref in cause.path[:MAX_PATH_STEPS]],
        "confidence": cause.confidence,
    }


def _step(ref: StepRef, say: _Say) -> _Json:
    return {
        "trace_id": ref.trace_id,
        "span_id": ref.span_id,
        "name": _name(ref.name),
        "agent": _name(ref.agent),
        "kind": ref.kind,
        "evidence": say(ref.evidence),
    }


def _alert(alert: Alert, say: _Say) -> _Json:
    return {
        "alertname": alert.alertname,
        "rule": alert.rule_id,
        "revision": alert.revision or None,
        "state": "resolved" if alert.state in {"resolved", "inactive"} else "firing",
        "value": alert.value,
        "labels": {_name(k): _name(v) for k, v in list(alert.labels.items())[:MAX_LABELS]},
        "annotations": {_name(k): say(v) for k, v in list(alert.annotations.items())[:MAX_LABELS]},
        "evidence": [say(text) for text in alert.evidence[:MAX_EVIDENCE]],
        "active_at": iso(alert.active_at_ns),
        "fired_at": iso(alert.fired_at_ns),
        "resolved_at": iso(alert.resolved_at_ns),
    }


def _private(text: str) -> str:
    return _cut(without_excerpts(text))


def _cut(text: str, limit: int = MAX_SENTENCE_CHARS) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _name(text: str) -> str:
    return _cut(text, MAX_NAME_CHARS)
