"""The worker of the outbox: the only part of ``notify`` with threads and IO.

Theory of operation: one thread a target, so that a slow receiver holds up nobody else. A thread
claims the next due row in a transaction, calls the channel outside of it, and records the outcome
in another. Waiting (backoff, Retry-After, a channel's pace) is a time in the row or the channel's
pace, never a sleep within an attempt.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, assert_never

import msgspec
import structlog

from causewatch.notify.config import Target
from causewatch.notify.fallback import instead
from causewatch.notify.outbox import claim, recover, retire, settle, supersede
from causewatch.notify.outcome import Channel, Dead, Delivery, Outcome, Retry, Sent, Unknown
from causewatch.notify.pace import Pace
from causewatch.notify.put import put
from causewatch.notify.retry import DEFAULT_SCHEDULE, NS_PER_S, Schedule
from causewatch.store.port import Store
from causewatch.store.record import OutboxRow
from causewatch.telemetry.metrics import Metrics

IDLE_S = 1.0
"""How often a thread looks for work that nobody woke it for."""
FAILED_S = 5.0
_log = structlog.get_logger(__name__)


class Sender:
    """Sends what is in the outbox, at least once, each row under one message id.

    ``channels`` are by target name. ``now_ns`` is the wall clock; ``jitter`` gives 0 to 1.
    """

    def __init__(  # noqa: PLR0913  # ports, clock and chance are handed in one by one
        self,
        store: Store,
        channels: Mapping[str, Channel],
        *,
        metrics: Metrics,
        now_ns: Callable[[], int],
        fallbacks: Mapping[str, Sequence[Target]] | None = None,
        jitter: Callable[[], float] = random.random,
        schedule: Schedule = DEFAULT_SCHEDULE,
    ) -> None:
        self._store = store
        self._channels = dict(channels)
        self._metrics = metrics
        self._now_ns = now_ns
        self._jitter = jitter
        self._schedule = schedule
        self._pace = Pace()
        self._fallbacks = dict(fallbacks or {})
        self._disabled: dict[str, str] = {
            target: reason for target in self._channels if (reason := store.meta(_disabled(target)))
        }
        self._stopping = threading.Event()
        self._wakes = {target: threading.Event() for target in self._channels}
        self._threads: list[threading.Thread] = []

    def recover(self, target: str = "") -> int:
        """Queue again what was left half sent, and retire what has no target any more.

        Call it once before sending, or for one target by its own thread. Returns the number of
        rows changed.
        """
        now_ns, changed = self._now_ns(), 0
        with self._store.transaction():
            for row in self._store.unfinished(target):
                found = recover(row, now_ns=now_ns) if row.state == "sending" else row
                if row.target not in self._channels:
                    found = retire(found, "its receiver is no longer configured")
                if found is not row:
                    self._store.put_outbox(found)
                    changed += 1
        self._count_rows()
        return changed

    def pump(self, target: str) -> float | None:
        """Send what is due for one target; return the seconds until more is, ``None`` if nothing.

        Returns early when the channel's pace asks for a pause.
        """
        channel = self._channels[target]
        while not self._stopping.is_set():
            now_ns = self._now_ns()
            row, pause_ns = self._claim(target, channel, now_ns)
            if pause_ns:
                return pause_ns / NS_PER_S
            if row is None:
                due_at_ns = self._store.next_due_ns(target)
                return None if due_at_ns is None else max(0, due_at_ns - now_ns) / NS_PER_S
            self._record(row, channel, self._attempt(row, channel))
        return None

    def start(self) -> None:
        """Start one thread a target."""
        self.recover()
        for target in self._channels:
            thread = threading.Thread(
                target=self._work, args=(target,), name=f"notify {target}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """Say that rows were queued, so that they go out at once."""
        for wake in self._wakes.values():
            wake.set()

    def stop(self, timeout_s: float = 15.0) -> None:
        """Let attempts under way end, then stop. What is queued stays in the outbox."""
        self._stopping.set()
        self.wake()
        for thread in self._threads:
            thread.join(timeout_s / max(1, len(self._threads)))
        for channel in self._channels.values():
            channel.close()

    def enable(self, target: str) -> None:
        """Try a target again that wanted no more messages."""
        self._disabled.pop(target, None)
        self._store.put_meta(_disabled(target), "")

    def replaced(
        self,
        channels: Mapping[str, Channel],
        fallbacks: Mapping[str, Sequence[Target]] | None = None,
    ) -> Sender:
        """Stop, and return a sender over other channels, which is to be started.

        Attempts under way end first, however long their own limits let them take: the next sender
        would repeat what it finds half sent. What receivers asked for, to wait or to be left alone,
        holds on; what they could not be told is for others, if they have a fallback by now.
        """
        self._stopping.set()
        self.wake()
        for thread in self._threads:
            thread.join()
        for channel in self._channels.values():
            channel.close()
        fresh = Sender(
            self._store,
            channels,
            metrics=self._metrics,
            now_ns=self._now_ns,
            fallbacks=fallbacks,
            jitter=self._jitter,
            schedule=self._schedule,
        )
        fresh._pace = self._pace
        return fresh

    def _work(self, target: str) -> None:
        wake = self._wakes[target]
        is_cut_off = False
        while not self._stopping.is_set():
            try:
                if is_cut_off:
                    # The outcome of its last attempt was not stored: the row is still marked as
                    # being sent, and would hold up all later messages of its incident.
                    self.recover(target)
                    is_cut_off = False
                wait_s = self.pump(target)
            except Exception:  # noqa: BLE001  # a boundary: the thread outlives a full disk
                _log.exception("notify_failed", target=target)
                wait_s, is_cut_off = FAILED_S, True
            wake.wait(IDLE_S if wait_s is None else min(max(wait_s, 0.01), IDLE_S))
            wake.clear()

    def _claim(self, target: str, channel: Channel, now_ns: int) -> tuple[OutboxRow | None, int]:
        """Return the next row, claimed; or ``None`` and how long the pace says to wait."""
        with self._store.transaction():
            rows = self._store.due(target, now_ns=now_ns, limit=1)
            if not rows:
                return None, 0
            pause_ns = self._pace.take(channel.pace_key, now_ns, channel.min_gap_s)
            return (None, pause_ns) if pause_ns else (self._store.put_outbox(claim(rows[0])), 0)

    def _attempt(self, row: OutboxRow, channel: Channel) -> Outcome:
        if row.target in self._disabled:
            return Dead(reason=self._disabled[row.target])
        told = self._store.told(row.incident.id, row.target)
        ref = told.ref if told else None
        near = self._store.last_ref(row.target)
        latency = self._metrics.notification_latency_seconds
        try:
            with latency.labels(channel.integration, channel.receiver).time():
                return channel.send(Delivery(row=row, ref=ref, near=near))
        except Exception as error:  # noqa: BLE001  # a boundary: one message must not stop others
            _log.exception("notify_attempt_failed", target=row.target, message_id=row.message_id)
            return Unknown(reason=f"{type(error).__name__}: {error}")

    def _record(self, row: OutboxRow, channel: Channel, outcome: Outcome) -> None:
        now_ns = self._now_ns()
        settled = settle(
            row, outcome, schedule=self._schedule, now_ns=now_ns, jitter=self._jitter()
        )
        with self._store.transaction():
            self._store.put_outbox(self._merged(settled))
            if isinstance(outcome, Sent) and outcome.ref is not None:
                told = self._store.told(row.incident.id, row.target)
                if told is not None:
                    self._store.put_told(msgspec.structs.replace(told, ref=outcome.ref))
            rows_elsewhere = self._tell_others(settled, now_ns)
        if rows_elsewhere:
            self.wake()
        self._heed(row, channel, outcome, now_ns)
        name = "dead" if settled.state == "dead" else _name_of(outcome)
        self._metrics.notifications.labels(channel.integration, channel.receiver, name).inc()
        if isinstance(outcome, Sent) and outcome.picture:
            self._metrics.pictures.labels(channel.receiver, outcome.picture).inc()
        self._count_rows()
        if settled.state != "sent":
            _log.warning(
                "notify_not_sent",
                target=row.target,
                incident=row.incident.id,
                message_id=row.message_id,
                outcome=name,
                reason=settled.error,
                attempts=settled.attempts,
            )

    def _tell_others(self, row: OutboxRow, now_ns: int) -> int:
        """Queue for the fallback what is given up; return the number of messages."""
        if row.state != "dead":
            return 0
        written = 0
        for target in self._fallbacks.get(row.target, ()):
            told = self._store.told(row.incident.id, target.name)
            written += put(self._store, instead(row, target, told, now_ns=now_ns))
        return written

    def _heed(self, row: OutboxRow, channel: Channel, outcome: Outcome, now_ns: int) -> None:
        """Keep the whole channel still, or switch it off, where the answer asks for it."""
        match outcome:
            case Retry(whole_channel=True, after_s=after_s) if after_s is not None:
                wait_s = min(after_s, self._schedule.max_retry_after_s)
                self._pace.hold(channel.pace_key, now_ns, wait_s)
            case Dead(disable=True, reason=reason):
                self._disabled[row.target] = reason
                self._store.put_meta(_disabled(row.target), reason)
            case _:
                pass

    def _merged(self, row: OutboxRow) -> OutboxRow:
        """Return a row that is queued again with what came up for it in the meantime."""
        if row.state != "queued":
            return row
        for newer in self._store.unfinished(row.target, incident_id=row.incident.id):
            merged = supersede(row, newer) if newer.seq > row.seq else None
            if merged is not None:
                self._store.drop_outbox(newer.seq)
                row = merged
        return row

    def _count_rows(self) -> None:
        for state, count in self._store.outbox_counts().items():
            self._metrics.outbox_rows.labels(state).set(count)


def _disabled(target: str) -> str:
    """Return the key under which is kept why a target wants no more messages."""
    return f"disabled target {target}"


def _name_of(outcome: Outcome) -> Literal["sent", "retry", "dead", "unknown"]:
    match outcome:
        case Sent():
            return "sent"
        case Retry():
            return "retry"
        case Dead():
            return "dead"
        case Unknown():
            return "unknown"
        case _ as never:
            assert_never(never)
