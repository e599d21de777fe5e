"""Plays rules over judged runs in virtual time: the daemon's own machinery, without the daemon.

Runs arrive at times; every group looks at a run as soon as it arrives, as the daemon's early looks
do, and once more at each time that is asked for. What happens between two looks is replayed by
``state.advance`` from change to change, so no slot in between could make a difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from causewatch.model.finding import Alert, Finding
from causewatch.model.judgement import Assessment
from causewatch.rules.bundle import Bundle, Group
from causewatch.rules.evaluate import RuleFailure, evaluate, needs_of, plan_of
from causewatch.rules.state import advance
from causewatch.rules.subject import subject_of
from causewatch.signatures.subject import Subject


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


def rehearse(
    bundle: Bundle, arrivals: Iterable[Arrival], times_ns: Iterable[int]
) -> tuple[Look, ...]:
    """Return a look for each time a run arrives and each time asked for, in order of time.

    A run that arrives at a time is seen in the look at that time.
    """
    by_time: defaultdict[int, list[Assessment]] = defaultdict(list)
    for arrival in arrivals:
        by_time[arrival.at_ns].append(arrival.assessment)
    stage = _Stage(bundle)
    return tuple(
        stage.look(at_ns, by_time.get(at_ns, ())) for at_ns in sorted({*by_time, *times_ns})
    )


class _Stage:
    """Alert rows and findings of all groups, kept from one look to the next."""

    def __init__(self, bundle: Bundle) -> None:
        self._needs = needs_of(bundle.groups)
        self._groups = [_Part(group) for group in bundle.groups]

    def look(self, at_ns: int, runs: Sequence[Assessment]) -> Look:
        subjects = [(run, subject_of(run, self._needs)) for run in runs]
        found: list[Finding] = []
        failures: list[RuleFailure] = []
        changed = [part.look(at_ns, subjects, found, failures) for part in self._groups]
        alerts = (alert for part in self._groups for alert in part.rows.values())
        return Look(
            at_ns=at_ns,
            changed=tuple(rows for rows in changed if rows),
            alerts=tuple(alerts),
            findings=tuple(found),
            failures=tuple(failures),
        )


class _Part:
    """One group: what the daemon's store holds of it."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._plan = plan_of(group)
        self._findings: dict[str, dict[object, Finding]] = {rule.rule_id: {} for rule in group}
        self._slot_ns: int | None = None
        self.rows: dict[object, Alert] = {}

    def look(
        self,
        at_ns: int,
        runs: Sequence[tuple[Assessment, Subject]],
        found: list[Finding],
        failures: list[RuleFailure],
    ) -> tuple[Alert, ...]:
        for assessment, subject in runs:
            evaluation = evaluate(self._group, assessment, at_ns, subject, self._plan)
            failures.extend(evaluation.failures)
            found.extend(evaluation.findings)
            for finding in evaluation.findings:
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
