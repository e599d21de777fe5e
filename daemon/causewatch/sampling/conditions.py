"""Whether a condition is true of a run, and the sentence that says why."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import re2

from causewatch.model.value import Value
from causewatch.sampling.facts import Facts
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


def why(policy: Policy, facts: Facts) -> str | None:  # noqa: C901, PLR0911, PLR0912  # one answer for each policy
    """Return why a condition is true of a run, ``None`` where it is not.

    Of a live run only what can no longer become false is true.

    Raises:
        TypeError: the policy is no condition.
    """
    match policy:
        case Always():
            return "Every run is kept."
        case VerdictIs():
            is_true = facts.verdict is not None and facts.verdict in policy.verdicts
            return f"The run was judged {facts.verdict}." if is_true else None
        case StatusIs():
            found = sorted(facts.statuses() & policy.codes)
            return f"A span has the status {found[0]}." if found else None
        case LatencyIs():
            return _latency(policy, facts)
        case RuleMatched():
            return _rule(policy, facts)
        case FaultSeen():
            seen = sorted(facts.faults & policy.faults if policy.faults else facts.faults)
            return f"A fault was seen: {', '.join(seen)}." if seen else None
        case SpanCount():
            return _span_count(policy, facts)
        case TextIs() | NumberIs() | BooleanIs():
            fits = any(_fits(policy, value) for value in facts.attribute(policy.key))
            return f"The attribute {policy.key} is as asked for." if fits else None
        case NovelRuns():
            kinds = sorted(facts.novel & policy.kinds)
            return f"New in this run: {', '.join(kinds)}." if kinds else None
        case Both():
            return _both(policy.parts, facts)
        case Other():
            if facts.is_live or why(policy.part, facts) is not None:
                return None
            return "What stands under `not` is not true of it."
        case Share() | Rate():
            raise TypeError("a share or a rate is not true or false of a run")


def _both(parts: Iterable[Policy], facts: Facts) -> str | None:
    reasons = []
    for part in parts:
        reason = why(part, facts)
        if reason is None:
            return None
        reasons.append(reason)
    return " ".join(reasons)


def _latency(policy: LatencyIs, facts: Facts) -> str | None:
    if facts.duration_ns <= policy.above_ns:
        return None
    if policy.most_ns is not None and (facts.is_live or facts.duration_ns > policy.most_ns):
        return None
    took_s, above_s = facts.duration_ns / NS_PER_S, policy.above_ns / NS_PER_S
    return f"The run took {took_s:.3g} s, longer than {above_s:g} s."


def _span_count(policy: SpanCount, facts: Facts) -> str | None:
    if facts.span_count < policy.least:
        return None
    if policy.most is not None and (facts.is_live or facts.span_count > policy.most):
        return None
    return f"The run has {facts.span_count} spans."


def _rule(policy: RuleMatched, facts: Facts) -> str | None:
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
