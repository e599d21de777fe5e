"""Gathers how each rule of the bundle in force is doing, for people who ask the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from causewatch.app.groups import Groups
from causewatch.model.finding import Alert
from causewatch.rules.backoff import Failing
from causewatch.rules.bundle import AnyRule, ContractRule, Group, NoveltyRule, PathRule
from causewatch.rules.state import ACTIVE
from causewatch.store.port import Store
from causewatch.telemetry.metrics import Metrics
from causewatch.web.rules import GroupStatus, RuleHealthWord, RuleKind, RulesStatus, RuleStatus

_URGENCY = ("pending", "keep_firing", "firing")
_Alerts: TypeAlias = Mapping[str, Sequence[Alert]]
_NOT_FAILING = Failing()


def rule_states(groups: Groups, *, store: Store, metrics: Metrics, now_ns: int) -> RulesStatus:
    """Return the groups in force in the order of their files, each with its rules."""
    loaded = groups.loaded
    alerts: dict[str, list[Alert]] = {}
    for alert in store.alerts():
        if alert.state in ACTIVE:
            alerts.setdefault(alert.rule_id, []).append(alert)
    asked = _asked(metrics)
    found: list[GroupStatus] = []
    for group in loaded.bundle.groups:
        failing = groups.failing_of(group, now_ns)
        status = _group_state(group, groups, store, failing)
        blank = [_rule_state(rule, status, alerts, failing, now_ns) for rule in group]
        rules = tuple(
            msgspec.structs.replace(rule, evaluations_count=asked.get(rule.id, 0)) for rule in blank
        )
        found.append(msgspec.structs.replace(status, rules=rules))
    source = loaded.source
    return RulesStatus(revision=source.revision, sha256=source.sha256, groups=tuple(found))


def _asked(metrics: Metrics) -> dict[str, int]:
    """Return how many runs each rule was asked of."""
    return {
        sample.labels["rule"]: int(sample.value)
        for metric in metrics.rule_evaluations.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }


def _group_state(
    group: Group, groups: Groups, store: Store, known: Mapping[str, Failing]
) -> GroupStatus:
    return GroupStatus(
        name=group.name,
        file=group.file,
        interval_s=group.interval_s,
        limit=group.limit,
        last_slot_ns=store.group_slot_ns(group.key) or 0,
        took_s=groups.took_s(group.key),
        failed_looks_count=groups.failures(group.key),
        last_error=known.get("", _NOT_FAILING).reason,
    )


def _rule_state(
    rule: AnyRule, group: GroupStatus, alerts: _Alerts, known: Mapping[str, Failing], now_ns: int
) -> RuleStatus:
    own = alerts.get(rule.rule_id, ())
    failing = known.get(rule.rule_id, _NOT_FAILING)
    health: RuleHealthWord = "ok" if group.last_slot_ns else "unknown"
    if group.failed_looks_count:
        # Nothing can be made of the whole group: that is why the rule tells nothing.
        health, failing = "err", known.get("", failing)
    elif failing.in_a_row:
        health = "err"
    return RuleStatus(
        id=rule.rule_id,
        name=rule.alertname,
        kind=_kind_of(rule),
        place=f"{rule.place.file}:{rule.place.line}",
        version=rule.version,
        state=max((a.state for a in own), key=_URGENCY.index, default="inactive"),
        active_alerts_count=len(own),
        health=health,
        last_error=failing.reason,
        last_error_at_ns=failing.last_at_ns,
        rests_until_ns=failing.retry_at_ns if failing.retry_at_ns > now_ns else 0,
    )


def _kind_of(rule: AnyRule) -> RuleKind:
    match rule:
        case ContractRule():
            return "contract"
        case PathRule():
            return "path"
        case NoveltyRule():
            return "novelty"
        case _:
            return "signature"
