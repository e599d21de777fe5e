"""Plays rules over judged runs in virtual time: the daemon's own machinery, without the daemon.

Runs arrive at times; every group looks at a run as soon as it arrives, as the daemon's early looks
do, and once more at each time that is asked for. What happens between two looks is replayed by
``state.advance`` from change to change, so no slot in between could make a difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from causewatch.model.finding import Alert, Finding
from causewatch.model.judgement import Assessment
from causewatch.rules.bundle import Bundle, Group
from causewatch.rules.evaluate import Evaluation, RuleFailure, evaluate, needs_of, plan_of
from causewatch.rules.state import advance
from causewatch.rules.subject import subject_of

MAX_KEPT_RUNS = 1_000


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A judged run, and the Unix time at which it is there to be looked at."""

    at_ns: int
    assessment: Assessment


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """All groups at one time: what changed, and every row that is then known."""

    at_ns: int
    changed: tuple[tuple[Alert, ...], ...] = ()
    """The alerts that changed, for each group that had any."""
    alerts: tuple[Alert, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What matched in the runs that arrived since the look before."""
    failures: tuple[RuleFailure, ...] = ()


class Evaluator:
    """Evaluates the groups of a bundle over runs, each group over each run once.

    What a group finds in a run does not depend on when it looks, so rehearsals that share runs
    share this too.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._needs = needs_of(bundle.groups)
        self._plans = {group.key: plan_of(group) for group in bundle.groups}
        self._known: dict[int, tuple[Assessment, dict[str, Evaluation]]] = {}

    def evaluations(self, run: Assessment, at_ns: int) -> dict[str, Evaluation]:
        """Return what each group, by its key, finds in a run at a time."""
        known = self._known.get(id(run))
        if known is None:
            # The run is kept beside, so that no other one can take its identity.
            known = self._known[id(run)] = run, self._evaluated(run)
            if len(self._known) > MAX_KEPT_RUNS:
                del self._known[next(iter(self._known))]
        return {key: _at(evaluation, at_ns) for key, evaluation in known[1].items()}

    def _evaluated(self, run: Assessment) -> dict[str, Evaluation]:
        subject = subject_of(run, self._needs)
        return {
            group.key: evaluate(group, run, 0, subject, self._plans[group.key])
            for group in self.bundle.groups
        }


def _at(evaluation: Evaluation, at_ns: int) -> Evaluation:
    findings = tuple(msgspec.structs.replace(f, at_ns=at_ns) for f in evaluation.findings)
    return msgspec.structs.replace(evaluation, findings=findings)


def rehearse(
    evaluator: Evaluator, arrivals: Iterable[Arrival], times_ns: Iterable[int]
) -> tuple[Look, ...]:
    """Return a look for each time a run arrives and each time asked for, in order of time.

    A run that arrives at a time is seen in the look at that time.
    """
    by_time: defaultdict[int, list[Assessment]] = defaultdict(list)
    for arrival in arrivals:
        by_time[arrival.at_ns].append(arrival.assessment)
    stage = _Stage(evaluator)
    return tuple(
        stage.look(at_ns, by_time.get(at_ns, ())) for at_ns in sorted({*by_time, *times_ns})
    )


class _Stage:
    """Alert rows and findings of all groups, kept from one look to the next."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._groups = [_Part(group) for group in evaluator.bundle.groups]

    def look(self, at_ns: int, runs: Sequence[Assessment]) -> Look:
        seen = [self._evaluator.evaluations(run, at_ns) for run in runs]
        changed = [part.look(at_ns, seen) for part in self._groups]
        every = [evaluation for each in seen for evaluation in each.values()]
        return Look(
            at_ns=at_ns,
            changed=tuple(rows for rows in changed if rows),
            alerts=tuple(alert for part in self._groups for alert in part.rows.values()),
            findings=tuple(finding for each in every for finding in each.findings),
            failures=tuple(failure for each in every for failure in each.failures),
        )


class _Part:
    """One group: what the daemon's store holds of it."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._findings: dict[str, dict[object, Finding]] = {rule.rule_id: {} for rule in group}
        self._slot_ns: int | None = None
        self.rows: dict[object, Alert] = {}

    def look(self, at_ns: int, seen: Sequence[Mapping[str, Evaluation]]) -> tuple[Alert, ...]:
        for evaluations in seen:
            for finding in evaluations[self._group.key].findings:
                key = finding.run_id, tuple(sorted(finding.labels.items()))
                self._findings[finding.rule_id].setdefault(key, finding)
        changed = advance(
            self._group,
            {rule_id: tuple(known.values()) for rule_id, known in self._findings.items()},
            tuple(self.rows.values()),
            at_ns,
            previous_slot_ns=self._slot_ns,
        )
        self._slot_ns = at_ns
        for alert in changed:
            if alert.state == "inactive":
                self.rows.pop(alert.fingerprint, None)
            else:
                self.rows[alert.fingerprint] = alert
        return changed
