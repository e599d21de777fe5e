from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from causewatch.sampling.decide import Chooser
from causewatch.sampling.facts import Facts, Matched
from causewatch.sampling.policy import Always, Policy, SpanCount
from causewatch.sampling.threshold import NEVER
from sampling_fixtures import T0_NS, S, chooser, choosing, run

HIGH, LOW = NEVER - 1, 0
PAGE = Matched("g/Lost", "Lost", "page")
TAIL_SAMPLING = """\
policies:
- {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
- {name: slow, type: latency, latency: {threshold_ms: 5000}}
- {name: rest, type: probabilistic, probabilistic: {sampling_percentage: 10}}
"""


def one(kind: str, section: str) -> Chooser:
    """Return what decides by one policy, called ``p``."""
    return chooser(f"policies: [{{name: p, type: {kind}, {kind}: {{{section}}}}}]")


@pytest.mark.parametrize(
    ("kind", "section", "kept", "dropped", "reason"),
    [
        ("verdict", "verdicts: [corrupted]", run(verdict="corrupted"), run(), "judged corrupted"),
        ("verdict", "verdicts: [healthy]", run(), run(verdict=None), "judged healthy"),
        ("status_code", "status_codes: [ERROR]", run(statuses=["ok", "error"]), run(), "error"),
        ("latency", "threshold_ms: 900", run(), run(duration_s=0.9), "1 s, longer than 0.9 s"),
        (
            "latency",
            "threshold_ms: 900, upper_threshold_ms: 1000",
            run(),
            run(duration_s=1.1),
            "longer",
        ),
        ("span_count", "min_spans: 3", run(), run(span_count=2), "3 spans"),
        ("span_count", "min_spans: 1, max_spans: 3", run(), run(span_count=4), "3 spans"),
        ("fault", "faults: [empty]", run(faults=["empty"]), run(faults=["stale"]), "seen: empty"),
        ("rule", 'alerts: ["Lo*"]', run(matched=[PAGE]), run(), "rule Lost matched"),
        ("rule", "alerts: [lost], severities: []", run(matched=[PAGE._replace(alertname="lost")]),
         run(matched=[PAGE]), "rule lost matched"),
        ("incident", "severities: [page]", run(matched=[PAGE]),
         run(matched=[PAGE._replace(severity="info")]), "rule Lost matched"),
        ("string_attribute", "key: k, values: [a, b]", run(attributes={"k": "b"}),
         run(attributes={"k": "bb"}), "attribute k"),
        ("string_attribute", "key: k, values: ['^b+$'], enabled_regex_matching: true",
         run(attributes={"k": ["a", "bb"]}), run(attributes={"k": "ab"}), "attribute k"),
        ("numeric_attribute", "key: k, min_value: 2", run(attributes={"k": 2.0}),
         run(attributes={"k": True}), "attribute k"),
        ("numeric_attribute", "key: k, max_value: 2", run(attributes={"k": -5}),
         run(attributes={"k": "1"}), "attribute k"),
        ("boolean_attribute", "key: k, value: false", run(attributes={"k": False}),
         run(attributes={"k": 0}), "attribute k"),
        ("novelty", "kinds: [edge]", run(novel=["edge"]), run(novel=["shape"]), "run: edge."),
        ("not", "not_sub_policy: {type: verdict, verdict: {verdicts: [healthy]}}",
         run(verdict="corrupted"), run(), "not true"),
    ],
)  # fmt: skip
def test_each_condition_keeps_what_it_says(
    kind: str, section: str, kept: Facts, dropped: Facts, reason: str
) -> None:
    """For certain, with a reason; whatever it is not true of is dropped."""
    decides = one(kind, section)
    found = decides.decide(kept, T0_NS)
    assert (found.keep, found.policy, found.probability, found.threshold) == (True, "p", 1.0, 0)
    assert reason in found.reason
    other = decides.decide(dropped, T0_NS)
    assert (other.keep, other.policy, other.probability) == (False, "", 0.0)


def test_tail_samplings_configuration_decides_as_there() -> None:
    """An error and a slow run are kept for certain, one in ten of the rest by trace id."""
    decides = chooser(TAIL_SAMPLING)
    assert decides.decide(run(LOW, statuses=["error"]), T0_NS).policy == "errors"
    assert decides.decide(run(LOW, duration_s=6), T0_NS).policy == "slow"
    lucky, other = decides.decide(run(HIGH), T0_NS), decides.decide(run(LOW), T0_NS)
    assert (lucky.keep, lucky.policy, lucky.trace_id) == (True, "rest", run(HIGH).run_id)
    assert (other.keep, other.policy, other.trace_id) == (False, "rest", "")
    assert lucky.probability == other.probability == pytest.approx(0.1, rel=1e-3)
    assert "0.1 of all runs" in lucky.reason


def test_a_certain_keep_is_told_as_certain_whatever_a_share_says() -> None:
    """Its weight is 1: it would have been kept with any trace id."""
    decides = chooser(TAIL_SAMPLING)
    assert decides.decide(run(HIGH, statuses=["error"]), T0_NS).probability == 1.0


def test_a_drop_stands_above_every_keep() -> None:
    """Only if all of its policies are true."""
    decides = chooser("""\
policies:
- {name: all, type: always_sample}
- name: probes
  type: drop
  drop:
    drop_sub_policy:
    - {type: string_attribute, string_attribute: {key: route, values: [/health]}}
    - {type: not, not: {not_sub_policy: {type: status_code, status_code: {status_codes: [ERROR]}}}}
""")
    probe = {"route": "/health"}
    found = decides.decide(run(attributes=probe), T0_NS)
    assert (found.keep, found.policy, found.probability) == (False, "probes", 0.0)
    assert decides.decide(run(attributes=probe, statuses=["error"]), T0_NS).policy == "all"
    assert decides.decide(run(), T0_NS).keep


def test_explicit_randomness_decides_where_there_is_one() -> None:
    """As the specification asks for: every participant then uses the same."""
    decides = one("probabilistic", "sampling_percentage: 50")
    assert decides.decide(run(LOW, explicit=HIGH), T0_NS).keep
    assert not decides.decide(run(HIGH, explicit=LOW), T0_NS).keep


def test_a_novel_run_past_the_budget_falls_back_to_its_share() -> None:
    """The reason says so, and the probability is that of the share."""
    text = "kinds: [edge], budget_runs: 2, budget_interval: 1m, sampling_percentage: 50"
    decides = one("novelty", text)
    novel: Callable[[int], Facts] = lambda randomness: run(randomness, novel=["edge"])  # noqa: E731  # short
    found = [decides.decide(novel(LOW), T0_NS + i).probability for i in range(2)]
    assert found == [1.0, 1.0]
    lucky, other = decides.decide(novel(HIGH), T0_NS), decides.decide(novel(LOW), T0_NS)
    assert (lucky.keep, lucky.probability, other.keep) == (True, 0.5, False)
    assert "The budget of 2 runs in 60 s is spent" in lucky.reason
    assert decides.decide(novel(LOW), T0_NS + 61 * S).probability == 1.0


def test_a_budget_is_spent_on_nothing_that_is_kept_anyway() -> None:
    """Nor on runs that are not novel."""
    decides = chooser("""\
policies:
- {name: new, type: novelty, novelty: {budget_runs: 1, sampling_percentage: 0}}
- {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
""")
    assert decides.decide(run(novel=["edge"], statuses=["error"]), T0_NS).policy == "errors"
    assert not decides.decide(run(), T0_NS).keep
    assert decides.decide(run(novel=["edge"]), T0_NS).policy == "new"
    assert not decides.decide(run(novel=["edge"]), T0_NS).keep


@pytest.mark.parametrize(("counts", "kept"), [("spans", 2), ("runs", 7)])
def test_a_rate_keeps_what_fits_and_tells_no_probability(counts: str, kept: int) -> None:
    """Nobody can tell how probable it was."""
    decides = one("rate_limiting", f"{counts}_per_second: 7")
    found = [decides.decide(run(LOW), T0_NS) for _ in range(10)]
    assert [one.keep for one in found] == [True] * kept + [False] * (10 - kept)
    assert (found[0].probability, found[0].threshold) == (None, None)
    assert f"7 {counts} in 1 s" in found[0].reason
    assert decides.decide(run(LOW), T0_NS + S).keep


def test_a_rate_is_not_spent_on_what_a_share_keeps() -> None:
    """Such a run has the probability of the share."""
    decides = chooser("""\
policies:
- {name: few, type: rate_limiting, rate_limiting: {runs_per_second: 1}}
- {name: half, type: probabilistic, probabilistic: {sampling_percentage: 50}}
""")
    assert [decides.decide(run(HIGH), T0_NS).policy for _ in range(3)] == ["half"] * 3
    assert [decides.decide(run(LOW), T0_NS).keep for _ in range(2)] == [True, False]


def test_a_rate_under_and_is_spent_only_where_all_else_keeps() -> None:
    """Errors, at most one a second, half of them."""
    decides = chooser("""\
policies:
- name: some
  type: and
  and:
    and_sub_policy:
    - {type: rate_limiting, rate_limiting: {runs_per_second: 1}}
    - {type: status_code, status_code: {status_codes: [ERROR]}}
    - {type: probabilistic, probabilistic: {sampling_percentage: 50}}
""")
    assert not decides.decide(run(HIGH), T0_NS).keep
    assert not decides.decide(run(LOW, statuses=["error"]), T0_NS).keep
    found = [decides.decide(run(HIGH, statuses=["error"]), T0_NS) for _ in range(2)]
    assert [each.keep for each in found] == [True, False]
    assert found[0].probability is None


def test_a_run_decided_again_spends_nothing() -> None:
    """It may be kept for what is known by now, not for what is left of a budget."""
    decides = chooser("""\
policies:
- {name: new, type: novelty, novelty: {budget_runs: 1, sampling_percentage: 0}}
- {name: few, type: rate_limiting, rate_limiting: {runs_per_second: 1}}
- {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
""")
    assert not decides.decide_again(run(novel=["edge"])).keep
    assert decides.decide_again(run(statuses=["error"])).policy == "errors"
    assert decides.decide(run(novel=["edge"]), T0_NS).policy == "new"
    assert decides.decide(run(), T0_NS).policy == "few"


@pytest.mark.parametrize(
    ("policies", "drops", "facts", "is_certain"),
    [
        ([Always()], [], run(is_live=True), True),
        ([Always()], [SpanCount(least=100)], run(is_live=True), False),
        ([SpanCount(least=2)], [], run(is_live=True), True),
        ([SpanCount(least=2, most=9)], [], run(is_live=True), False),
        ([SpanCount(least=4)], [], run(is_live=True), False),
    ],
)
def test_a_keep_is_certain_once_nothing_can_undo_it(
    policies: Sequence[Policy], drops: Sequence[Policy], facts: Facts, *, is_certain: bool
) -> None:
    """An upper bound, a negation or a drop can; a share is no certain keep."""
    found = choosing(*policies, drops=drops).certain(facts)
    assert (found is not None and found.keep and found.threshold == 0) == is_certain


def test_neither_a_negation_nor_a_share_nor_a_budget_is_certain_of_a_live_run() -> None:
    """What comes may change the one, and make the others' weight wrong."""
    for text in (
        "{name: p, type: not, not: {not_sub_policy: {type: fault}}}",
        "{name: p, type: probabilistic, probabilistic: {sampling_percentage: 99}}",
        "{name: p, type: novelty}",
        "{name: p, type: latency, latency: {threshold_ms: 1, upper_threshold_ms: 9000}}",
    ):
        decides = chooser(f"policies: [{text}]")
        assert decides.certain(run(HIGH, novel=["edge"], is_live=True)) is None
        assert decides.decide(run(HIGH, novel=["edge"]), T0_NS).keep


def test_expensive_facts_are_not_asked_for_when_something_cheaper_keeps() -> None:
    """Policies are asked in their order, and the first certain one ends it."""

    def must_not_be_asked() -> list[Matched]:
        raise AssertionError

    facts = run(verdict="corrupted")
    facts = Facts(
        run_id=facts.run_id,
        trace_ids=facts.trace_ids,
        verdict="corrupted",
        span_count=1,
        duration_ns=1,
        statuses=facts.statuses,
        attribute=facts.attribute,
        matched=must_not_be_asked,
    )
    decides = chooser("""\
policies:
- {name: bad, type: verdict, verdict: {verdicts: [corrupted]}}
- {name: told, type: rule}
""")
    assert decides.decide(facts, T0_NS).policy == "bad"
