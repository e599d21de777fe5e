"""Incidents: the alerts that share one cause, as people see and handle them."""

from __future__ import annotations

from typing import Literal

import msgspec

from causewatch.model.finding import Alert, Cause

IncidentState = Literal["open", "resolved"]


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that share one cause. ``id`` is short, URL-safe and unguessable by order (a hash)."""

    id: str
    key: str
    state: IncidentState
    title: str
    """One line: what went wrong, by cause."""
    severity: str
    cause: Cause
    alerts: tuple[Alert, ...]
    opened_at_ns: int
    updated_at_ns: int
    resolved_at_ns: int = 0
    revision: int = 1
    """Counts the changes people should see; a notification names the revision it showed."""
    acknowledged_by: str = ""
    """Who works on it: it is not told again while nothing about it changes."""
    acknowledged_at_ns: int = 0
    closed_by: str = ""
    """Who resolved it by hand, while alerts of it fired."""
    closed_at_ns: int = 0

    @property
    def alertnames(self) -> tuple[str, ...]:
        """Return the distinct names of the alerts inside, in order."""
        return tuple(dict.fromkeys(alert.alertname for alert in self.alerts))

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Return the distinct runs behind the alerts."""
        return tuple(dict.fromkeys(run for alert in self.alerts for run in alert.run_ids))
