"""Whether a corruption spread: each way out of blame, and each kind of evidence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from blame_fixtures import RunBuilder, payload
from causewatch.blame.candidate import Candidate, candidates_of
from causewatch.blame.report import report_of
from causewatch.blame.spread import Spread, spread_of
from causewatch.blame.uses import Scene, scene_of, told_before
from causewatch.faults.detect import detect, run_of
from causewatch.faults.outcome import final_answer
from causewatch.model.graph import CausalGraph
from causewatch.model.step import Message, TextPart

BAD = {
    "error": "gateway closed",
    "city": "Porta Nuova",
    "rows": [{"id": "TGV-9241", "fare": 118.5}],
}


def scene(graph: CausalGraph) -> Scene:
    """Return a run prepared for blame."""
    return scene_of(run_of(graph))


def spreads(graph: CausalGraph) -> list[Spread]:
    """Return how the candidates of a run spread, those that did no harm left out."""
    prepared = scene(graph)
    found = candidates_of(graph, detect(graph), ())
    return [spread for each in found if (spread := spread_of(prepared, each))]


def run_with(
    *events: tuple[Any, ...], bad: Any = BAD, prompt: str = "Plan the trip."
) -> CausalGraph:
    """Return a run that begins with a bad result and goes on."""
    run = RunBuilder(prompt)
    run.call("search_trains", {"day": "Friday"}, bad)
    for event in events:
        if len(event) == 1:
            run.say(event[0])
        else:
            run.call(*event)
    return run.graph()


EVIDENCE = [
    ("an id", ("buy_ticket", {"train": "TGV-9241"}, 1), "uses “tgv-9241”", 1.0),
    ("a number", ("buy_ticket", {"price": "118.50"}, 1), "uses “118.5”", 1.0),
    ("a whole value", ("buy_ticket", {"near": "at Porta Nuova"}, 1), "porta nuova", 0.95),
    ("a made-up id", ("buy_ticket", {"train": "ICE-7700"}, 1), "nothing it was given", 0.7),
]


@pytest.mark.parametrize(
    ("event", "evidence", "factor"), [row[1:] for row in EVIDENCE], ids=[row[0] for row in EVIDENCE]
)
def test_evidence(event: Any, evidence: str, factor: float) -> None:
    """An id, a number, a whole value and a made-up id each prove a use, the surest first."""
    (spread,) = spreads(run_with(event, ("Done.",)))
    assert evidence in spread.evidence[-1]
    assert spread.factor == factor
    assert spread.symptom == spread.uses[-1].step


def test_words_need_company() -> None:
    """Two telling words of a bad text prove a use, one does not."""
    bad = "Error: page lost. So far: the northern ferry departs from pier seven"
    (spread,) = spreads(run_with(("Take the northern ferry.",), bad=bad))
    assert "words" in spread.evidence[0]
    assert spreads(run_with(("Take a ferry.",), bad=bad)) == []


HARMLESS: list[tuple[str, list[tuple[Any, ...]]]] = [
    ("not used", [("buy_ticket", {"train": "by prompt"}, 1), ("Bought.",)]),
    ("only looked at", [("get_map", {"city": "Porta Nuova"}, [1]), ("Here is a map.",)]),
    ("asked again", [("search_trains", {"day": "Friday"}, {"rows": [{"id": "TGV-9241"}]}),
                     ("buy_ticket", {"train": "TGV-9241"}, 1), ("Bought.",)]),
    ("supplied elsewhere", [("get_timetable", {"day": "Friday"}, ["TGV-9241"]),
                            ("buy_ticket", {"train": "TGV-9241"}, 1), ("Bought.",)]),
    ("admitted in the answer", [("I could not load all trains; TGV-9241 is one.",)]),
    ("admitted before acting", [("The search failed, I try TGV-9241.",),
                                ("buy_ticket", {"train": "TGV-9241"}, 1), ("Bought.",)]),
    ("admitted in the call", [("write_note", {"text": "TGV-9241, list incomplete"}, 1),
                              ("Noted.",)]),
    ("its message echoed", [("The gateway closed, so only TGV-9241 is known.",)]),
]  # fmt: skip


@pytest.mark.parametrize("events", [row[1] for row in HARMLESS], ids=[row[0] for row in HARMLESS])
def test_harmless(events: list[tuple[Any, ...]]) -> None:
    """What nobody used, what was mended in time, and what was admitted did no harm."""
    assert spreads(run_with(*events)) == []


def test_a_result_that_echoes_its_arguments_supplies_nothing() -> None:
    """An acting call that repeats the bad value back does not vouch for it."""
    graph = run_with(
        ("reserve_seat", {"train": "TGV-9241"}, {"train": "TGV-9241", "seat": 7}),
        ("buy_ticket", {"train": "TGV-9241"}, {"ok": 1}),
        ("Bought.",),
    )
    (spread,) = spreads(graph)
    assert graph.steps[spread.uses[0].step].name == "reserve_seat"


def test_an_answer_tool_is_no_act_and_supplies_nothing() -> None:
    """A framework's return tool neither acts nor finds out; the act after it is the symptom."""
    graph = run_with(
        ("final_answer", {"answer": "TGV-9241"}, "TGV-9241"),
        ("buy_ticket", {"train": "TGV-9241"}, {"ok": 1}),
        ("Bought.",),
    )
    (spread,) = spreads(graph)
    assert spread.symptom is not None
    assert graph.steps[spread.symptom].name == "buy_ticket"


def test_what_was_known_before_is_not_tainted() -> None:
    """A value that the prompt named proves nothing when it is used."""
    graph = run_with(
        ("buy_ticket", {"train": "TGV-9241"}, 1), ("Bought.",), prompt="Please book TGV-9241."
    )
    assert spreads(graph) == []


def test_what_a_later_agent_is_told_does_not_vouch() -> None:
    """A bad result shown to the next agent as a user's words supplies nothing."""
    run = RunBuilder("Plan the trip.")
    bad = run.call("search_trains", {"day": "Friday"}, BAD)
    run.hand_over("booker", {"plan": "Go on as we said before."}, "Context: found TGV-9241. Go on.")
    run.call("buy_ticket", {"train": "TGV-9241"}, 1)
    run.say("Bought.")
    graph = run.graph()
    assert [each.symptom for each in spreads(graph)] == [len(graph.steps) - 2]
    assert "TGV-9241" not in " ".join(told_before(scene(graph), bad))


def test_a_users_next_words_do_vouch() -> None:
    """A user who answers the same agent supplies values of their own."""
    run = RunBuilder("Plan the trip.")
    run.call("search_trains", {"day": "Friday"}, BAD)
    run.say("Which train?")
    run.history.append(Message(role="user", parts=(TextPart(content="Take TGV-9241."),)))
    run.call("buy_ticket", {"train": "TGV-9241"}, 1)
    run.say("Bought.")
    assert spreads(run.graph()) == []


def test_handed_over_and_answered() -> None:
    """What was handed over and is nowhere acted on surfaces in the answer that rests on it."""
    run = RunBuilder("Plan the trip.")
    run.call("search_trains", {"day": "Friday"}, BAD)
    run.hand_over("writer", {"plan": "TGV-9241 is the best."})
    said = run.say("Take the train that we found.")
    (spread,) = spreads(run.graph())
    assert (spread.symptom, [use.kind for use in spread.uses]) == (said, ["handoff", "answer"])
    assert "rests on" in spread.evidence[-1]


def test_a_loss_with_nobody_to_act_is_still_running() -> None:
    """A receiver that has neither acted nor answered has done no harm yet."""
    run = RunBuilder()
    task = "Move crates D-1 to D-40 to hall 7, but keep crate D-13 where it is."
    run.hand_over("planner", {"task": task}, task[:40])
    assert spreads(run.graph()) == []


def test_a_loss_prefers_the_receivers_own_act() -> None:
    """The symptom of a loss is what its receiver did, not what another did first."""
    run = RunBuilder()
    task = "Move crates D-1 to D-40 to hall 7, but keep crate D-13 where it is."
    run.hand_over("planner", {"task": task}, task[:40])
    own = run.call("schedule_move", {"crates": "all"}, 1)
    run.say("Done.")
    (spread,) = spreads(run.graph())
    assert spread.symptom == own


def test_a_candidate_without_its_call_spreads_nowhere() -> None:
    """A fault on a step that is no call, or a loss without its handoff, is no harm by itself."""
    graph = run_with(("Done.",))
    odd = Candidate(step=0, category="tool_failure", reason="x", confidence=1.0, spread="values")
    assert spread_of(scene(graph), odd) is None
    assert spread_of(scene(graph), msgspec.structs.replace(odd, spread="receiver")) is None


REPORTS: list[tuple[Any, str, tuple[Any, ...], bool]] = [
    ({"error": "gone", "id": "A-1"}, "gone", ("A-1",), True),
    ({"error": {"code": 7, "text": "gone"}, "n": 2}, "7\ngone", (2,), True),
    ({"status": "partial", "id": "A-1"}, "partial", ("A-1",), True),
    ({"message": "gone", "rows": [1.5, True, None]}, "gone", (1.5,), True),
    ("Error: gone. So far: A-1", "Error: gone.", ("So far: A-1",), False),
    ({"result": "Error: gone; found A-1"}, "Error: gone;", ("found A-1",), True),
    ('{"error": "gone", "id": "A-1"', "gone", ("A-1",), True),
    ("plain words", "", ("plain words",), False),
]


@pytest.mark.parametrize(("result", "message", "data", "structured"), REPORTS)
def test_a_bad_result_is_taken_apart(
    result: Any, message: str, data: tuple[Any, ...], structured: bool
) -> None:
    """The report of a failure and the data beside it are told apart."""
    run = RunBuilder()
    index = run.call("get_a", {"n": 1}, result)
    report = report_of(run.graph().steps[index])
    assert (report.message, report.data, report.structured) == (message, data, structured)


def test_without_a_result_the_span_tells() -> None:
    """The message of a call without a result is its span's own error."""
    run = RunBuilder()
    index = run.call("get_a", {"n": 1}, None, status="error")
    step = msgspec.structs.replace(run.graph().steps[index], error_message="refused")
    assert "refused" in report_of(step).message


def test_the_final_answer_is_the_last_words_without_a_call() -> None:
    """A model turn that asks for a tool is no answer; without any, the agent's output is."""
    run = RunBuilder()
    run.say("First words.")
    last = run.say("Last words.")
    run.call("get_a", {"n": 1}, 1)
    assert final_answer(run.graph()) == last
    silent = RunBuilder()
    silent.call("get_a", {"n": 1}, 1)
    graph = silent.graph()
    assert final_answer(graph) is None
    steps = (msgspec.structs.replace(graph.steps[0], output=payload("Done.")), *graph.steps[1:])
    assert final_answer(msgspec.structs.replace(graph, steps=steps)) == 0


def test_uses_are_in_order_of_time() -> None:
    """Handoffs, acts and the answer are uses; looking and delegating calls are not acts."""
    run = RunBuilder()
    run.call("get_a", {"n": 1}, 1)
    run.call("send_b", {"n": 1}, 1)
    run.hand_over("back", {"task": "x"})
    run.call("pay_c", {"n": 1}, 1)
    run.say("Done.")
    assert [use.kind for use in scene(run.graph()).uses] == ["act", "handoff", "act", "answer"]


def test_a_failure_in_a_run_that_used_nothing() -> None:
    """A call without arguments in a run without an answer is all there is: no harm is seen."""
    run = RunBuilder()
    run.call("send_letter", None, {"error": "mailroom closed"})
    graph = run.graph()
    assert not [use for use in scene(graph).uses if use.kind == "answer"]
    assert spreads(graph) == []
    bare = msgspec.structs.replace(scene(graph), uses=())
    (failed,) = candidates_of(graph, detect(graph), ())
    assert spread_of(bare, failed) is None
