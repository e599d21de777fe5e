"""What holds of every sampling decision, whatever the policies."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.model.judgement import RunVerdictName
from causewatch.sampling.facts import Facts
from causewatch.sampling.policy import (
    Allowance,
    Both,
    LatencyIs,
    NovelRuns,
    Other,
    Policy,
    Share,
    SpanCount,
    StatusIs,
    VerdictIs,
)
from causewatch.sampling.threshold import (
    NEVER,
    probability_of,
    randomness_of,
    read_th,
    th_of,
    threshold_of,
)
from causewatch.sampling.trace_state import with_threshold
from sampling_fixtures import T0_NS, S, choosing, run, trace_id

IDS_COUNT = 100_000
CONDITIONS: st.SearchStrategy[Policy] = st.sampled_from(
    [
        VerdictIs(verdicts=frozenset[RunVerdictName]({"corrupted"})),
        StatusIs(codes=frozenset({"error"})),
        SpanCount(least=3),
        LatencyIs(above_ns=S),
    ]
)
SHARES: st.SearchStrategy[Policy] = st.builds(Share, threshold=st.integers(0, NEVER))
POLICIES = st.recursive(
    CONDITIONS | SHARES,
    lambda inner: st.builds(
        lambda parts: Both(parts=tuple(parts)), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=5,
)
RUNS = st.builds(
    run,
    st.integers(0, NEVER - 1),
    verdict=st.sampled_from(["healthy", "corrupted", None]),
    statuses=st.sampled_from([["ok"], ["error"]]),
    span_count=st.integers(1, 5),
    duration_s=st.sampled_from([0.5, 2.0]),
)


def ids() -> list[str]:
    """Return trace ids as random as those of an SDK, the same each time."""
    return [hashlib.md5(str(i).encode()).hexdigest() for i in range(IDS_COUNT)]  # noqa: S324  # no secret


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.001])
def test_the_share_kept_is_the_share_asked_for(share: float) -> None:
    """Of 100,000 trace ids within four standard deviations, and each kept one's weights add up."""
    threshold = threshold_of(share)
    kept = sum(randomness_of(each) >= threshold for each in ids())
    deviation = math.sqrt(IDS_COUNT * share * (1 - share))
    assert abs(kept - IDS_COUNT * share) < 4 * deviation
    assert abs(kept / probability_of(threshold) - IDS_COUNT) < 4.1 * deviation / share


def test_what_is_kept_at_a_probability_is_kept_at_every_higher_one() -> None:
    """Consistent sampling: the kept of a stage are never what another one threw away."""
    thresholds = sorted((threshold_of(share) for share in (0.9, 0.5, 0.1, 0.01)), reverse=True)
    for each in ids()[:2_000]:
        kept = [randomness_of(each) >= threshold for threshold in thresholds]
        assert kept == sorted(kept)


def test_another_process_decides_the_same() -> None:
    """Whatever its hash seed is, for odd ids too."""
    script = (
        "from causewatch.sampling.threshold import *\n"
        "ids = ['%032x' % (i * 7919 ** 9 % 2 ** 128) for i in range(200)] + ['odd', '']\n"
        "print([randomness_of(i) >= threshold_of(0.3) for i in ids])"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1
    assert {"True", "False"} <= set(answers.pop().strip("[]\n").split(", "))


@given(policies=st.lists(POLICIES, min_size=1, max_size=4), facts=RUNS)
def test_more_policies_never_drop_what_fewer_kept(policies: list[Policy], facts: Facts) -> None:
    """Any keep is enough; the probability never gets less."""
    fewer = choosing(*policies[:-1]).decide(facts, T0_NS)
    more = choosing(*policies).decide(facts, T0_NS)
    alone = choosing(policies[-1]).decide(facts, T0_NS)
    assert more.keep == (fewer.keep or alone.keep)
    assert more.probability == max(fewer.probability or 0.0, alone.probability or 0.0)


@given(policies=st.lists(POLICIES, min_size=1, max_size=4), facts=RUNS)
def test_and_keeps_what_every_part_keeps(policies: list[Policy], facts: Facts) -> None:
    """With the least of their probabilities: all use one randomness."""
    parts = [choosing(one).decide(facts, T0_NS) for one in policies]
    together = choosing(Both(parts=tuple(policies))).decide(facts, T0_NS)
    assert together.keep == all(part.keep for part in parts)
    assert together.probability == min(part.probability or 0.0 for part in parts)


@given(policies=st.lists(POLICIES, min_size=1, max_size=4), facts=RUNS, data=st.data())
def test_order_decides_only_which_policy_is_named(
    policies: list[Policy], facts: Facts, data: st.DataObject
) -> None:
    """Not what is kept, nor how probable it was."""
    other = data.draw(st.permutations(policies))
    first, second = (choosing(*some).decide(facts, T0_NS) for some in (policies, other))
    assert (first.keep, first.probability) == (second.keep, second.probability)


@given(policy=CONDITIONS, other=CONDITIONS, facts=RUNS)
def test_not_is_the_opposite(policy: Policy, other: Policy, facts: Facts) -> None:
    """Twice it is nothing, a drop by it is a keep of the rest, and De Morgan's law holds."""

    def keeps(some: Policy) -> bool:
        return choosing(some).decide(facts, T0_NS).keep

    assert keeps(Other(part=policy)) != keeps(policy)
    assert keeps(Other(part=Other(part=policy))) == keeps(policy)
    dropped = choosing(Other(part=policy), drops=[policy]).decide(facts, T0_NS)
    assert dropped.keep != keeps(policy)
    neither = Both(parts=(Other(part=policy), Other(part=other)))
    assert keeps(Other(part=neither)) == (keeps(policy) or keeps(other))


@given(
    facts=st.lists(RUNS, max_size=40),
    amount=st.integers(1, 5),
    share=st.integers(0, NEVER),
)
def test_a_budget_is_never_exceeded_and_its_weights_are_right(
    facts: list[Facts], amount: int, share: int
) -> None:
    """Certain keeps are at most the budget; every other one has the probability of the share."""
    policy = NovelRuns(
        kinds=frozenset({"edge"}), budget=Allowance(amount=amount, interval_ns=S), threshold=share
    )
    decides = choosing(policy)
    found = [decides.decide(run(int(one.run_id[-14:], 16), novel=["edge"]), T0_NS) for one in facts]
    assert all(each.probability == 1.0 for each in found[:amount])
    for one, each in zip(facts[amount:], found[amount:], strict=True):
        assert each.keep == (randomness_of(one.run_id) >= share)
        assert each.probability == probability_of(share)


@given(policies=st.lists(POLICIES, min_size=1, max_size=4), facts=RUNS)
def test_a_certain_keep_is_what_is_decided_in_the_end(policies: list[Policy], facts: Facts) -> None:
    """Nothing has to be taken back."""
    certain = choosing(*policies).certain(facts)
    if certain is not None:
        assert choosing(*policies).decide(facts, T0_NS) == certain


@given(
    randomness=st.integers(0, NEVER - 1),
    stages=st.lists(st.integers(0, NEVER - 1), min_size=1, max_size=5),
)
def test_many_stages_record_the_highest_threshold(randomness: int, stages: list[int]) -> None:
    """Whatever their order, of a span that passed all of them; else nothing is claimed."""
    state = ""
    for each in stages:
        state = with_threshold(state, each, trace_id=trace_id(randomness))
        if randomness < each:
            break
    if randomness >= max(stages):
        assert state == f"ot=th:{th_of(max(stages))}"
    else:
        assert state == ""


@given(st.integers(0, NEVER - 1))
def test_thresholds_are_read_as_they_are_written(one: int) -> None:
    """All 56 bits of them."""
    assert read_th(th_of(one)) == one


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["ot=", "th:", "rv:", ",", ";", "=", ":", "8", "f" * 14])).map(
        "".join
    )
)
def test_no_trace_state_is_too_odd(text: str) -> None:
    """Every text is answered, and writing twice changes nothing more."""
    once = with_threshold(text, threshold_of(0.5), trace_id=trace_id(NEVER - 1))
    assert with_threshold(once, threshold_of(0.5), trace_id=trace_id(NEVER - 1)) == once
