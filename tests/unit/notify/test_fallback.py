"""Who is told what a receiver cannot be told, and the messages that were given up."""

from __future__ import annotations

import json

import pytest

from causewatch.app.letters import Letters
from causewatch.incidents.gather import IncidentChange
from causewatch.notify.config import (
    Alerting,
    Links,
    Receiver,
    SlackConfig,
    WebhookConfig,
    targets_of,
)
from causewatch.notify.fallback import fallback_cycle, fallbacks_of
from causewatch.notify.outcome import Dead, Delivery, Outcome, Retry, Sent
from causewatch.notify.sender import Sender
from causewatch.notify.slack.render import Rendering, render
from causewatch.notify.tell import tell
from causewatch.notify.webhook.render import render_body
from causewatch.store.record import MessageRef
from causewatch.store.sqlite import SqliteStore
from causewatch.telemetry.metrics import Metrics
from notify_fixtures import (
    VirtualClock,
    a_cause,
    an_alert,
    opened,
    resolved,
    route_to,
    step_ref,
    then,
)

TEAM = Receiver(
    name="team", slack=(SlackConfig(channel="#agents", bot_token="x"),), fallback="backup"
)
BACKUP = Receiver(
    name="backup",
    slack=(SlackConfig(channel="#all", bot_token="y"),),
    webhooks=(WebhookConfig(url="https://example.com"),),
)
RECEIVERS = {"team": TEAM, "backup": BACKUP}
(TEAM_SLACK,) = (target.name for target in targets_of(TEAM))
BACKUP_SLACK, BACKUP_WEBHOOK = (target.name for target in targets_of(BACKUP))
REVOKED = Dead(reason="token_revoked")


class Scripted:
    """A channel that always answers the same."""

    integration = "slack"
    receiver = "team"
    min_gap_s = 0.0

    def __init__(self, name: str) -> None:
        self.pace_key = name
        self.answer: Outcome = Sent(ref=MessageRef(channel="C1", ts="1.1"))
        self.got: list[Delivery] = []

    def send(self, delivery: Delivery) -> Outcome:
        self.got.append(delivery)
        return self.answer

    def close(self) -> None:
        """Nothing is open."""

    @property
    def said(self) -> list[tuple[str, str]]:
        """Return what was sent here, and in place of whom."""
        return [(one.row.action, one.row.instead_of) for one in self.got]


class Bench:
    """A store, the channels of two receivers and the sender between them."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.store = SqliteStore()
        names = (TEAM_SLACK, BACKUP_SLACK, BACKUP_WEBHOOK)
        self.team, self.slack, self.webhook = (Scripted(name) for name in names)
        self.channels = {one.pace_key: one for one in (self.team, self.slack, self.webhook)}
        self.sender = self.restarted()
        self.letters = Letters(self.store, now_ns=self.clock.now_ns, sender=lambda: self.sender)

    def restarted(self) -> Sender:
        """Return a new sender on the same store, as after a restart."""
        self.sender = Sender(
            self.store,
            self.channels,
            metrics=Metrics(),
            now_ns=self.clock.now_ns,
            jitter=lambda: 0.0,
            fallbacks=fallbacks_of(RECEIVERS.values()),
        )
        return self.sender

    def tell(self, change: IncidentChange) -> None:
        """Queue what the team should be told, and send all that is due."""
        with self.store.transaction():
            self.store.put_incidents([change.incident])
            alerting = Alerting(route=route_to(), receivers=RECEIVERS)
            tell(self.store, [change], alerting=alerting, now_ns=self.clock.now_ns())
        self.pump()

    def pump(self) -> None:
        """Send all that is due, everywhere."""
        self.clock.advance(60)
        for target in self.channels:
            self.sender.pump(target)


def other(name: str) -> IncidentChange:
    """Return the opening of another incident."""
    return opened(an_alert(cause=a_cause(origin=step_ref(name, "clerk"))))


@pytest.fixture(name="bench")
def _bench() -> Bench:
    return Bench()


def test_what_cannot_be_told_is_told_elsewhere(bench: Bench) -> None:
    """Every destination of the fallback hears of it at once, and in place of whom."""
    bench.team.answer = REVOKED
    bench.tell(opened())
    assert bench.slack.said == bench.webhook.said == [("open", TEAM_SLACK)]


def test_the_message_says_in_whose_place_it_comes(bench: Bench) -> None:
    """In the context of a Slack message, and in the body of a webhook; elsewhere nothing does."""
    bench.team.answer = REVOKED
    bench.tell(opened())
    (row,) = (one.row for one in bench.webhook.got)
    assert json.loads(render_body(row, Links()))["instead_of"] == TEAM_SLACK
    assert "instead_of" not in json.loads(render_body(bench.team.got[0].row, Links()))
    told = render(row.incident, Rendering(instead_of=row.instead_of))
    assert f"told here because {TEAM_SLACK} could not be" in json.dumps(told.blocks)
    assert "told here" not in json.dumps(render(row.incident, Rendering()).blocks)


def test_what_arrives_is_told_nowhere_else(bench: Bench) -> None:
    """Nor is what will be tried again."""
    bench.tell(opened())
    bench.team.answer = Retry(reason="503")
    bench.tell(other("another"))
    assert bench.slack.got == bench.webhook.got == []


def test_an_incident_that_goes_on_is_one_message_there_too(bench: Bench) -> None:
    """Its reference is kept: what comes later is changed in place, and said in the thread."""
    bench.team.answer = REVOKED
    change = opened()
    bench.tell(change)
    more = then(change.incident, an_alert("B"))
    bench.tell(more)
    bench.tell(then(more.incident, resolved(an_alert()), resolved(an_alert("B"))))
    assert [action for action, _ in bench.slack.said][:1] == ["open"]
    assert {action for action, _ in bench.slack.said[1:]} <= {"thread", "resolve"}
    assert "resolve" in {action for action, _ in bench.slack.said}
    assert all(one.ref == MessageRef(channel="C1", ts="1.1") for one in bench.slack.got[1:])
    assert [action for action, _ in bench.webhook.said] == ["open", "resolve"]


def test_the_end_of_what_was_told_first_begins_it_elsewhere(bench: Bench) -> None:
    """The token was revoked meanwhile: the fallback hears of it once, as it is by now."""
    change = opened()
    bench.tell(change)
    bench.team.answer = REVOKED
    bench.tell(then(change.incident, resolved(an_alert())))
    assert bench.slack.said == [("open", TEAM_SLACK)]
    assert bench.slack.got[0].row.incident.state == "resolved"


def test_fallbacks_that_lead_back_are_named() -> None:
    """A loop would tell the same for ever; one that only leads into a loop is not its fault."""
    one, two, three = (Receiver(name=name, fallback=to) for name, to in ("ab", "ba", "ca"))
    known = {"a": one, "b": two, "c": three}
    assert fallback_cycle("a", known) == ("a", "b", "a")
    assert fallback_cycle("c", known) == ()
    assert fallback_cycle("team", RECEIVERS) == ()


def test_what_answered_410_is_left_alone_after_a_restart(bench: Bench) -> None:
    """Until somebody has its dead letters sent again."""
    bench.team.answer = Dead(reason="410 Gone", disable=True)
    bench.tell(opened())
    bench.restarted()
    bench.tell(other("another"))
    assert len(bench.team.got) == 1
    dead = bench.letters.dead(target=TEAM_SLACK, limit=9)
    assert [row.error for row in dead] == ["410 Gone", "410 Gone"]
    bench.team.answer = Sent()
    assert bench.letters.replay([dead[0].seq], target="", with_all=False) == (dead[0].seq,)
    bench.pump()
    assert [one.row.message_id for one in bench.team.got[1:]] == [dead[0].message_id]
    assert len(bench.letters.dead(target="", limit=9)) == 1
    bench.restarted().pump(TEAM_SLACK)
    bench.tell(other("a third"))
    assert len(bench.team.got) == 3


def test_dead_letters_are_sent_again_in_their_order(bench: Bench) -> None:
    """All of a target; what is no dead letter is not touched."""
    bench.team.answer = REVOKED
    for name in "abc":
        bench.tell(other(name))
    dead = bench.letters.dead(target="", limit=9)
    bench.team.answer = Sent()
    assert bench.letters.replay([999], target="", with_all=False) == ()
    assert bench.letters.replay([], target="nobody", with_all=False) == ()
    queued = bench.letters.replay([], target=TEAM_SLACK, with_all=False)
    assert queued == tuple(sorted(row.seq for row in dead))
    bench.pump()
    again = [one.row.message_id for one in bench.team.got[3:]]
    assert again == [row.message_id for row in reversed(dead)]
    assert bench.letters.replay([], target="", with_all=True) == ()
