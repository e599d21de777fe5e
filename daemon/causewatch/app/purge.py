"""Forgets traces, sessions or all before a time, wherever they are kept.

Theory of operation. First it is found out, by reading alone, which traces are meant. Then batches
of the inbox are deleted, or written anew without them where they hold others as well; then the
runs, findings and what alerts, incidents and messages know from them; then what waits to be
forwarded. What is deleted is overwritten, free pages are given back, the store is written anew and
the logs are cut off: nothing of it is left in any file. Each step is durable by itself and may be
repeated: a purge that was cut short is done again from the start.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from causewatch.dialects.table import Dialect
from causewatch.dialects.understand import understand
from causewatch.errors import UserError
from causewatch.inbox.batch import Batch
from causewatch.inbox.prune import Head
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.notify.excerpt import without_excerpts
from causewatch.otlp.decode import decode_logs, decode_traces
from causewatch.otlp.sift import sift
from causewatch.store.port import Store
from causewatch.store.record import RunHead

HEADS_COUNT = 500
DELETE_COUNT = 64
PRUNE_ROWS = 500
VACUUM_PAGES = 64
SCRUB_TRIES = 20
MAX_SEARCHED_TRACES_COUNT = 64
"""So many ids are searched for in a batch before it is taken apart; of more, all are."""
NO_TIME = 0


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be forgotten: traces by id, sessions, and what was received before a time."""

    traces: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()
    before_ns: int = NO_TIME


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What that comes to: traces with those of the sessions, and the runs that hold them."""

    traces: frozenset[str]
    runs: frozenset[str]
    before_ns: int


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """How much was forgotten; ``messages`` were not yet sent, or kept as a record."""

    traces: int = 0
    batches: int = 0
    spans: int = 0
    log_records: int = 0
    runs: int = 0
    findings: int = 0
    alerts: int = 0
    incidents: int = 0
    messages: int = 0
    forward_spans: int = 0


class Purge:
    """Does it; nothing else may write runs meanwhile.

    Args:
        forward: takes spans out of what waits to be forwarded: told which traces stay, and the
            time before which nothing does; returns how many.
        dialects: tell which session a span belongs to.
    """

    def __init__(
        self,
        *,
        inbox: SqliteInbox,
        store: Store,
        forward: Callable[[Callable[[str], bool], int], int],
        dialects: Sequence[Dialect],
    ) -> None:
        self._inbox = inbox
        self._store = store
        self._forward = forward
        self._dialects = tuple(dialects)

    def find(self, wanted: Wanted) -> Found:
        """Return what is meant, without changing anything."""
        of_sessions = self._of_sessions(wanted.sessions) if wanted.sessions else frozenset()
        last_before = max((head.seq for head in self._heads(wanted.before_ns)), default=0)
        traces, runs = set(wanted.traces | of_sessions), set()
        for head in self._store.run_heads():
            is_of_session = not of_sessions.isdisjoint(head.trace_ids)
            if is_of_session:
                # A sub-agent's trace need not name the session of the run that it is part of.
                traces.update(head.trace_ids)
            if (
                is_of_session
                or not wanted.traces.isdisjoint(head.trace_ids)
                or _began_before(head, wanted.before_ns, last_before)
            ):
                runs.add(head.run_id)
        return Found(traces=frozenset(traces), runs=frozenset(runs), before_ns=wanted.before_ns)

    def count(self, found: Found) -> Purged:
        """Return how much would be forgotten of spans and runs, without changing anything."""
        counts: Counter[str] = Counter()
        for head in self._heads(found.before_ns):
            self._count(counts, head, head.items)
        for head, _, removed in self._touched(found):
            self._count(counts, head, removed)
        return Purged(traces=len(found.traces), runs=len(found.runs), **counts)

    def apply(self, found: Found) -> Purged:
        """Forget it.

        Raises:
            NotStoredError, sqlite3.Error: a write failed; it may be tried again.
        """
        counts: Counter[str] = Counter()
        old = list(self._heads(found.before_ns))
        for at in range(0, len(old), DELETE_COUNT):
            self._inbox.delete([head.seq for head in old[at : at + DELETE_COUNT]], securely=True)
        for head in old:
            self._count(counts, head, head.items)
        for head, (body, count), removed in self._touched(found):
            if count:
                self._inbox.replace(head.seq, body, count, securely=True)
            else:
                self._inbox.delete([head.seq], securely=True)
            self._count(counts, head, removed)
        counts.update(self._forget_runs(found))
        counts["forward_spans"] = self._forward(
            lambda trace_id: trace_id not in found.traces, found.before_ns
        )
        self._scrub()
        return Purged(traces=len(found.traces), **counts)

    def again(self, found: Found) -> None:
        """Forget the runs once more: something that was under way may have written of them."""
        self._forget_runs(found)
        self._store.scrub()

    def _forget_runs(self, found: Found) -> Mapping[str, int]:
        before_ns, counts = found.before_ns, Counter[str]()
        while before_ns:
            deleted = self._store.prune_some(
                before_ns, anomalous_before_ns=before_ns, max_rows=PRUNE_ROWS
            )
            counts.update({kind: count for kind, count in deleted.items() if kind in _KINDS})
            if not any(deleted.values()):
                break
        runs = found.runs | (self._vanished() if before_ns else frozenset())
        counts.update(
            self._store.purge(
                runs=runs, traces=found.traces, before_ns=before_ns, mask=without_excerpts
            )
        )
        return {kind: counts[kind] for kind in _KINDS}

    def _vanished(self) -> frozenset[str]:
        """Return the runs that alerts and incidents are about and that are gone."""
        alerts = self._store.alerts(active_only=False)
        incidents = self._store.live_incidents(resolved_since_ns=0)
        named = {run for alert in alerts for run in alert.run_ids}
        named.update(run for incident in incidents for run in incident.run_ids)
        return frozenset(run for run in named if self._store.run(run) is None)

    @staticmethod
    def _count(counts: Counter[str], head: Head, items: int) -> None:
        counts["batches"] += 1
        counts["spans" if head.signal == "traces" else "log_records"] += items

    def _touched(self, found: Found) -> Iterator[tuple[Head, tuple[bytes, int], int]]:
        """Yield each batch with one of the traces, what is left with its count, and what goes."""
        needles = [bytes.fromhex(trace_id) for trace_id in found.traces]
        if len(needles) > MAX_SEARCHED_TRACES_COUNT:
            needles = [b""]
        for head, batch in self._batches(found.before_ns) if needles else ():
            if not any(needle in batch.body for needle in needles):
                continue
            body, count = sift(batch.signal, batch.body, lambda t: t not in found.traces)
            removed = sift(batch.signal, batch.body, found.traces.__contains__)[1]
            if removed:
                yield head, (body, count), removed

    def _batches(self, from_ns: int) -> Iterator[tuple[Head, Batch]]:
        """Yield all batches that were received at or after a time and can be read."""
        after = 0
        while heads := self._inbox.heads(after, HEADS_COUNT):
            after = heads[-1].seq
            for head in heads:
                if head.received_ns >= from_ns:
                    yield from ((head, batch) for batch in self._inbox.get([head.seq]))

    def _heads(self, before_ns: int) -> Iterator[Head]:
        """Yield what was received before a time."""
        after = 0
        while before_ns and (heads := self._inbox.heads(after, HEADS_COUNT)):
            after = heads[-1].seq
            yield from (head for head in heads if head.received_ns < before_ns)

    def _of_sessions(self, sessions: frozenset[str]) -> frozenset[str]:
        """Return the traces of which some span or record names one of the sessions."""
        found: set[str] = set()
        needles = [session.encode() for session in sessions]
        for _, batch in self._batches(NO_TIME):
            if not any(needle in batch.body for needle in needles):
                continue
            try:
                found.update(self._named(batch, sessions))
            except UserError:
                continue  # it went bad on disk: nobody can tell whose it is
        return frozenset(found)

    def _named(self, batch: Batch, sessions: frozenset[str]) -> Iterator[str]:
        if batch.signal == "traces":
            for span in decode_traces(batch.body).spans:
                if understand(span, (), self._dialects).session in sessions:
                    yield span.trace_id
            return
        keys = {
            source.key
            for dialect in self._dialects
            for rule in dialect.fields
            if rule.field == "session"
            for source in rule.sources
        }
        for record in decode_logs(batch.body).records:
            if any(record.attributes.get(key) in sessions for key in keys) and record.trace_id:
                yield record.trace_id

    def _scrub(self) -> None:
        while self._inbox.vacuum(VACUUM_PAGES, spare_share=0.0):
            pass
        for _ in range(SCRUB_TRIES):
            if self._inbox.scrub():
                break
        self._store.scrub()


_KINDS = ("runs", "findings", "alerts", "incidents", "messages")


def _began_before(head: RunHead, before_ns: int, last_before: int) -> bool:
    """Tell whether anything of a run was received before a time."""
    is_older = head.updated_at_ns < before_ns
    return is_older or (before_ns > 0 and min(head.batches, default=last_before + 1) <= last_before)
