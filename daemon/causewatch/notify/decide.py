"""What to tell one target of one change: nothing, a message, an update, a reply.

Theory of operation: ``Told`` is what the target has been promised so far. Where messages can be
changed (Slack with a bot token) an incident is one message, changed in place; what people should
notice is also said in its thread. Elsewhere an incident is two messages: one when it opens and one
when it resolves. While something keeps the incident from being told, that is noted in place of a
message, and a review tells it later; the end of what was told is told all the same.
"""

from __future__ import annotations

import hashlib

import msgspec

from causewatch.incidents.gather import ChangeReason, IncidentChange
from causewatch.incidents.severity import rank
from causewatch.model.finding import AlertState
from causewatch.model.incident import Incident
from causewatch.notify.config import Target
from causewatch.notify.times import duration
from causewatch.store.record import Action, OutboxRow, Told

NS_PER_S = 1_000_000_000
_FIRING: frozenset[AlertState] = frozenset({"firing", "keep_firing"})
NOISY: frozenset[ChangeReason] = frozenset({"more_runs", "cause_refined", "unchanged"})
"""Changes that update a message in place now and then, and that nobody is disturbed for."""
LOUD: frozenset[ChangeReason] = frozenset({"reopened", "severity_raised"})
"""Changes that the whole channel should see, not only those who follow the thread."""
PROMPT: frozenset[ChangeReason] = frozenset(
    {"opened", "reopened", "resolved", "severity_raised", "acknowledged", "unmuted"}
)
"""Changes that wait for no interval; the others are gathered until it is over."""
PAGING = "critical"
"""From this severity on somebody is paged, who does not wait for further alerts."""
_DISTURBING: frozenset[Action] = frozenset({"open", "thread", "resolve"})


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Rows for the outbox (maybe none) and what the target has then been told."""

    rows: tuple[OutboxRow, ...] = ()
    told: Told | None = None
    refresh: OutboxRow | None = None
    """What a first message that nobody has seen yet should say by now; no message of its own."""


def decide(  # noqa: PLR0913  # what a route says of pace, one by one
    change: IncidentChange,
    target: Target,
    told: Told | None,
    *,
    now_ns: int,
    group_wait_s: float = 0.0,
    group_interval_s: float = 60.0,
    held: str = "",
) -> Decision:
    """Return what to send to ``target`` because of ``change``, given what it was told before.

    ``held`` is why nobody is to be told now, empty when they are.
    """
    incident, digest = change.incident, visible_digest(change.incident)
    resolved = incident.state == "resolved"
    known = told if told is not None and told.digest else None
    if held and not (resolved and known):
        return Decision() if resolved else Decision(told=_hold(incident, target, told, held))
    if known is not None and known.digest == digest:
        return Decision(told=msgspec.structs.replace(known, held="")) if known.held else Decision()
    if known is None:
        actions = _first_actions(change, target)
        if not actions:
            return Decision()
    else:
        actions = _next_actions(change, target, known)
    due_at_ns = _due_at_ns(change, known, now_ns, group_wait_s, group_interval_s)
    is_loud = any(action in _DISTURBING for action in actions)
    return Decision(
        refresh=_row(change, target, "open", now_ns, due_at_ns)
        if known and not actions and not resolved
        else None,
        rows=tuple(_row(change, target, action, now_ns, due_at_ns) for action in actions),
        told=Told(
            incident_id=incident.id,
            target=target.name,
            revision=incident.revision,
            resolved=resolved,
            digest=digest,
            told_at_ns=due_at_ns if actions or known is None else known.told_at_ns,
            ref=known.ref if known else None,
            loud_at_ns=due_at_ns if is_loud or known is None else loud_at_ns(known),
            repeats=known.repeats if known else 0,
        ),
    )


def repeat(incident: Incident, target: Target, told: Told, *, now_ns: int) -> Decision:
    """Return a reminder of an open incident: in a thread where there is one, else once more."""
    repeats = told.repeats + 1
    action: Action = "thread" if target.in_place else "open"
    lasts = duration(now_ns - incident.opened_at_ns)
    change = IncidentChange(incident=incident, reason="repeated", notes=(f"Open for {lasts}.",))
    row = msgspec.structs.replace(
        _row(change, target, action, now_ns, now_ns),
        message_id=message_id(incident, target.name, action, repeats),
        broadcast=target.in_place,
    )
    kept = msgspec.structs.replace(told, repeats=repeats, loud_at_ns=now_ns)
    return Decision(rows=(row,), told=kept)


def loud_at_ns(told: Told) -> int:
    """Return when people were last disturbed."""
    return told.loud_at_ns or told.told_at_ns


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
        *((incident.acknowledged_by,) if incident.acknowledged_by else ()),
    )
    return hashlib.sha256(msgspec.json.encode(seen)).hexdigest()[:16]


def message_id(incident: Incident, target: str, action: Action, repeats: int = 0) -> str:
    """Return the id of a message: the same decision made again has the same id."""
    text = f"{target}\n{incident.id}\n{action}\n{incident.revision}"
    text += f"\n{repeats}" if repeats else ""
    return "msg_" + hashlib.sha256(text.encode()).hexdigest()[:24]


def _first_actions(change: IncidentChange, target: Target) -> tuple[Action, ...]:
    if change.incident.state == "open":
        return () if change.reason == "unchanged" else ("open",)
    if change.reason != "opened":
        return ()  # its end is no news where its beginning was never told
    # It opened and resolved at once: short, but it happened.
    return ("open", "resolve") if target.send_resolved and not target.in_place else ("open",)


def _hold(incident: Incident, target: Target, told: Told | None, held: str) -> Told | None:
    """Return what was told, with why more is not; ``None`` when that is known already."""
    if told is None:
        return Told(
            incident_id=incident.id,
            target=target.name,
            revision=0,
            resolved=False,
            digest="",
            told_at_ns=0,
            held=held,
        )
    return None if told.held == held else msgspec.structs.replace(told, held=held)


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
    change: IncidentChange,
    told: Told | None,
    now_ns: int,
    group_wait_s: float,
    group_interval_s: float,
) -> int:
    if told is None:
        waits = change.reason != "unmuted" and rank(change.incident.severity) < rank(PAGING)
        return now_ns + int(group_wait_s * NS_PER_S) * waits
    if change.reason in PROMPT:
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
