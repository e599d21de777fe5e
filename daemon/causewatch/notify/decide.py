"""What to tell one target of one change: nothing, a message, an update, a reply.

Theory of operation: ``Told`` is what the target has been promised so far. Where messages can be
changed (Slack with a bot token) an incident is one message, changed in place; what people should
notice is also said in its thread. Elsewhere an incident is two messages: one when it opens and one
when it resolves.
"""

from __future__ import annotations

import hashlib

import msgspec

from causewatch.incidents.gather import ChangeReason, IncidentChange
from causewatch.model.finding import AlertState
from causewatch.model.incident import Incident
from causewatch.notify.config import Target
from causewatch.store.record import Action, OutboxRow, Told

NS_PER_S = 1_000_000_000
_FIRING: frozenset[AlertState] = frozenset({"firing", "keep_firing"})
NOISY: frozenset[ChangeReason] = frozenset({"more_runs", "cause_refined", "unchanged"})
"""Changes that update a message in place now and then, and that nobody is disturbed for."""
LOUD: frozenset[ChangeReason] = frozenset({"reopened", "severity_raised"})
"""Changes that the whole channel should see, not only those who follow the thread."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Rows for the outbox (maybe none) and what the target has then been told."""

    rows: tuple[OutboxRow, ...] = ()
    told: Told | None = None


def decide(
    change: IncidentChange,
    target: Target,
    told: Told | None,
    *,
    now_ns: int,
    group_interval_s: float = 60.0,
) -> Decision:
    """Return what to send to ``target`` because of ``change``, given what it was told before."""
    incident, digest = change.incident, visible_digest(change.incident)
    resolved = incident.state == "resolved"
    if told is not None and told.digest == digest:
        return Decision()
    if told is None:
        actions = _first_actions(change, target)
        if not actions:
            return Decision()
    else:
        actions = _next_actions(change, target, told)
    due_at_ns = _due_at_ns(change.reason, told, now_ns, group_interval_s)
    return Decision(
        rows=tuple(_row(change, target, action, now_ns, due_at_ns) for action in actions),
        told=Told(
            incident_id=incident.id,
            target=target.name,
            revision=incident.revision,
            resolved=resolved,
            digest=digest,
            told_at_ns=due_at_ns if actions or told is None else told.told_at_ns,
            ref=told.ref if told else None,
        ),
    )


def visible_digest(incident: Incident) -> str:
    """Return a digest of all that people see of an incident."""
    alerts = [(a.fingerprint, a.state in _FIRING) for a in incident.alerts]
    seen = (
        incident.state,
        incident.title,
        incident.severity,
        incident.cause,
        alerts,
        incident.run_ids,
    )
    return hashlib.sha256(msgspec.json.encode(seen)).hexdigest()[:16]


def message_id(incident: Incident, target: str, action: Action) -> str:
    """Return the id of a message: the same decision made again has the same id."""
    text = f"{target}\n{incident.id}\n{action}\n{incident.revision}"
    return "msg_" + hashlib.sha256(text.encode()).hexdigest()[:24]


def _first_actions(change: IncidentChange, target: Target) -> tuple[Action, ...]:
    if change.incident.state == "open":
        return () if change.reason == "unchanged" else ("open",)
    if change.reason != "opened":
        return ()  # its end is no news where its beginning was never told
    # It opened and resolved at once: short, but it happened.
    return ("open", "resolve") if target.send_resolved and not target.in_place else ("open",)


def _next_actions(change: IncidentChange, target: Target, told: Told) -> tuple[Action, ...]:
    resolved = change.incident.state == "resolved"
    if not target.in_place:
        if resolved and not told.resolved:
            return ("resolve",) if target.send_resolved else ()
        return ("open",) if told.resolved and not resolved else ()
    edit: Action = "resolve" if resolved else "update"
    quiet = change.reason in NOISY or (resolved and not target.send_resolved)
    return (edit,) if quiet else (edit, "thread")


def _due_at_ns(
    reason: ChangeReason, told: Told | None, now_ns: int, group_interval_s: float
) -> int:
    if told is None or reason not in NOISY:
        return now_ns
    if told.told_at_ns > now_ns:
        return told.told_at_ns  # an update is planned already; this one joins it
    return max(now_ns, told.told_at_ns + int(group_interval_s * NS_PER_S))


def _row(
    change: IncidentChange, target: Target, action: Action, now_ns: int, due_at_ns: int
) -> OutboxRow:
    return OutboxRow(
        message_id=message_id(change.incident, target.name, action),
        target=target.name,
        incident=change.incident,
        action=action,
        reason=change.reason,
        notes=change.notes if action == "thread" else (),
        broadcast=action == "thread" and change.reason in LOUD,
        in_place=target.in_place,
        created_at_ns=now_ns,
        due_at_ns=due_at_ns,
    )
