"""What each kind of target is told of each change."""

from __future__ import annotations

import msgspec
import pytest

from causewatch.incidents.gather import IncidentChange
from causewatch.model.finding import Alert
from causewatch.notify.config import Target
from causewatch.notify.decide import Decision, decide, message_id, repeat, visible_digest
from causewatch.notify.outbox import supersede
from causewatch.store.record import MessageRef, Told
from notify_fixtures import (
    NOW,
    S,
    a_cause,
    an_alert,
    opened,
    resolved,
    slack_target,
    then,
    webhook_target,
)

SLACK, WEBHOOK = slack_target(), webhook_target()


def told_of(change: IncidentChange, target: Target, told: Told | None = None) -> Told:
    """Return what a target has been told after a change."""
    found = decide(change, target, told, now_ns=change.incident.updated_at_ns).told
    assert found is not None
    return found


def actions(change: IncidentChange, target: Target, told: Told | None) -> list[str]:
    """Return the actions decided on."""
    decision = decide(change, target, told, now_ns=change.incident.updated_at_ns)
    return [row.action for row in decision.rows]


@pytest.mark.parametrize("target", [SLACK, WEBHOOK])
def test_an_opening_is_told_at_once(target: Target) -> None:
    """The first message does not wait for anything."""
    decision = decide(opened(), target, None, now_ns=NOW)
    (row,) = decision.rows
    assert (row.action, row.reason, row.due_at_ns, row.state) == ("open", "opened", NOW, "queued")
    assert row.incident == opened().incident
    assert decision.told is not None
    assert (decision.told.revision, decision.told.resolved) == (1, False)


@pytest.mark.parametrize("target", [SLACK, WEBHOOK])
def test_what_is_the_same_is_not_told_again(target: Target) -> None:
    """Deciding twice, or on a change that nobody sees, gives nothing."""
    change = opened()
    told = told_of(change, target)
    assert actions(change, target, told) == []
    unseen = then(change.incident, an_alert(state="keep_firing", value=9.0))
    assert actions(unseen, target, told) == []


@pytest.mark.parametrize(("target", "expected"), [(SLACK, ["update", "thread"]), (WEBHOOK, [])])
def test_an_alert_more_changes_the_message(target: Target, expected: list[str]) -> None:
    """Slack's message is changed in place, its thread says why; a webhook has its one message."""
    change = then(opened().incident, an_alert("B"))
    assert actions(change, target, told_of(opened(), target)) == expected


@pytest.mark.parametrize(
    ("target", "expected"), [(SLACK, ["resolve", "thread"]), (WEBHOOK, ["resolve"])]
)
def test_the_end_is_told(target: Target, expected: list[str]) -> None:
    """The recovery reaches everybody who was told of the beginning."""
    change = then(opened().incident, resolved(an_alert()))
    told = told_of(opened(), target)
    assert actions(change, target, told) == expected
    assert actions(change, target, told_of(change, target, told)) == []


@pytest.mark.parametrize(
    ("target", "expected"),
    [(slack_target(send_resolved=False), ["resolve"]), (webhook_target(send_resolved=False), [])],
)
def test_the_end_can_be_silent(target: Target, expected: list[str]) -> None:
    """Without ``send_resolved`` nobody is notified; Slack's message still turns green."""
    change = then(opened().incident, resolved(an_alert()))
    assert actions(change, target, told_of(opened(), target)) == expected


@pytest.mark.parametrize(
    ("target", "expected"), [(SLACK, ["update", "thread"]), (WEBHOOK, ["open"])]
)
def test_a_return_is_told(target: Target, expected: list[str]) -> None:
    """A reopened incident is loud in Slack's thread, and a new message to a webhook."""
    ended = then(opened().incident, resolved(an_alert()))
    told = told_of(ended, target, told_of(opened(), target))
    back = then(ended.incident, an_alert())
    decision = decide(back, target, told, now_ns=back.incident.updated_at_ns)
    assert [row.action for row in decision.rows] == expected
    assert decision.rows[-1].broadcast == target.in_place
    assert (
        decision.rows[-1].message_id
        != decide(opened(), target, None, now_ns=NOW).rows[0].message_id
    )


def test_only_what_is_loud_is_broadcast() -> None:
    """A raised severity goes to the whole channel, one alert more to the thread only."""
    told = told_of(opened(), SLACK)
    louder = then(opened().incident, an_alert("B", labels={"severity": "page"}))
    quieter = then(opened().incident, an_alert("B"))
    for change, loud in ((louder, True), (quieter, False)):
        rows = decide(change, SLACK, told, now_ns=NOW + 60 * S).rows
        assert [(row.action, row.broadcast) for row in rows] == [
            ("update", False),
            ("thread", loud),
        ]
        assert rows[1].notes == change.notes


def test_more_runs_update_now_and_then() -> None:
    """A busy incident changes its message once a group interval; nobody is notified."""
    told = told_of(opened(), SLACK)
    change = then(opened().incident, an_alert(run_ids=("run-1", "run-2")), after_s=5)
    decision = decide(change, SLACK, told, now_ns=NOW + 5 * S, group_interval_s=60)
    assert [(r.action, r.due_at_ns) for r in decision.rows] == [("update", NOW + 60 * S)]
    again = then(change.incident, an_alert(run_ids=("run-1", "run-2", "run-3")), after_s=5)
    later = decide(again, SLACK, decision.told, now_ns=NOW + 10 * S, group_interval_s=60)
    assert [(r.action, r.due_at_ns) for r in later.rows] == [("update", NOW + 60 * S)]
    last = then(again.incident, an_alert(run_ids=("run-4",)), after_s=500)
    now_ns = last.incident.updated_at_ns
    (row,) = decide(last, SLACK, later.told, now_ns=now_ns, group_interval_s=60).rows
    assert row.due_at_ns == now_ns


@pytest.mark.parametrize(
    ("alert", "due_at_ns"),
    [
        (an_alert("B"), NOW + 60 * S),
        (an_alert("B", labels={"severity": "page"}), NOW + S),
        (resolved(an_alert()), NOW + S),
    ],
)
def test_important_changes_do_not_wait_for_the_interval(alert: Alert, due_at_ns: int) -> None:
    """An alert more is told with others that come; a page, and the end, are told at once."""
    change = then(opened().incident, alert, after_s=1)
    rows = decide(change, SLACK, told_of(opened(), SLACK), now_ns=NOW + S).rows
    assert {row.due_at_ns for row in rows} == {due_at_ns}


@pytest.mark.parametrize(
    ("severity", "waits_s"), [("ticket", 30), ("error", 30), ("critical", 0), ("page", 0)]
)
@pytest.mark.parametrize("target", [SLACK, WEBHOOK])
def test_the_first_message_waits_for_others_unless_somebody_is_paged(
    target: Target, severity: str, waits_s: int
) -> None:
    """``group_wait`` gathers; who is paged does not wait for it."""
    change = opened(an_alert(labels={"severity": severity}))
    (row,) = decide(change, target, None, now_ns=NOW, group_wait_s=30).rows
    assert row.due_at_ns == NOW + waits_s * S


def test_a_first_message_that_waits_takes_in_what_comes() -> None:
    """Also where messages cannot be changed later: it is one row, with the newest incident."""
    first = decide(opened(), WEBHOOK, None, now_ns=NOW, group_wait_s=30)
    change = then(opened().incident, an_alert("B"), after_s=1)
    again = decide(change, WEBHOOK, first.told, now_ns=NOW + S, group_wait_s=30)
    assert again.rows == ()
    assert again.refresh is not None
    merged = supersede(first.rows[0], again.refresh)
    assert merged is not None
    assert merged.incident.alertnames == ("ToolFailed", "B")
    assert (merged.message_id, merged.due_at_ns) == (first.rows[0].message_id, NOW + 30 * S)


@pytest.mark.parametrize("target", [SLACK, WEBHOOK])
def test_what_is_held_back_is_noted_once(target: Target) -> None:
    """Nothing is sent; why is remembered, and not written again while it stays the same."""
    held = decide(opened(), target, None, now_ns=NOW, held="silenced by Ana")
    assert held.rows == ()
    assert held.told is not None
    assert (held.told.held, held.told.digest) == ("silenced by Ana", "")
    again = decide(opened(), target, held.told, now_ns=NOW, held="silenced by Ana")
    assert again == Decision()


def test_the_end_of_what_was_told_is_told_in_a_silence() -> None:
    """A pager that was told of the beginning would ring for ever."""
    end = then(opened().incident, resolved(an_alert()))
    told = told_of(opened(), WEBHOOK)
    assert [r.action for r in decide(end, WEBHOOK, told, now_ns=NOW, held="x").rows] == ["resolve"]
    assert decide(end, WEBHOOK, None, now_ns=NOW, held="x") == Decision()


@pytest.mark.parametrize(
    ("target", "action", "broadcast"), [(SLACK, "thread", True), (WEBHOOK, "open", False)]
)
def test_a_reminder_has_an_id_of_its_own(target: Target, action: str, broadcast: bool) -> None:
    """Each is another message: a receiver that drops what it has seen keeps it."""
    incident, told = opened().incident, told_of(opened(), target)
    ids = set()
    for _ in range(3):
        decision = repeat(incident, target, told, now_ns=NOW + 4 * 3600 * S)
        (row,) = decision.rows
        assert (row.action, row.broadcast, row.reason) == (action, broadcast, "repeated")
        assert row.notes in {(), ("Open for 4 h 0 min.",)}
        ids.add(row.message_id)
        assert decision.told is not None
        told = decision.told
    assert len(ids | {message_id(incident, target.name, "open")}) == 4
    assert told.loud_at_ns == NOW + 4 * 3600 * S


@pytest.mark.parametrize(
    ("target", "expected"), [(SLACK, ["open"]), (WEBHOOK, ["open", "resolve"])]
)
def test_what_opens_and_ends_at_once_is_told(target: Target, expected: list[str]) -> None:
    """An incident that fires and resolves between two evaluations is not lost."""
    assert actions(opened(an_alert(), resolved(an_alert())), target, None) == expected


def test_the_end_of_what_was_never_told_is_no_news() -> None:
    """A receiver that is added while an incident ends hears nothing of it."""
    change = then(opened().incident, resolved(an_alert()))
    assert decide(change, SLACK, None, now_ns=NOW).rows == ()
    assert decide(change, SLACK, None, now_ns=NOW).told is None


def test_a_receiver_that_comes_late_is_told_of_the_opening() -> None:
    """An alert routed elsewhere joins: that receiver gets the whole incident."""
    change = then(opened().incident, an_alert("B"))
    assert actions(change, WEBHOOK, None) == ["open"]
    unchanged = then(opened().incident, an_alert(state="keep_firing"))
    assert actions(unchanged, WEBHOOK, None) == []


def test_message_ids_are_of_the_decision() -> None:
    """The same decision has the same id; another target, action or revision another one."""
    incident = opened().incident
    first = message_id(incident, "t", "open")
    later = msgspec.structs.replace(incident, revision=2)
    ids = {
        first,
        message_id(incident, "u", "open"),
        message_id(incident, "t", "resolve"),
        message_id(later, "t", "open"),
    }
    assert message_id(incident, "t", "open") == first
    assert len(ids) == 4


def test_where_the_message_is_survives_decisions() -> None:
    """The reference to Slack's message stays until a newer one is known."""
    ref = MessageRef(channel="C1", ts="1.1")
    told = msgspec.structs.replace(told_of(opened(), SLACK), ref=ref)
    assert told_of(then(opened().incident, an_alert("B")), SLACK, told).ref == ref


@pytest.mark.parametrize(
    ("alert", "seen"),
    [
        (an_alert(state="keep_firing"), False),
        (an_alert(value=7.0), False),
        (an_alert(run_ids=("run-1", "run-2")), True),
        (an_alert(cause=a_cause(symptom=None)), False),
        (resolved(an_alert()), True),
    ],
)
def test_the_digest_covers_what_people_see(alert: object, seen: bool) -> None:
    """State, title, severity, cause, alerts and runs; not what only the store cares for."""
    before = opened().incident
    after = then(before, alert).incident  # type: ignore[arg-type]  # parametrised
    assert (visible_digest(before) != visible_digest(after)) == seen
