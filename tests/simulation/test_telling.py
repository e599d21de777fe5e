"""Seeded histories of telling people: what must hold whatever goes wrong, and when.

Every transition is delivered at least once; what arrives twice does so after a crash or an attempt
without an answer, under the same id and with the same body; the order of an incident is kept; no
storm comes of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from causewatch.notify.config import DIGEST_KEY
from causewatch.store.record import OutboxRow
from simulated import HOOK, PAGER_HOOK, REPEAT_S, SLACK, Place, World, morning, night

QUICK = range(24)
HISTORIES_A_TEST = 100
MANY = range(0, 10_000, HISTORIES_A_TEST)


def check(world: World) -> None:
    """Assert everything that must hold of a world in which all is over and told."""
    for place in world.places.values():
        assert_one_body_an_id(place)
    for name in (HOOK, PAGER_HOOK):
        assert_in_order(world.places[name])
    assert_nothing_is_lost(world)
    assert_no_storm(world)


def firsts(rows: list[OutboxRow]) -> list[OutboxRow]:
    """Return the first arrival of each message."""
    return list({row.message_id: row for row in reversed(rows)}.values())[::-1]


def assert_one_body_an_id(place: Place) -> None:
    """What arrives again was possibly sent before, and says the same where it cannot change."""
    seen: dict[str, OutboxRow] = {}
    for row in place.arrived:
        first = seen.setdefault(row.message_id, row)
        if first is not row:
            assert row.possibly_sent
            assert row.in_place or row.incident == first.incident
            assert row.notes == first.notes


def assert_in_order(place: Place) -> None:
    """Beginnings and ends take turns, each newer than the one before; reminders lie within."""
    state: dict[str, str] = {}
    revision: Counter[str] = Counter()
    for row in firsts(place.arrived):
        incident = row.incident
        if row.action == "resolve" or row.reason != "repeated":
            assert state.get(incident.id, "resolve") != row.action
            state[incident.id] = row.action
        else:
            assert state[incident.id] == "open"
        assert incident.revision >= revision[incident.id]
        revision[incident.id] = incident.revision


def assert_nothing_is_lost(world: World) -> None:
    """Each opening that nothing held back arrived, and each that arrived has its end."""
    told: Counter[tuple[str, str]] = Counter(
        (row.incident.id, row.action)
        for row in own(firsts(world.places[HOOK].arrived))
        if row.reason != "repeated"
    )
    for incident in world.disk.incidents():
        opens, ends = told[incident.id, "open"], told[incident.id, "resolve"]
        assert (
            world.opened[incident.id]
            <= opens
            <= world.opened[incident.id] + world.moved[incident.id]
        )
        assert ends == opens
    shown = Counter(row.incident.id for row in own(world.places[SLACK].shown.values()))
    assert set(shown.values()) <= {1}, "an incident is one message"
    for row in world.places[SLACK].shown.values():
        assert row.incident.state == "resolved"
    assert world.was_limited or set(shown) == {incident_id for incident_id, _ in told}
    dead = [row for row in all_rows(world) if row.state == "dead" and row.target != PAGER_HOOK]
    assert dead == []


def own(rows: Iterable[OutboxRow]) -> list[OutboxRow]:
    """Return the messages of incidents; those of digests are in no list of incidents."""
    return [row for row in rows if row.incident.key != DIGEST_KEY]


def all_rows(world: World) -> list[OutboxRow]:
    """Return every row that the outbox ever had and still keeps."""
    return list(world.disk._values(OutboxRow, "SELECT value FROM outbox"))


def assert_no_storm(world: World) -> None:
    """No more messages than there were changes, and reminders at their pace."""
    hours = (world.clock.now_ns() - world.started_ns) / 3600e9 + 1
    for name in (SLACK, HOOK, PAGER_HOOK):
        disturbing = Counter(
            row.incident.id
            for row in own(firsts(world.places[name].arrived))
            if row.action in {"open", "thread"} and row.reason != "repeated"
        )
        reminders = Counter(
            row.incident.id
            for row in firsts(world.places[name].arrived)
            if row.reason == "repeated"
        )
        for incident_id, count in disturbing.items():
            assert count <= 2 * world.moved[incident_id]
        assert all(count <= hours + world.restarts for count in reminders.values())


@pytest.mark.parametrize("seed", QUICK)
def test_nothing_is_lost_doubled_or_out_of_order(seed: int) -> None:
    """Crashes at any step, lying receivers, clock steps, silences and reloads notwithstanding."""
    check(morning(seed))


@pytest.mark.slow
@pytest.mark.parametrize("first", MANY)
def test_nothing_is_lost_in_ten_thousand_histories(first: int) -> None:
    """The same, a hundred histories at a time."""
    for seed in range(first, first + HISTORIES_A_TEST):
        check(morning(seed, trouble=(0.1, 0.4, 0.7)[seed % 3]))


@pytest.mark.parametrize("seed", range(6))
def test_what_was_held_back_and_still_fires_is_told(seed: int) -> None:
    """When silences and mutes are over every open incident is known, as it is."""
    world = night(seed)
    shown = {row.incident.id: row.incident for row in world.places[SLACK].shown.values()}
    for incident in world.disk.incidents(state="open"):
        assert shown[incident.id].state == "open"
        assert shown[incident.id].severity == incident.severity


@pytest.mark.parametrize("seed", range(6))
def test_what_stays_open_is_told_again_and_again(seed: int) -> None:
    """Once an interval, whatever happened before, unless somebody works on it."""
    world = night(seed)
    hook = world.places[HOOK]
    waiting = {i.id for i in world.disk.incidents(state="open") if not i.acknowledged_by}
    for _ in range(3):
        hook.arrived.clear()
        world.clock.advance(REPEAT_S)
        world.teller.review()
        world.drain()
        assert {row.incident.id for row in hook.arrived} == waiting
        assert {row.reason for row in hook.arrived} <= {"repeated"}


@pytest.mark.parametrize("seed", range(4))
def test_without_trouble_nothing_arrives_twice(seed: int) -> None:
    """Each message once."""
    world = morning(seed, trouble=0.0)
    assert world.crashes == 0
    for place in world.places.values():
        assert len(firsts(place.arrived)) == len(place.arrived) or place is world.places[SLACK]
        assert not any(row.possibly_sent for row in place.arrived)


def test_the_simulation_does_what_it_says() -> None:
    """The other tests prove something only as long as all of it happens."""
    worlds = [morning(seed) for seed in range(100, 112)]
    rows = [row for world in worlds for place in world.places.values() for row in place.arrived]
    assert sum(world.crashes for world in worlds) > 20
    assert {"opened", "reopened", "resolved", "repeated", "unmuted"} <= {row.reason for row in rows}
    assert any(row.possibly_sent for row in rows)
    assert any(
        incident.closed_by or incident.revision > 3
        for w in worlds
        for incident in w.disk.incidents()
    )
    assert any(world.disk.silences() for world in worlds)
    assert {row.target for row in rows} == {SLACK, HOOK, PAGER_HOOK}


def test_a_history_follows_from_its_seed() -> None:
    """What fails once fails again."""
    one, two = (
        [(row.message_id, row.action) for row in morning(7).places[HOOK].arrived] for _ in range(2)
    )
    assert one == two
