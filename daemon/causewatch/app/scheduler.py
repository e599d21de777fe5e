"""Evaluates rule groups on schedule: one APScheduler job a group, and early looks in between.

Jobs coalesce, never overlap, and have no misfire grace limit: with a short one a loaded pool
starves the same rules for good. The slot time is computed here and handed down, so that a decision
never reads a clock.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from causewatch.app.groups import NS_PER_S, Groups
from causewatch.rules.backoff import rest_s
from causewatch.store.port import Store
from causewatch.telemetry.metrics import Metrics

EARLY_EVERY_S = 0.5
RETRY_AFTER_S = 5.0
MAX_RETRY_AFTER_S = 300.0
"""Of a group that fails and fails: its slots stay as they are, but it gets no look in between."""
MAX_WORKERS = 4
MAX_IDLE_S = 120.0
"""Beyond the shortest interval: then something holds all workers up."""

log = structlog.get_logger("causewatch.scheduler")


class Scheduler:
    """Keeps one job for each rule group of the bundle in force."""

    def __init__(
        self, groups: Groups, *, store: Store, metrics: Metrics, now_ns: Callable[[], int]
    ) -> None:
        self._groups = groups
        self._store = store
        self._metrics = metrics
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._early_at_s: dict[str, float] = {}
        self._retry_at_s: dict[str, float] = {}
        self._looked_at_s, self._looked_at_ns = time.monotonic(), now_ns()
        self._apscheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(MAX_WORKERS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        groups.on_offer = self.look_early

    def start(self) -> None:
        """Schedule every group of the bundle and start."""
        self.reschedule()
        self._apscheduler.start()

    def stop(self) -> None:
        """Stop; an evaluation that runs is finished first."""
        self._apscheduler.shutdown(wait=True)

    def reschedule(self) -> None:
        """Bring the jobs in line with the bundle in force, after a reload."""
        wanted = {group.key: group.interval_s for group in self._groups.loaded.bundle.groups}
        with self._lock:
            self._retry_at_s.clear()
        for job in self._apscheduler.get_jobs():
            if job.id not in wanted:
                job.remove()
        for key, interval_s in wanted.items():
            self._apscheduler.add_job(
                self._evaluate,
                "interval",
                seconds=interval_s,
                start_date=self._at(self._slot_ns(key, interval_s) / NS_PER_S + interval_s),
                args=[key],
                id=key,
                replace_existing=True,
            )

    def look_early(self, key: str) -> None:
        """Bring a group's next evaluation forward to now, at most every ``EARLY_EVERY_S``."""
        with self._lock:
            now_s = time.monotonic()
            due_s = max(now_s, self._early_at_s.get(key, 0.0) + EARLY_EVERY_S)
            if self._retry_at_s.get(key, 0.0) > now_s:
                return  # it failed just now: its next look is set
            if self._early_at_s.get(key, 0.0) > now_s:
                return  # one is already on its way
            self._early_at_s[key] = due_s
        self._bring_forward(key, due_s - now_s)

    def _bring_forward(self, key: str, delay_s: float) -> None:
        moment = self._at(self._now_ns() / NS_PER_S + delay_s)
        try:
            job = self._apscheduler.get_job(key)
            if job is not None and (job.next_run_time is None or job.next_run_time > moment):
                job.modify(next_run_time=moment)
        except JobLookupError:
            log.debug("group is gone", group=key)  # a reload removed it in between

    def problems(self) -> tuple[str, ...]:
        """Return, as a sentence, that no group at all was looked at for much too long."""
        groups = self._groups.loaded.bundle.groups
        idle_s = time.monotonic() - self._looked_at_s
        if not groups or idle_s <= min(group.interval_s for group in groups) + MAX_IDLE_S:
            return ()
        if self._now_ns() < self._looked_at_ns:
            return ()  # the clock was set back: no slot is due before it is where it was
        return (f"no rule group was looked at for {int(idle_s)} s",)

    def _evaluate(self, key: str) -> None:
        self._looked_at_s, self._looked_at_ns = time.monotonic(), self._now_ns()
        group = self._groups.group(key)
        if group is None:
            return
        last_ns = self._store.group_slot_ns(key)
        # Runs that wait are looked at as of now, so that they count at once. A slot never goes
        # back: after an early look, or when the clock was set back, it stays where it was.
        waiting = self._groups.has_waiting(key)
        slot_ns = self._now_ns() if waiting else self._slot_ns(key, group.interval_s)
        slot_ns = max(slot_ns, last_ns or 0)
        if slot_ns == last_ns and not waiting:
            return
        self._measure(key, group.interval_s, slot_ns, last_ns)
        try:
            self._groups.evaluate(key, slot_ns)
        except Exception:
            # A failing group stays scheduled; its runs wait for the next look.
            log.exception("group could not be evaluated", group=key)
            self._retry(key)
        else:
            with self._lock:
                self._retry_at_s.pop(key, None)

    def _retry(self, key: str) -> None:
        delay_s = rest_s(
            self._groups.failures(key),
            patience=1,
            first_s=RETRY_AFTER_S,
            longest_s=MAX_RETRY_AFTER_S,
        )
        with self._lock:
            self._retry_at_s[key] = time.monotonic() + delay_s
        self._bring_forward(key, delay_s)

    def _slot_ns(self, key: str, interval_s: float) -> int:
        """Return the last slot: a multiple of the interval, shifted by the key."""
        interval_ns = max(1, int(interval_s * NS_PER_S))
        shift_ns = zlib.crc32(key.encode()) * NS_PER_S // 1000 % interval_ns
        return (self._now_ns() - shift_ns) // interval_ns * interval_ns + shift_ns

    def _measure(self, key: str, interval_s: float, slot_ns: int, last_ns: int | None) -> None:
        """Say how late this look is: since the first slot that it makes up for was due."""
        due_ns = slot_ns if last_ns is None else last_ns + int(interval_s * NS_PER_S)
        lag_s = max(0.0, (self._now_ns() - due_ns) / NS_PER_S)
        self._metrics.group_lag_seconds.labels(group=key).set(lag_s)
        missed = 0 if last_ns is None else int((slot_ns - last_ns) / NS_PER_S / interval_s) - 1
        missed = max(0, missed)
        self._metrics.group_iterations.labels(group=key).inc(1 + missed)
        if missed:
            self._metrics.group_iterations_missed.labels(group=key).inc(missed)

    def _at(self, unix_s: float) -> datetime:
        return datetime.fromtimestamp(0, tz=UTC) + timedelta(seconds=unix_s)
