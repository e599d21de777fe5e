"""What a step can have come from."""

from __future__ import annotations

from blame_fixtures import RunBuilder
from causewatch.blame.slice import before


def test_the_slice_follows_what_carries_content() -> None:
    """Data and handoffs into the step and into what came before it; not what merely preceded."""
    run = RunBuilder()
    aside = run.call("get_time", {"at": "x"}, {"time": "noon"})
    source = run.call("get_wind", {"at": "x"}, {"wind": "W-771"})
    run.hand_over("back", {"wind": "W-771"})
    last = run.say("The wind is W-771.")
    run.say("Good bye.")
    later = run.say("Now really.")
    inside, earlier = before(run.graph(), last)
    assert {source, last} <= inside
    assert later not in inside | earlier
    assert inside <= earlier
    assert {aside, source, last} <= earlier


def test_a_step_alone_is_its_own_slice() -> None:
    """Where no edge leads to it, only what was earlier is left to look at."""
    run = RunBuilder()
    first = run.call("send_mail", {"to": "x"}, None)
    inside, earlier = before(run.graph(), 0)
    assert inside == {0}
    assert 0 in earlier
    inside, _ = before(run.graph(), first)
    assert first in inside


def test_edges_from_the_future_are_not_followed() -> None:
    """A clock may be off, but content does not travel back in time."""
    run = RunBuilder()
    one = run.say("One.")
    run.say("And then.")
    two = run.say("Two.")
    run._edge(two, one, "data", "odd")
    inside, _ = before(run.graph(), one)
    assert two not in inside
