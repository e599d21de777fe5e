"""Runs that are known to have ended wrong: which origin is named, and how surely."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from blame_fixtures import RunBuilder
from causewatch.blame.attribute import MIN_CONFIDENCE
from causewatch.blame.ending import NOT_KNOWN, Ending
from causewatch.blame.judge import judge
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Assessment, Blame

FAILED = Ending(failed=True)


def failed(run: RunBuilder, ending: Ending = FAILED) -> Blame:
    """Return what is said of a run that failed; without that it must be called healthy."""
    graph = run.graph()
    assert judge(graph).blame.verdict == "healthy"
    blame = judge(graph, ending=ending).blame
    assert blame.verdict == "healthy"
    assert blame.origin is not None
    assert blame.confidence is not None
    assert blame.observed is not None
    assert blame.attributed is not None
    assert blame.confidence == pytest.approx(blame.observed * blame.attributed, abs=0.01)
    return blame


def admitted_failure() -> tuple[RunBuilder, int]:
    """A tool failed, and the agent said so: no corruption, but likely why the run failed."""
    run = RunBuilder()
    step = run.call("get_wind", {"at": "x"}, {"error": "gauge offline"})
    run.say("I could not read the wind, the gauge is offline.")
    return run, step


def failed_program() -> tuple[RunBuilder, int]:
    """A program ended with an error code; whoever wrote it is named."""
    run = RunBuilder()
    turn = len(run.steps)
    run.call("run_python", {"code": "print(1/0)"}, "exitcode: 1\nOutput: division")
    run.say("Done with it.")
    return run, turn


def invented_value() -> tuple[RunBuilder, int]:
    """An agent tells a value that nothing explains, and the answer repeats it."""
    run = RunBuilder("Which ticket is the oldest?")
    run.call("list_tickets", {"open": True}, {"tickets": ["T-100", "T-101"]})
    turn = run.say("It must be T-94417 then.")
    run.agent("writer", "Write the answer.")
    run.say("The oldest one is T-94417.")
    return run, turn


def unanswered_call() -> tuple[RunBuilder, int]:
    """A call that was never answered."""
    run = RunBuilder()
    step = run.call("get_wind", {"at": "x"}, None)
    run.say("There is wind.")
    return run, step


def carried_on() -> tuple[RunBuilder, int]:
    """All that the answer says comes from one result: where that was wrong, so is the answer."""
    run = RunBuilder()
    run.call("get_time", {"at": "x"}, {"hour": "noon"})
    step = run.call("get_wind", {"at": "x"}, {"wind": "W-771", "from": "north-west"})
    run.say("Wind W-771 from north-west.")
    return run, step


LADDER: tuple[tuple[Callable[[], tuple[RunBuilder, int]], str], ...] = (
    (admitted_failure, "tool_failure"),
    (failed_program, "tool_failure"),
    (invented_value, "ungrounded"),
    (unanswered_call, "empty"),
    (carried_on, "other"),
)


@pytest.mark.parametrize(("story", "category"), LADDER)
def test_weak_evidence_names_an_origin(
    story: Callable[[], tuple[RunBuilder, int]], category: str
) -> None:
    """Each kind of weak evidence leads to its step, with less confidence than a verdict needs."""
    run, expected = story()
    blame = failed(run)
    assert blame.origin is not None
    assert (blame.origin.step, blame.category) == (expected, category)
    assert blame.origin.reason
    assert blame.confidence is not None
    assert 0 < blame.confidence < MIN_CONFIDENCE


def test_the_ladder_goes_from_strong_to_weak() -> None:
    """The confidence says which evidence it was."""
    sure = [failed(story()[0]).confidence for story, _ in LADDER]
    assert sure == sorted(sure, key=lambda each: -(each or 0))


def test_a_program_that_was_mended_is_not_why() -> None:
    """Run again with success, its exit code tells nothing."""
    run = RunBuilder()
    run.call("run_python", {"code": "a"}, "exitcode: 1\nOutput: no")
    run.call("run_python", {"code": "b"}, "exitcode: 0\nOutput: W-771")
    run.say("It is W-771.")
    assert failed(run).category != "tool_failure"


def test_a_broken_off_reply_is_suspect() -> None:
    """Where the provider cut the model's words, what followed lacks the rest."""
    run = RunBuilder()
    run.say("The wind is")
    graph = run.graph()
    cut = msgspec.structs.replace(graph.steps[1], finish_reason="max_tokens")
    graph = msgspec.structs.replace(graph, steps=(graph.steps[0], cut))
    blame = judge(graph, ending=FAILED).blame
    assert blame.origin is not None
    assert (blame.origin.step, blame.category) == (1, "truncation")


def test_an_error_of_a_step_is_suspect() -> None:
    """A span that reports an error, whatever kind of step it is; its text is quoted."""
    run = RunBuilder()
    run.say("The wind is strong.")
    graph = run.graph()
    span = msgspec.structs.replace(graph.steps[1].span, status="error")
    bad = msgspec.structs.replace(graph.steps[1], span=span, error_message="quota\x1b exceeded")
    graph = msgspec.structs.replace(graph, steps=(graph.steps[0], bad))
    origin = judge(graph, ending=FAILED).blame.origin
    assert origin is not None
    assert origin.reason == "chat ended in an error: “quota exceeded”"


def test_the_path_shows_who_repeated_it() -> None:
    """From the suspect over those who repeat what it brought in, to the end of the run."""
    run, turn = invented_value()
    end = len(run.steps) - 1
    blame = failed(run)
    assert blame.path[0].step == turn
    assert blame.path[-1].step == end
    assert blame.symptom is not None
    assert blame.symptom.step == end
    assert [p.agent for p in blame.propagators] == ["front"]


def test_an_agent_without_recorded_turns_is_no_propagator_of_its_own_words() -> None:
    """Where only agents' spans are recorded, the origin's own agent did not pass anything on."""
    run = RunBuilder("Which ticket is the oldest?", agent="one")
    graph = run.graph()
    del graph
    for name, words in (("two", "It is T-94417."), ("three", "So it is T-94417 after all.")):
        run.agent(name, "")
        run.steps[-1]["output_messages"] = run_words(words)
    blame = failed(run)
    assert blame.origin is not None
    assert blame.origin.agent == "two"
    assert [p.agent for p in blame.propagators] == ["three"]


def run_words(words: str) -> tuple[object, ...]:
    """Return one message of an agent."""
    run = RunBuilder()
    run.say(words)
    return tuple(run.steps[-1]["output_messages"])


def test_a_proven_corruption_stays_the_answer() -> None:
    """That the run is known to have failed adds nothing where the evidence is there."""
    run = RunBuilder("Book a train.")
    run.call("search_trains", {"to": "x"}, {"error": "gone", "id": "TGV-9241"})
    run.call("buy_ticket", {"train": "TGV-9241"}, {"booking": 1})
    run.say("Booked.")
    graph = run.graph()
    assert judge(graph, ending=FAILED).blame == judge(graph).blame


def test_an_empty_run_has_no_origin() -> None:
    """Where nothing is recorded at all, nothing is named."""
    graph = msgspec.structs.replace(
        RunBuilder().graph(), steps=(), owner=(), parent=(), edges=(), handoffs=()
    )
    assert judge(graph, ending=FAILED).blame.origin is None


def two_failures() -> tuple[CausalGraph, tuple[int, ...]]:
    """Return a run with two swallowed failures, each used in a call of its own."""
    run = RunBuilder("Book a train and a hotel.")
    first = run.call("search_trains", {"to": "x"}, {"error": "gone", "id": "TGV-9241"})
    ticket = run.call("buy_ticket", {"train": "TGV-9241"}, {"booking": 1})
    second = run.call("search_hotels", {"in": "y"}, {"error": "gone", "id": "HTL-5512"})
    room = run.call("book_room", {"hotel": "HTL-5512"}, {"booking": 2})
    run.say("Booked both.")
    return run.graph(), (first, ticket, second, room)


def seen_at(graph: CausalGraph, step: int) -> Assessment:
    """Judge a run whose symptom a person saw at a step."""
    return judge(graph, ending=Ending(symptom=graph.steps[step].span.span_id))


def test_the_symptom_that_a_person_names_decides_where_to_look() -> None:
    """Traced back from there, what came after it cannot be why."""
    graph, (first, ticket, _, room) = two_failures()
    for seen, origin in ((ticket, first), (room, first)):
        blame = seen_at(graph, seen).blame
        assert blame.verdict == "corrupted"
        assert blame.symptom is not None
        assert blame.origin is not None
        assert (blame.symptom.step, blame.origin.step) == (seen, origin)
        assert blame.path[-1].step == seen


def test_nothing_after_the_symptom_is_blamed() -> None:
    """A run that went wrong twice: the first symptom has nothing to do with the second failure."""
    run = RunBuilder("Book a train and a hotel.")
    good = run.call("search_trains", {"to": "x"}, {"id": "TGV-9241"})
    ticket = run.call("buy_ticket", {"train": "TGV-9241"}, {"booking": 1})
    run.call("search_hotels", {"in": "y"}, {"error": "gone", "id": "HTL-5512"})
    run.call("book_room", {"hotel": "HTL-5512"}, {"booking": 2})
    run.say("Booked both.")
    found = seen_at(run.graph(), ticket)
    assert found.blame.origin is not None
    assert found.blame.origin.step in range(good + 2)
    assert found.blame.verdict == "corrupted"
    assert [failing.by for failing in found.failed_by] == ["symptom"]


def test_a_symptom_in_no_span_is_no_symptom() -> None:
    """A run that does not hold the span is judged as if nobody had said anything."""
    graph, _ = two_failures()
    assert judge(graph, ending=Ending(symptom="ffff")) == judge(graph, ending=NOT_KNOWN)


def test_the_symptom_may_be_given_in_upper_case_and_short() -> None:
    """As far as it is the beginning of the span's id."""
    graph, (_, ticket, _, _) = two_failures()
    start = graph.steps[ticket].span.span_id[:16].upper()
    symptom = judge(graph, ending=Ending(symptom=start)).blame.symptom
    assert symptom is not None
    assert symptom.step == ticket
