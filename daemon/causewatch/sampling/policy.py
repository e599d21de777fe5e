"""Policies, checked: what keeps a run, or drops it.

A *condition* is true or false of a run. A *chance* keeps a share of the runs, a *limit* so many of
them; these two, and what has one of them inside, cannot stand under ``Not`` or be dropped by: what
is left over from a share is no share that a trace state can tell.
"""

from __future__ import annotations

import msgspec

from causewatch.model.judgement import FaultName, RunVerdictName
from causewatch.model.span import StatusCode
from causewatch.sampling.facts import NovelKind


class _Policy(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What all of them are: immutable values."""


class Always(_Policy, frozen=True, kw_only=True):
    """Every run."""


class RuleMatched(_Policy, frozen=True, kw_only=True):
    """Runs that a rule matched; globs of alert names, severities. Empty: any."""

    alerts: tuple[str, ...] = ()
    severities: frozenset[str] = frozenset()


class VerdictIs(_Policy, frozen=True, kw_only=True):
    """Runs with one of these verdicts."""

    verdicts: frozenset[RunVerdictName]


class FaultSeen(_Policy, frozen=True, kw_only=True):
    """Runs with one of these faults, or with any."""

    faults: frozenset[FaultName] = frozenset()


class StatusIs(_Policy, frozen=True, kw_only=True):
    """Runs with a span of one of these statuses."""

    codes: frozenset[StatusCode]


class LatencyIs(_Policy, frozen=True, kw_only=True):
    """Runs that took longer than ``above_ns`` and, where that is given, at most ``most_ns``."""

    above_ns: int
    most_ns: int | None = None


class SpanCount(_Policy, frozen=True, kw_only=True):
    """Runs of at least, and where it is not ``None`` at most, so many spans."""

    least: int
    most: int | None = None


class TextIs(_Policy, frozen=True, kw_only=True):
    """Runs with an attribute of one of these values, or in which a pattern (RE2) is found."""

    key: str
    values: tuple[str, ...]
    are_patterns: bool = False


class NumberIs(_Policy, frozen=True, kw_only=True):
    """Runs with a numeric attribute from ``least`` to ``most``, both included."""

    key: str
    least: float
    most: float


class BooleanIs(_Policy, frozen=True, kw_only=True):
    """Runs with a boolean attribute of this value."""

    key: str
    value: bool


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """So much within any interval of this length."""

    amount: int
    interval_ns: int


class NovelRuns(_Policy, frozen=True, kw_only=True):
    """Runs that are new in one of these ways: all within ``budget``, past it those of a share.

    Without a budget it is a plain condition.
    """

    kinds: frozenset[NovelKind]
    budget: Allowance | None = None
    threshold: int = 0
    """What is kept past the budget, as a threshold."""


class Share(_Policy, frozen=True, kw_only=True):
    """A share of the runs, by trace id."""

    threshold: int


class Rate(_Policy, frozen=True, kw_only=True):
    """As many runs or spans as fit."""

    limit: Allowance
    counts: str
    """``runs`` or ``spans``."""


class Both(_Policy, frozen=True, kw_only=True):
    """Runs that every one of these keeps."""

    parts: tuple[Policy, ...]


class Other(_Policy, frozen=True, kw_only=True):
    """Runs of which this, a condition, is not true."""

    part: Policy


Policy = (
    Always | RuleMatched | VerdictIs | FaultSeen | StatusIs | LatencyIs | SpanCount | TextIs
    | NumberIs | BooleanIs | NovelRuns | Share | Rate | Both | Other
)  # fmt: skip


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A policy and what its decisions call it."""

    name: str
    policy: Policy


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """All policies: a run that one of ``drops`` is true of is dropped, else any keep is enough."""

    keeps: tuple[Named, ...] = ()
    drops: tuple[Named, ...] = ()


def is_condition(policy: Policy) -> bool:
    """Tell whether a policy is true or false of a run, with no chance and no limit in it."""
    match policy:
        case Share() | Rate():
            return False
        case NovelRuns():
            return policy.budget is None
        case Both():
            return all(is_condition(part) for part in policy.parts)
        case _:
            return True


def has_limit(policy: Policy) -> bool:
    """Tell whether a policy spends a budget."""
    match policy:
        case Rate():
            return True
        case NovelRuns():
            return policy.budget is not None
        case Both():
            return any(has_limit(part) for part in policy.parts)
        case _:
            return False


def has_rate(policy: Policy) -> bool:
    """Tell whether a policy keeps so many of the runs, whichever these are."""
    match policy:
        case Rate():
            return True
        case Both():
            return any(has_rate(part) for part in policy.parts)
        case _:
            return False
