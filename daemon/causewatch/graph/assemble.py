"""Gathers spans into runs, over time, and says when a run is ready to be judged.

Theory of operation. A run starts as one trace. A span link joins two traces to one run, whichever
of them arrives first; when a run is about to be judged, what else proves it part of another one
joins it, too (``join``). A run is *live* while spans may come; it is complete when nothing came for
``quiet_s`` and each of its traces has a root, or for ``quiet_without_root_s``, or at
``max_age_s``. It then *rests*: its spans are kept for what comes late, which makes it live again.
When memory is short, resting runs are *unloaded*, oldest first: their trace ids and batch numbers
are remembered, and ``needs`` names the batches to read again should a span come late. When that
does not do, the oldest live run is judged with what is there (``evicted``). After ``late_s`` a run
is forgotten, but for its trace ids, so that a straggler does not pass for a run of its own.

Sans-IO: the caller owns the inbox and the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from causewatch.graph.gathered import GatheredRun, RunSnapshot
from causewatch.graph.inbound import is_synthetic, moved_aside
from causewatch.graph.join import JoinIndex
from causewatch.graph.marks import marks_of
from causewatch.model.graph import RunState
from causewatch.model.limits import DEFAULT_RUN_LIMITS, RunLimits
from causewatch.model.span import LogRecord, Span

MAX_TRACES_PER_RUN_COUNT = 1_000
MAX_WAITING_LINKS_COUNT = 10_000
MAX_FORGOTTEN_TRACES_COUNT = 100_000
_SECOND_NS = 1_000_000_000


class Dropped(msgspec.Struct, kw_only=True):
    """How many items the assembler did not take, or gave up, by reason; they only grow."""

    duplicate: int = 0
    """Spans and logs that were there already: delivery is at least once."""
    synthetic: int = 0
    """Spans of our own that came back."""
    run_full: int = 0
    """Spans past ``max_spans_per_run``."""
    too_late: int = 0
    """Spans and logs that came more than ``late_s`` after their run was judged."""
    no_trace: int = 0
    """Log records without a trace id."""
    join_refused: int = 0
    """Links that would join more than ``MAX_TRACES_PER_RUN_COUNT`` traces, or too many spans."""
    unloaded_runs: int = 0
    """Judged runs whose spans were given up for memory: can be read again."""
    evicted_runs: int = 0
    """Live runs that were judged early for memory."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """Batches to be read again: a late span came for a run that is not in memory."""

    run_id: str
    batches: tuple[int, ...]


class RunAssembler:
    """Gathers spans into runs; see the module's theory of operation. One caller at a time."""

    def __init__(self, limits: RunLimits = DEFAULT_RUN_LIMITS) -> None:
        self.dropped = Dropped()
        self._limits = limits
        self._runs: dict[str, GatheredRun] = {}
        self._by_trace: dict[str, GatheredRun] = {}
        self._waiting_links: dict[str, dict[str, None]] = {}
        self._forgotten: dict[str, None] = {}
        self._evicted: list[RunSnapshot] = []
        self._needs: dict[str, None] = {}
        self._next_number = 0
        self._held_bytes = 0
        self._join_index = JoinIndex()

    def add(
        self, spans: Sequence[Span], logs: Sequence[LogRecord], *, batch: int, now_ns: int
    ) -> None:
        """Take in the spans and log records of one inbox batch.

        Args:
            spans: in any order, of any traces.
            logs: log records; each belongs to the run of its trace.
            batch: number of the batch in the inbox; numbers grow.
            now_ns: time of arrival, Unix ns.
        """
        wanted = [moved_aside(span) for span in spans if not self._is_own(span)]
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
        spans: Sequence[Span],
        logs: Sequence[LogRecord],
        *,
        batch: int,
        now_ns: int,
    ) -> None:
        """Take in a batch again for one run that ``needs`` it.

        Spans of other runs in it are ignored. A batch that the inbox no longer has is fed as
        empty, so that the run does not wait for it.
        """
        run = self._runs.get(run_id)
        if run is None:
            return
        for span in spans:
            if span.trace_id in run.traces and not is_synthetic(span):
                self._put(run, moved_aside(span))
        for record in logs:
            if record.trace_id in run.traces:
                self._put_log(run, record)
        run.missing_batches.discard(batch)
        run.last_ns = max(run.last_ns, now_ns)

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
        run = GatheredRun(run_id, self._next_number, judged_ns)
        self._next_number += 1
        run.traces = dict.fromkeys(trace_ids)
        run.batches = set(batches)
        run.rest(judged_ns)
        run.unload()
        self._runs[run_id] = run
        for trace_id in trace_ids:
            self._by_trace[trace_id] = run
        if now_ns - judged_ns >= self._limits.late_s * _SECOND_NS:
            self.forget(run_id)

    def needs(self) -> tuple[Need, ...]:
        """Return what has to be read again, each need once."""
        runs = [self._runs[run_id] for run_id in self._needs if run_id in self._runs]
        self._needs.clear()
        return tuple(
            Need(run_id=run.run_id, batches=tuple(sorted(run.missing_batches)))
            for run in runs
            if run.missing_batches
        )

    def due(self, now_ns: int) -> list[RunSnapshot]:
        """Return the runs that are ready to be judged now, each once: complete, late or evicted."""
        found, self._evicted = self._evicted, []
        self._join_ready([run for run in self._runs.values() if self._is_ready(run, now_ns)])
        for run in list(self._runs.values()):
            if run.phase == "live" and self._is_due(run, now_ns):
                if run.count() == 0:
                    self._drop_empty(run, now_ns)
                    continue
                found.append(run.snapshot("late" if run.was_judged else "complete"))
                run.rest(now_ns)
        self._forget_old(now_ns)
        return found

    def changed(self, now_ns: int) -> list[RunSnapshot]:
        """Return the live runs that grew since they were last returned, for early evaluation.

        Runs that are about to be ``due`` at ``now_ns`` are left to it, and so are runs that were
        judged before.
        """
        return [
            run.snapshot("early")
            for run in self._runs.values()
            if run.phase == "live"
            and run.has_changed
            and not run.was_judged
            and run.count()
            and not self._is_due(run, now_ns)
        ]

    def low_watermark(self) -> int | None:
        """Return the smallest batch number that a run still to be judged needs, or ``None``.

        The inbox reader may not move its durable cursor past it: after a crash these batches are
        read again.
        """
        return min(
            (
                min(run.fresh_batches)
                for run in self._runs.values()
                if run.phase == "live" and run.fresh_batches
            ),
            default=None,
        )

    def forget(self, run_id: str) -> None:
        """Give a run up; what still comes for its traces counts as too late."""
        run = self._runs.pop(run_id, None)
        if run is None:
            return
        self._held_bytes -= run.bytes
        self._join_index.drop(run_id)
        for trace_id in run.traces:
            self._by_trace.pop(trace_id, None)
            self._waiting_links.pop(trace_id, None)
            self._forgotten[trace_id] = None
        while len(self._forgotten) > MAX_FORGOTTEN_TRACES_COUNT:
            del self._forgotten[next(iter(self._forgotten))]

    @property
    def live_count(self) -> int:
        """Return how many runs are live."""
        return sum(run.phase == "live" for run in self._runs.values())

    @property
    def held_bytes(self) -> int:
        """Return about how much memory the spans of all runs take."""
        return self._held_bytes

    def _is_own(self, span: Span) -> bool:
        if is_synthetic(span):
            self.dropped.synthetic += 1
            return True
        return False

    def _add_span(self, span: Span, batch: int, now_ns: int) -> None:
        run = self._run_of(span.trace_id, now_ns)
        if run is None:
            self.dropped.too_late += 1
            return
        if self._put(run, span):
            self._touch(run, batch, now_ns)
        for link in span.links if "link" in self._limits.join else ():
            if link.trace_id and link.trace_id != span.trace_id:
                self._join(span.trace_id, link.trace_id)

    def _put(self, run: GatheredRun, span: Span) -> bool:
        """Put a span into its run; tell whether that changed the run."""
        is_known = (span.trace_id, span.span_id) in run.spans
        if not is_known and run.count() >= self._limits.max_spans_per_run:
            self.dropped.run_full += 1
            return False
        before = run.bytes
        outcome = run.put(span)
        self._held_bytes += run.bytes - before
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
        self._held_bytes += run.bytes - before
        self.dropped.duplicate += not is_new
        return is_new

    def _touch(self, run: GatheredRun, batch: int, now_ns: int) -> None:
        run.touch(batch, now_ns)
        if run.missing_batches:
            self._needs[run.run_id] = None

    def _run_of(self, trace_id: str, now_ns: int) -> GatheredRun | None:
        """Return the run of a trace, a new one for a new trace, ``None`` for a forgotten one."""
        run = self._by_trace.get(trace_id)
        if run is not None:
            return run
        if trace_id in self._forgotten:
            return None
        run = GatheredRun(trace_id, self._next_number, now_ns)
        self._next_number += 1
        self._runs[run.run_id] = run
        self._by_trace[trace_id] = run
        for other in self._waiting_links.pop(trace_id, ()):
            self._join(other, trace_id)
        return self._by_trace[trace_id]

    def _join(self, trace_id: str, linked_id: str) -> None:
        """Make two traces one run, now or when the other one arrives."""
        one, other = self._by_trace.get(trace_id), self._by_trace.get(linked_id)
        if one is None or one is other:
            return
        if other is None:
            self._wait(trace_id, linked_id)
            return
        self._merge(one, other)

    def _merge(self, one: GatheredRun, other: GatheredRun) -> None:
        """Make two runs one: the one that was seen first takes the other over."""
        if (
            len(one.traces) + len(other.traces) > MAX_TRACES_PER_RUN_COUNT
            or one.count() + other.count() > self._limits.max_spans_per_run
        ):
            self.dropped.join_refused += 1
            return
        first, second = (one, other) if one.number < other.number else (other, one)
        if self._join_index.only_sets_up(first.run_id):
            # What sets agents up is no work that a run should bear the id of.
            first, second = second, first
        self._held_bytes -= first.bytes + second.bytes
        first.absorb(second)
        self._held_bytes += first.bytes
        for moved in second.traces:
            self._by_trace[moved] = first
        del self._runs[second.run_id]
        self._join_index.merge(first.run_id, second.run_id)
        if first.missing_batches:
            self._needs[first.run_id] = None

    def _is_ready(self, run: GatheredRun, now_ns: int) -> bool:
        return run.phase == "live" and run.count() > 0 and self._is_due(run, now_ns)

    def _join_ready(self, ready: Sequence[GatheredRun]) -> None:
        """Join the runs that are about to be judged with those that prove to be parts of them.

        All marks are compared before any are joined, so that their order does not matter.
        """
        if not set(self._limits.join) - {"link"}:
            return
        for run in ready:
            marks = marks_of(run.all_spans(), run.logs.values(), self._limits.join)
            if marks is not None:
                self._join_index.put(run.run_id, marks)
        pairs = [
            (run.run_id, join) for run in ready for join in self._join_index.partners(run.run_id)
        ]
        for run_id, join in pairs:
            one, other = self._by_trace.get(run_id), self._by_trace.get(join.run_id)
            if one is not None and other is not None and one is not other:
                self._merge(one, other)
                self._by_trace[run_id].joins.setdefault(max(run_id, join.run_id), join)

    def _wait(self, trace_id: str, linked_id: str) -> None:
        if linked_id in self._forgotten:
            return
        waiting = self._waiting_links.setdefault(linked_id, {})
        if len(waiting) >= MAX_TRACES_PER_RUN_COUNT:
            self.dropped.join_refused += 1  # the run that they would make is refused as well
            return
        waiting[trace_id] = None
        while len(self._waiting_links) > MAX_WAITING_LINKS_COUNT:
            del self._waiting_links[next(iter(self._waiting_links))]

    def _is_due(self, run: GatheredRun, now_ns: int) -> bool:
        limits = self._limits
        if now_ns - run.first_ns >= limits.max_age_s * _SECOND_NS:
            return True
        if run.missing_batches:
            return False
        quiet_s = limits.quiet_s if run.has_all_roots else limits.quiet_without_root_s
        return now_ns - run.last_ns >= quiet_s * _SECOND_NS

    def _drop_empty(self, run: GatheredRun, now_ns: int) -> None:
        """Give up a run of which only log records came; its spans may come yet, until it is old."""
        if now_ns - run.first_ns >= self._limits.max_age_s * _SECOND_NS:
            self.forget(run.run_id)
            for trace_id in run.traces:
                del self._forgotten[trace_id]

    def _forget_old(self, now_ns: int) -> None:
        late_ns = self._limits.late_s * _SECOND_NS
        for run in list(self._runs.values()):
            if run.phase != "live" and now_ns - run.judged_ns >= late_ns:
                self.forget(run.run_id)

    def _make_room(self, now_ns: int) -> None:
        """Unload judged runs, then judge live ones, oldest first, until the rest fits."""
        excess = self.held_bytes - self._limits.max_live_mib * 1024 * 1024
        if excess <= 0:
            return
        for run in _oldest(self._runs.values(), "resting"):
            if excess <= 0:
                return
            excess -= run.bytes
            self._unload(run)
            self.dropped.unloaded_runs += 1
        for run in _oldest(self._runs.values(), "live"):
            if excess <= 0:
                return
            excess -= run.bytes
            self._evict(run, now_ns)

    def _unload(self, run: GatheredRun) -> None:
        self._held_bytes -= run.bytes
        run.unload()

    def _evict(self, run: GatheredRun, now_ns: int) -> None:
        state: RunState = "evicted"
        if run.count():
            self._evicted.append(run.snapshot(state))
        run.rest(now_ns)
        self._unload(run)
        self.dropped.evicted_runs += 1


def _oldest(runs: Iterable[GatheredRun], phase: str) -> list[GatheredRun]:
    return sorted(
        (run for run in runs if run.phase == phase), key=lambda run: (run.judged_ns, run.number)
    )
