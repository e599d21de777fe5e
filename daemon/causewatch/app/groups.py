"""Runs rule groups: assessed runs in, findings, alert state, incidents and outbox rows out.

A group keeps the assessed runs that it has not looked at yet. One evaluation, at a slot time, takes
them all, finds what the rules match, moves the alert states and gathers incidents, all in one
transaction. A run covers everything since the group's last slot, so a late slot loses nothing.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache

import msgspec
import structlog

from causewatch.app.rule_health import RuleHealth
from causewatch.app.rulefiles import Loaded
from causewatch.contracts.compile import Contract
from causewatch.faults.trust import Trust
from causewatch.graph.inbound import estimated_bytes
from causewatch.incidents.fingerprint import incident_key
from causewatch.incidents.gather import REOPEN_WITHIN_NS, IncidentChange, gather
from causewatch.model.finding import Alert, Finding
from causewatch.model.judgement import Assessment
from causewatch.novelty.watch import Watch
from causewatch.paths.template import PathTemplate
from causewatch.rules.backoff import Failing
from causewatch.rules.bundle import Group
from causewatch.rules.evaluate import evaluate, needs_of, plan_of
from causewatch.rules.health import FailingRule
from causewatch.rules.identity import rule_id_of
from causewatch.rules.state import ACTIVE, advance, backwards, resolve_vanished
from causewatch.rules.subject import SETTLED_LATE, subject_of
from causewatch.sampling.facts import Matched
from causewatch.signatures.plan import Plan
from causewatch.signatures.subject import Subject
from causewatch.store.port import Store
from causewatch.telemetry.metrics import Metrics

MAX_PENDING_RUNS = 1_000
MAX_PENDING_MIB = 512
"""Of the runs that wait for one group: what they hold is in memory, whatever their number."""
MAX_ENDED_RUNS = 200
"""Runs that ended and were looked at early, whose subjects are kept until they are complete."""
MAX_FAILURES = 5
"""Failed looks in a row after which the other groups no longer wait for a group."""
NS_PER_S = 1_000_000_000

log = structlog.get_logger("causewatch.rules")


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An assessed run that a group has yet to look at; ``first_batch`` is the oldest it needs."""

    assessment: Assessment
    first_batch: int
    size_bytes: int
    subject: Callable[[], Subject]
    """What signatures are evaluated over; made once, for all groups that look at the run."""


class Groups:
    """The rule groups of the loaded bundle and what each has yet to look at."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        store: Store,
        metrics: Metrics,
        tell: Callable[[Sequence[IncidentChange], int], None],
        key_of: Callable[[Alert], str] = incident_key,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._tell = tell
        self._key_of = key_of
        self._lock = threading.Lock()
        self._pending: dict[str, list[Pending]] = {}
        self._evaluating: dict[str, int] = {}
        self._failures: Counter[str] = Counter()
        self._took_s: dict[str, float] = {}
        self._health = RuleHealth(metrics)
        self._plans: dict[str, tuple[Group, Plan]] = {}
        self._ended: dict[str, tuple[Assessment, Callable[[], Subject]]] = {}
        """Runs that ended and were looked at early: most are offered once more as they were."""
        self._needs = needs_of(loaded.bundle.groups)
        self._loaded = loaded
        self.on_offer: Callable[[str], None] = lambda _group: None
        """Called with a group's key when a run waits for it: the cue for an early look."""
        self.on_looked: Callable[[str, Collection[str], Collection[str]], None] = _ignore
        """Called with a group's key when it looked: at which runs, and which may have matched."""
        self.replace(loaded)
        self._measure()

    @property
    def loaded(self) -> Loaded:
        """Return the bundle in force."""
        return self._loaded

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """Return the contracts of all groups, for the pipeline to judge with."""
        return self._loaded.bundle.contracts

    @property
    def paths(self) -> tuple[PathTemplate, ...]:
        """Return the path templates of all groups, for the pipeline to judge with."""
        return self._loaded.bundle.paths

    @property
    def watches(self) -> tuple[Watch, ...]:
        """Return what the paths of all groups watch for as new."""
        return self._loaded.bundle.watches

    @property
    def trust(self) -> tuple[Trust, ...]:
        """Return whose results may steer actions, for the pipeline to judge with."""
        return self._loaded.bundle.trust

    def keys(self) -> tuple[str, ...]:
        """Return the keys of the groups."""
        return tuple(group.key for group in self._loaded.bundle.groups)

    def group(self, key: str) -> Group | None:
        """Return a group of the bundle in force."""
        return next((g for g in self._loaded.bundle.groups if g.key == key), None)

    def replace(self, loaded: Loaded) -> None:
        """Put a new bundle in force. Runs that wait for a group of the same name go on waiting."""
        with self._lock:
            self._loaded = loaded
            keys = {group.key for group in loaded.bundle.groups}
            self._needs = needs_of(loaded.bundle.groups)
            # What the old rules did not read was not derived; the new ones may read it.
            self._pending = {
                key: [
                    msgspec.structs.replace(each, subject=self._subject(each.assessment))
                    for each in self._pending.get(key, ())
                ]
                for key in keys
            }
            self._plans.clear()
            self._ended.clear()
            self._failures.clear()
        self._health.replace(loaded.bundle)

    def failing(self, now_ns: int) -> tuple[FailingRule, ...]:
        """Return the rules that cannot be evaluated, for people to be told of."""
        return self._health.failing(self._loaded.bundle.groups, now_ns)

    def failing_of(self, group: Group, now_ns: int) -> Mapping[str, Failing]:
        """Return what is remembered of failures in one group, by rule id; its own has no id."""
        return self._health.failing_of(group, now_ns)

    def took_s(self, key: str) -> float | None:
        """Return how long the last look of a group took, ``None`` before the first."""
        return self._took_s.get(key)

    def failures(self, key: str) -> int:
        """Return how many looks of a group failed in a row."""
        return self._failures[key]

    def regroup(self, key_of: Callable[[Alert], str]) -> None:
        """Let what begins to fire from now on be gathered by other keys."""
        self._key_of = key_of

    def _subject(self, assessment: Assessment) -> Callable[[], Subject]:
        needs = self._needs
        return cache(lambda: subject_of(assessment, needs))

    def _offered(self, assessment: Assessment) -> Callable[[], Subject]:
        """Return the subject of a run that is offered; the one it had early if that tells the same.

        To derive and to index it costs as much as to judge the run.
        """
        run_id = assessment.graph.run_id
        early, known = self._ended.pop(run_id, (None, None))
        if early is not None and known is not None and _tells_same(early, assessment):
            return known
        subject = self._subject(assessment)
        if assessment.graph.state == "early" and assessment.has_ended:
            self._ended[run_id] = assessment, subject
            while len(self._ended) > MAX_ENDED_RUNS:
                del self._ended[next(iter(self._ended))]
        return subject

    def matched(self, assessment: Assessment) -> tuple[Matched, ...]:
        """Return the rules that match a run, at once; nothing comes of it but the answer."""
        subject = self._subject(assessment)
        found: dict[Matched, None] = {}
        for group in self._loaded.bundle.groups:
            try:
                made = evaluate(group, assessment, 0, subject(), self._plan(group))
            except Exception:
                # As in ``_find``, which counts it: the group's look is yet to come.
                log.exception("run passed over", group=group.key, run=assessment.graph.run_id)
                continue
            for finding in made.findings:
                labels = finding.labels
                severity = labels.get("severity", "")
                found[Matched(finding.rule_id, labels.get("alertname", ""), severity)] = None
        return tuple(found)

    def is_full(self) -> bool:
        """Tell whether some group is so far behind that no more runs should be read."""
        with self._lock:
            return any(
                _is_full(waiting)
                for key, waiting in self._pending.items()
                if self._failures[key] < MAX_FAILURES
            )

    def has_waiting(self, key: str) -> bool:
        """Tell whether a run waits for a group."""
        with self._lock:
            return bool(self._pending.get(key))

    def drop_waiting(self) -> None:
        """Let no run wait any more: whoever offered them begins anew from what is durable."""
        with self._lock:
            for waiting in self._pending.values():
                waiting.clear()
            self._ended.clear()

    def offer(self, assessment: Assessment, *, first_batch: int) -> None:
        """Let every group look at a run. A newer assessment of a waiting run takes its place."""
        run_id = assessment.graph.run_id
        size_bytes = sum(estimated_bytes(step.span) for step in assessment.graph.steps)
        with self._lock:
            subject = self._offered(assessment)
            for key, waiting in self._pending.items():
                older = [p for p in waiting if p.assessment.graph.run_id == run_id]
                first = min([first_batch, *(p.first_batch for p in older)])
                if older:
                    waiting[:] = [p for p in waiting if p.assessment.graph.run_id != run_id]
                waiting.append(
                    Pending(
                        assessment=assessment,
                        first_batch=first,
                        size_bytes=size_bytes,
                        subject=subject,
                    )
                )
                self._drop_unlooked(key, waiting)
            keys = list(self._pending)
        for key in keys:
            self.on_offer(key)

    def _drop_unlooked(self, key: str, waiting: list[Pending]) -> None:
        """Give up the oldest runs of a group that fails and fails: nobody is held up by it."""
        while self._failures[key] >= MAX_FAILURES and len(waiting) > 1 and _is_full(waiting):
            del waiting[0]
            self._metrics.group_dropped_runs.labels(group=key).inc()

    def low_watermark(self) -> int | None:
        """Return the oldest batch that a waiting or just evaluated run needs, ``None`` if none."""
        with self._lock:
            waiting = [p.first_batch for group in self._pending.values() for p in group]
            return min([*waiting, *self._evaluating.values()], default=None)

    def evaluate(self, key: str, slot_ns: int) -> None:
        """Evaluate one group for one slot. On an exception nothing changes and the runs wait on."""
        group = self.group(key)
        if group is None:
            return
        started = time.perf_counter()
        taken = self._take(key)
        try:
            found, unsure = self._find(group, taken, slot_ns)
            with self._store.transaction():
                # Rules that a reload took away meanwhile must not fire again: nothing would end
                # them. It ends what they left only after this transaction.
                in_force = self.group(key) is group
                if in_force:
                    self._decide(group, found, slot_ns)
        except BaseException as error:
            self._give_back(key, taken, failed=True)
            self._health.group_failed(group, error, slot_ns)
            raise
        if not in_force:
            self._give_back(key, taken, failed=False)
            self.on_offer(key)
            return
        self._looked(key, slot_ns, time.perf_counter() - started)
        matched = unsure | {finding.run_id for finding in found}
        self.on_looked(key, [p.assessment.graph.run_id for p in taken], matched)

    def _looked(self, key: str, slot_ns: int, took_s: float) -> None:
        with self._lock:
            self._evaluating.pop(key, None)
            self._failures.pop(key, None)
        self._took_s[key] = took_s
        self._metrics.group_last_duration_seconds.labels(group=key).set(took_s)
        self._metrics.group_last_evaluation_timestamp_seconds.labels(group=key).set(
            slot_ns / NS_PER_S
        )

    def _take(self, key: str) -> list[Pending]:
        with self._lock:
            taken = list(self._pending.get(key, ()))
            if taken:
                self._pending[key].clear()
                self._evaluating[key] = min(p.first_batch for p in taken)
            return taken

    def _give_back(self, key: str, taken: Sequence[Pending], *, failed: bool) -> None:
        """Let runs wait on, unless a reload took their group away: nobody would look at them."""
        with self._lock:
            if key in self._pending:
                self._pending[key][:0] = taken
                self._failures[key] += failed
            self._evaluating.pop(key, None)

    def _plan(self, group: Group) -> Plan:
        """Return the plan of a group, made when it is first looked at after a reload."""
        known = self._plans.get(group.key)
        if known is None or known[0] is not group:
            known = self._plans[group.key] = (group, plan_of(group))
        return known[1]

    def _find(
        self, group: Group, taken: Sequence[Pending], slot_ns: int
    ) -> tuple[list[Finding], set[str]]:
        """Return what was found, and the runs of which a rule that failed might have told more."""
        found: list[Finding] = []
        unsure: set[str] = set()
        asked: Counter[str] = Counter()
        plan = self._plan(group)
        for pending in taken:
            assessment = pending.assessment
            resting = self._health.resting(group, slot_ns)
            try:
                subject = pending.subject()
                evaluation = evaluate(group, assessment, slot_ns, subject, plan, resting=resting)
            except Exception as error:
                # The same run would fail at every look, and no rule would see the others.
                self._metrics.rule_evaluation_failures.labels(rule=group.key).inc()
                log.exception("run passed over", group=group.key, run=assessment.graph.run_id)
                self._health.group_failed(group, error, slot_ns, assessment.graph.run_id)
                unsure.add(assessment.graph.run_id)
                continue
            self._health.looked(group, evaluation, slot_ns, resting)
            asked.update(r.rule_id for r in evaluation.asked if r.rule_id not in resting)
            found.extend(evaluation.findings)
            for failure in evaluation.failures:
                unsure.add(failure.run_id)
                self._metrics.rule_evaluation_failures.labels(rule=failure.rule_id).inc()
                log.error(
                    "rule failed", rule=failure.rule_id, run=failure.run_id, reason=failure.reason
                )
        for rule_id, count in asked.items():
            self._metrics.rule_evaluations.labels(rule=rule_id).inc(count)
        return found, unsure

    def _decide(self, group: Group, found: Sequence[Finding], slot_ns: int) -> None:
        """Move alert states and gather incidents; runs inside of the caller's transaction."""
        for finding in self._store.add_findings(found):
            self._metrics.findings.labels(rule=finding.rule_id).inc()
        own = rule_id_of(group.key, "")
        alerts = self._store.alerts(active_only=False, of=own)
        previous_ns = self._store.group_slot_ns(group.key)
        ignored = backwards(alerts, slot_ns, previous_ns)
        if ignored is not None:
            # The clock went back: the findings are kept and count at the next slot that is later.
            log.warning("slot ignored", group=group.key, reason=ignored)
            return
        changed = advance(
            group,
            self._history(group, previous_ns if previous_ns is not None else slot_ns),
            alerts,
            slot_ns,
            previous_slot_ns=previous_ns,
        )
        self.apply(changed, slot_ns)
        self._store.put_group_slot_ns(group.key, slot_ns)

    def apply(self, changed: Sequence[Alert], slot_ns: int) -> None:
        """Store changed alerts, gather incidents, queue messages; inside of a transaction."""
        if not changed:
            return  # all open incidents are read below, and the whole store waits for that
        revision = self._loaded.source.revision
        changed = [msgspec.structs.replace(alert, revision=revision) for alert in changed]
        self._store.put_alerts(changed)
        live = self._store.live_incidents(resolved_since_ns=slot_ns - REOPEN_WITHIN_NS)
        changes = gather(live, changed, slot_ns, key_of=self._key_of)
        self._store.put_incidents([change.incident for change in changes])
        self._tell(changes, slot_ns)
        self._measure()

    def _measure(self) -> None:
        counts = self._store.alert_counts()
        for state in ACTIVE:
            self._metrics.alerts.labels(state=state).set(counts.get(state, 0))
        self._metrics.incidents.labels(state="open").set(self._store.open_incident_count())

    def resolve_vanished(self, now_ns: int) -> None:
        """End the alerts of rules that the bundle in force no longer has."""
        with self._store.transaction():
            alerts = self._store.alerts()
            self.apply(resolve_vanished(self._loaded.bundle, alerts, now_ns), now_ns)

    def _history(self, group: Group, from_ns: int) -> dict[str, Sequence[Finding]]:
        """Return each rule's findings that can count at or after ``from_ns``."""
        return {
            rule.rule_id: self._store.findings(
                rule.rule_id, since_ns=from_ns - int(rule.window_s * NS_PER_S)
            )
            for rule in group
        }


def _ignore(_group: str, _run_ids: Collection[str], _matched: Collection[str]) -> None:
    """Nobody asks what came of it."""


def _tells_same(early: Assessment, late: Assessment) -> bool:
    """Tell whether nothing differs but that the run is complete by now."""
    if early.graph.steps is not late.graph.steps:
        return False  # more came
    if any(fault.name in SETTLED_LATE for fault in early.faults):
        return False  # of a run under way these do not count yet
    alike = msgspec.structs.replace(early, graph=late.graph, has_ended=late.has_ended)
    return alike == late


def _is_full(waiting: Sequence[Pending]) -> bool:
    size_bytes = sum(pending.size_bytes for pending in waiting)
    return len(waiting) >= MAX_PENDING_RUNS or size_bytes >= MAX_PENDING_MIB * 1024 * 1024
