"""Tells people: what rules changed, what people did to it, and what time alone made due.

Each of these is one transaction of the store with the outbox rows that come of it; the sender is
woken after it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog

from causewatch.incidents.alike import matchers_like
from causewatch.incidents.gather import IncidentChange
from causewatch.incidents.handle import Deed, handle
from causewatch.incidents.matcher import Matcher
from causewatch.incidents.silence import Refusal, Silence, expire, new_silence, state_of
from causewatch.model.incident import Incident
from causewatch.notify.config import Alerting
from causewatch.notify.review import review
from causewatch.notify.tell import Telling, tell
from causewatch.store.port import Store
from causewatch.telemetry.metrics import Metrics

REVIEW_EVERY_S = 5.0
"""How soon after a silence has ended an incident that it held back is told."""
_NS_PER_S = 1_000_000_000

log = structlog.get_logger("causewatch.notify")


class Teller:
    """Queues what people should be told, and takes what they have to say about it."""

    def __init__(
        self,
        store: Store,
        alerting: Alerting,
        *,
        metrics: Metrics,
        now_ns: Callable[[], int],
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._alerting = alerting
        self._metrics = metrics
        self._now_ns = now_ns
        self._wake = wake
        self._asked = threading.Event()

    def replace(self, alerting: Alerting) -> None:
        """Put other routes and receivers in force; called within a transaction of the store.

        So nothing is queued for a receiver of before any more once that is over.
        """
        self._alerting = alerting

    def tell(self, changes: Sequence[IncidentChange], now_ns: int) -> None:
        """Queue messages; called within the transaction that changes the incidents."""
        told = [change for change in changes if change.reason != "unchanged"]
        for change in told:
            log.info(
                "incident",
                id=change.incident.id,
                change=change.reason,
                severity=change.incident.severity,
                title=change.incident.title,
            )
        if told:
            self._done(tell(self._store, told, alerting=self._alerting, now_ns=now_ns))

    def review(self) -> None:
        """Queue what time alone made due."""
        self._done(review(self._store, self._alerting, now_ns=self._now_ns()))
        self._measure()

    def run(self, stopping: threading.Event) -> None:
        """Review every few seconds, and when somebody asks, until the daemon stops."""
        while not stopping.is_set():
            try:
                self.review()
            except Exception:
                # A full disk or a locked store must not end the thread: it is tried again.
                log.exception("incidents could not be reviewed")
            self._asked.wait(REVIEW_EVERY_S)
            self._asked.clear()

    def nudge(self) -> None:
        """Let the next review be now."""
        self._asked.set()

    def silences(self) -> tuple[tuple[Silence, str], ...]:
        """Return the silences that are kept with their states, those in force first."""
        now_ns = self._now_ns()
        found = [(silence, state_of(silence, now_ns)) for silence in self._store.silences()]
        return tuple(sorted(found, key=lambda pair: pair[1] == "expired"))

    def silence(
        self,
        matchers: Sequence[Matcher],
        *,
        starts_at_ns: int,
        ends_at_ns: int,
        created_by: str,
        comment: str,
    ) -> Silence | Refusal:
        """Store a new silence, or say why not."""
        now_ns = self._now_ns()
        with self._store.transaction():
            made = new_silence(
                matchers,
                starts_at_ns=starts_at_ns,
                ends_at_ns=ends_at_ns,
                created_by=created_by,
                comment=comment,
                now_ns=now_ns,
                known=self._store.silences(ends_after_ns=now_ns),
            )
            if isinstance(made, Silence):
                self._store.put_silence(made)
                log.info("silence added", id=made.id, by=made.created_by, comment=made.comment)
        return made

    def silence_like(
        self, incident_id: str, *, length_s: float, created_by: str, comment: str
    ) -> Silence | Refusal | None:
        """Silence an incident and its like from now on; ``None`` when there is none of this id."""
        found, now_ns = self._store.incident(incident_id), self._now_ns()
        if found is None:
            return None
        return self.silence(
            matchers_like(found),
            starts_at_ns=now_ns,
            ends_at_ns=now_ns + int(length_s * _NS_PER_S),
            created_by=created_by,
            comment=comment,
        )

    def expire(self, silence_id: str) -> Silence | Refusal | None:
        """End a silence now; ``None`` when there is none of this id."""
        with self._store.transaction():
            found = self._store.silence(silence_id)
            if found is None:
                return None
            ended = expire(found, self._now_ns())
            if isinstance(ended, Silence):
                self._store.put_silence(ended)
                log.info("silence expired", id=ended.id)
        self.nudge()
        return ended

    def handle(
        self, incident_id: str, deed: Deed, *, by: str, comment: str
    ) -> Incident | Refusal | None:
        """Do to an incident what a person asks for; ``None`` when there is none of this id."""
        now_ns = self._now_ns()
        with self._store.transaction():
            found = self._store.incident(incident_id)
            if found is None:
                return None
            change = handle(found, deed, by=by, comment=comment, now_ns=now_ns)
            if isinstance(change, Refusal):
                return change
            self._store.put_incidents([change.incident])
            self.tell([change], now_ns)
        self._metrics.incidents.labels(state="open").set(self._store.open_incident_count())
        return change.incident

    def _done(self, telling: Telling) -> None:
        for held in telling.held:
            self._metrics.notifications_suppressed.labels(reason=held.kind).inc()
        if telling.rows:
            self._wake()

    def _measure(self) -> None:
        counts = {"active": 0, "pending": 0}
        now_ns = self._now_ns()
        for silence in self._store.silences(ends_after_ns=now_ns):
            counts[state_of(silence, now_ns)] += 1
        for state, count in counts.items():
            self._metrics.silences.labels(state=state).set(count)
