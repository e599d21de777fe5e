from __future__ import annotations

from typing import Any

import msgspec
import pytest

from causewatch.blame.judge import judge
from causewatch.graph.build import build
from causewatch.likeness import familiar as module
from causewatch.likeness.familiar import Familiar, Familiars, familiar_of
from causewatch.model.judgement import Assessment
from graph_fixtures import capture

QUIET = Familiar(
    workflow="desk",
    verdict="healthy",
    is_lone=True,
    gaps=(),
    steps=(("openinference", "tool", 2),),
    faults=(),
    health=1.0,
)


def confirmed(familiars: Familiars, likeness: int, times: int = 3, **judged: Any) -> Familiars:
    """Let so many runs of a likeness be judged, and looked at by their only group."""
    for number in range(times):
        run = f"{likeness}-{number}"
        familiars.judged(run, likeness, judged.get("familiar", QUIET), ["silent"])
        familiars.looked("silent", run, matched=False)
    return familiars


def test_a_likeness_is_trusted_after_enough_runs() -> None:
    """Three were judged in full and matched no rule: the fourth may be passed over."""
    familiars = Familiars(confirmations=3)
    for _ in range(3):
        assert familiars.meet(7) is None
        confirmed(familiars, 7, times=1)
    assert familiars.meet(7) == QUIET
    assert familiars.meet(8) is None
    assert familiars.meet(None) is None


def test_a_run_counts_when_every_group_has_looked() -> None:
    """Rules are evaluated later: until then nothing is known."""
    familiars = Familiars(confirmations=1)
    familiars.judged("a", 7, QUIET, ["one", "two"])
    familiars.looked("one", "a", matched=False)
    assert familiars.known(7) is None
    familiars.looked("two", "a", matched=False)
    assert familiars.known(7) == QUIET
    familiars.looked("two", "never seen", matched=True)


def test_a_match_counts_after_every_group_has_looked() -> None:
    """A look at what had arrived by then may have come between, and counted as the last one."""
    familiars = confirmed(Familiars(confirmations=1), 7, times=1)
    assert familiars.known(7) == QUIET
    familiars.looked("silent", "7-0", matched=True)
    assert familiars.known(7) is None


def test_without_rules_judging_is_enough() -> None:
    """No group will look."""
    familiars = Familiars(confirmations=1)
    familiars.judged("a", 7, QUIET, [])
    assert familiars.known(7) == QUIET


@pytest.mark.parametrize("first", [True, False])
def test_a_match_takes_the_trust_away_for_good(first: bool) -> None:
    """One run of a likeness that a rule matched: its likeness does not say enough."""
    familiars = Familiars(confirmations=3) if first else confirmed(Familiars(), 7)
    familiars.judged("loud", 7, QUIET, ["silent"])
    familiars.looked("silent", "loud", matched=True)
    confirmed(familiars, 7, times=9)
    assert familiars.known(7) is None


@pytest.mark.parametrize("first", [True, False])
def test_a_run_with_something_to_tell_does_so_too(first: bool) -> None:
    """Also when it is the first one of its likeness."""
    familiars = Familiars(confirmations=3) if first else confirmed(Familiars(), 7)
    familiars.judged("loud", 7, None, ["silent"])
    confirmed(familiars, 7, times=9)
    assert familiars.known(7) is None


def test_a_run_that_turns_out_to_be_a_part_is_not_trusted() -> None:
    """What stood alone three times and belongs to another one the fourth time is no whole run."""
    familiars = confirmed(Familiars(confirmations=3), 7)
    familiars.distrust("7-1", parts=2)
    assert familiars.known(7) is None


def test_a_run_that_is_judged_again_with_no_further_part_stays_trusted() -> None:
    """Its set-up came late, or more of its own spans: it was whole before."""
    familiars = confirmed(Familiars(confirmations=3), 7)
    familiars.judged("late", 7, QUIET, [], parts=25)
    familiars.distrust("late", parts=25)
    assert familiars.known(7) == QUIET


def test_a_part_that_says_so_is_expected_to_be_joined() -> None:
    """A trace that sets agents up is passed over, and joined all the same."""
    part = msgspec.structs.replace(QUIET, is_lone=False)
    familiars = confirmed(Familiars(confirmations=3), 7, familiar=part)
    familiars.judged("part", 7, part, [], parts=None)
    familiars.distrust("part", parts=2)
    assert familiars.known(7) == part


def test_one_in_so_many_is_judged_all_the_same() -> None:
    """What a likeness does not see comes to light; the more agreed, the rarer that is tried."""
    familiars = confirmed(Familiars(confirmations=3, first_sample=5), 7)
    met = [number for number in range(1, 90) if familiars.meet(7) is None]
    assert met == [5, 10, 20, 40, 80]
    long = confirmed(Familiars(confirmations=3, first_sample=600), 7)
    met = [number for number in range(1, 4_000) if long.meet(7) is None]
    assert met == [600, 1_200, 2_200, 3_200]


def test_what_was_not_met_for_longest_is_forgotten() -> None:
    """Memory is bounded: by likenesses, by runs that wait for their groups, by the last runs."""
    familiars = Familiars(confirmations=3, max_likenesses=2)
    for likeness in (1, 2, 3):
        confirmed(familiars, likeness)
    assert len(familiars) == 2
    assert familiars.known(1) is None
    assert familiars.known(3) == QUIET


def test_runs_that_wait_for_ever_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that never looks confirms nothing, and costs little."""
    monkeypatch.setattr(module, "MAX_AWAITED_COUNT", 2)
    familiars = Familiars(confirmations=1)
    for number in range(5):
        familiars.judged(str(number), number, QUIET, ["silent"])
    for number in range(5):
        familiars.looked("silent", str(number), matched=False)
    assert [familiars.known(number) is not None for number in range(5)] == [False] * 3 + [True] * 2


def test_other_rules_start_anew() -> None:
    """What no rule matched, a new one may."""
    familiars = confirmed(Familiars(confirmations=3), 7)
    familiars.clear()
    assert familiars.known(7) is None
    assert len(familiars) == 0


def judged(name: str) -> tuple[Assessment, list[str]]:
    """Return a recorded run, judged, and the ids of its spans."""
    spans = capture(name)
    return judge(build(run_id="a" * 32, spans=spans)), [each.span_id for each in spans]


def test_what_is_remembered_of_a_healthy_run() -> None:
    """Enough to count it, and to tell what could not be checked in it."""
    assessment, ids = judged("pydantic-ai__native__ok")
    found = familiar_of(assessment, ids, is_lone=True)
    assert found is not None
    assert found.verdict == "healthy"
    assert sum(count for _, _, count in found.steps) == len(assessment.graph.steps)
    assert found.health == (assessment.health and assessment.health.score)


def test_gaps_are_remembered_by_the_place_of_their_span() -> None:
    """A run that cannot be verified says so of each of its like."""
    assessment, ids = judged("mcp__fastmcp__ok")
    found = familiar_of(assessment, ids, is_lone=True)
    assert found is not None
    assert found.verdict == "unverifiable"
    told = [None if gap.at is None else ids[gap.at] for gap in found.gaps]
    steps = assessment.graph.steps
    expected = [
        None if gap.step is None else steps[gap.step].span.span_id
        for gap in assessment.blame.unverifiable
    ]
    assert told == expected != []
    assert familiar_of(assessment, ids[:1], is_lone=True) is None


def test_nothing_is_remembered_of_a_run_with_something_to_tell() -> None:
    """A corrupted run is judged in full, however often it comes; so is one that was evicted."""
    assessment, ids = judged("pydantic-ai__native__loop")
    assert familiar_of(assessment, ids, is_lone=True) is None
    assessment, ids = judged("pydantic-ai__native__ok")
    graph = msgspec.structs.replace(assessment.graph, state="evicted")
    assert familiar_of(msgspec.structs.replace(assessment, graph=graph), ids, is_lone=True) is None


def test_runs_may_wait_while_the_rules_look_at_enough_like_them() -> None:
    """From the third on that was judged until the rules have looked at three, and no longer."""
    familiars = Familiars(confirmations=3)
    for number in range(2):
        familiars.judged(f"run-{number}", 7, QUIET, ["silent"])
        assert not familiars.is_learning(7)
    familiars.looked("silent", "run-0", matched=False)
    familiars.judged("run-2", 7, QUIET, ["silent"])
    assert familiars.is_learning(7)
    assert not familiars.is_learning(8)
    assert not familiars.is_learning(None)
    for number in range(1, 3):
        familiars.looked("silent", f"run-{number}", matched=False)
    assert not familiars.is_learning(7)
    assert familiars.known(7) == QUIET


def test_nothing_waits_for_a_likeness_that_told_something() -> None:
    """A match among those awaited takes the trust, and the waiting, away."""
    familiars = Familiars(confirmations=3)
    for number in range(3):
        familiars.judged(f"run-{number}", 7, QUIET, ["silent"])
    assert familiars.is_learning(7)
    familiars.looked("silent", "run-1", matched=True)
    assert not familiars.is_learning(7)
    familiars.clear()
    assert not familiars.is_learning(7)
