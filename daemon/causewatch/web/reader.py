"""What the pages ask of the daemon. ``Store`` is one such reader."""

from __future__ import annotations

from typing import Protocol

import msgspec

from causewatch.model.finding import Alert
from causewatch.model.incident import Incident, IncidentState
from causewatch.store.record import StoredRun


class IncidentReader(Protocol):
    """Read access to incidents, alerts and runs; called from worker threads."""

    def incident(self, incident_id: str) -> Incident | None:
        """Return an incident, or ``None``."""
        ...

    def incidents(
        self, *, state: IncidentState | None = None, since_ns: int = 0, limit: int = 1000
    ) -> tuple[Incident, ...]:
        """Return incidents, the newest first."""
        ...

    def alerts(self, *, active_only: bool = True) -> tuple[Alert, ...]:
        """Return the alerts."""
        ...

    def run(self, run_id: str) -> StoredRun | None:
        """Return a run, or ``None``."""
        ...


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the daemon works: sentences for what does not. Empty is well.

    ``unhealthy`` asks for a restart; ``unready`` (also implied by it) for no traffic yet.
    """

    unhealthy: tuple[str, ...] = ()
    unready: tuple[str, ...] = ()


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a reload of the rule files; with problems, the last good rules stay."""

    problems: tuple[str, ...] = ()
    failed: str = ""
    """Why it could not even be tried: our fault or the machine's."""
    revision: str = ""
