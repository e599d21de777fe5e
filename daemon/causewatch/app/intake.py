"""What the pipeline reads: from stored batches to traces and runs that are ready to be judged.

A trace waits among the ``LoneTraces``, as bytes, while nothing says that it is more than a run of
its own; whatever is odd about it makes it a run of the ``RunAssembler``. Without compiled code all
traces are runs from the start, with the same outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import structlog

from causewatch.errors import UserError
from causewatch.graph.assemble import MAX_LIVE_RUNS_COUNT, RunAssembler
from causewatch.graph.dropped import Need
from causewatch.graph.lone import LoneTrace, LoneTraces, TracePart
from causewatch.inbox.sqlite import Batch, SqliteInbox
from causewatch.likeness.native import native_reader
from causewatch.model.span import LogRecord
from causewatch.otlp.decode import decode_logs
from causewatch.otlp.raw import RawSpan, Resources
from causewatch.store.port import Store
from causewatch.telemetry.metrics import Metrics

MAX_LONE_SHARE = 0.75
"""Of the memory for live runs, what lone traces may take."""

log = structlog.get_logger("causewatch.pipeline")


class Intake:
    """Feeds the assembler, and keeps from it what it need not see. One caller at a time."""

    def __init__(  # noqa: PLR0913  # what it connects
        self,
        *,
        inbox: SqliteInbox,
        assembler: RunAssembler,
        store: Store,
        metrics: Metrics,
        now_ns: Callable[[], int],
        is_native: bool = True,
    ) -> None:
        self._inbox = inbox
        self._assembler = assembler
        self._store = store
        self._metrics = metrics
        self._now_ns = now_ns
        self._resources = Resources()
        self._reader = native_reader(()) if is_native else None
        self.lone = LoneTraces(assembler.limits)
        max_live_bytes = assembler.limits.max_live_mib * 1024 * 1024
        self._max_lone_bytes = int(max_live_bytes * MAX_LONE_SHARE)

    def take(self, batch: Batch) -> None:
        """Take one stored batch in."""
        parts = self._parts(batch)
        if parts is None:
            spans, logs = self._decoded(batch)
        else:
            spans, logs = self._spans_of(self._put(parts, batch)), ()
        if spans or logs:
            self._gather(spans, logs, batch)
        self._make_room()
        self.read_again()

    @property
    def is_crowded(self) -> bool:
        """Tell whether lone traces take half of the memory after which they leave it."""
        return self.lone.held_bytes > self._max_lone_bytes / 2

    def hand_over(self, trace: LoneTrace) -> None:
        """Make a lone trace a run: it has to be judged in full, or more belongs to it."""
        if self.lone.take(trace.trace_id) is not None:
            self._assembler.adopt(trace, self._split(trace.request))

    def spans_of(self, trace: LoneTrace) -> tuple[RawSpan, ...]:
        """Return the spans of a lone trace."""
        return tuple(self._split(trace.request))

    def note_span_ids(self, trace: LoneTrace) -> None:
        """Put down the ids of a lone trace's spans, in order of time."""
        spans = sorted(self._split(trace.request), key=lambda span: (span.start_ns, -span.end_ns))
        trace.span_ids = bytes.fromhex("".join(span.span_id for span in spans))

    def read_again(self) -> None:
        """Read batches again: of spilled runs that are due, and of those that late spans reopened.

        Each batch is read and decoded once, whatever the number of runs that need it. One that the
        inbox no longer has is fed as empty, so that no run waits for it.
        """
        self._read_runs(self._assembler.needs())
        wanted = self.lone.needs()
        for seq in wanted:
            for batch in self._inbox.get([seq]):
                self.lone.feed(self._parts(batch) or (), seq)
        if wanted:
            self.lone.fed()

    def low_watermark(self) -> int | None:
        """Return the smallest batch number that something live needs, ``None`` where nothing is."""
        marks = self._assembler.low_watermark(), self.lone.low_watermark()
        return min((mark for mark in marks if mark is not None), default=None)

    def _parts(self, batch: Batch) -> list[TracePart] | None:
        """Return a batch by trace, ``None`` for one to be read with more care."""
        if self._reader is None or batch.signal != "traces":
            return None
        return self._reader.regroup(batch.body)

    def _put(self, parts: Sequence[TracePart], batch: Batch) -> list[TracePart]:
        """Put parts to the lone traces; return those that the assembler is to gather."""
        now_ns, lone, odd = self._now_ns(), self.lone, []
        self._recall([part.trace_id for part in parts if part.trace_id not in lone], batch.seq)
        for part in parts:
            trace = lone.get(part.trace_id)
            is_odd = part.is_odd or self._is_large(trace, part)
            if is_odd or (trace is None and self._is_known(part.trace_id)):
                odd.append(part)
                continue
            number = 0 if trace is not None else self._assembler.next_number()
            lone.put(part, batch=batch.seq, number=number, now_ns=now_ns)
        return odd

    def _is_large(self, trace: LoneTrace | None, part: TracePart) -> bool:
        """Tell whether a trace would be more than may be judged of one run: the assembler says."""
        before = 0 if trace is None else trace.bytes + trace.spilled_bytes
        return before + len(part.body) > self._assembler.limits.max_run_mib * 1024 * 1024

    def _is_known(self, trace_id: str) -> bool:
        """Tell whether a trace belongs to a run already, or is waited for."""
        return self._assembler.knows(trace_id) or self._assembler.awaits(trace_id)

    def _spans_of(self, parts: Iterable[TracePart]) -> Sequence[RawSpan]:
        return self._split(b"".join(part.body for part in parts))

    def _split(self, request: bytes) -> Sequence[RawSpan]:
        """Return the spans of a request that the compiled reader wrote."""
        cut = None if self._reader is None else self._reader.cut(request)
        return self._resources.split(request) if cut is None else self._resources.cut(request, cut)

    def _gather(self, spans: Sequence[RawSpan], logs: Sequence[LogRecord], batch: Batch) -> None:
        """Give spans and records to the assembler, after what they may belong to."""
        trace_ids = {span.trace_id for span in spans} | {record.trace_id for record in logs}
        linked = {trace_id for span in spans for trace_id in span.linked}
        for trace_id in sorted(trace_ids | linked):
            trace = self.lone.get(trace_id)
            if trace is not None:
                self.hand_over(trace)
        self._recall(sorted(trace_ids | linked), batch.seq)
        self._assembler.add(spans, logs, batch=batch.seq, now_ns=self._now_ns())

    def _recall(self, trace_ids: Iterable[str], seq: int) -> None:
        """Tell the assembler of runs that it does not remember: the store does.

        A batch that comes again although its run was judged with it: some group may not have
        looked at the run before the stop. However long ago that was, it is not too late.
        """
        unknown = [each for each in trace_ids if each and not self._assembler.knows(each)]
        for trace_id in sorted(self._store.stored_traces(unknown)) if unknown else ():
            link = self._store.trace(trace_id)
            run = self._store.run(link.run_id) if link is not None else None
            if run is not None:
                self._assembler.recall(
                    run.run_id,
                    run.trace_ids,
                    run.batches,
                    judged_ns=self._now_ns() if seq in run.batches else run.updated_at_ns,
                    now_ns=self._now_ns(),
                )

    def _make_room(self) -> None:
        """Keep lone traces within their share of the memory, and their number within bounds."""
        self._assembler.dropped.spilled_runs += self.lone.spill(self._max_lone_bytes)
        self._assembler.lone_bytes = self.lone.held_bytes
        while len(self.lone) > MAX_LIVE_RUNS_COUNT:
            self.hand_over(self.lone.oldest())

    def _decoded(self, batch: Batch) -> tuple[Sequence[RawSpan], Sequence[LogRecord]]:
        try:
            if batch.signal == "traces":
                return self._resources.split(batch.body), ()
            return (), decode_logs(batch.body).records
        except UserError as error:
            # The receiver refuses what is not OTLP: this stored batch went bad on disk.
            self._metrics.dropped_spans.labels(reason="unreadable_batch").inc()
            log.warning("stored batch cannot be read", batch=batch.seq, error=str(error))
            return (), ()

    def _read_runs(self, needs: Sequence[Need]) -> None:
        wanted: dict[int, list[str]] = {}
        for need in needs:
            for seq in need.batches:
                wanted.setdefault(seq, []).append(need.run_id)
        for seq, run_ids in sorted(wanted.items()):
            batches = self._inbox.get([seq])
            spans, logs = self._decoded(batches[0]) if batches else ((), ())
            for run_id in run_ids:
                self._assembler.refeed(run_id, spans, logs, batch=seq, now_ns=self._now_ns())
