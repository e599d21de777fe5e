"""Whether a condition is true of a run, and the sentence that says why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from typing import Any

import re2

from causewatch.model.span import StatusCode
from causewatch.model.value import Value
from causewatch.sampling.facts import Facts, NovelKind
from causewatch.sampling.policy import (
    Always,
    BooleanIs,
    Both,
    FaultSeen,
    LatencyIs,
    NovelRuns,
    NumberIs,
    Other,
    Policy,
    Rate,
    RuleMatched,
    Share,
    SpanCount,
    StatusIs,
    TextIs,
    VerdictIs,
)

NS_PER_S = 1_000_000_000


Why = str | None
"""Why a condition is true of a run, in a sentence; ``None`` where it is not true."""
Condition = Callable[[Facts], Why]


def condition_of(policy: Policy) -> Condition:  # noqa: C901, PLR0911  # one answer for each policy
    """Return what tells why a condition is true of a run, made once for all runs.

    Of a live run only what can no longer become false is true.

    Raises:
        TypeError: the policy is no condition.
    """
    match policy:
        case Always():
            return lambda _facts: "Every run is kept."
        case VerdictIs():
            return partial(_verdict, policy.verdicts)
        case StatusIs():
            return partial(_status, policy.codes)
        case LatencyIs():
            return partial(_latency, policy)
        case RuleMatched():
            return partial(_rule, policy)
        case FaultSeen():
            return partial(_fault, policy.faults)
        case SpanCount():
            return partial(_span_count, policy)
        case TextIs() | NumberIs() | BooleanIs():
            return partial(_attribute, policy)
        case NovelRuns():
            return partial(_novel, policy.kinds)
        case Both():
            return partial(_both, [condition_of(part) for part in policy.parts])
        case Other():
            return partial(_other, condition_of(policy.part))
        case Share() | Rate():
            raise TypeError("a share or a rate is not true or false of a run")


def _verdict(verdicts: Collection[str], facts: Facts) -> Why:
    return f"The run was judged {facts.verdict}." if facts.verdict in verdicts else None


def _status(codes: frozenset[StatusCode], facts: Facts) -> Why:
    found = facts.statuses() & codes
    return f"A span has the status {min(found)}." if found else None


def _fault(faults: frozenset[str], facts: Facts) -> Why:
    seen = facts.faults & faults if faults else facts.faults
    return f"A fault was seen: {', '.join(sorted(seen))}." if seen else None


def _novel(kinds: frozenset[NovelKind], facts: Facts) -> Why:
    found = facts.novel & kinds
    return f"New in this run: {', '.join(sorted(found))}." if found else None


def _attribute(policy: TextIs | NumberIs | BooleanIs, facts: Facts) -> Why:
    if any(_fits(policy, value) for value in facts.attribute(policy.key)):
        return f"The attribute {policy.key} is as asked for."
    return None


def _other(condition: Condition, facts: Facts) -> Why:
    if facts.is_live or condition(facts) is not None:
        return None
    return "What stands under `not` is not true of it."


def _both(conditions: Iterable[Condition], facts: Facts) -> Why:
    reasons = []
    for condition in conditions:
        reason = condition(facts)
        if reason is None:
            return None
        reasons.append(reason)
    return " ".join(reasons)


def _latency(policy: LatencyIs, facts: Facts) -> Why:
    if facts.duration_ns <= policy.above_ns:
        return None
    if policy.most_ns is not None and (facts.is_live or facts.duration_ns > policy.most_ns):
        return None
    took_s, above_s = facts.duration_ns / NS_PER_S, policy.above_ns / NS_PER_S
    return f"The run took {took_s:.3g} s, longer than {above_s:g} s."


def _span_count(policy: SpanCount, facts: Facts) -> Why:
    if facts.span_count < policy.least:
        return None
    if policy.most is not None and (facts.is_live or facts.span_count > policy.most):
        return None
    return f"The run has {facts.span_count} spans."


def _rule(policy: RuleMatched, facts: Facts) -> Why:
    for rule in facts.matched():
        named = not policy.alerts or any(fnmatchcase(rule.alertname, g) for g in policy.alerts)
        if named and (not policy.severities or rule.severity in policy.severities):
            return f"The rule {rule.alertname} matched."
    return None


def _fits(policy: TextIs | NumberIs | BooleanIs, value: Value) -> bool:
    if isinstance(value, list):
        return any(_fits(policy, item) for item in value if not isinstance(item, list))
    match policy:
        case TextIs():
            if not isinstance(value, str):
                return False
            if policy.are_patterns:
                return any(_pattern(text).search(value) is not None for text in policy.values)
            return value in policy.values
        case NumberIs():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and policy.least <= value <= policy.most  # type: ignore[operator]  # is a number
        case BooleanIs():
            return value is policy.value


@lru_cache(maxsize=1_000)
def _pattern(text: str) -> Any:
    """Return a compiled pattern; RE2's take time in proportion to the text, whatever they are."""
    return re2.compile(text)
