"""Reads the inbox, assembles runs, judges them and hands them to the rule groups.

One thread walks the way of the data: batch -> spans -> run -> causal graph -> assessment -> groups.

Nothing is lost at a crash: the reader's durable cursor only passes a batch when every run that
needs it is judged and every rule group has evaluated that run. After a restart the batches beyond
it are read again; runs come out the same, and findings are keyed by rule version and run, so that
nothing counts twice.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache

import msgspec
import structlog

from causewatch.app.assess import graph_of
from causewatch.app.first_pass import FirstPass
from causewatch.app.forwarded import judged, passed_over, trace_passed_over
from causewatch.app.groups import Groups
from causewatch.app.intake import Intake
from causewatch.app.learning import Learning
from causewatch.app.newness import Looked, Newness
from causewatch.app.outgoing import Outgoing
from causewatch.app.patient import Patient
from causewatch.app.sampled import Sampler
from causewatch.blame.judge import judge
from causewatch.blame.render import explain_json
from causewatch.blame.story import explain_text
from causewatch.contracts.compile import Contract
from causewatch.contracts.meaning import Judge
from causewatch.dialects.table import Dialect
from causewatch.dialects.tables import SHIPPED
from causewatch.faults.known import Known
from causewatch.faults.tuning import DEFAULT_TUNING, Tuning
from causewatch.forward.forwarding import Forwarding
from causewatch.forward.run import ForwardedRun
from causewatch.graph.assemble import RunAssembler
from causewatch.graph.gathered import RunSnapshot
from causewatch.graph.lone import LoneTrace
from causewatch.inbox.sqlite import Batch, SqliteInbox
from causewatch.likeness.familiar import Familiar
from causewatch.model.judgement import Assessment
from causewatch.model.limits import ScoreLimit
from causewatch.paths.template import PathTemplate
from causewatch.store.port import Store
from causewatch.store.record import StoredRun
from causewatch.telemetry.metrics import Metrics

CURSOR = "pipeline"
MAX_BATCHES_PER_TURN = 64
MAX_BYTES_PER_TURN = 16 * 1024 * 1024
EARLY_EVERY_S = 0.25
EARLY_SHARE = 0.2
"""Of the time, what judging live runs early may take: it is repeated as they grow."""
MAX_JUDGE_S = 0.5
"""How long one round judges before it looks at the rest, and at whether to stop."""
MAX_LEARN_S = 5.0
"""How long a run waits, rather than be judged in full, for what the rules say of six like it."""
IDLE_WAIT_S = 0.25
MAX_EARLY_RUNS = 2_000
"""Live runs whose early assessment is kept until they are complete."""

_Extent = tuple[int, int, tuple[int, ...], tuple[Contract, ...], tuple[PathTemplate, ...]]

log = structlog.get_logger("causewatch.pipeline")


class Pipeline:
    """The loop between the inbox and the rule groups. Create it, then ``run`` it in one thread."""

    def __init__(  # noqa: PLR0913  # the stages it connects
        self,
        *,
        inbox: SqliteInbox,
        assembler: RunAssembler,
        groups: Groups,
        store: Store,
        metrics: Metrics,
        now_ns: Callable[[], int],
        scores: tuple[ScoreLimit, ...] = (),
        tuning: Tuning = DEFAULT_TUNING,
        dialects: Sequence[Dialect] = SHIPPED,
        meaning: Judge | None = None,
        forwarding: Forwarding | None = None,
        sampler: Sampler | None = None,
    ) -> None:
        self._forwarding = forwarding
        self._sampler = sampler or Sampler(None, ())
        self._meaning = meaning
        self._inbox = inbox
        self._assembler = assembler
        self._groups = groups
        self._store = store
        self._metrics = metrics
        self._now_ns = now_ns
        self._scores = scores
        self._tuning = tuning
        self._newness = Newness(store, metrics)
        self._learning = Learning(store, self._newness)
        self._dialects = dialects
        self._first_pass = FirstPass(
            groups, assembler, store=store, metrics=metrics, dialects=dialects
        )
        self._intake = Intake(
            inbox=inbox, assembler=assembler, store=store, metrics=metrics, now_ns=now_ns
        )
        self._position = inbox.cursor(CURSOR)
        self._due: deque[RunSnapshot] = deque()
        self._patient = Patient(patience_ns=int(MAX_LEARN_S * 1e9))
        self._outgoing = Outgoing()
        self._dropped: dict[str, int] = {}
        self._early: dict[str, tuple[_Extent, Assessment]] = {}
        self._early_at_s = self._look_at_s = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; an unexpected error is logged and the loop goes on."""
        while not stop.is_set():
            try:
                if not self.turn():
                    self._inbox.wait(self._position, IDLE_WAIT_S)
            except Exception:
                # The pipeline must outlive a bad batch or a full disk: what failed is tried again.
                log.exception("pipeline turn failed")
                stop.wait(1.0)

    def turn(self) -> bool:
        """Do one round; return whether anything was read or judged."""
        batches: Sequence[Batch] = ()
        if not self._due and not self._groups.is_full():
            batches = self._inbox.read(self._position, MAX_BATCHES_PER_TURN, MAX_BYTES_PER_TURN)
        for batch in batches:
            self._intake.take(batch)
            self._position = batch.seq
        judged_count = self._judge_due()
        self._look_at_traces()
        self._judge_early()
        self._advance()
        self._measure()
        return bool(batches or judged_count)

    def _judge_due(self) -> int:
        """Judge what is ready; return how many.

        The assembler names each run once, so those that a full disk or the end of the round leaves
        over are kept for the next one.
        """
        until_s = time.monotonic() + MAX_JUDGE_S
        settled_count = self._settle(until_s)
        self._due.extend(self._patient.ripe(self._now_ns(), waits=self._first_pass.is_learning_run))
        self._due.extend(self._assembler.due(self._now_ns()))
        # Of what is spilled and due: it is judged in the next round.
        self._intake.read_again()
        judged_count = 0
        while self._due and (not judged_count or time.monotonic() < until_s):
            if not self._may_wait(self._due[0]):
                self._judge(self._due[0])
            self._due.popleft().release()
            judged_count += 1
        # Before the cursor moves past their batches.
        self._first_pass.flush()
        if self._forwarding is not None:
            self._forwarding.flush()
        return settled_count + judged_count

    def _settle(self, until_s: float) -> int:
        """Pass over the lone traces that are due and familiar, and make runs of the others.

        What is left over when the time is up stays due.
        """
        settled_count = 0
        patience_s = self._assembler.limits.quiet_s + MAX_LEARN_S
        learning_ns = self._now_ns() - int(patience_s * 1e9)
        for trace in self._intake.lone.due(self._now_ns()):
            familiar = self._familiar_of(trace)
            if familiar is None:
                if trace.last_ns <= learning_ns or not self._first_pass.is_learning(trace):
                    self._make_run(trace)
                continue
            self._first_pass.pass_over_trace(trace, familiar, self._now_ns())
            self._forward_trace(trace, familiar)
            self._intake.lone.take(trace.trace_id)
            settled_count += 1
            if time.monotonic() >= until_s:
                break
        return settled_count

    def _may_wait(self, snapshot: RunSnapshot) -> bool:
        """Put a run aside if the rules are about to say that it need not be judged in full."""
        self._patient.drop(snapshot)
        if snapshot.state != "complete" or snapshot.run_id in self._early:
            return False
        is_learning = self._first_pass.is_learning_run(snapshot)
        return is_learning and self._patient.put(snapshot, self._now_ns())

    def _make_run(self, trace: LoneTrace) -> None:
        """Make a run of a lone trace that is due, once all of it is in memory."""
        if trace.rests:
            self._intake.lone.want(trace)
            return
        self._first_pass.carry(trace)
        self._intake.hand_over(trace)

    def _familiar_of(self, trace: LoneTrace) -> Familiar | None:
        """Return by what a trace is passed over, ``None`` where its spans are needed for more."""
        familiar = None if trace.is_wanted else self._first_pass.meet_trace(trace)
        if familiar is not None and familiar.gaps and not trace.span_ids:
            if trace.rests:
                return None
            self._intake.note_span_ids(trace)
        return familiar

    def _judge(self, snapshot: RunSnapshot) -> None:
        """Judge a run that is complete, late or evicted; keep it, and offer it to the groups."""
        _, early = self._early.get(snapshot.run_id, (None, None))
        is_told = early is not None and early.blame.verdict == "corrupted"
        familiar = None if is_told else self._first_pass.meet(snapshot)
        if familiar is not None:
            self._forget_early(snapshot)
            self._first_pass.pass_over(snapshot, familiar, self._now_ns())
            decisions = self._sampler.passed_over(snapshot, familiar, self._now_ns())
            self._forward(passed_over(snapshot, familiar, decisions))
            return
        assessment = self._assessed(snapshot)
        if assessment is not None and snapshot.state != "evicted":
            self._outgoing.learn(assessment.graph)
        looked = self._looked(assessment) if assessment is not None else None
        stored = self._stored(looked.assessment, snapshot) if looked is not None else None
        if looked is not None and stored is not None:
            self._learning.keep(stored, looked, now_ns=self._now_ns())
            self._count(looked.assessment)
            first_batch = min(snapshot.batches, default=self._position)
            self._first_pass.judged(snapshot, looked.assessment)
            self._groups.offer(looked.assessment, first_batch=first_batch)
        found = looked.assessment if looked is not None else None
        decisions = self._sampler.judged(snapshot, found, self._now_ns())
        self._forward(judged(snapshot, found, decisions))
        self._forget_early(snapshot)

    def _forget_early(self, snapshot: RunSnapshot) -> None:
        for run_id in (snapshot.run_id, *snapshot.aliases):
            self._early.pop(run_id, None)

    def _forward_trace(self, trace: LoneTrace, familiar: Familiar) -> None:
        """Offer a trace that was passed over; one that nobody is to get is not even split."""
        if self._forwarding is None:
            return
        spans = cache(lambda: self._intake.spans_of(trace))
        decisions = self._sampler.trace_passed_over(trace, familiar, spans, self._now_ns())
        if self._forwarding.wants(decisions, trace.span_count):
            self._forward(trace_passed_over(trace, spans(), familiar, decisions))

    def _forward(self, run: ForwardedRun) -> None:
        if self._forwarding is not None:
            self._forwarding.offer(run)

    def _judge_early(self) -> None:
        """Offer live runs that have ended, or whose corruption has already surfaced.

        A cause that surfaced will not change any more, and hardly so one of a run whose root came
        last: the incident that opens now is the one that stays.
        """
        if time.monotonic() < self._early_at_s:
            return
        began_s = time.monotonic()
        again_s = sum(
            self._offer_early(snapshot)
            for snapshot in self._assembler.changed(self._now_ns())
            if not self._first_pass.may_wait(snapshot)
        )
        # A long run costs more each time it grows: what comes in must not wait for that.
        # Right after the next look at traces: what that makes runs of is not to wait once more.
        self._early_at_s = max(self._look_at_s, began_s + again_s / EARLY_SHARE)

    def _offer_early(self, snapshot: RunSnapshot) -> float:
        """Judge a live run, and offer it if it tells what will stay true.

        Returns how many seconds were spent on what will have to be judged again.
        """
        began_s = time.monotonic()
        assessment = self._assessed(snapshot)
        snapshot.release()
        if assessment is None:
            return time.monotonic() - began_s
        has_ended = self._outgoing.has_ended(snapshot, assessment.graph)
        assessment = msgspec.structs.replace(assessment, has_ended=has_ended)
        if len(self._early) < MAX_EARLY_RUNS:
            self._early[snapshot.run_id] = (self._extent(snapshot), assessment)
        is_corrupted = assessment.blame.verdict == "corrupted"
        has_surfaced = is_corrupted and assessment.blame.symptom is not None
        if has_surfaced or has_ended:
            self._groups.offer(assessment, first_batch=min(snapshot.batches))
        if not has_surfaced and not (has_ended and is_corrupted):
            self._first_pass.note_calm(snapshot)
        if has_ended and not self._waits_for_the_end():
            return 0.0
        return time.monotonic() - began_s

    def _look_at_traces(self) -> None:
        """Make runs of the lone traces that are like no others; let those rest that are.

        A trace that still grows would be looked at again and again, so not at each turn; but before
        traces have to leave the memory that would only be read again.
        """
        if time.monotonic() < self._look_at_s and not self._intake.is_crowded:
            return
        self._look_at_s = time.monotonic() + EARLY_EVERY_S
        for trace in self._intake.lone.changed():
            if not self._first_pass.trace_may_wait(trace):
                self._first_pass.carry(trace)
                self._intake.hand_over(trace)
            elif self._forwarding is None and (familiar := self._first_pass.meet_trace(trace)):
                if familiar.gaps:
                    self._intake.note_span_ids(trace)
                self._intake.lone.rest(trace)

    def _waits_for_the_end(self) -> bool:
        """Tell whether some expectation is judged only when nothing more can come."""
        after = (contract.spec.missing_after_s for contract in self._groups.contracts)
        return bool(self._groups.paths) or any(limit is not None for limit in after)

    def _assessed(self, snapshot: RunSnapshot) -> Assessment | None:
        """Judge a run, or take what was judged early if nothing came since."""
        graph = None
        extent, early = self._early.get(snapshot.run_id, (None, None))
        if early is not None and extent == self._extent(snapshot):
            graph = msgspec.structs.replace(early.graph, state=snapshot.state)
            if not self._waits_for_the_end():
                return msgspec.structs.replace(early, graph=graph)
        try:
            known = Known(
                trust=self._groups.trust,
                tuning=self._tuning,
                history=self._learning.history,
                scores=self._scores,
            )
            if graph is None:
                graph = graph_of(snapshot, self._dialects)
            return judge(
                graph,
                self._groups.contracts,
                known,
                paths=self._groups.paths,
                meaning=self._meaning,
            )
        except Exception:
            # One run that our code cannot judge must not stop the others; it is counted and named.
            self._count_error(snapshot)
            log.exception("run could not be judged", run=snapshot.run_id)
            return None

    def _looked(self, assessment: Assessment) -> Looked:
        """Tell what is new in a run."""
        try:
            return self._newness.look(assessment, self._groups.watches, now_ns=self._now_ns())
        except Exception:
            # As above: what else was judged of the run stands.
            log.exception("novelty could not be judged", run=assessment.graph.run_id)
            return Looked(assessment=assessment)

    def _stored(self, assessment: Assessment, snapshot: RunSnapshot) -> StoredRun | None:
        """Return what is kept of a run, ``None`` for one that cannot be told."""
        try:
            return _stored(assessment, snapshot, self._now_ns())
        except Exception:
            # As above: the same run would fail again at every try, and hold up all the others.
            self._count_error(snapshot)
            log.exception("run could not be told", run=snapshot.run_id)
            return None

    def _count_error(self, snapshot: RunSnapshot) -> None:
        self._metrics.runs.labels(state=snapshot.state, verdict="error").inc()

    def _extent(self, snapshot: RunSnapshot) -> _Extent:
        """Return what tells whether a run would be judged as before: what came, and by what."""
        groups = self._groups
        counts = len(snapshot.raw_spans), len(snapshot.logs)
        return *counts, snapshot.batches, groups.contracts, groups.paths

    def _advance(self) -> None:
        """Move the durable cursor up to what nobody needs any more."""
        waiting = [batch for snapshot in self._due for batch in snapshot.batches[:1]]
        waiting += [batch for batch in (self._patient.low_watermark(),) if batch is not None]
        needed = [self._intake.low_watermark(), self._groups.low_watermark(), *waiting]
        floor = min((batch for batch in needed if batch is not None), default=self._position + 1)
        if floor - 1 > self._inbox.cursor(CURSOR):
            self._inbox.advance(CURSOR, floor - 1)

    def _count(self, assessment: Assessment) -> None:
        graph = assessment.graph
        self._metrics.runs.labels(state=graph.state, verdict=assessment.blame.verdict).inc()
        for step in graph.steps:
            self._metrics.steps.labels(dialect=step.dialect or "none", kind=step.kind).inc()
        for fault in assessment.faults:
            self._metrics.faults.labels(fault=fault.name).inc()
        if assessment.health is not None and assessment.health.score is not None:
            workflow = self._metrics.workflow_label(graph.workflow)
            self._metrics.context_health.labels(workflow=workflow).observe(assessment.health.score)
        for verdict in assessment.verdicts:
            labels = {"contract": verdict.contract, "verdict": verdict.verdict}
            self._metrics.contract_verdicts.labels(**labels).inc()

    def _measure(self) -> None:
        lone = self._intake.lone
        self._metrics.inbox_lag_batches.set(self._inbox.last_seq() - self._position)
        self._metrics.live_runs.set(self._assembler.live_count + len(lone))
        self._metrics.live_bytes.set(self._assembler.held_bytes + lone.held_bytes)
        dropped = msgspec.structs.asdict(self._assembler.dropped)
        for reason, total in dropped.items():
            grown = total - self._dropped.get(reason, 0)
            if grown and reason.endswith("_runs"):
                self._metrics.evicted_runs.labels(reason=reason.removesuffix("_runs")).inc(grown)
            elif grown:
                self._metrics.dropped_spans.labels(reason=reason).inc(grown)
        self._dropped = dropped


def _stored(assessment: Assessment, snapshot: RunSnapshot, now_ns: int) -> StoredRun:
    """Return what is kept of a judged run: what ``explain`` says, and where its spans are."""
    steps = assessment.graph.steps
    return StoredRun(
        run_id=snapshot.run_id,
        trace_ids=snapshot.trace_ids,
        workflow=assessment.graph.workflow,
        state=snapshot.state,
        verdict=assessment.blame.verdict,
        summary=msgspec.json.encode(explain_json(assessment)),
        explanation=explain_text(assessment),
        batches=tuple(snapshot.batches),
        started_at_ns=min((step.span.start_ns for step in steps), default=0),
        ended_at_ns=max((step.span.end_ns for step in steps), default=0),
        updated_at_ns=now_ns,
    )
