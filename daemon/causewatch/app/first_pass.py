"""The first of two passes: passes over runs that are like others that had nothing to tell.

Understanding and judging a run in full costs some ten times what it takes to see that it is like
one that was judged before: the same structure, the same relations between what was asked, answered
and handed on. Such a run is counted and kept, in short; ``explain`` judges it in full when asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence

import structlog

from causewatch.app.groups import Groups
from causewatch.app.rulefiles import Loaded
from causewatch.dialects.table import Dialect
from causewatch.graph.assemble import RunAssembler
from causewatch.graph.gathered import GatheredRun, RunSnapshot
from causewatch.graph.lone import LoneTrace
from causewatch.likeness.answers import Answers
from causewatch.likeness.familiar import Familiar, Familiars, familiar_of
from causewatch.likeness.likeness import Likenesses
from causewatch.model.judgement import Assessment
from causewatch.otlp.raw import RawSpan
from causewatch.rules.interest import Interest
from causewatch.store.port import Store
from causewatch.store.record import (
    ShortGap,
    ShortRun,
    StoredRun,
    short_explanation,
    short_summary,
)
from causewatch.telemetry.metrics import Metrics

MAX_RECENT_COUNT = 10_000
"""Runs whose likeness is kept until they are judged or passed over."""
log = structlog.get_logger("causewatch.first_pass")


class FirstPass:
    """What the pipeline asks before it judges a run in full; ``looked`` comes from any thread."""

    def __init__(
        self,
        groups: Groups,
        assembler: RunAssembler,
        *,
        store: Store,
        metrics: Metrics,
        dialects: Sequence[Dialect],
    ) -> None:
        self._groups = groups
        self._assembler = assembler
        self._store = store
        self._metrics = metrics
        self._dialects = dialects
        self._lock = threading.Lock()
        self._familiars = Familiars()
        self._recent: dict[str, tuple[int, int | None]] = {}
        self._calm: dict[int, None] = {}
        """Likenesses of live runs that were judged early and showed no symptom."""
        self._kept: list[StoredRun] = []
        self._short: list[ShortRun] = []
        self._loaded: Loaded | None = None
        self._rules_number = 0
        """Counts the rules that were in force."""
        self._likenesses: Likenesses | None = None
        """``None`` while some rule reads what no likeness tells."""
        groups.on_looked = self._looked
        assembler.is_whole = self._is_whole

    def meet(self, snapshot: RunSnapshot) -> Familiar | None:
        """Return what is known of runs like this one, ``None`` where it is to be judged in full."""
        likeness = self._likeness(snapshot)
        with self._lock:
            return self._familiars.meet(likeness)

    def may_wait(self, snapshot: RunSnapshot) -> bool:
        """Tell of a live run whether it is, so far, like others that showed no symptom."""
        likeness = self._likeness(snapshot)
        with self._lock:
            return self._familiars.known(likeness) is not None or self._is_calm(likeness)

    def meet_trace(self, trace: LoneTrace) -> Familiar | None:
        """Return the same of a run that is one trace and was not part of any other.

        Whether it is one that is judged all the same is decided when it is first asked: by then its
        spans are in memory.
        """
        likeness = self._likeness_of_trace(trace)
        with self._lock:
            known = self._familiars.known(likeness)
            if known is None or not known.is_lone:
                return None
            if trace.is_sample is None:
                trace.is_sample = self._familiars.meet(likeness) is None
            return None if trace.is_sample else known

    def is_learning(self, trace: LoneTrace) -> bool:
        """Tell whether the rules are about to say if runs like this one may be passed over."""
        likeness = self._likeness_of_trace(trace)
        with self._lock:
            return self._familiars.is_learning(likeness)

    def is_learning_run(self, snapshot: RunSnapshot) -> bool:
        """Tell the same of a run."""
        likeness = self._likeness(snapshot)
        with self._lock:
            return self._familiars.is_learning(likeness)

    def trace_may_wait(self, trace: LoneTrace) -> bool:
        """Tell the same as ``may_wait`` of a run that is one trace so far."""
        likeness = self._likeness_of_trace(trace)
        with self._lock:
            is_familiar = self._familiars.known(likeness) is not None
            is_learning = self._familiars.is_learning(likeness)
            return is_familiar or is_learning or self._is_calm(likeness)

    def _is_calm(self, likeness: int | None) -> bool:
        """Tell whether runs of a likeness showed no symptom, neither early nor when complete.

        A loop has none, and what a contract says is none: such runs are judged early each time.
        """
        return likeness in self._calm and not self._familiars.has_told(likeness)

    def carry(self, trace: LoneTrace) -> None:
        """Remember the likeness of a trace that is a run from now on."""
        rules_number, span_count, likeness = trace.likeness
        if (rules_number, span_count) == (self._rules_number, trace.span_count):
            self._recent[trace.trace_id] = span_count, likeness

    def note_calm(self, snapshot: RunSnapshot) -> None:
        """Remember that a live run, judged early, showed no symptom."""
        likeness = self._likeness(snapshot)
        if likeness is not None:
            self._calm[likeness] = None
            while len(self._calm) > MAX_RECENT_COUNT:
                del self._calm[next(iter(self._calm))]

    def pass_over(self, snapshot: RunSnapshot, familiar: Familiar, now_ns: int) -> None:
        """Count a run that need not be judged in full; ``flush`` keeps it."""
        run_id, trace_ids = snapshot.run_id, snapshot.trace_ids
        self._recent.pop(run_id, None)
        spans = snapshot.raw_spans
        span_ids = _in_time(spans) if familiar.gaps else []
        gaps = _gaps(familiar, span_ids.__getitem__)
        self._kept.append(
            StoredRun(
                run_id=run_id,
                trace_ids=trace_ids,
                workflow=familiar.workflow,
                state=snapshot.state,
                verdict=familiar.verdict,
                summary=short_summary(run_id, trace_ids, familiar.verdict, gaps),
                explanation=short_explanation(run_id, familiar.verdict),
                batches=snapshot.batches,
                started_at_ns=min(span.start_ns for span in spans),
                ended_at_ns=max(span.end_ns for span in spans),
                updated_at_ns=now_ns,
            )
        )
        self._count(snapshot.state, familiar)

    def pass_over_trace(self, trace: LoneTrace, familiar: Familiar, now_ns: int) -> None:
        """Do the same with a run that is one trace, and whose ``span_ids`` are known if needed."""
        ids = trace.span_ids
        self._short.append(
            ShortRun(
                run_id=trace.trace_id,
                workflow=familiar.workflow,
                verdict=familiar.verdict,
                batches=tuple(trace.batches),
                started_at_ns=trace.start_ns,
                ended_at_ns=trace.end_ns,
                updated_at_ns=now_ns,
                gaps=_gaps(familiar, lambda at: ids[8 * at : 8 * at + 8].hex()),
            )
        )
        self._count("complete", familiar)

    def _count(self, state: str, familiar: Familiar) -> None:
        metrics = self._metrics
        metrics.first_pass_runs.labels(outcome="quiet").inc()
        metrics.runs.labels(state=state, verdict=familiar.verdict).inc()
        for dialect, kind, count in familiar.steps:
            metrics.steps.labels(dialect=dialect, kind=kind).inc(count)
        for fault in familiar.faults:
            metrics.faults.labels(fault=fault).inc()
        if familiar.health is not None:
            workflow = metrics.workflow_label(familiar.workflow)
            metrics.context_health.labels(workflow=workflow).observe(familiar.health)

    def flush(self) -> None:
        """Store the runs that were passed over, all in one transaction."""
        if not self._kept and not self._short:
            return
        with self._store.transaction():
            for run in self._kept:
                self._store.put_run(run)
            self._store.put_short_runs(self._short)
        self._kept.clear()
        self._short.clear()

    def judged(self, snapshot: RunSnapshot, assessment: Assessment) -> None:
        """Learn from a run that was judged in full, before the groups are offered it."""
        self._metrics.first_pass_runs.labels(outcome="judged").inc()
        likeness = self._likeness(snapshot)
        self._recent.pop(snapshot.run_id, None)
        with self._lock:
            # What sets agents up is done before the work, and tells nothing of how that went.
            parts = 1 + len(snapshot.aliases) - sum(join.by == "setup" for join in snapshot.joins)
            for part in (snapshot.run_id, *snapshot.aliases):
                # What looked like a run of its own was a part: its like must not be passed over.
                self._familiars.distrust(part, parts=parts)
            if likeness is not None:
                is_lone = self._assembler.join_index.stands_alone(snapshot.run_id)
                familiar = familiar_of(assessment, _in_time(snapshot.raw_spans), is_lone=is_lone)
                self._familiars.judged(
                    snapshot.run_id,
                    likeness,
                    familiar,
                    self._groups.keys(),
                    parts=parts if is_lone else None,
                )

    def _likeness(self, snapshot: RunSnapshot) -> int | None:
        """Return a run's likeness, ``None`` where it has to be judged in full in any case.

        Log records are not part of a likeness, and what was evicted is not all there.
        """
        if snapshot.logs or snapshot.state == "evicted":
            return None
        return self._likeness_of(snapshot.run_id, snapshot.raw_spans)

    def _is_whole(self, run: GatheredRun) -> bool:
        """Tell of a run that is due whether others need not be asked if they belong to it."""
        if run.logs or run.joins or run.was_judged:
            return False
        likeness = self._likeness_of(run.run_id, run.all_spans())
        with self._lock:
            known = self._familiars.known(likeness)
        return known is not None and known.is_lone

    def _likeness_of(self, run_id: str, spans: Sequence[RawSpan]) -> int | None:
        """Return the likeness of these spans; of a run that did not grow, the one it had."""
        self._follow_rules()
        known = self._recent.get(run_id)
        if known is not None and known[0] == len(spans):
            return known[1]
        likeness = None if self._likenesses is None else self._likenesses.of_raw(spans)
        self._recent[run_id] = (len(spans), likeness)
        while len(self._recent) > MAX_RECENT_COUNT:
            del self._recent[next(iter(self._recent))]
        return likeness

    def _likeness_of_trace(self, trace: LoneTrace) -> int | None:
        """Return the likeness of a trace; of one that did not grow, the one it had."""
        self._follow_rules()
        rules_number, span_count, likeness = trace.likeness
        if (rules_number, span_count) == (self._rules_number, trace.span_count):
            return likeness
        if trace.rests:
            return None  # other rules are in force: it has to be read again
        likeness = None if self._likenesses is None else self._likenesses.of_request(trace.request)
        trace.likeness, trace.is_sample = (self._rules_number, trace.span_count, likeness), None
        return likeness

    def _follow_rules(self) -> None:
        """Start anew when other rules are in force: they may see something where none did."""
        loaded = self._groups.loaded
        if loaded is self._loaded:
            return
        interest = Interest(loaded.bundle.groups, self._dialects)
        with self._lock:
            self._loaded = loaded
            self._familiars.clear()
        self._recent.clear()
        self._calm.clear()
        self._rules_number += 1
        self._likenesses = None
        if not interest.unsound:
            answers = None if interest.is_empty else Answers(interest.questions, interest.fits)
            self._likenesses = Likenesses(self._dialects, answers)
        for rule_id, name in sorted(interest.unsound.items()):
            log.warning("every run is judged in full", rule=rule_id, reads=name)

    def _looked(self, group: str, run_ids: Collection[str], matched: Collection[str]) -> None:
        with self._lock:
            for run_id in run_ids:
                self._familiars.looked(group, run_id, matched=run_id in matched)


def _in_time(spans: Iterable[RawSpan]) -> list[str]:
    """Return the ids of a run's spans in order of time."""
    ordered = sorted(spans, key=lambda span: (span.start_ns, -span.end_ns))
    return [span.span_id for span in ordered]


def _gaps(familiar: Familiar, span_id_at: Callable[[int], str]) -> tuple[ShortGap, ...]:
    """Return what could not be checked in a run like others, at its own spans."""
    return tuple(
        ShortGap(None if gap.at is None else span_id_at(gap.at), gap.what, gap.reason, gap.fix)
        for gap in familiar.gaps
    )
