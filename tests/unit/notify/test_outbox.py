"""The life of a row, its waits, and the pace of a channel."""

from __future__ import annotations

import itertools
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.notify.outbox import (
    MAX_NOTES,
    TRANSITIONS,
    Event,
    OutboxError,
    claim,
    recover,
    retire,
    settle,
    step,
    supersede,
)
from causewatch.notify.outcome import Dead, Outcome, Retry, Sent, Unknown
from causewatch.notify.pace import Pace
from causewatch.notify.retry import DEFAULT_SCHEDULE, Schedule, is_too_old, wait_s
from causewatch.notify.retry_after import retry_after_s
from causewatch.store.record import OUTBOX_STATES, Action, OutboxRow, OutboxState
from notify_fixtures import NOW, S, an_alert, opened, then


def a_row(action: Action = "open", **rest: object) -> OutboxRow:
    """Return a queued row of a Slack message."""
    fields: dict[str, object] = {
        "message_id": f"msg-{action}",
        "target": "team/slack/#agents",
        "incident": opened().incident,
        "reason": "opened",
        "in_place": True,
        "created_at_ns": NOW,
        "due_at_ns": NOW,
    } | rest
    return OutboxRow(action=action, **fields)  # type: ignore[arg-type]  # the fields vary by test


def settled(outcome: Outcome, row: OutboxRow | None = None, now_ns: int = NOW) -> OutboxRow:
    """Return a claimed row after an outcome, without jitter."""
    row = claim(row or a_row())
    return settle(row, outcome, schedule=DEFAULT_SCHEDULE, now_ns=now_ns, jitter=0.0)


@pytest.mark.parametrize(
    ("state", "event"), list(itertools.product(OUTBOX_STATES, get_args(Event)))
)
def test_the_table_is_total(state: OutboxState, event: Event) -> None:
    """Each event in each state either has its row in the table or is refused aloud."""
    row = a_row(state=state)
    if (state, event) in TRANSITIONS:
        assert step(row, event).state == TRANSITIONS[state, event]
    else:
        with pytest.raises(OutboxError, match=state):
            step(row, event)


def test_sent_and_dead_are_ends() -> None:
    """Nothing leaves them but what people send again, and every other state can reach one."""
    leaving = {each for each in TRANSITIONS if each[0] in {"sent", "dead"}}
    assert leaving == {("dead", "replay")}
    assert {"sent", "dead"} <= set(TRANSITIONS.values())


@pytest.mark.parametrize(
    ("outcome", "state", "possibly", "wait", "error"),
    [
        (Sent(), "sent", False, 0, ""),
        (Dead(reason="no"), "dead", False, 0, "no"),
        (Retry(reason="busy"), "queued", False, 2, "busy"),
        (Retry(reason="429", after_s=17.5), "queued", False, 17.5, "429"),
        (Unknown(reason="reset"), "queued", True, 2, "reset"),
    ],
)
def test_each_outcome_settles_a_row(
    outcome: Outcome, state: str, possibly: bool, wait: float, error: str
) -> None:
    """The id stays, the attempt is counted, the reason is kept."""
    row = settled(outcome)
    assert (row.state, row.possibly_sent, row.error) == (state, possibly, error)
    assert row.due_at_ns == NOW + int(wait * S)
    assert (row.message_id, row.attempts) == ("msg-open", 1)


def test_a_doubt_stays() -> None:
    """A message that may have arrived may have arrived after the next failure, too."""
    row = settled(Unknown(reason="reset"))
    assert settled(Retry(reason="busy"), row).possibly_sent


def test_a_crash_keeps_the_message_id() -> None:
    """What was being sent is queued again as possibly sent, due at once."""
    row = recover(claim(a_row()), now_ns=NOW + S)
    assert (row.state, row.possibly_sent, row.message_id) == ("queued", True, "msg-open")
    assert row.due_at_ns == NOW + S


def test_a_row_without_a_receiver_is_retired() -> None:
    """It does not wait for ever; its reason says why."""
    row = retire(a_row(), "gone")
    assert (row.state, row.error) == ("dead", "gone")


def test_after_a_day_a_row_is_given_up() -> None:
    """The last reason is kept beside the number of attempts."""
    row = settled(Retry(reason="busy"), now_ns=NOW + 86_401 * S)
    assert (row.state, row.error) == ("dead", "given up after 1 attempts: busy")
    assert settled(Sent(), now_ns=NOW + 10**6 * S).state == "sent"


def test_reasons_are_cut() -> None:
    """A receiver's novel does not fill the store."""
    assert len(settled(Dead(reason="x" * 10**6)).error) == 500


@pytest.mark.parametrize(
    ("older", "newer", "merged"),
    [
        ("open", "update", "open"),
        ("open", "resolve", "open"),
        ("open", "thread", "open"),
        ("update", "update", "update"),
        ("update", "resolve", "resolve"),
        ("resolve", "update", "update"),
        ("resolve", "resolve", "resolve"),
        ("thread", "thread", "thread"),
        ("update", "thread", None),
        ("thread", "update", None),
        ("resolve", "thread", None),
        ("thread", "resolve", None),
    ],
)
def test_a_newer_row_replaces_an_unsent_older_one(
    older: Action, newer: Action, merged: Action | None
) -> None:
    """The newest state is sent once, under the older row's id."""
    later = then(opened().incident, an_alert("B")).incident
    row = supersede(a_row(older), a_row(newer, incident=later, reason="alert_added"))
    assert (row.action if row else None) == merged
    if row:
        assert row.incident == later
        assert row.message_id == f"msg-{older}"


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "sending"},
        {"state": "sent"},
        {"target": "other"},
        {"in_place": False},
        {"incident": opened(an_alert("X"), now_ns=NOW + 1).incident},
    ],
)
def test_other_rows_are_left_alone(changes: dict[str, object]) -> None:
    """What is under way, elsewhere, of another incident, or a message of its own stays."""
    older = msgspec.structs.replace(a_row("update"), **changes)
    assert supersede(older, a_row("update")) is None


def test_a_webhooks_opening_and_end_are_two_messages() -> None:
    """An end never swallows the beginning where messages cannot be changed."""
    assert supersede(a_row("open", in_place=False), a_row("resolve", in_place=False)) is None


def test_replies_are_joined_up_to_a_limit() -> None:
    """A thread gets one reply that says it all; it is loud if one of them was."""
    row = a_row("thread", notes=("first",))
    for number in range(MAX_NOTES):
        merged = supersede(row, a_row("thread", notes=(f"n{number}",), broadcast=number == 0))
        assert merged is not None
        row = merged
    assert len(row.notes) == MAX_NOTES
    assert row.notes[-1] == f"n{MAX_NOTES - 1}"
    assert row.broadcast


def test_a_reply_that_may_have_arrived_is_not_added_to() -> None:
    """What is added would be lost if the reply is found to have arrived."""
    assert supersede(a_row("thread", possibly_sent=True), a_row("thread")) is None


def test_a_replacement_does_not_cut_a_backoff_short() -> None:
    """A row that waits because of a refusal keeps waiting; an untried one need not."""
    waiting = a_row("update", attempts=1, due_at_ns=NOW + 60 * S)
    planned = a_row("update", due_at_ns=NOW + 60 * S)
    newer = a_row("update", due_at_ns=NOW + S)
    due = [row.due_at_ns for old in (waiting, planned) if (row := supersede(old, newer))]
    assert due == [NOW + 60 * S, NOW + S]


@pytest.mark.parametrize(
    ("attempts", "retry_after", "jitter", "expected"),
    [
        (1, None, 0.0, 2.0),
        (2, None, 0.0, 4.0),
        (5, None, 0.0, 32.0),
        (50, None, 0.0, 600.0),
        (10**9, None, 0.0, 600.0),
        (1, None, 1.0, 2.4),
        (9, 30.0, 1.0, 30.0),
        (9, 0.0, 0.0, 0.0),
        (9, -5.0, 0.0, 0.0),
        (1, 10.0**9, 0.0, 3600.0),
    ],
)
def test_waits(attempts: int, retry_after: float | None, jitter: float, expected: float) -> None:
    """They double up to a limit; a Retry-After is taken as it is, up to an hour."""
    found = wait_s(DEFAULT_SCHEDULE, attempts=attempts, retry_after_s=retry_after, jitter=jitter)
    assert found == pytest.approx(expected)


@given(st.integers(1, 100), st.floats(0, 1))
def test_a_wait_is_never_shorter_than_without_jitter(attempts: int, jitter: float) -> None:
    """Jitter spreads retries; it never brings one forward."""
    plain = wait_s(DEFAULT_SCHEDULE, attempts=attempts, retry_after_s=None, jitter=0.0)
    found = wait_s(DEFAULT_SCHEDULE, attempts=attempts, retry_after_s=None, jitter=jitter)
    assert plain <= found <= plain * 1.2 + 1e-9


def test_age_has_a_limit() -> None:
    """A day, to the nanosecond."""
    schedule = Schedule(max_age_s=10)
    assert not is_too_old(schedule, created_at_ns=NOW, now_ns=NOW + 10 * S)
    assert is_too_old(schedule, created_at_ns=NOW, now_ns=NOW + 10 * S + 1)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"RETRY-AFTER": " 7 "}, 7.0),
        ({}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_seconds(headers: dict[str, str], seconds: float | None) -> None:
    """Anything else is left to the schedule."""
    assert retry_after_s(headers) == seconds


def test_the_pace_of_a_channel() -> None:
    """The turn is taken at once by one, and waited for by the next; other channels are free."""
    pace = Pace()
    assert pace.take("a", NOW, 1.0) == 0
    assert pace.take("a", NOW, 1.0) == S
    assert pace.take("b", NOW, 1.0) == 0
    assert pace.take("a", NOW + S - 1, 1.0) == 1
    assert pace.take("a", NOW + S, 1.0) == 0


def test_a_pause_holds_the_whole_channel() -> None:
    """A rate limit is longer than the pace; a shorter one does not end it."""
    pace = Pace()
    pace.hold("a", NOW, 30)
    pace.hold("a", NOW, 5)
    assert pace.take("a", NOW + 10 * S, 1.0) == 20 * S
    assert pace.take("a", NOW + 30 * S, 1.0) == 0


def test_a_clock_that_steps_back_ends_a_pause() -> None:
    """An hour back must not silence a channel for an hour."""
    pace = Pace()
    pace.hold("a", NOW, 30)
    assert pace.take("a", NOW - 3600 * S, 1.0) == 0
    pace.hold("b", NOW, 30)
    pace.hold("b", NOW - 3600 * S, 5)
    assert pace.take("b", NOW - 3600 * S, 1.0) == 5 * S
