from __future__ import annotations

import pytest

from causewatch.sampling.policy import Allowance, NovelRuns, Rate, RuleMatched
from causewatch.sampling.threshold import threshold_of
from sampling_fixtures import loaded

HEAD = "policies:\n- "


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("{type: always_sample}", "2:3 a policy needs the key 'name'"),
        ("{name: a, type: probabalistic}", "did you mean 'probabilistic'?"),
        ("{name: a, type: ottl_condition}", "'ottl_condition' is not supported by this version"),
        ("{name: a, type: latency}", "2:3 a policy of type 'latency' needs the key 'latency'"),
        ("{name: a, type: latency, latency: {threshhold_ms: 5}}", "did you mean 'threshold_ms'?"),
        (
            "{name: a, type: latency, latency: {threshold_ms: 9, upper_threshold_ms: 5}}",
            "no run is within",
        ),
        ("{name: a, type: verdict, verdict: {verdicts: []}}", "'verdicts' needs at least one item"),
        ("{name: a, type: verdict, verdict: {verdicts: [corupted]}}", "did you mean 'corrupted'?"),
        ("{name: a, type: always_sample, latency: {threshold_ms: 5}}", "'latency' does nothing"),
        (
            "{name: a, type: probabilistic, probabilistic: {sampling_percentage: 101}}",
            "must be at most 100",
        ),
        ("{name: a, type: rate_limiting, rate_limiting: {}}", "give either `spans_per_second` or"),
        (
            (
                "{name: a, type: rate_limiting, rate_limiting: "
                "{spans_per_second: 5, runs_per_second: 5}}"
            ),
            "give either",
        ),
        (
            (
                "{name: a, type: string_attribute, string_attribute: "
                "{key: k, values: ['('], enabled_regex_matching: true}}"
            ),
            "'(' is no regular expression",
        ),
        (
            (
                "{name: a, type: string_attribute, string_attribute: "
                "{key: k, values: [a], invert_match: true}}"
            ),
            "'invert_match' is not supported by this version",
        ),
        ("{name: a, type: and, and: {and_sub_policy: []}}", "needs at least one item"),
        ("{name: a, type: drop, drop: {drop_sub_policy: []}}", "needs at least one item"),
        (
            (
                "{name: a, type: not, not: {not_sub_policy: "
                "{type: probabilistic, probabilistic: {sampling_percentage: 5}}}}"
            ),
            "'probabilistic' cannot stand under `not` or `drop`",
        ),
        (
            (
                "{name: a, type: drop, drop: {drop_sub_policy: "
                "[{type: rate_limiting, rate_limiting: {runs_per_second: 5}}]}}"
            ),
            "'rate_limiting' cannot stand under",
        ),
        (
            (
                "{name: a, type: not, not: {not_sub_policy: "
                "{type: novelty, novelty: {budget_runs: 5}}}}"
            ),
            "'novelty' cannot stand under",
        ),
        (
            "{name: a, type: not, not: {not_sub_policy: {type: drop, drop: {}}}}",
            "must be one of",
        ),
        ("{name: a, type: always_sample}\n- {name: a, type: always_sample}", "a second policy 'a'"),
    ],
)
def test_each_mistake_is_told_with_its_place(policy: str, message: str) -> None:
    """By line and column, and with what was probably meant."""
    _, problems = loaded(HEAD + policy)
    assert any(message in problem for problem in problems), problems
    assert all(problem.partition(":")[0].isdigit() for problem in problems)


def test_every_mistake_is_told_at_once() -> None:
    """Not only the first one."""
    _, problems = loaded("""\
policies:
- {name: a, type: latency}
- {name: b, type: verdict, verdict: {verdicts: []}}
- {name: c, type: sampled}
""")
    assert [problem.partition(":")[0] for problem in problems] == ["2", "3", "4"]


def test_no_policies_are_a_mistake() -> None:
    """They would keep no run at all."""
    assert loaded("policies: []")[1] == ["1:11 'policies' needs at least one item"]
    assert loaded("{}")[1] == ["1:1 a sampling section needs the key 'policies'"]


def test_defaults_are_those_of_the_reference() -> None:
    """A hundred novel runs a minute, a tenth of those past it."""
    found, problems = loaded(HEAD + "{name: a, type: novelty}\n- {name: b, type: rule}")
    assert problems == []
    assert found is not None
    assert [one.policy for one in found.keeps] == [
        NovelRuns(
            kinds=frozenset({"edge", "shape", "deviation"}),
            budget=Allowance(amount=100, interval_ns=60_000_000_000),
            threshold=threshold_of(0.1),
        ),
        RuleMatched(),
    ]


def test_a_rate_counts_what_it_says() -> None:
    """Spans as in tail_sampling, or runs."""
    text = "{name: a, type: rate_limiting, rate_limiting: {spans_per_second: 35}}"
    found, _ = loaded(HEAD + text)
    assert found is not None
    limit = Allowance(amount=35, interval_ns=1_000_000_000)
    assert found.keeps[0].policy == Rate(limit=limit, counts="spans")


def test_under_not_and_drop_novelty_is_a_condition() -> None:
    """It has no budget there."""
    found, problems = loaded(
        HEAD + "{name: a, type: drop, drop: {drop_sub_policy: [{type: not, not: "
        "{not_sub_policy: {type: novelty, novelty: {kinds: [unfamiliar]}}}}]}}"
    )
    assert problems == []
    assert found is not None
    assert (len(found.keeps), [one.name for one in found.drops]) == (0, ["a"])
