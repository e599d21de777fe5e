"""Alert changes in, incident changes out, each with its reason.

Theory of operation: an alert that begins to fire joins the open incident of its cause, reopens one
that was resolved a short while ago, or opens a new one. It stays there until it resolves, even when
its cause is understood differently later. An incident resolves when all of its alerts have.
A pending alert opens nothing. ``revision`` grows with every change that people should see. One
that a person has resolved stays so while its alerts merely go on firing: one that comes up anew
opens it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, get_args

import msgspec

from causewatch.incidents.fingerprint import cause_key, incident_id, incident_key
from causewatch.incidents.grouping import is_by_cause
from causewatch.incidents.severity import highest, rank, severity_of
from causewatch.incidents.title import one_line, title_of
from causewatch.model.finding import Alert, AlertState, Cause
from causewatch.model.incident import Incident

ChangeReason = Literal[
    "opened",
    "reopened",
    "resolved",
    "severity_raised",
    "acknowledged",
    "alert_added",
    "alert_refired",
    "alert_resolved",
    "cause_refined",
    "more_runs",
    "unmuted",
    "repeated",
    "unchanged",
]
"""Why an incident is told, the most important first; ``unchanged`` is for the store alone.

``acknowledged`` is a person's doing, ``unmuted`` and ``repeated`` are of ``notify``: what kept it
from being told is over, or it was told long ago.
"""
REASONS: tuple[ChangeReason, ...] = get_args(ChangeReason)
REOPEN_WITHIN_NS = 15 * 60 * 1_000_000_000
MAX_NOTES = 20
MAX_RESOLVED_ALERTS = 200
MAX_NOTE_CHARS = 300
ACTIVE: frozenset[AlertState] = frozenset({"firing", "keep_firing"})
_Fingerprint: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


class IncidentChange(msgspec.Struct, frozen=True, kw_only=True):
    """One incident as it is now, why it changed, and a sentence for each thing that did."""

    incident: Incident
    reason: ChangeReason
    notes: tuple[str, ...] = ()


def gather(
    open_incidents: Sequence[Incident],
    changed: Sequence[Alert],
    now_ns: int,
    *,
    key_of: Callable[[Alert], str] = incident_key,
) -> tuple[IncidentChange, ...]:
    """Fold changed alerts, oldest first, into incidents.

    ``open_incidents`` are the open ones; resolved ones may be among them, and are reopened by their
    key within ``REOPEN_WITHIN_NS``. ``key_of`` says what makes alerts one incident: their cause, or
    what a route groups by. Returns one change for each incident that has to be stored.
    """
    book = _Book(open_incidents, now_ns, key_of)
    for alert in changed:
        book.take(alert)
    return book.changes()


class _Draft:
    """One incident while alerts are folded into it."""

    def __init__(self, before: Incident, *, is_new: bool) -> None:
        self.before = before
        self.cause = before.cause
        self.alerts: dict[_Fingerprint, Alert] = {a.fingerprint: a for a in before.alerts}
        self.reasons: dict[ChangeReason, None] = {"opened": None} if is_new else {}
        self.notes: list[str] = []
        self.touched = is_new
        self.is_woken = False

    @property
    def is_closed(self) -> bool:
        """Return whether a person resolved it, and nothing came up since."""
        return self.before.closed_at_ns > 0 and not self.is_woken

    @property
    def is_open(self) -> bool:
        return not self.is_closed and self.is_firing

    @property
    def is_firing(self) -> bool:
        return any(alert.state in ACTIVE for alert in self.alerts.values())

    def note(self, reason: ChangeReason, sentence: str = "") -> None:
        self.reasons[reason] = None
        if sentence and len(self.notes) < MAX_NOTES:
            self.notes.append(one_line(sentence, MAX_NOTE_CHARS))

    def put(self, alert: Alert) -> None:
        """Take in the newest state of an alert and say what that changes."""
        old = self.alerts.get(alert.fingerprint)
        self.alerts[alert.fingerprint] = alert
        self.touched = True
        active = alert.state in ACTIVE
        self.is_woken = self.is_woken or (active and (old is None or old.state not in ACTIVE))
        if old is None:
            self.note("alert_added", f"{alert.alertname} fires as well.")
        elif active and old.state not in ACTIVE:
            self.note("alert_refired", f"{alert.alertname} fires again.")
        elif not active and old.state in ACTIVE:
            self.note("alert_resolved", f"{alert.alertname} is resolved.")
        elif old.run_ids != alert.run_ids and set(alert.run_ids) - set(old.run_ids):
            self.note("more_runs")
        if active:
            self.learn(alert.cause)

    def learn(self, cause: Cause) -> None:
        """Take a fuller account of the same cause; another cause never replaces a known one."""
        key = cause_key(cause)
        if not key or _fullness(cause) <= _fullness(self.cause):
            return
        if self.cause.origin is None or key == cause_key(self.cause):
            self.cause = cause
            self.note("cause_refined")

    def _kept_alerts(self) -> tuple[Alert, ...]:
        """Return the alerts without the oldest resolved ones past the limit."""
        resolved = [f for f, alert in self.alerts.items() if alert.state not in ACTIVE]
        dropped = frozenset(resolved[: max(0, len(resolved) - MAX_RESOLVED_ALERTS)])
        return tuple(alert for f, alert in self.alerts.items() if f not in dropped)

    def change(self, now_ns: int) -> IncidentChange:
        """Return the incident as it is now."""
        before, alerts = self.before, self._kept_alerts()
        severity = highest([before.severity, *map(severity_of, alerts)])
        was_open = before.state == "open"
        if rank(severity) > rank(before.severity) and "opened" not in self.reasons:
            self.note("severity_raised", f"Severity raised from {before.severity} to {severity}.")
        if self.is_closed:
            self.reasons, self.notes = {}, []  # nobody waits for news of it
        elif not self.is_open and was_open:
            self.note("resolved")
        elif self.is_open and not was_open:
            self.note("reopened", "It is back.")
        reason: ChangeReason = next((r for r in REASONS if r in self.reasons), "unchanged")
        opened, told = "opened" in self.reasons, reason != "unchanged"
        if not self.is_firing or (self.is_open and not was_open):
            # What people did to it is over with the episode that they did it in.
            before = msgspec.structs.replace(
                before, acknowledged_by="", acknowledged_at_ns=0, closed_by="", closed_at_ns=0
            )
        incident = msgspec.structs.replace(
            before,
            state="open" if self.is_open else "resolved",
            title=title_of(self.cause, alerts),
            severity=severity,
            cause=self.cause,
            alerts=alerts,
            updated_at_ns=now_ns,
            resolved_at_ns=0 if self.is_open else before.resolved_at_ns or now_ns,
            revision=before.revision + (told and not opened),
        )
        return IncidentChange(incident=incident, reason=reason, notes=tuple(self.notes))


class _Book:
    """All incidents that a batch of alerts may touch, found by alert and by key."""

    def __init__(
        self, incidents: Sequence[Incident], now_ns: int, key_of: Callable[[Alert], str]
    ) -> None:
        self._now_ns = now_ns
        self._key_of = key_of
        self._drafts: list[_Draft] = []
        self._by_key: dict[str, _Draft] = {}
        self._by_alert: dict[_Fingerprint, _Draft] = {}
        # Open incidents, and among equals the newest, come last: they take the keys.
        for incident in sorted(incidents, key=lambda i: (i.state == "open", i.opened_at_ns)):
            self._add(_Draft(incident, is_new=False))

    def _add(self, draft: _Draft) -> None:
        self._drafts.append(draft)
        self._by_key[draft.before.key] = draft
        by_cause = cause_key(draft.cause)
        if by_cause and is_by_cause(draft.before.key):
            self._by_key[by_cause] = draft
        for fingerprint, alert in draft.alerts.items():
            if alert.state in ACTIVE:
                self._by_alert[fingerprint] = draft

    def take(self, alert: Alert) -> None:
        """Fold one alert into the incident it is in, or the one it belongs to."""
        home = self._by_alert.get(alert.fingerprint)
        if home is not None:
            home.put(alert)
            if alert.state not in ACTIVE:
                del self._by_alert[alert.fingerprint]
        elif alert.state in ACTIVE:
            self._by_alert[alert.fingerprint] = self._place(alert)

    def _place(self, alert: Alert) -> _Draft:
        key = self._key_of(alert)
        draft = self._by_key.get(key)
        if draft is not None and (draft.is_open or self._is_recent(draft)):
            draft.put(alert)
        else:
            draft = _Draft(_opened(key, alert, self._now_ns), is_new=True)
            self._add(draft)
        return draft

    def _is_recent(self, draft: _Draft) -> bool:
        resolved_at_ns = draft.before.resolved_at_ns or self._now_ns
        return self._now_ns - resolved_at_ns <= REOPEN_WITHIN_NS

    def changes(self) -> tuple[IncidentChange, ...]:
        return tuple(draft.change(self._now_ns) for draft in self._drafts if draft.touched)


def _opened(key: str, alert: Alert, now_ns: int) -> Incident:
    return Incident(
        id=incident_id(key, now_ns),
        key=key,
        state="open",
        title=title_of(alert.cause, (alert,)),
        severity=severity_of(alert),
        cause=alert.cause,
        alerts=(alert,),
        opened_at_ns=now_ns,
        updated_at_ns=now_ns,
    )


def _fullness(cause: Cause) -> tuple[bool, bool, int, float]:
    """Return how much a cause says, to prefer the fuller of two accounts of one origin."""
    return (
        cause.origin is not None,
        cause.symptom is not None,
        len(cause.propagators),
        cause.confidence or 0.0,
    )
