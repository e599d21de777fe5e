"""What is held back, what is told when that ends, and what is told again after a time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from causewatch.incidents.calendar import Interval, Range
from causewatch.incidents.gather import REOPEN_WITHIN_NS, IncidentChange, gather
from causewatch.incidents.handle import Deed, handle
from causewatch.incidents.inhibit import InhibitRule
from causewatch.incidents.matcher import Matcher
from causewatch.incidents.silence import Silence, expire, new_silence
from causewatch.model.finding import Alert
from causewatch.notify.config import Alerting, Receiver, SlackConfig, WebhookConfig, targets_of
from causewatch.notify.review import review
from causewatch.notify.tell import tell
from causewatch.store.record import OutboxRow
from causewatch.store.sqlite import SqliteStore
from notify_fixtures import VirtualClock, an_alert, resolved, route_to

TEAM = Receiver(
    name="team",
    slack=(SlackConfig(channel="#agents", bot_token="x"),),
    webhooks=(WebhookConfig(url="https://example.com"),),
)
SLACK, WEBHOOK = (target.name for target in targets_of(TEAM))
HOUR_S = 3600.0
PAGE = an_alert("Loud", labels={"severity": "page"}, cause=None)
QUIET = an_alert("Quiet", labels={"severity": "info", "team": "ai"})


class Night:
    """A store, a clock, and what is queued for a team's two places."""

    def __init__(self, **route: Any) -> None:
        self.clock = VirtualClock()
        self.store = SqliteStore()
        self.alerting = Alerting(route=route_to(**route), receivers={"team": TEAM})

    def fire(self, *alerts: Alert) -> list[str]:
        """Let alerts change; return what is queued of it."""
        now_ns = self.clock.now_ns()
        with self.store.transaction():
            live = self.store.live_incidents(resolved_since_ns=now_ns - REOPEN_WITHIN_NS)
            changes = gather(live, alerts, now_ns)
            self.store.put_alerts(alerts)
            self.store.put_incidents([change.incident for change in changes])
            tell(self.store, changes, alerting=self.alerting, now_ns=now_ns)
        return self.sent()

    def later(self, seconds: float) -> list[str]:
        """Let time go by and look again; return what is queued of it."""
        self.clock.advance(seconds)
        review(self.store, self.alerting, now_ns=self.clock.now_ns())
        return self.sent()

    def rows(self) -> tuple[OutboxRow, ...]:
        return self.store.unfinished()

    def sent(self) -> list[str]:
        """Return place and action of what is queued, and take it as sent."""
        rows = self.rows()
        for row in rows:
            self.store.put_outbox(msgspec.structs.replace(row, state="sent"))
        return sorted(f"{row.target.split('/')[1]} {row.action}" for row in rows)

    def silence(self, name: str = "severity", value: str = "info", hours: float = 1) -> Silence:
        now_ns = self.clock.now_ns()
        made = new_silence(
            [Matcher(name=name, value=value)],
            starts_at_ns=now_ns,
            ends_at_ns=now_ns + int(hours * HOUR_S * 10**9),
            created_by="Ana",
            comment="a deploy",
            now_ns=now_ns,
        )
        assert isinstance(made, Silence)
        self.store.put_silence(made)
        return made

    def do(self, deed: Deed) -> list[str]:
        """Let a person do something to the only incident."""
        (incident,) = self.store.incidents()
        now_ns = self.clock.now_ns()
        change = handle(incident, deed, by="Ana", now_ns=now_ns)
        assert isinstance(change, IncidentChange)
        with self.store.transaction():
            self.store.put_incidents([change.incident])
            tell(self.store, [change], alerting=self.alerting, now_ns=now_ns)
        return self.sent()


OPENED = ["slack open", "webhook open"]
ENDED = ["slack resolve", "slack thread", "webhook resolve"]


def test_a_silenced_incident_is_told_when_the_silence_ends() -> None:
    """An incident that is still open then is not forgotten with the silence."""
    night = Night()
    night.silence()
    assert night.fire(QUIET) == []
    assert night.later(HOUR_S / 2) == []
    assert night.later(HOUR_S / 2) == OPENED
    assert night.later(1) == []


def test_what_is_over_when_the_silence_ends_is_no_news() -> None:
    """Nobody heard of its beginning."""
    night = Night()
    night.silence()
    night.fire(QUIET)
    assert night.fire(resolved(QUIET)) == []
    assert night.later(HOUR_S) == []
    assert night.store.told_due(loud_before_ns=0) == ()


def test_a_silence_that_is_expired_by_hand_ends_at_once() -> None:
    """As if its time were over."""
    night = Night()
    made = night.silence()
    night.fire(QUIET)
    night.clock.advance(60)
    ended = expire(made, night.clock.now_ns())
    assert isinstance(ended, Silence)
    night.store.put_silence(ended)
    assert night.later(1) == OPENED


def test_the_end_of_what_was_told_is_told_in_spite_of_a_silence() -> None:
    """But more of it is held back."""
    night = Night()
    assert night.fire(QUIET) == OPENED
    night.silence()
    grown = msgspec.structs.replace(QUIET, run_ids=("run-1", "run-2"))
    assert night.fire(grown) == []
    assert night.fire(resolved(QUIET)) == ENDED
    assert night.later(2 * HOUR_S) == []


def test_what_was_held_back_of_a_known_incident_is_shown_in_place() -> None:
    """Slack's message is brought up to date with a reply; a webhook knows of it already."""
    night = Night()
    night.fire(QUIET)
    night.silence()
    assert night.fire(msgspec.structs.replace(QUIET, run_ids=("run-1", "run-2"))) == []
    assert night.later(HOUR_S + 1) == ["slack thread", "slack update"]


def test_one_alert_that_is_not_silenced_tells_the_incident() -> None:
    """As in Alertmanager; the others are in the message, too."""
    night = Night()
    night.silence()
    assert night.fire(QUIET, PAGE) == OPENED


def test_an_incident_can_be_silenced_by_its_id() -> None:
    """It is a label of all of its alerts."""
    night = Night(repeat_interval_s=HOUR_S)
    night.fire(QUIET)
    (incident,) = night.store.incidents()
    night.silence("incident", incident.id, hours=3)
    assert night.later(2 * HOUR_S) == []
    assert night.later(HOUR_S + 1) != []


def test_an_inhibited_alert_is_told_when_its_source_is_over() -> None:
    """While the source fires it is held back; the review finds out that it does not any more."""
    night = Night()
    page, info = (Matcher(name="severity", value=value) for value in ("page", "info"))
    rule = InhibitRule(source=(page,), target=(info,))
    night.alerting = msgspec.structs.replace(night.alerting, inhibit_rules=(rule,))
    other = msgspec.structs.replace(QUIET.cause, origin=None)
    quiet = msgspec.structs.replace(QUIET, cause=other)
    assert night.fire(PAGE) == OPENED
    assert night.fire(quiet) == []
    assert night.later(60) == []
    assert night.fire(resolved(PAGE)) == ENDED
    assert night.later(5) == OPENED


@pytest.mark.parametrize("kind", ["mute_time_intervals", "active_time_intervals"])
def test_a_muted_route_is_told_when_its_interval_ends(kind: str) -> None:
    """``mute`` is silent within the interval, ``active`` outside of it."""
    night = Night(**{kind: ("now",)})
    minute = night.clock.now_ns() // (60 * 10**9) % 1440
    first, last = (minute, minute + 9) if kind.startswith("mute") else (minute + 10, 1439)
    now = Interval(minutes=(Range(first=first, last=last),))
    night.alerting = msgspec.structs.replace(night.alerting, intervals={"now": (now,)})
    assert night.fire(QUIET) == []
    assert night.later(540) == []
    assert night.later(60) == OPENED


def test_an_open_incident_is_told_again() -> None:
    """After the route's interval since people were last disturbed, not before, and not twice."""
    night = Night(repeat_interval_s=HOUR_S)
    night.fire(QUIET)
    assert night.later(HOUR_S - 1) == []
    assert night.later(1) == ["slack thread", "webhook open"]
    assert night.later(1) == []
    assert night.later(HOUR_S) == ["slack thread", "webhook open"]
    assert night.fire(resolved(QUIET)) == ENDED
    assert night.later(2 * HOUR_S) == []


def test_small_changes_do_not_put_a_reminder_off() -> None:
    """A message that is changed in place every minute disturbs nobody."""
    night = Night(repeat_interval_s=HOUR_S)
    night.fire(QUIET)
    for n in range(6):
        night.clock.advance(HOUR_S / 6)
        night.fire(msgspec.structs.replace(QUIET, run_ids=tuple(map(str, range(n + 2)))))
    assert "slack thread" in night.later(1)


def test_what_is_acknowledged_is_not_told_again() -> None:
    """Somebody works on it. Who takes it back gets reminders again."""
    night = Night(repeat_interval_s=HOUR_S)
    night.fire(QUIET)
    assert night.do("acknowledge") == ["slack thread", "slack update"]
    assert night.later(3 * HOUR_S) == []
    assert night.do("reopen") == ["slack thread", "slack update"]
    assert night.later(HOUR_S) == ["slack thread", "webhook open"]


def test_what_is_resolved_by_hand_is_told_as_resolved() -> None:
    """And its alerts, which fire on, say nothing more."""
    night = Night(repeat_interval_s=HOUR_S)
    night.fire(QUIET)
    assert night.do("resolve") == ENDED
    assert night.fire(msgspec.structs.replace(QUIET, run_ids=("run-1", "run-9"))) == []
    assert night.later(5 * HOUR_S) == []
    assert night.fire(msgspec.structs.replace(QUIET, run_ids=("run-1", "run-10"))) == []
    assert len(night.store.incidents()) == 1


def test_reminders_do_not_pile_up_where_nothing_gets_through() -> None:
    """One message on its way is enough: ElastAlert's users got hundreds after an outage."""
    night = Night(repeat_interval_s=HOUR_S)
    night.fire(QUIET)
    for _ in range(5):
        night.clock.advance(HOUR_S)
        review(night.store, night.alerting, now_ns=night.clock.now_ns())
    assert len(night.rows()) == 2


def test_what_comes_and_goes_while_nothing_gets_through_is_told_in_order() -> None:
    """A webhook hears of each beginning and each end, however late; none takes another's place."""
    night = Night()
    now_ns = night.clock.now_ns()
    for alert in (QUIET, resolved(QUIET), QUIET, resolved(QUIET)):
        with night.store.transaction():
            live = night.store.live_incidents(resolved_since_ns=0)
            changes = gather(live, [alert], now_ns)
            night.store.put_incidents([change.incident for change in changes])
            tell(night.store, changes, alerting=night.alerting, now_ns=now_ns)
    rows = night.store.unfinished(WEBHOOK)
    assert [row.action for row in rows] == ["open", "resolve", "open", "resolve"]
    assert [row.incident.revision for row in rows] == [1, 2, 3, 4]
    assert len(night.store.unfinished(SLACK)) == 1


def test_a_receiver_that_goes_away_leaves_nothing_behind() -> None:
    """A reload may take a route away while something is held back for it."""
    night = Night()
    night.silence()
    night.fire(QUIET)
    night.alerting = Alerting(route=route_to("other"))
    assert night.later(5) == []
    assert night.store.told_due(loud_before_ns=0) == ()


def test_a_receiver_that_comes_back_hears_that_the_incident_is_open_again() -> None:
    """It was told of the end; what happened while a reload led elsewhere is caught up with."""
    night = Night(repeat_interval_s=HOUR_S)
    led_here = night.alerting
    night.fire(QUIET)
    assert night.fire(resolved(QUIET)) == ENDED
    night.alerting = Alerting(route=route_to("other"))
    night.fire(QUIET)
    night.alerting = led_here
    assert night.later(HOUR_S) == ["slack thread", "slack update", "webhook open"]
    assert night.later(HOUR_S) == ["slack thread", "webhook open"]
    assert night.fire(resolved(QUIET)) == ENDED


def test_without_a_route_nothing_is_reviewed() -> None:
    """Nobody is to be told."""
    night = Night()
    assert review(night.store, Alerting(), now_ns=night.clock.now_ns()).rows == 0
