"""Candidates, propagators and gaps: the small tables behind a blame."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from blame_fixtures import RunBuilder, one_handoff, payload
from causewatch.blame.candidate import (
    CATEGORY_OF_FAULT,
    MIN_FAULT_CONFIDENCE,
    Candidate,
    candidates_of,
)
from causewatch.blame.gaps import MAX_GAPS_COUNT, gaps_of
from causewatch.blame.judge import judge
from causewatch.blame.propagate import propagators_of
from causewatch.blame.spread import Spread
from causewatch.blame.uses import scene_of
from causewatch.faults.calls import calls_of
from causewatch.faults.detect import run_of
from causewatch.model.judgement import (
    Category,
    ContractVerdict,
    Fault,
    FaultName,
    Violation,
    ViolationName,
)


def fault(name: FaultName, confidence: float = 0.9, step: int = 2) -> Fault:
    """Return a fault."""
    return Fault(name=name, step=step, reason="why", confidence=confidence)


def verdict(*names: ViolationName, handoff: int | None = None, step: int = 2) -> ContractVerdict:
    """Return a violated verdict."""
    violations = tuple(
        Violation(name=n, side="both", pointer="/a", message="bad", severity="page") for n in names
    )
    return ContractVerdict(
        contract="brief", rule_id="r", verdict="violated", handoff=handoff, step=step,
        violations=violations,
    )  # fmt: skip


@pytest.mark.parametrize("name", get_args(FaultName))
def test_each_fault_is_a_candidate_or_for_signatures(name: FaultName) -> None:
    """A fault either starts a corruption of one category, or is left to signatures."""
    graph = RunBuilder().graph()
    found = candidates_of(graph, [fault(name)], [])
    assert len(found) == (name in CATEGORY_OF_FAULT)
    assert all(each.category in get_args(Category) for each in found)


def test_weak_faults_are_no_candidates() -> None:
    """A fault below the threshold is a hint for signatures only."""
    graph = RunBuilder().graph()
    assert candidates_of(graph, [fault("failure", MIN_FAULT_CONFIDENCE - 0.01)], []) == ()


def test_the_surer_of_two_on_one_step_stays() -> None:
    """Of equal category on one step the surer is kept; other categories stand beside it."""
    graph = RunBuilder().graph()
    faults = [fault("failure", 0.6), fault("rate_limited", 0.8), fault("empty", 0.5)]
    found = {each.category: each.confidence for each in candidates_of(graph, faults, [])}
    assert found == {"tool_failure": 0.8, "empty": 0.5}


VERDICTS: list[tuple[tuple[ViolationName, ...], str]] = [
    (("schema",), "schema"),
    (("delta", "truncation"), "truncation"),
    (("schema", "poisoning"), "poisoning"),
    (("delta",), "other"),
    (("missing",), "truncation"),
]


@pytest.mark.parametrize(("names", "category"), VERDICTS)
def test_the_worst_violation_names_the_category(
    names: tuple[ViolationName, ...], category: str
) -> None:
    """Of several violations the one first in rank names the run."""
    graph = one_handoff(payload({"a": 1}), payload({"a": 2}))
    (found,) = candidates_of(graph, [], [verdict(*names, handoff=0)])
    assert (found.category, found.handoff) == (category, 0)
    assert "contract brief violated" in found.reason
    assert "/a" in found.reason


def test_a_derived_handoff_is_corrupted_at_the_receivers_input() -> None:
    """Where no span performed the handoff, its receiver's input is where the loss is seen."""
    graph = one_handoff(payload({"a": 1}), payload({"a": 2}), performed=False)
    (found,) = candidates_of(graph, [], [verdict("delta", handoff=0)])
    assert (found.at, found.step) == ("input", graph.handoffs[0].receiver)


def test_kept_and_unverifiable_verdicts_are_no_candidates() -> None:
    """Only violations blame."""
    graph = RunBuilder().graph()
    kept = msgspec.structs.replace(verdict(), verdict="pass")
    unknown = msgspec.structs.replace(verdict(), verdict="unverifiable", reason="x: y")
    assert candidates_of(graph, [], [kept, unknown, verdict()]) == ()


def candidate(step: int, **fields: Any) -> Candidate:
    """Return a candidate."""
    told: dict[str, Any] = {
        "category": "tool_failure", "reason": "why", "confidence": 0.9, "spread": "values",
        **fields,
    }  # fmt: skip
    return Candidate(step=step, **told)


def test_a_symptom_without_uses_names_the_owner() -> None:
    """A violated result contract names the agent that used the result."""
    run = RunBuilder()
    step = run.call("get_a", {"n": 1}, 1)
    graph = run.graph()
    spread = Spread(uses=(), symptom=None, evidence=())
    (found,) = propagators_of(scene_of(run_of(graph)), candidate(step), spread)
    assert (found.agent, graph.steps[found.step].kind) == ("front", "model")


def test_a_step_of_nobody_has_no_propagator() -> None:
    """An unknown owner is not made up."""
    run = RunBuilder()
    step = run.call("get_a", {"n": 1}, 1)
    graph = msgspec.structs.replace(run.graph(), owner=("",) * len(run.owner))
    spread = Spread(uses=(), symptom=None, evidence=())
    assert propagators_of(scene_of(run_of(graph)), candidate(step), spread) == ()
    assert propagators_of(scene_of(run_of(graph)), candidate(step, category="loop"), spread) == ()


def test_a_receiver_that_never_started_is_still_named() -> None:
    """A handoff whose receiver left no span names the agent, at the sender's step."""
    graph = one_handoff(payload({"a": 1}), None)
    lost = msgspec.structs.replace(graph.handoffs[0], receiver=None, to_agent="ghost")
    graph = msgspec.structs.replace(graph, handoffs=(lost,))
    spread = Spread(uses=(), symptom=None, evidence=())
    (found,) = propagators_of(scene_of(run_of(graph)), candidate(2, handoff=0), spread)
    assert (found.agent, found.step) == ("ghost", lost.sender)


def test_gaps_are_bounded() -> None:
    """A run without content lists some gaps, not thousands."""
    run = RunBuilder()
    for _ in range(MAX_GAPS_COUNT + 10):
        run.call("get_a", None, None)
    graph = run.graph()
    gaps, blind = gaps_of(graph, calls_of(graph), ())
    assert (len(gaps), blind) == (MAX_GAPS_COUNT, True)


def test_a_result_that_a_message_shows_is_no_gap() -> None:
    """A bare tool span whose call id is answered in a model's messages can be checked."""
    run = RunBuilder()
    index = run.call("get_a", None, [1])
    run.say("Done.")
    graph = run.graph()
    bare = msgspec.structs.replace(graph.steps[index], result=None)
    steps = (*graph.steps[:index], bare, *graph.steps[index + 1 :])
    assert judge(msgspec.structs.replace(graph, steps=steps)).blame.unverifiable == ()


def test_the_fix_names_the_instrumentation() -> None:
    """A gap tells which instrumentation to reconfigure."""
    run = RunBuilder()
    run.call("get_a", None, None)
    (gap,) = judge(run.graph()).blame.unverifiable
    assert gap.fix == "switch on content capture in the instrumentation test"
    assert gap.what == "result of get_a"


def test_large_runs_stay_within_seconds() -> None:
    """A run with hundreds of faults and handoffs is judged without blowing up."""
    run = RunBuilder("Do it all.")
    for n in range(300):
        run.history = run.history[:10]
        run.call("get_a", {"n": n}, {"error": "x", "id": f"ID-{n}"} if n % 2 else {"id": f"G-{n}"})
        run.call("send_b", {"to": f"T-{n}"}, {"ok": n})
        if n % 10 == 0:
            run.hand_over(f"a{n % 7}", {"task": f"Please do task number {n} and so on forev"}, "do")
    run.say("Done.")
    assessment = judge(run.graph())
    assert assessment.blame.verdict == "corrupted"
    assert len(assessment.blame.path) <= 20
