"""One run as it is being gathered: its spans so far, and where they came from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from causewatch.graph.inbound import believed, estimated_bytes, held_bytes
from causewatch.graph.lone import LoneTrace
from causewatch.graph.tree import SKEW_NS, is_fuller
from causewatch.graph.waiting import MAX_TRACES_PER_RUN_COUNT
from causewatch.model.graph import Join, RunState
from causewatch.model.kept import kept
from causewatch.model.limits import RunLimits
from causewatch.model.span import LogRecord, Span
from causewatch.otlp.raw import RawSpan, process_of

_MIB = 1024 * 1024
Phase = Literal["live", "resting", "unloaded"]
"""``live``: spans may still come. ``resting``: judged, its spans still in memory. ``unloaded``:
judged, and only its trace ids and batch numbers are remembered."""


class RunSnapshot(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A run at one moment, ready to be built and judged.

    ``revision`` counts the snapshots of a run from 1; ``batches`` are the inbox batches its spans
    came in. ``aliases`` are ids under which parts of it were known before a merge, ``joins`` what
    told that they are parts of it where no span link did.
    """

    run_id: str
    trace_ids: tuple[str, ...]
    aliases: tuple[str, ...]
    raw_spans: tuple[RawSpan, ...]
    logs: tuple[LogRecord, ...]
    state: RunState
    revision: int
    batches: tuple[int, ...]
    joins: tuple[Join, ...] = ()

    @kept
    def spans(self) -> tuple[Span, ...]:
        """Return the spans, decoded, with what is believed of them."""
        return tuple(believed(span) for span in self.raw_spans)

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing is missing: each parent is there, and the root ended last.

        A process sends its spans in the order in which they ended. So nothing more comes from one
        that began a trace when that root is its last, and nothing that a caller waited for from
        another one when the span with which it began its part is there. Whether a process has yet
        to send anything at all cannot be told from this.
        """
        known = {span.span_id for span in self.raw_spans}
        last_ns: dict[str, int] = {}
        root_ns: dict[str, int] = {}
        for span in self.raw_spans:
            if span.parent_id and span.parent_id not in known:
                return False
            process = process_of(span)
            last_ns[process] = max(span.end_ns, last_ns.get(process, 0))
            if not span.parent_id:
                root_ns[process] = max(span.end_ns, root_ns.get(process, 0))
        latest_ns = max(root_ns.values(), default=0) + SKEW_NS
        return bool(root_ns) and all(
            ended_ns <= root_ns.get(process, latest_ns) for process, ended_ns in last_ns.items()
        )

    def release(self) -> None:
        """Give back what was decoded: a run in memory is held as it came."""
        self.__dict__.pop("spans", None)
        for span in self.raw_spans:
            span.release()


class GatheredRun:
    """The mutable record of one run. ``number`` tells which of two runs was seen first."""

    def __init__(self, trace_id: str, number: int, now_ns: int) -> None:
        self.run_id = trace_id
        self.number = number
        self.aliases: dict[str, None] = {}
        self.joins: dict[str, Join] = {}
        self.traces: dict[str, None] = {trace_id: None}
        self.rooted: set[str] = set()
        self.spans: dict[tuple[str, str], RawSpan] = {}
        self.nameless: list[RawSpan] = []
        self.logs: dict[str, LogRecord] = {}
        self.batches: set[int] = set()
        self.fresh_batches: set[int] = set()
        self.missing_batches: set[int] = set()
        self.first_ns = now_ns
        self.last_ns = now_ns
        self.judged_ns = 0
        self.bytes = 0
        self.spilled_bytes = 0
        """Of its spans that were put out of memory while it is live: they lie in the inbox."""
        self.revision = 0
        self.phase: Phase = "live"
        self.was_judged = False
        self.has_changed = False
        self.is_full = False
        """Some of its spans were not taken in: there are too many, or they are too large."""

    @classmethod
    def adopted(cls, trace: LoneTrace) -> GatheredRun:
        """Return a live run without spans yet that came when and where a lone trace came."""
        run = cls(trace.trace_id, trace.number, trace.first_ns)
        run.batches = set(trace.batches)
        run.fresh_batches = set(trace.batches)
        run.missing_batches = set(trace.missing)
        run.spilled_bytes = trace.spilled_bytes if trace.missing else 0
        run.last_ns = trace.last_ns
        run.has_changed = True
        return run

    @classmethod
    def recalled(
        cls,
        run_id: str,
        number: int,
        trace_ids: Iterable[str],
        batches: Iterable[int],
        judged_ns: int,
    ) -> GatheredRun:
        """Return a run that was judged, and of which only ids and batch numbers are known."""
        run = cls(run_id, number, judged_ns)
        run.traces = dict.fromkeys(trace_ids)
        run.batches = set(batches)
        run.rest(judged_ns)
        run.unload()
        return run

    @property
    def has_all_roots(self) -> bool:
        """Tell whether each trace of the run has a span without parent."""
        return len(self.rooted) == len(self.traces)

    def is_old(self, limits: RunLimits, now_ns: int) -> bool:
        """Tell whether the run has been live for so long that nothing is waited for any more."""
        return now_ns - self.first_ns >= limits.max_age_s * 1_000_000_000

    def has_room_for(self, span: RawSpan, limits: RunLimits) -> bool:
        """Tell whether the run may be judged in one piece with one more span."""
        is_large = self.bytes + held_bytes(span) > limits.max_run_mib * _MIB
        return not is_large and self.count() < limits.max_spans_per_run

    def has_room_beside(self, other: GatheredRun, limits: RunLimits) -> bool:
        """Tell whether two runs may be judged in one piece."""
        return (
            len(self.traces) + len(other.traces) <= MAX_TRACES_PER_RUN_COUNT
            and self.count() + other.count() <= limits.max_spans_per_run
            and self.bytes + other.bytes <= limits.max_run_mib * _MIB
        )

    def fill(self) -> bool:
        """Note that a span was not taken in; tell whether it was the first."""
        was_full, self.is_full = self.is_full, True
        return not was_full

    def put(self, span: RawSpan) -> Literal["new", "fuller", "duplicate"]:
        """Take one span in, or keep the one with its ids that is there, whichever is fuller."""
        if not span.parent_id:
            self.rooted.add(span.trace_id)
        if not span.span_id:
            if any(span.whole() == each.whole() for each in self.nameless[-100:]):
                return "duplicate"
            self.nameless.append(span)
            self.bytes += held_bytes(span)
            return "new"
        key = (span.trace_id, span.span_id)
        before = self.spans.get(key)
        if before is not None and not _is_fuller(span, before):
            return "duplicate"
        self.spans[key] = span
        self.bytes += held_bytes(span) - (held_bytes(before) if before else 0)
        return "new" if before is None else "fuller"

    def put_log(self, record: LogRecord) -> bool:
        """Take one log record in; tell whether it is new."""
        key = repr(record)
        if key in self.logs:
            return False
        self.logs[key] = record
        self.bytes += 2 * estimated_bytes(record)
        return True

    def touch(self, batch: int, now_ns: int) -> None:
        """Note that something new came in ``batch``: a judged run is live again."""
        if self.phase == "unloaded":
            self.missing_batches |= self.batches - {batch}
        if self.phase != "live":
            self.phase = "live"
            self.first_ns = now_ns
        self.batches.add(batch)
        self.fresh_batches.add(batch)
        self.last_ns = max(self.last_ns, now_ns)
        self.has_changed = True

    def all_spans(self) -> tuple[RawSpan, ...]:
        """Return the spans that are in memory."""
        return (*self.spans.values(), *self.nameless)

    def count(self) -> int:
        """Return how many spans the run holds."""
        return len(self.spans) + len(self.nameless)

    def absorb(self, other: GatheredRun) -> None:
        """Take over all that ``other`` holds; the id stays, and the other's becomes an alias."""
        for alias in (other.run_id, *other.aliases):
            if alias != self.run_id:
                self.aliases[alias] = None
        self.joins.update(other.joins)
        for run in (self, other):
            if run.phase == "unloaded":
                run.missing_batches |= run.batches
        self.missing_batches |= other.missing_batches
        self.spilled_bytes += other.spilled_bytes
        self.batches |= other.batches
        self.fresh_batches |= other.fresh_batches
        live = [run.first_ns for run in (self, other) if run.phase == "live"]
        self.first_ns = min(live, default=max(self.last_ns, other.last_ns))
        self.traces.update(other.traces)
        self._put_all((*other.spans.values(), *other.nameless), other.logs.values())
        self.rooted |= other.rooted
        self.last_ns = max(self.last_ns, other.last_ns)
        self.revision = max(self.revision, other.revision)
        self.was_judged = self.was_judged or other.was_judged
        self.is_full = self.is_full or other.is_full
        self.phase = "live"
        self.has_changed = True

    def _put_all(self, spans: Iterable[RawSpan], logs: Iterable[LogRecord]) -> None:
        for span in spans:
            self.put(span)
        for record in logs:
            self.put_log(record)

    def snapshot(self, state: RunState) -> RunSnapshot:
        """Return the run as it is now, under the next revision."""
        self.revision += 1
        self.has_changed = False
        return RunSnapshot(
            run_id=self.run_id,
            trace_ids=tuple(self.traces),
            aliases=tuple(self.aliases),
            raw_spans=self.all_spans(),
            logs=tuple(self.logs.values()),
            state="evicted" if self.is_full else state,
            revision=self.revision,
            batches=tuple(sorted(self.batches)),
            joins=tuple(self.joins[key] for key in sorted(self.joins)),
        )

    def rest(self, now_ns: int) -> None:
        """Note that the run was judged; its spans stay in memory for what comes late."""
        self.phase = "resting"
        self.was_judged = True
        self.judged_ns = now_ns
        self.fresh_batches.clear()
        self.missing_batches.clear()
        self.spilled_bytes = 0

    def unload(self) -> None:
        """Give the spans up; trace ids and batch numbers stay."""
        self.phase = "unloaded"
        self._clear()

    def spill(self) -> None:
        """Put the spans of a live run out of memory: they are read again when it is due."""
        self.spilled_bytes += self.bytes
        self.missing_batches |= self.batches
        self._clear()

    def _clear(self) -> None:
        self.spans.clear()
        self.nameless.clear()
        self.logs.clear()
        self.bytes = 0


def _is_fuller(span: RawSpan, before: RawSpan) -> bool:
    """Tell whether a span that came again tells more than what is there."""
    if span.body and span.body == before.body:
        return False
    one, other = span.whole(), before.whole()
    return one != other and is_fuller(one, other)
