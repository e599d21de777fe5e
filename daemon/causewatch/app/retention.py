"""Keeps the inbox and the store within their ages and sizes, in a thread of its own.

Theory of operation. Everything is done in steps of some milliseconds, with pauses between them, so
that neither receiving nor judging waits for it; how much a step does follows from how long the last
one took. Only batches that the pipeline is done with are touched.

*By age.* A batch that is older than ``age_s`` is looked at once. If no run of it is worth more, it
is deleted. Else it is written anew with the spans of those runs alone (that are not healthy, or
that an open incident is about), and goes when it is older than ``anomalous_age_s`` and no open
incident needs it: that much ``explain`` needs to judge such a run again. How far this has come is
the durable position of the reader ``retention``; what is kept lies before it.

*By size.* When more than ``HIGH_SHARE`` of the permitted size is used, the same is done with what
is younger, oldest first, until ``LOW_SHARE`` is: first what is not worth more, then what is. What
open incidents need goes last, and only from the inbox, as a full one would refuse what is new.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import msgspec
import structlog

from causewatch.inbox.batch import MIB_BYTES
from causewatch.inbox.prune import Head
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.otlp.sift import sift
from causewatch.store.port import Store
from causewatch.telemetry.metrics import Metrics

SWEPT = "retention"
"""Name of the position in the inbox: before it lies only what is kept for longer."""
HIGH_SHARE, LOW_SHARE = 0.8, 0.7
"""Of a permitted size: where deleting for room begins, and where it ends."""
SWEEP_EVERY_S = 600.0
LOOK_EVERY_S = 1.0
STEP_S = 0.015
"""What one step should take: whoever wants to write at that moment waits so long."""
IDLE_SHARE, BUSY_SHARE = 4.0, 1.0
"""How long a pause is, in steps: usually, and when room is short."""
MAX_PAUSE_S = 1.0
HEADS_COUNT = 512
FIRST_COUNT, MAX_COUNT = 8, 2_048
AGES_COUNT = 16
"""Into so many parts the time is cut that makes way for what is new."""
NS_PER_S = 1_000_000_000
_NONE: frozenset[str] = frozenset()
_Traces: TypeAlias = Mapping[int, frozenset[str]]
"""Ids of traces by the number of the batch that they came in."""

log = structlog.get_logger("causewatch.retention")


class RetentionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how much is kept.

    Attributes:
        age_s: runs, findings and batches are deleted when they are older.
        anomalous_age_s: the same for runs that are not healthy, and their spans.
        inbox_mib: batches as they are on disk, compressed.
        state_mib: runs, findings, incidents and messages on disk.
    """

    age_s: float = 14 * 86_400.0
    anomalous_age_s: float = 90 * 86_400.0
    inbox_mib: int = 8_192
    state_mib: int = 2_048


class Stride:
    """How many rows or pages one step takes, so that it lasts about ``STEP_S``."""

    def __init__(self) -> None:
        self.count = FIRST_COUNT

    def took(self, seconds: float) -> None:
        """Take note of how long a step of ``count`` lasted."""
        if seconds > STEP_S:
            self.count = max(1, self.count // 2)
        elif seconds < STEP_S / 2:
            self.count = min(MAX_COUNT, self.count * 2)


class Retention:
    """Deletes what need not be kept. ``steps`` is for one caller at a time.

    Args:
        reader: name of the position in the inbox up to which nobody needs batches any more.
    """

    def __init__(  # noqa: PLR0913  # what it connects
        self,
        limits: RetentionLimits,
        *,
        inbox: SqliteInbox,
        store: Store,
        metrics: Metrics,
        now_ns: Callable[[], int],
        reader: str,
    ) -> None:
        self._limits = limits
        self._inbox = inbox
        self._store = store
        self._metrics = metrics
        self._now_ns = now_ns
        self._reader = reader
        self._rows = Stride()
        self._deleted = Stride()
        self._pages = Stride()

    def run(self, stop: threading.Event) -> None:
        """Look after both until ``stop`` is set; what fails is logged and tried again."""
        sweep_at_s = 0.0
        while not stop.wait(LOOK_EVERY_S):
            if time.monotonic() < sweep_at_s and not self.is_short_of_room():
                continue
            sweep_at_s = time.monotonic() + SWEEP_EVERY_S
            try:
                self.walk(stop)
            except Exception:
                # A full disk, or a store in trouble: the daemon must outlive it.
                log.exception("retention failed")

    def is_short_of_room(self) -> bool:
        """Tell whether the inbox or the store uses more than ``HIGH_SHARE`` of its size."""
        return (
            self._inbox.stored_bytes() > self._inbox.max_bytes * HIGH_SHARE
            or self._store.size_bytes() > self._state_bytes * HIGH_SHARE
        )

    @property
    def _state_bytes(self) -> int:
        return self._limits.state_mib * MIB_BYTES

    def walk(self, stop: threading.Event) -> None:
        """Do all steps that are due, with pauses in which others write."""
        began_s = time.monotonic()
        for _ in self.steps():
            share = BUSY_SHARE if self.is_short_of_room() else IDLE_SHARE
            pause_s = min(MAX_PAUSE_S, (time.monotonic() - began_s) * share)
            if stop.wait(pause_s):
                return
            began_s = time.monotonic()

    def steps(self) -> Iterator[None]:
        """Do all that is due now; a step ends wherever it yields."""
        now_ns = self._now_ns()
        yield from self._runs_by_age(now_ns)
        yield from self._runs_by_size(now_ns)
        incident_traces = self._incident_traces()
        yield
        old_ns = now_ns - int(self._limits.age_s * NS_PER_S)
        anomalous_ns = now_ns - int(self._limits.anomalous_age_s * NS_PER_S)
        yield from self._sweep(incident_traces, lambda head: head.received_ns < old_ns, HEADS_COUNT)
        yield from self._drop_kept(
            incident_traces, lambda head: head.received_ns < anomalous_ns, HEADS_COUNT
        )
        yield from self._inbox_by_size(incident_traces)
        yield from self._compact()

    def _runs_by_age(self, now_ns: int) -> Iterator[None]:
        age_ns = int(self._limits.age_s * NS_PER_S)
        anomalous_ns = int(self._limits.anomalous_age_s * NS_PER_S)
        yield from self._prune(now_ns - age_ns, now_ns - max(age_ns, anomalous_ns))

    def _prune(self, before_ns: int, anomalous_before_ns: int) -> Iterator[None]:
        keep = self._store.incident_runs()
        while True:
            began_s = time.monotonic()
            deleted = self._store.prune_some(
                before_ns,
                anomalous_before_ns=anomalous_before_ns,
                keep=keep,
                max_rows=self._rows.count,
            )
            self._rows.took(time.monotonic() - began_s)
            for kind, count in deleted.items():
                self._metrics.retention_deleted.labels(what=kind).inc(count)
            yield
            if not any(deleted.values()):
                return

    def _runs_by_size(self, now_ns: int) -> Iterator[None]:
        """Let the permitted age shrink until the store fits: first of what is not worth more."""
        if self._store.size_bytes() <= self._state_bytes * HIGH_SHARE:
            return
        for anomalous in (False, True):
            oldest_ns = self._store.oldest_run_ns(anomalous=anomalous)
            if oldest_ns is None:
                continue
            for part in range(1, AGES_COUNT + 1):
                if self._store.size_bytes() <= self._state_bytes * LOW_SHARE:
                    return
                before_ns = oldest_ns + (now_ns - oldest_ns) * part // AGES_COUNT
                yield from self._prune(before_ns, before_ns if anomalous else 0)

    def _incident_traces(self) -> _Traces:
        """Return the traces of runs that open incidents are about, by batch."""
        found: dict[int, frozenset[str]] = {}
        for run_id in self._store.incident_runs():
            run = self._store.run(run_id)
            if run is None:
                continue
            for batch in run.batches:
                found[batch] = found.get(batch, _NONE).union(run.trace_ids)
        return found

    def _sweep(
        self, incident_traces: _Traces, is_due: Callable[[Head], bool], at_once: int
    ) -> Iterator[None]:
        """Look at batches in order while they are due: delete them, or keep what is worth it."""
        last = self._inbox.cursor(self._reader)
        while heads := self._due_heads(self._inbox.cursor(SWEPT), last, is_due)[:at_once]:
            wanted = self._store.anomalous_traces(heads[0].seq, heads[-1].seq)
            unwanted: list[Head] = []
            for head in heads:
                traces = wanted.get(head.seq, _NONE) | incident_traces.get(head.seq, _NONE)
                if not traces:
                    unwanted.append(head)
                    continue
                yield from self._delete(unwanted)
                unwanted.clear()
                self._keep_only(head, traces)
                yield
            yield from self._delete(unwanted)
            self._inbox.advance(SWEPT, heads[-1].seq)

    def _due_heads(self, after: int, last: int, is_due: Callable[[Head], bool]) -> list[Head]:
        found: list[Head] = []
        for head in self._inbox.heads(after, HEADS_COUNT):
            if head.seq > last or not is_due(head):
                break
            found.append(head)
        return found

    def _keep_only(self, head: Head, traces: frozenset[str]) -> None:
        """Write a batch anew with these traces only."""
        for batch in self._inbox.get([head.seq]):
            body, count = sift(batch.signal, batch.body, traces.__contains__)
            if not count:
                self._inbox.delete([head.seq])
            elif len(body) < len(batch.body):
                # Overwritten, or pieces of it might outlive the traces that are kept here.
                self._inbox.replace(head.seq, body, count, securely=True)
                self._metrics.retention_compacted_bytes.inc(len(batch.body) - len(body))

    def _delete(self, heads: list[Head]) -> Iterator[None]:
        at = 0
        while at < len(heads):
            began_s = time.monotonic()
            some = heads[at : at + self._deleted.count]
            count = self._inbox.delete([head.seq for head in some])
            self._deleted.took(time.monotonic() - began_s)
            self._metrics.retention_deleted.labels(what="batches").inc(count)
            at += len(some)
            yield

    def _drop_kept(
        self, incident_traces: _Traces, is_due: Callable[[Head], bool], at_once: int
    ) -> Iterator[None]:
        """Delete what was kept for its value and is due, but for what open incidents need."""
        swept, after = self._inbox.cursor(SWEPT), 0
        while heads := self._due_heads(after, swept, is_due)[:at_once]:
            after = heads[-1].seq
            yield from self._delete([h for h in heads if h.seq not in incident_traces])

    def _inbox_by_size(self, incident_traces: _Traces) -> Iterator[None]:
        """Make room: oldest first, what is worth more after all else."""
        if self._inbox.stored_bytes() <= self._inbox.max_bytes * HIGH_SHARE:
            return

        def has_no_room(_head: Head) -> bool:
            return self._inbox.stored_bytes() > self._inbox.max_bytes * LOW_SHARE

        yield from self._sweep(incident_traces, has_no_room, FIRST_COUNT)
        yield from self._drop_kept(incident_traces, has_no_room, FIRST_COUNT)
        yield from self._drop_kept({}, has_no_room, FIRST_COUNT)

    def _compact(self) -> Iterator[None]:
        for vacuum in (self._inbox.vacuum, self._store.vacuum_some):
            self._pages.count = FIRST_COUNT
            is_left = True
            while is_left:
                began_s = time.monotonic()
                is_left = vacuum(self._pages.count)
                self._pages.took(time.monotonic() - began_s)
                yield
