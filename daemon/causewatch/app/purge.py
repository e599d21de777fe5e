"""Forgets traces, sessions or all before a time, wherever they are kept.

Theory of operation. First it is found out, by reading alone, which traces and runs are meant, and
which batches of the inbox hold them; that may be done while all else goes on, and is then brought
up to date. What was found is noted in the store before anything changes, and taken along by the
next purge: one that was cut short is finished by it, although the spans that named a session, say,
are gone. Then batches are deleted, or written anew without the traces where they hold others as
well; then the runs, findings and what alerts, incidents and messages know from them; then what
waits to be forwarded. What is deleted is overwritten, free pages are given back, the files of store
and queues are written anew and the logs are cut off. Each step is durable by itself, may be
repeated, and is short where requests may come in meanwhile.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from causewatch.app.purge_scope import Found, Purged, Touched, Wanted, united
from causewatch.app.retention import Stride
from causewatch.dialects.table import Dialect
from causewatch.dialects.understand import understand
from causewatch.errors import UserError
from causewatch.forward.queue import purge_queue
from causewatch.inbox.batch import Batch
from causewatch.inbox.prune import Head
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.notify.excerpt import without_excerpts
from causewatch.otlp.decode import decode_logs, decode_traces
from causewatch.otlp.sift import sift
from causewatch.store.port import Store
from causewatch.store.record import RunHead

HEADS_COUNT = 500
PRUNE_ROWS = 500
SCRUB_TRIES = 20
SCRUB_PAUSE_S = 0.25
STEP_EVERY_COUNT = 100
"""Batches that are looked at between two reports."""
MAX_SEARCHED_TRACES_COUNT = 64
"""So many ids are searched for in a batch before it is taken apart; of more, all are."""
NOTE = "purge"
"""Where the store keeps what a purge found until it is done."""
QUEUES = "forward-*.db"
_KINDS = ("runs", "findings", "alerts", "incidents", "messages")

OnStep = Callable[[str, int, int], None]
"""Told what is being done, and how much of how much is; what it raises cuts the purge short."""


class Purge:
    """Does it. While ``apply`` runs nothing else may judge, tell or forward; requests may come in.

    Args:
        folder: where the queues of what is to be forwarded are.
        dialects: tell which session a span belongs to.
        on_step: see ``OnStep``.
        pause: waits so many seconds, in which requests are stored; ``None`` where none come in:
            then the inbox is written anew as well.
    """

    def __init__(  # noqa: PLR0913  # what it connects
        self,
        *,
        inbox: SqliteInbox,
        store: Store,
        folder: Path,
        dialects: Sequence[Dialect],
        on_step: OnStep = lambda _what, _done, _total: None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._inbox = inbox
        self._store = store
        self._folder = folder
        self._dialects = tuple(dialects)
        self._on_step = on_step
        self._pause = pause
        self._unreadable: set[int] = set()

    def find(self, wanted: Wanted, known: Found | None = None) -> Found:
        """Return what is meant, without changing anything; ``known`` is what was found before."""
        last_seq, after = self._inbox.last_seq(), known.last_seq if known is not None else 0
        of_sessions: frozenset[str] = frozenset()
        if wanted.sessions:
            of_sessions = self._of_sessions(wanted.sessions, after)
        for found in (known, self._noted()):
            if found is not None:
                wanted, of_sessions = united(wanted, found), of_sessions | found.of_sessions
        before_ns = wanted.before_ns
        old = [head.seq for head in self._heads() if head.received_ns < before_ns]
        traces, runs = self._in_store(wanted, of_sessions, max(old, default=0))
        touched: dict[int, Touched] = {}
        if known is not None and traces == known.traces:
            touched.update(known.touched)
        else:
            after = 0
        touched.update(self._touched(traces, before_ns, after))
        return Found(
            traces=traces,
            runs=runs,
            of_sessions=of_sessions,
            before_ns=before_ns,
            old=frozenset(old),
            touched=touched,
            last_seq=last_seq,
            unreadable_batches=len(self._unreadable),
        )

    def count(self, found: Found) -> Purged:
        """Return how much would be forgotten of spans and runs, without changing anything."""
        counts = self._count(found)
        return Purged(
            traces=len(found.traces),
            runs=len(found.runs),
            unreadable_batches=found.unreadable_batches,
            is_done=False,
            **counts,
        )

    def apply(self, found: Found) -> Purged:
        """Forget it.

        Raises:
            NotStoredError, sqlite3.Error: a write failed; it may be tried again.
            UserError: a queue cannot be read.
        """
        self._store.put_meta(NOTE, msgspec.json.encode(found.noted()).decode())
        counts = self._count(found)
        self._delete(sorted(found.old))
        self._rewrite(found)
        counts.update(self._forget_runs(found))
        counts["forward_spans"] = self._purge_queues(found)
        is_done = self._scrub()
        if is_done:
            self._store.put_meta(NOTE, "")
        return Purged(
            traces=len(found.traces),
            unreadable_batches=found.unreadable_batches,
            is_done=is_done,
            **counts,
        )

    def _noted(self) -> Found | None:
        """Return what an earlier purge found and did not come to an end with."""
        note = self._store.meta(NOTE)
        return msgspec.json.decode(note, type=Found) if note else None

    def _in_store(
        self, wanted: Wanted, of_sessions: frozenset[str], last_old: int
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Return all traces that are meant, and the runs that hold them or are older."""
        traces, runs = set(wanted.traces | of_sessions), set(wanted.runs)
        for head in self._store.run_heads():
            is_of_session = not of_sessions.isdisjoint(head.trace_ids)
            if is_of_session:
                # A sub-agent's trace need not name the session of the run that it is part of.
                traces.update(head.trace_ids)
            if (
                is_of_session
                or not wanted.traces.isdisjoint(head.trace_ids)
                or _began_before(head, wanted.before_ns, last_old)
            ):
                runs.add(head.run_id)
        return frozenset(traces), frozenset(runs)

    def _count(self, found: Found) -> Counter[str]:
        counts: Counter[str] = Counter()
        for head in self._heads():
            if head.seq in found.old:
                _add(counts, head.signal, head.items)
        for touched in found.touched.values():
            _add(counts, touched.signal, touched.items)
        return counts

    def _touched(self, traces: Collection[str], from_ns: int, after: int) -> Mapping[int, Touched]:
        """Return the batches after ``after`` that hold some of the traces, by number."""
        needles = [bytes.fromhex(trace_id) for trace_id in traces]
        if len(needles) > MAX_SEARCHED_TRACES_COUNT:
            needles = [b""]
        found: dict[int, Touched] = {}
        for batch in self._batches(from_ns, after, "searching") if needles else ():
            if any(needle in batch.body for needle in needles):
                _, count = sift(batch.signal, batch.body, traces.__contains__)
                if count:
                    found[batch.seq] = Touched(signal=batch.signal, items=count)
        return found

    def _batches(self, from_ns: int, after: int, what: str) -> Iterator[Batch]:
        """Yield the batches that were received at or after a time and can be read."""
        total = self._inbox.last_seq()
        for number, head in enumerate(self._heads(after)):
            if number % STEP_EVERY_COUNT == 0:
                self._on_step(what, head.seq, total)
            if head.received_ns < from_ns:
                continue
            batches = self._inbox.get([head.seq])
            if not batches:
                self._unreadable.add(head.seq)
            yield from batches

    def _heads(self, after: int = 0) -> Iterator[Head]:
        while heads := self._inbox.heads(after, HEADS_COUNT):
            after = heads[-1].seq
            yield from heads

    def _of_sessions(self, sessions: frozenset[str], after: int) -> frozenset[str]:
        """Return the traces of which some span or record names one of the sessions."""
        found: set[str] = set()
        needles = [session.encode() for session in sessions]
        for batch in self._batches(0, after, "looking for sessions"):
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

    def _delete(self, seqs: Sequence[int]) -> None:
        stride, at = Stride(), 0
        while at < len(seqs):
            self._on_step("deleting batches", at, len(seqs))
            began_s = time.monotonic()
            self._inbox.delete(seqs[at : at + stride.count], securely=True)
            at += stride.count
            self._let_others(stride, began_s)

    def _rewrite(self, found: Found) -> None:
        """Write batches anew without the traces."""
        stride = Stride()
        for number, seq in enumerate(sorted(found.touched)):
            self._on_step("rewriting batches", number, len(found.touched))
            for batch in self._inbox.get([seq]):
                body, count = sift(batch.signal, batch.body, lambda t: t not in found.traces)
                began_s = time.monotonic()
                if count:
                    self._inbox.replace(seq, body, count, securely=True)
                else:
                    self._inbox.delete([seq], securely=True)
                self._let_others(stride, began_s)

    def _let_others(self, stride: Stride, began_s: float) -> None:
        """Leave requests that come in as much time as was just taken from them."""
        took_s = time.monotonic() - began_s
        stride.took(took_s)
        if self._pause is not None:
            self._pause(took_s)

    def _forget_runs(self, found: Found) -> Mapping[str, int]:
        before_ns, counts = found.before_ns, Counter[str]()
        self._on_step("forgetting runs", 0, len(found.runs))
        runs = found.runs | (self._vanished(before_ns) if before_ns else frozenset())
        counts.update(
            self._store.purge(
                runs=runs, traces=found.traces, before_ns=before_ns, mask=without_excerpts
            )
        )
        while before_ns:
            deleted = self._store.prune_some(
                before_ns, anomalous_before_ns=before_ns, max_rows=PRUNE_ROWS
            )
            counts.update({kind: count for kind, count in deleted.items() if kind in _KINDS})
            counts["messages"] += deleted["outbox"]
            if not any(deleted.values()):
                break
        return {kind: counts[kind] for kind in _KINDS}

    def _vanished(self, before_ns: int) -> frozenset[str]:
        """Return the runs that old alerts and incidents are about and that are gone already."""
        alerts = self._store.alerts(active_only=False)
        incidents = self._store.live_incidents(resolved_since_ns=0)
        named = {run for a in alerts if a.active_at_ns < before_ns for run in a.run_ids}
        named.update(run for i in incidents if i.opened_at_ns < before_ns for run in i.run_ids)
        return frozenset(run for run in named if self._store.run(run) is None)

    def _purge_queues(self, found: Found) -> int:
        """Take spans out of all queues, also of destinations that are no longer configured."""
        paths = sorted(self._folder.glob(QUEUES))
        count = 0
        for number, path in enumerate(paths):
            self._on_step("looking through queues", number, len(paths))
            count += purge_queue(path, lambda t: t not in found.traces, found.before_ns)
        return count

    def _scrub(self) -> bool:
        """Leave no copy in any file; false where a reader keeps an old one alive."""
        self._on_step("giving space back", 0, 1)
        stride = Stride()
        began_s = time.monotonic()
        while self._inbox.vacuum(stride.count, spare_share=0.0):
            self._let_others(stride, began_s)
            began_s = time.monotonic()
        is_done = self._scrub_inbox()
        self._on_step("writing the store anew", 0, 1)
        return self._store.scrub() and is_done

    def _scrub_inbox(self) -> bool:
        for _ in range(SCRUB_TRIES):
            if self._inbox.scrub(anew=self._pause is None):
                return True
            if self._pause is not None:
                self._pause(SCRUB_PAUSE_S)
        return False


def _add(counts: Counter[str], signal: str, items: int) -> None:
    counts["batches"] += 1
    counts["spans" if signal == "traces" else "log_records"] += items


def _began_before(head: RunHead, before_ns: int, last_old: int) -> bool:
    """Tell whether anything of a run was received before a time."""
    is_older = head.updated_at_ns < before_ns
    return is_older or (before_ns > 0 and min(head.batches, default=last_old + 1) <= last_old)
