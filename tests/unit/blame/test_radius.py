"""The blast radius: what the corruption reached, and what it did not."""

from __future__ import annotations

from blame_fixtures import RunBuilder
from causewatch.blame.judge import judge
from causewatch.blame.radius import MAX_REACHED_COUNT
from causewatch.blame.render import explain_json

BAD = {"error": "gone", "id": "TGV-9241"}


def booked() -> RunBuilder:
    """Return a run that acts on half a result in two agents, and does something unrelated."""
    run = RunBuilder("Book a train for customer C-500.")
    run.call("search_trains", {"to": "x"}, BAD)
    run.hand_over("booker", {"plan": "Take TGV-9241 please."})
    run.call("buy_ticket", {"train": "TGV-9241"}, {"booking": 1})
    run.call("update_profile", {"customer": "C-500"}, {"ok": True})
    run.call("send_mail", {"text": "You go by TGV-9241."}, {"sent": True})
    run.say("Booked TGV-9241.")
    return run


def test_everything_that_took_it_in_or_carried_it_on() -> None:
    """Handoffs, acting calls and the answer with values of it, and each agent that had it."""
    graph = booked().graph()
    blame = judge(graph).blame
    reached = [(graph.steps[r.step].name, r.agent, r.role) for r in blame.reached]
    assert ("transfer_to_booker", "front", "handoff") in reached
    assert ("buy_ticket", "booker", "act") in reached
    assert ("send_mail", "booker", "act") in reached
    assert reached[-1][2] == "answer"
    assert {r.agent for r in blame.reached} == {"front", "booker"}
    assert all(r.evidence for r in blame.reached)


def test_a_call_without_its_values_was_not_reached() -> None:
    """What an agent did beside it is not downstream of it, though it had it in its context."""
    graph = booked().graph()
    blame = judge(graph).blame
    assert "update_profile" not in {graph.steps[r.step].name for r in blame.reached}


def test_the_path_is_always_inside() -> None:
    """What blame rests on was reached; the origin itself is not listed."""
    blame = judge(booked().graph()).blame
    reached = {r.step for r in blame.reached}
    assert blame.origin is not None
    assert blame.symptom is not None
    assert blame.origin.step not in reached
    assert blame.symptom.step in reached


def test_a_loss_reaches_what_its_receiver_did() -> None:
    """What was lost has no values to follow: the receiver's turns and calls are downstream."""
    run = RunBuilder("Move the crates.")
    sent = "Move the crates CR-401 to CR-440 to hall 7, but leave crate CR-413 where it is."
    run.hand_over("mover", {"task": sent}, sent[:60])
    run.call("schedule_move", {"crates": "CR-401 to CR-440"}, {"ok": True})
    run.say("All crates are moved.")
    blame = judge(run.graph()).blame
    assert blame.category == "truncation"
    assert {"mover"} == {r.agent for r in blame.reached}
    assert {"agent", "act"} <= {r.role for r in blame.reached}


def test_a_loop_reaches_nothing() -> None:
    """It harms the run itself."""
    run = RunBuilder()
    for _ in range(4):
        run.call("get_wind", {"at": "x"}, [1])
    blame = judge(run.graph()).blame
    assert (blame.category, blame.reached) == ("loop", ())


def test_a_healthy_run_has_no_radius() -> None:
    """Programs find the key all the same."""
    run = RunBuilder()
    run.say("Hello.")
    assert explain_json(judge(run.graph()))["blast_radius"] == {"agents": [], "reached": []}


def test_the_radius_is_bounded() -> None:
    """However much was reached, what is listed can be read, the earliest first."""
    run = RunBuilder("Write to all.")
    run.call("search_trains", {"to": "x"}, BAD)
    for number in range(2 * MAX_REACHED_COUNT):
        run.call("send_mail", {"text": f"Number {number}: TGV-9241."}, {"sent": number})
    run.say("Done.")
    blame = judge(run.graph()).blame
    assert len(blame.reached) == MAX_REACHED_COUNT
    starts = [run.spans[r.step]["start_ns"] for r in blame.reached]
    assert starts == sorted(starts)
