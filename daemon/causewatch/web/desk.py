"""What people may ask of the daemon beyond reading: silences, and deeds done to incidents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from causewatch.incidents.handle import Deed
from causewatch.incidents.matcher import Matcher
from causewatch.incidents.silence import Refusal, Silence
from causewatch.model.incident import Incident


class IncidentDesk(Protocol):
    """Takes requests from worker threads; a refusal says why, ``None`` that there is no such."""

    def silences(self) -> tuple[tuple[Silence, str], ...]:
        """Return the silences that are kept, with their states."""
        ...

    def silence(
        self,
        matchers: Sequence[Matcher],
        *,
        starts_at_ns: int,
        ends_at_ns: int,
        created_by: str,
        comment: str,
    ) -> Silence | Refusal:
        """Add a silence."""
        ...

    def expire(self, silence_id: str) -> Silence | Refusal | None:
        """End a silence now."""
        ...

    def handle(
        self, incident_id: str, deed: Deed, *, by: str, comment: str
    ) -> Incident | Refusal | None:
        """Acknowledge, resolve or reopen an incident."""
        ...
