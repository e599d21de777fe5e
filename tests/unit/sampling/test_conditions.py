"""Conditions at their edges: what is just true of a run, and what is just not."""

from __future__ import annotations

import pytest

from causewatch.model.judgement import RunVerdictName
from causewatch.model.value import Value
from causewatch.sampling.conditions import condition_of
from causewatch.sampling.facts import Facts, Matched
from causewatch.sampling.policy import (
    Allowance,
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
    TextIs,
    VerdictIs,
    has_limit,
    has_rate,
    is_condition,
)
from sampling_fixtures import S, run

HEALTHY = VerdictIs(verdicts=frozenset[RunVerdictName]({"healthy"}))
PAGE = Matched("g/Lost", "Lost", "page")
INFO = Matched("g/Slow", "Slow", "info")
LIMIT = Allowance(amount=1, interval_ns=S)
NOVEL = NovelRuns(kinds=frozenset({"edge"}))


def holds(policy: Policy, facts: Facts) -> bool:
    """Tell whether a condition is true of a run."""
    return condition_of(policy)(facts) is not None


@pytest.mark.parametrize(
    ("alerts", "severities", "fits"),
    [
        ((), (), True),
        (("Lost",), (), True),
        (("lost",), (), False),
        (("L?st", "x"), (), True),
        ((), ("page",), True),
        ((), ("warning",), False),
        (("Lost",), ("page",), True),
        (("Lost",), ("info",), False),
        (("Slow",), ("page",), False),
    ],
)
def test_name_and_severity_are_those_of_one_rule(
    alerts: tuple[str, ...], severities: tuple[str, ...], *, fits: bool
) -> None:
    """The name of one and the severity of another are no match."""
    policy = RuleMatched(alerts=alerts, severities=frozenset(severities))
    assert holds(policy, run(matched=[INFO, PAGE])) == fits
    assert not holds(policy, run())


@pytest.mark.parametrize(
    ("duration_s", "above_s", "most_s", "fits"),
    [
        (1.0, 1, None, False),
        (1.001, 1, None, True),
        (2.0, 1, 2, True),
        (2.001, 1, 2, False),
        (0.0, 0, None, False),
    ],
)
def test_latency_is_above_its_threshold(
    duration_s: float, above_s: int, most_s: int | None, *, fits: bool
) -> None:
    """And at most its upper one, as in tail_sampling."""
    policy = LatencyIs(above_ns=above_s * S, most_ns=None if most_s is None else most_s * S)
    assert holds(policy, run(duration_s=duration_s)) == fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (2, True),
        (2.5, True),
        (3, True),
        (3.01, False),
        (True, False),
        ("2", False),
        (None, False),
        ([1, 2], True),
        ([[2]], False),
        ({"a": 2}, False),
        (float("nan"), False),
    ],
)
def test_numbers_are_numbers(value: Value, *, fits: bool) -> None:
    """A flag is none, nor is a text; one of a list is enough."""
    assert holds(NumberIs(key="k", least=2, most=3), run(attributes={"k": value})) == fits


@pytest.mark.parametrize(
    ("value", "fits"), [(True, True), ("true", False), (1, False), ([False, True], True)]
)
def test_flags_are_flags(value: Value, *, fits: bool) -> None:
    """And nothing that only looks like one."""
    assert holds(BooleanIs(key="k", value=True), run(attributes={"k": value})) == fits


def test_patterns_take_linear_time() -> None:
    """What comes from outside cannot make them slow: a test that hung would time out."""
    policy = TextIs(key="k", values=("(a+)+$",), are_patterns=True)
    assert not holds(policy, run(attributes={"k": "a" * 50_000 + "b"}))
    assert holds(policy, run(attributes={"k": "b" + "a" * 50_000}))


def test_an_attribute_that_is_not_there_has_no_value() -> None:
    """Neither an empty one nor zero."""
    for policy in (TextIs(key="k", values=("",)), NumberIs(key="k", least=-1, most=1)):
        assert not holds(policy, run(attributes={"other": ""}))


def test_any_fault_is_meant_where_none_is_named() -> None:
    """The reason names those that were seen, in order."""
    reason = condition_of(FaultSeen())(run(faults=["stale", "empty"]))
    assert reason == "A fault was seen: empty, stale."
    assert not holds(FaultSeen(), run())


def test_the_reasons_of_all_parts_are_told() -> None:
    """One after the other."""
    both = Both(parts=(HEALTHY, SpanCount(least=3)))
    assert condition_of(both)(run()) == "The run was judged healthy. The run has 3 spans."
    assert not holds(both, run(span_count=2))


@pytest.mark.parametrize("policy", [Share(threshold=0), Rate(limit=LIMIT, counts="runs")])
def test_a_chance_is_no_condition(policy: Policy) -> None:
    """Whoever asks whether it is true has made a mistake."""
    with pytest.raises(TypeError):
        condition_of(policy)


@pytest.mark.parametrize(
    ("policy", "condition", "limit", "rate"),
    [
        (Always(), True, False, False),
        (Other(part=HEALTHY), True, False, False),
        (NOVEL, True, False, False),
        (NovelRuns(kinds=NOVEL.kinds, budget=LIMIT), False, True, False),
        (Share(threshold=1), False, False, False),
        (Rate(limit=LIMIT, counts="runs"), False, True, True),
        (Both(parts=(HEALTHY, NOVEL)), True, False, False),
        (Both(parts=(HEALTHY, Share(threshold=1))), False, False, False),
        (Both(parts=(HEALTHY, Rate(limit=LIMIT, counts="runs"))), False, True, True),
    ],
)
def test_what_is_inside_decides_what_a_policy_is(
    policy: Policy, *, condition: bool, limit: bool, rate: bool
) -> None:
    """A condition, something with a budget, a rate."""
    assert (is_condition(policy), has_limit(policy), has_rate(policy)) == (condition, limit, rate)
