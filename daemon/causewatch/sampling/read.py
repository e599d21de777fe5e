"""Reads the policies of sampling from a checked section of ``causewatch.yaml``."""

from __future__ import annotations

from typing import cast

import re2

from causewatch.model.judgement import FaultName, RunVerdictName
from causewatch.model.span import StatusCode
from causewatch.rules.read import Section
from causewatch.rules.yaml import Problems
from causewatch.sampling.facts import NovelKind
from causewatch.sampling.keys import STATUS_WORDS
from causewatch.sampling.policy import (
    Allowance,
    Always,
    BooleanIs,
    Both,
    FaultSeen,
    LatencyIs,
    Named,
    NovelRuns,
    NumberIs,
    Other,
    Policy,
    Rate,
    RuleMatched,
    Sampling,
    Share,
    SpanCount,
    StatusIs,
    TextIs,
    VerdictIs,
    is_condition,
)
from causewatch.sampling.threshold import threshold_of

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_SECTIONLESS = "always_sample"
_WHICH_KINDS: tuple[NovelKind, ...] = ("edge", "shape", "deviation")
_LOWEST, _HIGHEST = -(2.0**53), 2.0**53


def read_sampling(section: Section | None, problems: Problems) -> Sampling | None:
    """Return the policies, ``None`` where there is no such section; mistakes go to ``problems``."""
    if section is None:
        return None
    _has_empty_list(section, problems)
    keeps: list[Named] = []
    drops: list[Named] = []
    names: set[str] = set()
    for item in section.sections("policies"):
        name = item.text("name")
        if name in names:
            problems.add(item.place_of("name"), "duplicate", f"a second policy {name!r}")
        names.add(name)
        is_drop = item.text("type") == "drop"
        policy = _dropping(item, problems) if is_drop else _policy(item, problems)
        if policy is not None:
            (drops if is_drop else keeps).append(Named(name=name, policy=policy))
    return Sampling(keeps=tuple(keeps), drops=tuple(drops))


def _dropping(item: Section, problems: Problems) -> Policy | None:
    _refuse_others(item, "drop", problems)
    inner = item.section("drop")
    if inner is None or _has_empty_list(inner, problems):
        return None
    return _all(inner, "drop_sub_policy", problems, are_conditions=True)


def _policy(
    item: Section, problems: Problems, *, is_condition_wanted: bool = False
) -> Policy | None:
    """Return a policy, ``None`` for one that cannot be told because of mistakes."""
    kind = item.text("type")
    if not item.is_good("type"):
        return None
    _refuse_others(item, kind, problems)
    if kind == _SECTIONLESS:
        return Always()
    section = item.section(kind)
    if section is None:
        return _without_section(kind, is_condition_wanted=is_condition_wanted)
    if not section.ok or _has_empty_list(section, problems):
        return None
    found = _made(kind, section, problems, is_condition_wanted=is_condition_wanted)
    if is_condition_wanted and found is not None and not is_condition(found):
        message = f"{kind!r} cannot stand under `not` or `drop`: it is not true or false of a run"
        problems.add(item.place_of("type"), "value", message)
    return found


def _has_empty_list(section: Section, problems: Problems) -> bool:
    """Tell of a required list with nothing in it: the policy would be true of no run."""
    empty = [key for key in section.shape.keys if key.required and section.value(key.name) == []]
    for key in empty:
        problems.add(section.place_of(key.name), "value", f"{key.name!r} needs at least one item")
    return bool(empty)


def _without_section(kind: str, *, is_condition_wanted: bool) -> Policy | None:
    match kind:
        case "rule":
            return RuleMatched()
        case "fault":
            return FaultSeen()
        case "novelty":
            return _novelty(None, is_condition_wanted=is_condition_wanted)
        case _:
            return None


def _refuse_others(item: Section, kind: str, problems: Problems) -> None:
    """Tell of a section that is missing, and of one for another type: it would do nothing."""
    own = {"name", "type", kind}
    for entry in item.node.entries:
        if entry.key not in own and item.shape.key(entry.key) is not None:
            message = f"{entry.key!r} does nothing in a policy of type {kind!r}"
            problems.add(entry.key_place, "value", message)
    if kind not in {_SECTIONLESS, "rule", "fault", "novelty"} and not item.has(kind):
        problems.add(item.place, "missing-key", f"a policy of type {kind!r} needs the key {kind!r}")


def _made(  # noqa: PLR0911  # one answer for each type
    kind: str, section: Section, problems: Problems, *, is_condition_wanted: bool
) -> Policy | None:
    match kind:
        case "and":
            name = "and_sub_policy"
            return _all(section, name, problems, are_conditions=is_condition_wanted)
        case "not":
            below = section.section("not_sub_policy")
            part = _policy(below, problems, is_condition_wanted=True) if below else None
            return None if part is None else Other(part=part)
        case "novelty":
            return _novelty(section, is_condition_wanted=is_condition_wanted)
        case "probabilistic":
            return Share(threshold=_threshold(section.number("sampling_percentage")))
        case "rate_limiting":
            return _rate(section, problems)
        case "latency" | "span_count" | "numeric_attribute":
            return _between(kind, section, problems)
        case "string_attribute":
            return _text(section, problems)
        case _:
            return _plain(kind, section)


def _all(section: Section, key: str, problems: Problems, *, are_conditions: bool) -> Policy | None:
    items = section.sections(key)
    parts = [_policy(item, problems, is_condition_wanted=are_conditions) for item in items]
    good = tuple(part for part in parts if part is not None)
    return Both(parts=good) if good and len(good) == len(parts) else None


def _plain(kind: str, section: Section) -> Policy:
    """Return a policy that can have no mistake beyond those of its keys."""
    match kind:
        case "rule":
            severities = frozenset(section.texts("severities"))
            return RuleMatched(alerts=section.texts("alerts"), severities=severities)
        case "incident":
            return RuleMatched(severities=frozenset(section.texts("severities")))
        case "verdict":
            verdicts = cast("tuple[RunVerdictName, ...]", section.texts("verdicts"))
            return VerdictIs(verdicts=frozenset(verdicts))
        case "fault":
            faults = cast("tuple[FaultName, ...]", section.texts("faults"))
            return FaultSeen(faults=frozenset(faults))
        case "status_code":
            words = [word for word in STATUS_WORDS if word in section.texts("status_codes")]
            codes = cast("list[StatusCode]", [word.lower() for word in words])
            return StatusIs(codes=frozenset(codes))
        case "boolean_attribute":
            return BooleanIs(key=section.text("key"), value=section.boolean("value"))
        case _:
            raise AssertionError(kind)


def _novelty(section: Section | None, *, is_condition_wanted: bool) -> NovelRuns:
    kinds = cast("tuple[NovelKind, ...]", section.texts("kinds") if section else ())
    wanted = frozenset(kinds or _WHICH_KINDS)
    own = section is not None and any(
        section.has(key) for key in ("budget_runs", "budget_interval", "sampling_percentage")
    )
    if is_condition_wanted and not own:
        return NovelRuns(kinds=wanted)
    runs = section.integer("budget_runs", 100) if section else 100
    interval_s = section.seconds("budget_interval", 60.0) if section else 60.0
    percentage = section.number("sampling_percentage", 10.0) if section else 10.0
    return NovelRuns(
        kinds=wanted,
        budget=Allowance(amount=runs, interval_ns=int(interval_s * _NS_PER_S)),
        threshold=_threshold(percentage),
    )


def _rate(section: Section, problems: Problems) -> Policy | None:
    given = [key for key in ("spans_per_second", "runs_per_second") if section.is_good(key)]
    if len(given) != 1:
        message = "give either `spans_per_second` or `runs_per_second`"
        problems.add(section.place, "value", message)
        return None
    limit = Allowance(amount=section.integer(given[0]), interval_ns=_NS_PER_S)
    return Rate(limit=limit, counts=given[0].removesuffix("_per_second"))


def _between(kind: str, section: Section, problems: Problems) -> Policy | None:
    """Return a policy with a lower and an upper bound."""
    low_key, high_key = _BOUNDS[kind]
    least, most = _bound(section, low_key, _LOWEST), _bound(section, high_key, _HIGHEST)
    if most < least:
        message = f"`{high_key}` is below `{low_key}`: no run is within"
        problems.add(section.place_of(high_key), "value", message)
        return None
    upper = int(most) if section.is_good(high_key) else None
    if kind == "latency":
        most_ns = None if upper is None else upper * _NS_PER_MS
        return LatencyIs(above_ns=int(least) * _NS_PER_MS, most_ns=most_ns)
    if kind == "span_count":
        return SpanCount(least=int(least), most=upper)
    return NumberIs(key=section.text("key"), least=least, most=most)


def _bound(section: Section, key: str, default: float) -> float:
    found = section.value(key)
    return found if isinstance(found, int | float) else default


_BOUNDS = {
    "latency": ("threshold_ms", "upper_threshold_ms"),
    "span_count": ("min_spans", "max_spans"),
    "numeric_attribute": ("min_value", "max_value"),
}


def _text(section: Section, problems: Problems) -> Policy:
    are_patterns = section.boolean("enabled_regex_matching")
    for value in section.texts("values") if are_patterns else ():
        try:
            re2.compile(value)
        except re2.error as error:
            message = f"{value!r} is no regular expression: {error}"
            problems.add(section.place_of("values"), "regex", message)
    return TextIs(
        key=section.text("key"), values=section.texts("values"), are_patterns=are_patterns
    )


def _threshold(percentage: float) -> int:
    return threshold_of(percentage / 100)
