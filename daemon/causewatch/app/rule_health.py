"""Remembers which rules fail, so that they rest and people are told; groups write, a look reads."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable

from causewatch.rules.backoff import Failing, failed, is_over, is_resting, rested, worked
from causewatch.rules.bundle import Bundle, Group
from causewatch.rules.evaluate import Evaluation, reason_of
from causewatch.rules.health import FailingRule
from causewatch.rules.identity import rule_id_of
from causewatch.telemetry.metrics import Metrics

_Known = tuple[str, Failing]
"""The version of a rule, and what is remembered of it."""


class RuleHealth:
    """The rules in an episode of failures, by group and rule id; a whole group has an empty id."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, _Known]] = {}

    def resting(self, group: Group, now_ns: int) -> Collection[str]:
        """Return the ids of a group's rules of which nothing is to be asked now."""
        known = self._known.get(group.key)
        if not known:
            return ()
        with self._lock:
            return {key for key, (_, failing) in known.items() if is_resting(failing, now_ns)}

    def looked(
        self, group: Group, evaluation: Evaluation, now_ns: int, resting: Collection[str]
    ) -> None:
        """Take in what came of one run."""
        if not evaluation.failures and not self._known.get(group.key):
            return
        with self._lock:
            known = self._known.setdefault(group.key, {})
            failures = {failure.rule_id: failure for failure in evaluation.failures}
            for rule in evaluation.asked:
                version, before = known.get(rule.rule_id, (rule.version, Failing()))
                if rule.rule_id in failures:
                    found = failures[rule.rule_id]
                    after = failed(before, reason=found.reason, run_id=found.run_id, now_ns=now_ns)
                elif rule.rule_id in resting:
                    self._metrics.rule_rested_runs.labels(rule=rule.rule_id).inc()
                    after = rested(before)
                elif rule.rule_id in known:
                    after = worked(before)
                else:
                    continue
                known[rule.rule_id] = version, after

    def group_failed(
        self, group: Group, error: BaseException, now_ns: int, run_id: str = ""
    ) -> None:
        """Take in that nothing could be made of a group, or of one run by all of its rules."""
        with self._lock:
            known = self._known.setdefault(group.key, {})
            _, before = known.get("", ("", Failing()))
            after = failed(before, reason=reason_of(error), run_id=run_id, now_ns=now_ns)
            known[""] = "", after

    def replace(self, bundle: Bundle) -> None:
        """Forget rules that are gone or have changed: they start anew."""
        versions = {rule.rule_id: rule.version for group in bundle.groups for rule in group}
        with self._lock:
            for known in self._known.values():
                for rule_id, (version, _) in tuple(known.items()):
                    if versions.get(rule_id) != version:
                        del known[rule_id]

    def failing(self, groups: Iterable[Group], now_ns: int) -> tuple[FailingRule, ...]:
        """Return the rules in an episode of failures; those whose episode is over are forgotten."""
        found: list[FailingRule] = []
        with self._lock:
            for group in groups:
                known = self._known.get(group.key, {})
                for rule_id, (_, failing) in tuple(known.items()):
                    if is_over(failing, now_ns):
                        del known[rule_id]
                        continue
                    name = rule_id.removeprefix(rule_id_of(group.key, ""))
                    found.append(
                        FailingRule(
                            group=group.name, rule=name, labels=group.labels, failing=failing
                        )
                    )
        return tuple(found)

    def failing_of(self, group: Group, now_ns: int) -> dict[str, Failing]:
        """Return what is remembered of one group's failures, by rule id."""
        with self._lock:
            known = self._known.get(group.key, {})
            return {
                rule_id: failing
                for rule_id, (_, failing) in known.items()
                if not is_over(failing, now_ns)
            }
