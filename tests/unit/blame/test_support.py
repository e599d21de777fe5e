"""What each step brings in itself, and what was there before it."""

from __future__ import annotations

from blame_fixtures import RunBuilder
from causewatch.blame.atoms import Atoms
from causewatch.blame.support import (
    Said,
    common,
    last_words,
    novelties,
    sayings_of,
    weight_of,
)
from causewatch.blame.uses import Scene, scene_of
from causewatch.faults.detect import run_of


def scene(run: RunBuilder) -> Scene:
    """Return the scene of a run."""
    graph = run.graph()
    return scene_of(run_of(graph))


def own_of(run: RunBuilder) -> dict[int, frozenset[str]]:
    """Return the strong values that each step brought in."""
    prepared = scene(run)
    return {n.said.step: n.own.strong for n in novelties(prepared, sayings_of(prepared))}


def test_a_value_belongs_to_whoever_said_it_first() -> None:
    """The user's to nobody, a result's to the call, the rest to the agent."""
    run = RunBuilder("What of case C-500?")
    found = run.call("get_case", {"id": "C-500"}, {"id": "C-500", "owner": "U-771"})
    said = run.say("C-500 is owned by U-771 since D-404.")
    own = own_of(run)
    assert own[found] == {"u-771"}
    assert own[said] == {"d-404"}


def test_what_an_agent_is_told_is_not_its_own() -> None:
    """What was handed over was there before, wherever it shows."""
    run = RunBuilder("Go.")
    run.hand_over("back", {"ticket": "T-94417"})
    said = run.say("T-94417 it is.")
    assert own_of(run)[said] == frozenset()


def test_delegations_find_nothing_out() -> None:
    """What an agent returns through its delegation are its own words."""
    run = RunBuilder("Go.")
    run.hand_over("back", {"a": "x"}, result="It is T-94417.")
    run.say("It is T-94417.")
    assert not any(said.found_out for said in sayings_of(scene(run)))


def test_an_agent_without_models_speaks_for_itself() -> None:
    """Where only agents' spans are recorded, their words count; else they would count twice."""
    run = RunBuilder("Go.")
    run.say("It is T-94417.")
    words = run.steps[-1]["output_messages"]
    run.steps[0]["output_messages"] = words
    assert [said.step for said in sayings_of(scene(run))] == [1]
    run.agent("silent", "")
    run.steps[-1]["output_messages"] = words
    assert [said.step for said in sayings_of(scene(run))] == [1, 2]


def test_last_words_are_those_of_substance() -> None:
    """A bare "done" says nothing of what came before it."""
    run = RunBuilder("Go.")
    told = run.say("The parcel T-94417 stays at the northern depot until Friday.")
    run.say("TERMINATE")
    prepared = scene(run)
    end = last_words(prepared, sayings_of(prepared), None)
    assert end is not None
    assert end.step == told


def test_last_words_at_a_symptom_are_what_it_holds() -> None:
    """Also what a call was given."""
    run = RunBuilder("Go.")
    step = run.call("send_mail", {"text": "T-94417"}, {"sent": "yes"})
    prepared = scene(run)
    end = last_words(prepared, sayings_of(prepared), step)
    assert end is not None
    assert end.atoms.strong == {"t-94417"}


def test_a_silent_run_has_no_last_words() -> None:
    """Nothing was said, nothing was found out."""
    prepared = scene(RunBuilder("Go."))
    assert sayings_of(prepared) == ()
    assert last_words(prepared, (), None) is None


def test_an_id_weighs_more_than_a_word() -> None:
    """Whoever repeats one had it from somewhere."""
    one = Atoms(strong=frozenset({"t-1", "t-2"}), weak=frozenset({"depot"}))
    two = Atoms(strong=frozenset({"t-2"}), weak=frozenset({"depot", "friday"}))
    assert common(one, two) == Atoms(strong=frozenset({"t-2"}), weak=frozenset({"depot"}))
    assert weight_of(one) > weight_of(two) > 0
    said = Said(step=0, agent="a", start_ns=0, end_ns=0, atoms=Atoms(), found_out=False)
    assert weight_of(said.atoms) == 0
