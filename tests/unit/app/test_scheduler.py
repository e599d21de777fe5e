"""Rule groups on schedule."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from app_fixtures import LOST, T0_NS, Desk, S, assessment, loaded
from causewatch.app.clock import now_ns
from causewatch.app.scheduler import Scheduler

CUT = "pydantic-ai__native__truncated_handoff"


class Clock:
    """A wall clock in the test's hand."""

    def __init__(self) -> None:
        self.now_ns = T0_NS

    def __call__(self) -> int:
        """Return the time."""
        return self.now_ns


@pytest.fixture
def desk() -> Desk:
    """Return rule groups over a store in memory."""
    return Desk()


def scheduler_of(desk: Desk, clock: Clock) -> Scheduler:
    """Return a scheduler that is not started: its evaluations are called by hand."""
    return Scheduler(desk.groups, store=desk.store, metrics=desk.metrics, now_ns=clock)


def test_slots_are_multiples_of_the_interval(desk: Desk) -> None:
    """Without waiting runs the slot is aligned, whatever moment the job really starts at."""
    clock = Clock()
    scheduler = scheduler_of(desk, clock)
    scheduler._evaluate("silent")
    first = desk.store.group_slot_ns("silent")
    assert first is not None
    assert T0_NS - 10 * S < first <= T0_NS
    clock.now_ns += 13 * S
    scheduler._evaluate("silent")
    second = desk.store.group_slot_ns("silent")
    assert second in {first + 10 * S, first + 20 * S}


def test_waiting_runs_count_at_once(desk: Desk) -> None:
    """An early look uses the present moment, so that fresh findings are inside of the slot."""
    clock = Clock()
    scheduler = scheduler_of(desk, clock)
    desk.groups.offer(assessment(CUT), first_batch=1)
    scheduler._evaluate("silent")
    assert desk.store.group_slot_ns("silent") == T0_NS
    assert desk.reasons == ["opened"]


def test_a_slot_never_goes_back(desk: Desk) -> None:
    """A clock set back by an hour neither resolves nor repeats anything."""
    clock = Clock()
    scheduler = scheduler_of(desk, clock)
    desk.groups.offer(assessment(CUT), first_batch=1)
    scheduler._evaluate("silent")
    clock.now_ns -= 3600 * S
    scheduler._evaluate("silent")
    assert desk.store.group_slot_ns("silent") == T0_NS
    assert desk.reasons == ["opened"]


def test_iterations_missed_and_lag_are_counted(desk: Desk) -> None:
    """A late evaluation covers the slots it missed, and says how many they were."""
    clock = Clock()
    scheduler = scheduler_of(desk, clock)
    scheduler._evaluate("silent")
    clock.now_ns += 60 * S
    scheduler._evaluate("silent")
    assert desk.metric("causewatch_rule_group_iterations_missed_total", group="silent") == 5
    assert desk.metric("causewatch_rule_group_iterations_total", group="silent") == 2 + 5
    assert 50 <= desk.metric("causewatch_rule_group_lag_seconds", group="silent") < 60
    clock.now_ns += 10 * S
    scheduler._evaluate("silent")
    assert 0 <= desk.metric("causewatch_rule_group_lag_seconds", group="silent") < 10


def test_a_group_that_fails_stays_scheduled(desk: Desk) -> None:
    """An exception in one evaluation is logged; the runs wait for the next."""
    clock = Clock()
    scheduler = scheduler_of(desk, clock)
    tell = desk.groups._tell

    def broken(*_args: object) -> None:
        raise OSError("disk full")

    desk.groups._tell = broken
    desk.groups.offer(assessment(CUT), first_batch=1)
    scheduler._evaluate("silent")
    assert desk.groups.has_waiting("silent")
    desk.groups._tell = tell
    scheduler._evaluate("silent")
    assert desk.reasons == ["opened"]


def test_a_group_that_fails_and_fails_gets_fewer_looks_in_between(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New runs do not bring its next look forward; when it works again they do."""
    scheduler = scheduler_of(desk, Clock())
    delays_s: list[float] = []
    monkeypatch.setattr(scheduler, "_bring_forward", lambda _key, delay_s: delays_s.append(delay_s))
    decide = desk.groups._decide
    monkeypatch.setattr(desk.groups, "_decide", lambda *_: 1 // 0)
    desk.groups.offer(assessment(CUT), first_batch=1)
    delays_s.clear()
    for number in range(8):
        scheduler._evaluate("silent")
        scheduler._early_at_s.clear()
        desk.groups.offer(assessment(CUT), first_batch=number)
    assert delays_s == [5, 10, 20, 40, 80, 160, 300, 300]
    monkeypatch.setattr(desk.groups, "_decide", decide)
    scheduler._evaluate("silent")
    assert desk.reasons == ["opened"]
    desk.groups.offer(assessment(CUT), first_batch=9)
    assert delays_s[8:] == [0]


def test_that_nothing_is_looked_at_is_a_problem(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two minutes beyond the interval; one look at any group is enough, and no groups are well."""
    clock = Clock()
    scheduler = scheduler_of(desk, clock)
    assert scheduler.problems() == ()
    began_s = scheduler._looked_at_s
    monkeypatch.setattr("causewatch.app.scheduler.time.monotonic", lambda: began_s + 131)
    assert scheduler.problems() == ("no rule group was looked at for 131 s",)
    clock.now_ns -= 3600 * S
    assert scheduler.problems() == (), "no slot is due while a clock that was set back catches up"
    clock.now_ns += 3600 * S
    scheduler._evaluate("silent")
    assert scheduler.problems() == ()
    desk.groups.replace(loaded("groups: []"))
    scheduler._looked_at_s = 0
    assert scheduler.problems() == ()


def test_a_group_that_is_gone_is_passed_over(desk: Desk) -> None:
    """A job that fires while a reload removes its group does nothing."""
    scheduler_of(desk, Clock())._evaluate("no-such-group")
    assert desk.store.group_slot_ns("no-such-group") is None


@pytest.fixture
def running(desk: Desk) -> Iterator[tuple[Desk, Scheduler, threading.Event]]:
    """Return a started scheduler on the real clock, and an event that an opened incident sets."""
    opened = threading.Event()
    desk.groups._tell = lambda changes, _slot: opened.set() if changes else None
    scheduler = Scheduler(desk.groups, store=desk.store, metrics=desk.metrics, now_ns=now_ns)
    scheduler.start()
    yield desk, scheduler, opened
    scheduler.stop()


def test_an_offered_run_is_evaluated_before_the_interval_is_over(
    running: tuple[Desk, Scheduler, threading.Event],
) -> None:
    """The interval is ten seconds; a waiting run is looked at within about one."""
    desk, _, opened = running
    desk.groups.offer(assessment(CUT), first_batch=1)
    assert opened.wait(5)


def test_two_offers_in_a_row_are_both_looked_at(
    running: tuple[Desk, Scheduler, threading.Event],
) -> None:
    """A run that comes right after an early look gets a look of its own, not only the next slot."""
    desk, _, opened = running
    desk.groups.offer(assessment(CUT), first_batch=1)
    assert opened.wait(5)
    opened.clear()
    failed = assessment("langgraph__openinference__tool_error_swallowed")
    desk.groups.offer(failed, first_batch=2)
    assert opened.wait(5)


def test_a_reload_adds_and_removes_jobs(running: tuple[Desk, Scheduler, threading.Event]) -> None:
    """There is one job for each group of the bundle in force, by its key."""
    desk, scheduler, _ = running
    desk.groups.replace(loaded(LOST.replace("silent", "loud")))
    scheduler.reschedule()
    assert [job.id for job in scheduler._apscheduler.get_jobs()] == ["loud"]
