"""Blame on hand-built runs: contracts, choice, conventions, paths, gaps."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from blame_fixtures import RunBuilder, one_handoff, payload
from causewatch.blame.attribute import attribute
from causewatch.blame.candidate import CATEGORY_OF_VIOLATION, PRIORITY, candidates_of
from causewatch.blame.cause import cause_of
from causewatch.blame.judge import judge
from causewatch.blame.path import MAX_HOPS_COUNT
from causewatch.contracts.compile import Contract, compile_contract
from causewatch.contracts.spec import Compare, ContractSpec, SchemaSource
from causewatch.faults.detect import run_of
from causewatch.model.judgement import Assessment, Fault

LONG = "Carry the crates D-1 to D-40 into hall 7 by Friday, except crate D-13 with the lead."


def contract(**fields: Any) -> Contract:
    """Compile a contract."""
    return compile_contract(ContractSpec(name="brief", **fields), rule_id="g/contract:brief")


def swallowed() -> RunBuilder:
    """Return a run in which half a result is passed on and acted on."""
    run = RunBuilder("Book the cheapest train to Turin.")
    run.call("search_trains", {"to": "Turin"}, {"error": "timeout", "trains": [{"id": "TGV-9241"}]})
    run.hand_over("booker", {"plan": "Take TGV-9241 please."})
    run.call("buy_ticket", {"train": "TGV-9241"}, {"booking": "PNR8812"})
    run.say("Booked TGV-9241.")
    return run


def kinds(assessment: Assessment) -> list[str]:
    """Return the names of the steps on the path."""
    return [assessment.graph.steps[hop.step].name for hop in assessment.blame.path]


def test_the_path_leads_from_origin_to_symptom_with_evidence() -> None:
    """Each hop names a step and why it is there; the ends are origin and symptom."""
    assessment = judge(swallowed().graph())
    blame = assessment.blame
    assert blame.origin is not None
    assert blame.symptom is not None
    assert (blame.path[0].step, blame.path[-1].step) == (blame.origin.step, blame.symptom.step)
    assert "transfer_to_booker" in kinds(assessment)
    assert all(hop.evidence for hop in blame.path)
    steps = [hop.step for hop in blame.path]
    assert steps == sorted(steps)


def test_propagators_name_the_turn_that_decided() -> None:
    """The propagator's step is the model turn that issued the next call or handoff."""
    assessment = judge(swallowed().graph())
    (propagator,) = assessment.blame.propagators
    step = assessment.graph.steps[propagator.step]
    assert (step.kind, propagator.agent) == ("model", "front")
    assert "transfer_to_booker" in repr(step.output_messages)
    assert "tgv-9241" in propagator.evidence


def test_without_model_turns_the_agent_itself_propagates() -> None:
    """A run whose model calls are not recorded names the agent's step."""
    graph = swallowed().graph()
    steps = tuple(
        msgspec.structs.replace(s, kind="other") if s.kind == "model" else s for s in graph.steps
    )
    blame = judge(msgspec.structs.replace(graph, steps=steps)).blame
    assert [graph.steps[p.step].kind for p in blame.propagators] == ["agent"]


def test_a_violated_handoff_is_corrupted_with_the_handoffs_conventions() -> None:
    """Origin is the step that performed it, propagator the receiver, symptom what it did."""
    graph = one_handoff(payload({"task": LONG}), payload(LONG[:30]))
    rule = contract(from_="front", compare=Compare())
    blame = judge(graph, [rule]).blame
    assert blame.origin is not None
    assert (blame.verdict, blame.category) == ("corrupted", "truncation")
    assert blame.origin.step == graph.handoffs[0].performed_by
    assert [p.agent for p in blame.propagators] == ["back"]
    assert blame.symptom is not None


VIOLATIONS = [
    ({"a": 1}, {"a": 2}, "other"),
    ({"a": 1, "b": 2}, {"a": 1}, "truncation"),
    ({"a": 1}, {"a": "1"}, "serialization"),
    ({"a": 1}, "", "truncation"),
]


@pytest.mark.parametrize(("sent", "received", "category"), VIOLATIONS)
def test_a_violation_gives_the_category(sent: Any, received: Any, category: str) -> None:
    """What the contract found names the run's category, the narrowest class first."""
    graph = one_handoff(payload(sent), payload(received))
    assert judge(graph, [contract(compare=Compare())]).blame.category == category


def test_a_schema_violation_is_a_schema_corruption() -> None:
    """A payload that breaks its schema corrupts the run though nothing else is wrong."""
    graph = one_handoff(payload({"task": "x"}), payload("x"))
    rule = contract(schema=SchemaSource(value={"required": ["goal"]}))
    blame = judge(graph, [rule]).blame
    assert (blame.verdict, blame.category) == ("corrupted", "schema")
    assert judge(graph).blame.verdict == "healthy"


def test_a_tools_contract_blames_the_tool() -> None:
    """For a result contract the tool step is the origin, unless it kept it when asked again."""
    rule = contract(tool="get_*", result_schema=SchemaSource(value={"required": ["id"]}))
    run = RunBuilder()
    step = run.call("get_order", {"n": 1}, {"name": "x"})
    run.call("send_parcel", {"n": 1}, {"ok": 1})
    run.say("Sent.")
    blame = judge(run.graph(), [rule]).blame
    assert blame.origin is not None
    assert blame.symptom is not None
    assert (blame.category, blame.origin.step, blame.symptom.step) == ("schema", step, step + 2)
    assert [p.agent for p in blame.propagators] == ["front"]
    again = RunBuilder()
    again.call("get_order", {"n": 1}, {"name": "x"})
    again.call("get_order", {"n": 1}, {"id": 1})
    again.say("Found.")
    assert judge(again.graph(), [rule]).blame.verdict == "healthy"


def test_an_unverifiable_contract_makes_the_run_unverifiable() -> None:
    """A contract that cannot be checked is said aloud, with what would help; nothing is guessed."""
    graph = one_handoff(payload({"task": "x"}), None)
    blame = judge(graph, [contract(compare=Compare())]).blame
    assert blame.verdict == "unverifiable"
    assert blame.origin is None
    (gap, other) = blame.unverifiable
    assert gap.what == "contract brief"
    assert "content capture" in gap.fix
    assert "handoff from front to back" in other.what


def test_a_fault_and_a_contract_that_see_one_thing_are_one_origin() -> None:
    """A loss that a detector and a contract both see is blamed once."""
    graph = one_handoff(payload({"task": LONG}), payload(LONG[:30]))
    assessment = judge(graph, [contract(compare=Compare())])
    assert len(candidates_of(graph, assessment.faults, assessment.verdicts)) == 1
    assert assessment.blame.confidence == 0.95


def test_on_one_step_the_failure_names_the_category() -> None:
    """A cut result that reports an error is a failed call, not a truncation."""
    run = RunBuilder()
    run.call("get_order", {"n": 1}, '{"error": "x", "charge": "CH-77", "rows": [1')
    run.call("send_parcel", {"charge": "CH-77"}, {"ok": 1})
    run.say("Sent.")
    assessment = judge(run.graph())
    assert {fault.name for fault in assessment.faults} == {"failure", "truncated"}
    assert assessment.blame.category == "tool_failure"


def test_a_weak_early_candidate_yields_to_a_sure_one() -> None:
    """A guess about an early step does not hide a loss that is certain."""
    run = RunBuilder()
    early = run.call("get_notes", {"n": 1}, {"note": "N-1204"})
    late = run.hand_over("back", {"task": f"{LONG} N-1204"}, LONG[:30])
    run.call("move_crates", {"n": "N-1204"}, {"ok": 1})
    run.say("Moved.")
    graph = run.graph()
    weak = Fault(name="truncated", step=early, reason="maybe", confidence=0.5)
    sure = judge(graph).faults
    blame = attribute(run_of(graph), (weak, *sure), ())
    assert blame.origin is not None
    assert blame.origin.step == late


def test_faults_for_signatures_alone_blame_nobody() -> None:
    """A fault that starts no corruption by itself leaves the run healthy."""
    graph = RunBuilder().graph()
    fault = Fault(name="unused_result", step=0, reason="x", confidence=1.0)
    assert attribute(run_of(graph), (fault,), ()).verdict == "healthy"


def test_a_late_admission_lowers_the_confidence() -> None:
    """Acting first and admitting afterwards is still corrupted, with less confidence."""
    plain, late = (
        RunBuilder("Book the cheapest train to Turin."),
        RunBuilder("Book the cheapest train to Turin."),
    )
    bad = {"error": "timeout", "trains": [{"id": "TGV-9241"}]}
    for run, words in ((plain, "Booked."), (late, "Booked, although the search failed.")):
        run.call("search_trains", {"to": "Turin"}, bad)
        run.call("buy_ticket", {"train": "TGV-9241"}, {"booking": 1})
        run.say(words)
    before, after = judge(plain.graph()).blame, judge(late.graph()).blame
    assert before.verdict == after.verdict == "corrupted"
    assert (before.confidence or 0) > (after.confidence or 0)


def test_a_result_used_by_another_agent_names_both() -> None:
    """An agent that owns the bad call is the nearest propagator even if it wrote nothing down."""
    run = RunBuilder("Fix the roof alarm.")
    run.call("read_sensor", {"at": "roof"}, {"error": "bus", "last": {"device": "SN-88123"}})
    run.hand_over("doer", {"note": "please go on"}, "please go on")
    run.call("create_job", {"device": "SN-88123"}, {"job": 1})
    run.say("Done.")
    blame = judge(run.graph()).blame
    assert [p.agent for p in blame.propagators] == ["front"]
    assert blame.symptom is not None
    assert blame.symptom.agent == "doer"


GAPS: list[tuple[str, Any, Any, str, int]] = [
    ("both sides", {"task": "x"}, "x", "healthy", 0),
    ("no side", None, None, "unverifiable", 1),
    ("only sent", {"task": "x"}, None, "healthy", 1),
    ("only received", None, "x", "healthy", 1),
]


@pytest.mark.parametrize(
    ("sent", "received", "verdict", "count"),
    [row[1:] for row in GAPS],
    ids=[row[0] for row in GAPS],
)
def test_gaps_at_handoffs(sent: Any, received: Any, verdict: str, count: int) -> None:
    """A handoff without any content blinds the run; with one side it is only listed."""
    sides = [None if side is None else payload(side) for side in (sent, received)]
    blame = judge(one_handoff(*sides)).blame
    assert (blame.verdict, len(blame.unverifiable)) == (verdict, count)


def test_what_telemetry_cut_is_a_gap_with_a_fix() -> None:
    """Both sides cut by telemetry: unverifiable, and the limit is what to change."""
    cut = payload(LONG[:30], cut=True)
    blame = judge(one_handoff(cut, cut)).blame
    assert blame.verdict == "unverifiable"
    assert "length limit" in blame.unverifiable[0].fix


def test_gaps_at_tools() -> None:
    """A call with neither arguments nor result is a gap; a void result is not."""
    run = RunBuilder()
    run.call("get_order", None, None)
    run.say("x")
    assert judge(run.graph()).blame.verdict == "unverifiable"
    void = RunBuilder()
    void.call("send_mail", {"to": "x"}, None)
    void.say("x")
    assert judge(void.graph()).blame.verdict == "healthy"


def test_a_run_without_any_content_is_unverifiable() -> None:
    """Model calls of which none shows a word cannot be judged."""
    run = RunBuilder()
    run.say("x")
    graph = run.graph()
    steps = tuple(
        msgspec.structs.replace(step, input_messages=(), output_messages=()) for step in graph.steps
    )
    blame = judge(msgspec.structs.replace(graph, steps=steps)).blame
    assert blame.verdict == "unverifiable"
    assert blame.unverifiable[0].step is None


def test_an_empty_run_is_healthy() -> None:
    """No steps, no verdict against anybody."""
    graph = msgspec.structs.replace(
        RunBuilder().graph(), steps=(), owner=(), parent=(), edges=(), handoffs=()
    )
    assert judge(graph).blame.verdict == "healthy"


def test_a_long_loop_has_a_bounded_path() -> None:
    """However long a loop, its path stays short."""
    run = RunBuilder()
    for _ in range(60):
        run.call("get_wind", {"at": "Utsira"}, [None])
    blame = judge(run.graph()).blame
    assert blame.category == "loop"
    assert blame.symptom is None
    assert len(blame.path) <= MAX_HOPS_COUNT
    assert "60 times" in blame.propagators[0].evidence


def test_cause_of_names_everything_without_payloads() -> None:
    """The cause outlives the graph: ids, names, kinds, agents and evidence."""
    assessment = judge(swallowed().graph())
    cause = cause_of(assessment)
    assert cause.origin is not None
    assert cause.symptom is not None
    assert (cause.category, cause.workflow, cause.origin_at) == ("tool_failure", "desk", "output")
    assert (cause.origin.name, cause.origin.agent, cause.origin.kind) == (
        "search_trains",
        "front",
        "tool",
    )
    assert cause.symptom.name == "buy_ticket"
    assert [p.agent for p in cause.propagators] == ["front"]
    assert len(cause.path) == len(assessment.blame.path)
    healthy = cause_of(judge(RunBuilder().graph()))
    assert (healthy.origin, healthy.symptom, healthy.category) == (None, None, "")


def test_the_tables_are_total() -> None:
    """Every violation has a category, and every category a rank."""
    from typing import get_args  # noqa: PLC0415 - only this test reads the literals

    from causewatch.model.judgement import Category, ViolationName  # noqa: PLC0415 - likewise

    assert set(CATEGORY_OF_VIOLATION) == set(get_args(ViolationName))
    assert set(PRIORITY) == set(get_args(Category))


def test_judging_is_quick() -> None:
    """A faulty run of some thirty steps is judged in a few milliseconds, loosely bounded here."""
    run = swallowed()
    for n in range(8):
        run.call("get_note", {"n": n}, {"note": f"N-{n}"})
    graph = run.graph()
    assert len(graph.steps) >= 25
    best = min(_timed(graph) for _ in range(5))
    assert best < 0.03


def _timed(graph: Any) -> float:
    began = time.perf_counter()
    judge(graph)
    return time.perf_counter() - began
