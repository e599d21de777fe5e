"""Gathers spans into runs, over time, and says when a run is ready to be judged.

Theory of operation. A run starts as one trace. A span link joins two traces to one run, whichever
of them arrives first; when a run is about to be judged, what else proves it part of another one
joins it, too (``join``). A run is *live* while spans may come; it is complete when nothing came for
``quiet_s`` and each of its traces has a root, or for ``quiet_without_root_s``, or at
``max_age_s``. It then *rests*: its spans are kept for what comes late, which makes it live again.

Spans are held as they came, undecoded. When memory is short, resting runs are *unloaded*, oldest
first: their trace ids and batch numbers are remembered, and ``needs`` names the batches to read
again should a span come late. When that does not do, live runs are *spilled*, oldest first: their
batches are read again when they are due. Beyond ``MAX_LIVE_RUNS_COUNT`` the oldest live run is
judged with what is there (``evicted``). After ``late_s`` a run is forgotten, but for its trace ids,
so that a straggler does not pass for a run of its own; one of more than ``MAX_RESTING_RUNS_COUNT``
is *released*: the caller may know it from its store, and ``recall`` it.

What is due next lies in the ``Agenda``, the rest in order: nothing here searches all runs.
Sans-IO: the caller owns the inbox and the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from causewatch.graph.agenda import Agenda
from causewatch.graph.dropped import Dropped, Need
from causewatch.graph.gathered import GatheredRun, RunSnapshot
from causewatch.graph.inbound import is_own
from causewatch.graph.join import JoinIndex
from causewatch.graph.lone import MAX_READ_AGAIN_BYTES, LoneTrace
from causewatch.graph.marks import marks_of
from causewatch.graph.shelf import Shelf
from causewatch.graph.waiting import WaitingLinks
from causewatch.model.limits import DEFAULT_RUN_LIMITS, RunLimits
from causewatch.model.span import LogRecord, Span
from causewatch.otlp.raw import RawSpan, as_raw

MAX_FORGOTTEN_TRACES_COUNT = 100_000
MAX_LIVE_RUNS_COUNT = 250_000
MAX_RESTING_RUNS_COUNT = 50_000
ROOTLESS_PATIENCE_S = 2.0
"""How long a live run may lack a root before it is offered for early evaluation all the same."""
_SECOND_NS = 1_000_000_000


class RunAssembler:
    """Gathers spans into runs; see the module's theory of operation. One caller at a time."""

    def __init__(self, limits: RunLimits = DEFAULT_RUN_LIMITS) -> None:
        self.dropped = Dropped()
        self.limits = limits
        self._shelf = Shelf()
        self._agenda = Agenda(self._shelf.runs, self._due_ns)
        self._by_trace: dict[str, GatheredRun] = {}
        self._waiting = WaitingLinks()
        self._forgotten: dict[str, None] = {}
        self._evicted: list[RunSnapshot] = []
        self._needs: dict[str, None] = {}
        self._next_number = 0
        self.held_bytes = 0
        """About how much memory the spans of all runs take."""
        self.lone_bytes = 0
        """Of the memory there is, what lone traces take."""
        self.join_index = JoinIndex()
        self.is_whole: Callable[[GatheredRun], bool] = lambda _run: False
        """Tells of a run that is due whether it is like others that were no part of any other."""

    def add(
        self,
        spans: Sequence[RawSpan] | Sequence[Span],
        logs: Sequence[LogRecord],
        *,
        batch: int,
        now_ns: int,
    ) -> None:
        """Take in the spans and log records of one inbox batch.

        Args:
            spans: in any order, of any traces; decoded or not.
            logs: log records; each belongs to the run of its trace.
            batch: number of the batch in the inbox; numbers grow.
            now_ns: time of arrival, Unix ns.
        """
        wanted = [span for span in map(as_raw, spans) if not is_own(span)]
        self.dropped.synthetic += len(spans) - len(wanted)
        # The earliest trace of a batch names the run, whatever the order in which its spans lie in
        # it.
        wanted.sort(key=lambda span: (span.start_ns, span.trace_id, span.span_id))
        for span in wanted:
            self._add_span(span, batch, now_ns)
        for record in logs:
            self._add_log(record, batch, now_ns)
        self._make_room(now_ns)

    def refeed(
        self,
        run_id: str,
        spans: Sequence[RawSpan] | Sequence[Span],
        logs: Sequence[LogRecord],
        *,
        batch: int,
        now_ns: int,
    ) -> None:
        """Take in a batch again for one run that ``needs`` it.

        Spans of other runs in it are ignored. A batch that the inbox no longer has is fed as
        empty, so that the run does not wait for it.
        """
        run = self._shelf.runs.get(run_id)
        if run is None:
            return
        for span in map(as_raw, spans):
            if span.trace_id in run.traces and not is_own(span):
                self._put(run, span)
        for record in logs:
            if record.trace_id in run.traces:
                self._put_log(run, record)
        run.missing_batches.discard(batch)
        if not run.spilled_bytes:
            run.last_ns = max(run.last_ns, now_ns)
        if not run.missing_batches:
            self._agenda.put(run)

    def knows(self, trace_id: str) -> bool:
        """Return whether the trace belongs to a run in memory, or to one that was given up."""
        return trace_id in self._by_trace or trace_id in self._forgotten

    def recall(
        self,
        run_id: str,
        trace_ids: Sequence[str],
        batches: Sequence[int],
        *,
        judged_ns: int,
        now_ns: int,
    ) -> None:
        """Remember a run that was judged before a restart, so that its late spans find it.

        Its spans are not in memory: the first late one makes ``needs`` name its batches. A run that
        is older than ``late_s`` is remembered as given up.
        """
        if any(self.knows(trace_id) for trace_id in trace_ids):
            return
        run = GatheredRun.recalled(run_id, self.next_number(), trace_ids, batches, judged_ns)
        self._shelf.runs[run_id] = self._shelf.resting[run_id] = run
        for trace_id in trace_ids:
            self._by_trace[trace_id] = run
        if now_ns - judged_ns >= self.limits.late_s * _SECOND_NS:
            self.forget(run_id)

    def adopt(self, trace: LoneTrace, spans: Sequence[RawSpan]) -> None:
        """Gather a run from what was a lone trace so far, as if its spans had come here at once."""
        run = GatheredRun.adopted(trace)
        self._by_trace[trace.trace_id] = run
        for span in spans:
            self._put(run, span)
        self._wake(run)

    def next_number(self) -> int:
        """Return a number that tells what is seen first now from what is seen first later."""
        self._next_number += 1
        return self._next_number

    def awaits(self, trace_id: str) -> bool:
        """Tell whether a trace that did not arrive yet is linked to."""
        return bool(self._waiting.count(trace_id))

    def needs(self) -> tuple[Need, ...]:
        """Return what has to be read again, each need once."""
        runs = [self._shelf.runs[run_id] for run_id in self._needs if run_id in self._shelf.runs]
        self._needs.clear()
        return tuple(
            Need(run_id=run.run_id, batches=tuple(sorted(run.missing_batches)))
            for run in runs
            if run.missing_batches
        )

    def due(self, now_ns: int) -> list[RunSnapshot]:
        """Return the runs that are ready to be judged now, each once: complete, late or evicted."""
        found, self._evicted = self._evicted, []
        ready = self._ready(now_ns)
        self._join_ready(ready)
        for run in self._as_joined(ready):
            is_missing = run.missing_batches and not run.is_old(self.limits, now_ns)
            if is_missing or self._due_ns(run) > now_ns:
                self._agenda.put(run)
                continue
            found.append(run.snapshot("late" if run.was_judged else "complete"))
            self._shelf.rest(run, now_ns)
        self._forget_old(now_ns)
        # A run read again may be larger than all the room there is, and nothing need come after it.
        self._make_room(now_ns)
        return found

    def changed(self, now_ns: int) -> list[RunSnapshot]:
        """Return the live runs that grew since they were last returned, for early evaluation.

        Runs that are about to be ``due`` at ``now_ns`` are left to it, and so are runs that were
        judged before, that lack a root for a short time only, are full, or not all in memory.
        """
        waiting = dict(self._shelf.changed)
        self._shelf.changed.clear()
        found = []
        for run_id, run in waiting.items():
            if run.phase != "live" or run.was_judged or run.is_full or not run.has_changed:
                continue
            if run.missing_batches or not run.count() or self._due_ns(run) <= now_ns:
                continue
            if not run.has_all_roots and now_ns - run.first_ns < ROOTLESS_PATIENCE_S * _SECOND_NS:
                self._shelf.changed[run_id] = run
                continue
            found.append(run.snapshot("early"))
        return found

    def low_watermark(self) -> int | None:
        """Return the smallest batch number that a run still to be judged needs, or ``None``.

        The inbox reader may not move its durable cursor past it: after a crash these batches are
        read again.
        """
        return self._agenda.low_watermark()

    def forget(self, run_id: str) -> None:
        """Give a run up; what still comes for its traces counts as too late."""
        if (run := self._shelf.runs.get(run_id)) is None:
            return
        self._release(run)
        for trace_id in run.traces:
            self._forgotten[trace_id] = None
        while len(self._forgotten) > MAX_FORGOTTEN_TRACES_COUNT:
            del self._forgotten[next(iter(self._forgotten))]

    @property
    def live_count(self) -> int:
        """Return how many runs are live."""
        return len(self._shelf.live)

    def _add_span(self, span: RawSpan, batch: int, now_ns: int) -> None:
        run = self._run_of(span.trace_id, now_ns)
        if run is None:
            self.dropped.too_late += 1
            return
        if self._put(run, span):
            self._touch(run, batch, now_ns)
        if span.linked and "link" in self.limits.join:
            for trace_id in span.linked:
                self._join(span.trace_id, trace_id)

    def _put(self, run: GatheredRun, span: RawSpan) -> bool:
        """Put a span into its run; tell whether that changed the run."""
        is_known = (span.trace_id, span.span_id) in run.spans
        if not is_known and not run.has_room_for(span, self.limits):
            self.dropped.run_full += 1
            self.dropped.full_runs += run.fill()
            return False
        before, rooted = run.bytes, len(run.rooted)
        outcome = run.put(span)
        self.held_bytes += run.bytes - before
        if run.phase == "live":
            self._shelf.held[run.run_id] = run
            if len(run.rooted) != rooted:
                self._agenda.put(run)
        if outcome != "new":
            self.dropped.duplicate += 1
        return outcome != "duplicate"

    def _add_log(self, record: LogRecord, batch: int, now_ns: int) -> None:
        if not record.trace_id:
            self.dropped.no_trace += 1
            return
        run = self._run_of(record.trace_id, now_ns)
        if run is None:
            self.dropped.too_late += 1
        elif self._put_log(run, record):
            self._touch(run, batch, now_ns)

    def _put_log(self, run: GatheredRun, record: LogRecord) -> bool:
        before = run.bytes
        is_new = run.put_log(record)
        self.held_bytes += run.bytes - before
        self.dropped.duplicate += not is_new
        return is_new

    def _touch(self, run: GatheredRun, batch: int, now_ns: int) -> None:
        was_live = run.phase == "live"
        run.touch(batch, now_ns)
        self._shelf.changed[run.run_id] = run
        if not was_live:
            self._wake(run)
        elif len(run.fresh_batches) == 1:
            self._agenda.need(run)
        if run.missing_batches and not run.spilled_bytes:
            self._needs[run.run_id] = None

    def _run_of(self, trace_id: str, now_ns: int) -> GatheredRun | None:
        """Return the run of a trace, a new one for a new trace, ``None`` for a forgotten one."""
        run = self._by_trace.get(trace_id)
        if run is not None:
            return run
        if trace_id in self._forgotten:
            return None
        run = GatheredRun(trace_id, self.next_number(), now_ns)
        self._by_trace[trace_id] = run
        self._wake(run)
        for other in self._waiting.pop(trace_id):
            self._join(other, trace_id)
        return self._by_trace[trace_id]

    def _join(self, trace_id: str, linked_id: str) -> None:
        """Make two traces one run, now or when the other one arrives."""
        one, other = self._by_trace.get(trace_id), self._by_trace.get(linked_id)
        if one is None or one is other:
            return
        if other is None:
            if linked_id not in self._forgotten:
                self.dropped.join_refused += not self._waiting.put(trace_id, linked_id)
            return
        self._merge(one, other)

    def _merge(self, one: GatheredRun, other: GatheredRun) -> None:
        """Make two runs one: the one that was seen first takes the other over."""
        if not one.has_room_beside(other, self.limits):
            self.dropped.join_refused += 1
            return
        first, second = (one, other) if one.number < other.number else (other, one)
        # What sets agents up is no work that a run should bear the id of.
        if self._work_of(first, second) is second:
            first, second = second, first
        self.held_bytes -= first.bytes + second.bytes
        first.absorb(second)
        self.held_bytes += first.bytes
        for moved in second.traces:
            self._by_trace[moved] = first
        self._shelf.drop(second)
        self._wake(first)
        self.join_index.merge(first.run_id, second.run_id)
        if first.missing_batches:
            self._needs[first.run_id] = None

    def _ready(self, now_ns: int) -> list[GatheredRun]:
        """Return the live runs that are due and in memory; spilled ones are asked for first."""
        found = []
        for run in self._agenda.ready(now_ns):
            if run.count() == 0 and not run.missing_batches:
                self._drop_empty(run, now_ns)
            elif run.spilled_bytes and run.missing_batches:
                self._shelf.to_read[run.run_id] = None
            else:
                found.append(run)
        for run_id in self._shelf.ask(MAX_READ_AGAIN_BYTES):
            self._needs[run_id] = None
        return found

    def _as_joined(self, ready: Sequence[GatheredRun]) -> list[GatheredRun]:
        """Return the runs that ready ones became part of, each once."""
        joined = (self._by_trace[next(iter(run.traces))] for run in ready)
        return sorted({run.run_id: run for run in joined}.values(), key=lambda run: run.number)

    def _join_ready(self, ready: Sequence[GatheredRun]) -> None:
        """Join the runs that are about to be judged with those that prove to be parts of them.

        All marks are compared before any are joined, so that their order does not matter.
        """
        if not set(self.limits.join) - {"link"}:
            return
        for run in ready:
            if not self.is_whole(run):
                marks = marks_of(run.all_spans(), run.logs.values(), self.limits.join)
                if marks is not None:
                    self.join_index.put(run.run_id, marks)
        pairs = [
            (run.run_id, join) for run in ready for join in self.join_index.partners(run.run_id)
        ]
        for run_id, join in pairs:
            one, other = self._by_trace.get(run_id), self._by_trace.get(join.run_id)
            if one is None or other is None or one is other:
                continue
            if join.by != "setup" or not self._work_of(one, other).was_judged:
                self._merge(one, other)
                self._by_trace[run_id].joins.setdefault(max(run_id, join.run_id), join)

    def _work_of(self, one: GatheredRun, other: GatheredRun) -> GatheredRun:
        return other if self.join_index.only_sets_up(one.run_id) else one

    def _due_ns(self, run: GatheredRun) -> int:
        """Return when a live run is due if nothing more comes for it, Unix ns."""
        limits = self.limits
        oldest_ns = run.first_ns + int(limits.max_age_s * _SECOND_NS)
        if run.missing_batches and not run.spilled_bytes:
            return oldest_ns
        quiet_s = limits.quiet_s if run.has_all_roots else limits.quiet_without_root_s
        return min(oldest_ns, run.last_ns + int(quiet_s * _SECOND_NS))

    def _drop_empty(self, run: GatheredRun, now_ns: int) -> None:
        """Give up a run of which only log records came; its spans may come yet, until it is old."""
        if run.is_old(self.limits, now_ns):
            self._release(run)
        else:
            self._agenda.put(run)

    def _forget_old(self, now_ns: int) -> None:
        late_ns = self.limits.late_s * _SECOND_NS
        while self._shelf.resting:
            run = next(iter(self._shelf.resting.values()))
            if now_ns - run.judged_ns < late_ns:
                break
            self.forget(run.run_id)
        while len(self._shelf.resting) > MAX_RESTING_RUNS_COUNT:
            self._release(next(iter(self._shelf.resting.values())))

    def _make_room(self, now_ns: int) -> None:
        """Unload judged runs, then spill live ones, oldest first, until the rest fits."""
        limit = self.limits.max_live_mib * 1024 * 1024 - self.lone_bytes
        while self.held_bytes > limit and self._shelf.loaded:
            self._unload(next(iter(self._shelf.loaded.values())))
            self.dropped.unloaded_runs += 1
        while self.held_bytes > limit and self._shelf.held:
            run = next(iter(self._shelf.held.values()))
            del self._shelf.held[run.run_id]
            self.held_bytes -= run.bytes
            run.spill()
            self.dropped.spilled_runs += 1
        while len(self._shelf.live) > MAX_LIVE_RUNS_COUNT:
            self._evict(next(iter(self._shelf.live.values())), now_ns)

    def _unload(self, run: GatheredRun) -> None:
        self.held_bytes -= run.bytes
        self._shelf.loaded.pop(run.run_id, None)
        run.unload()

    def _evict(self, run: GatheredRun, now_ns: int) -> None:
        if run.count():
            self._evicted.append(run.snapshot("evicted"))
        self._shelf.rest(run, now_ns)
        self._unload(run)
        self.dropped.evicted_runs += 1

    def _wake(self, run: GatheredRun) -> None:
        self._shelf.wake(run)
        self._agenda.put(run)

    def _release(self, run: GatheredRun) -> None:
        """Know a run no more."""
        self.held_bytes -= run.bytes
        self._shelf.drop(run)
        self.join_index.drop(run.run_id)
        for trace_id in run.traces:
            self._by_trace.pop(trace_id, None)
            self._waiting.pop(trace_id)
