"""Seeded runs of the outbox with a virtual clock: crashes, lies, rate limits, lost answers.

The places that messages go to are honest about what arrived; the channels to them are not.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from causewatch.incidents.gather import REOPEN_WITHIN_NS, gather
from causewatch.model.finding import Alert
from causewatch.notify.config import Alerting, Receiver, SlackConfig, WebhookConfig, targets_of
from causewatch.notify.outcome import Dead, Delivery, Outcome, Retry, Sent, Unknown
from causewatch.notify.sender import Sender
from causewatch.notify.tell import tell
from causewatch.store.record import MessageRef, OutboxRow
from causewatch.store.sqlite import SqliteStore
from causewatch.telemetry.metrics import Metrics
from notify_fixtures import VirtualClock, a_cause, an_alert, resolved, route_to, step_ref

TEAM = Receiver(
    name="team",
    slack=(SlackConfig(channel="#agents", bot_token="x"),),
    webhooks=(WebhookConfig(url="https://example.com"),),
)
ALERTING = Alerting(route=route_to(), receivers={"team": TEAM})
SLACK, WEBHOOK = (target.name for target in targets_of(TEAM))
STEPS = 60
CAUSES = [a_cause(origin=step_ref(f"tool{'x' * n}", "clerk")) for n in range(3)]


class CrashError(BaseException):
    """The process dies here."""


class Place:
    """What arrived: messages that change in place, or a log of messages by id."""

    def __init__(self) -> None:
        self.shown: dict[str, OutboxRow] = {}
        """Slack: the newest state of each message, by its ts."""
        self.ids: dict[str, str] = {}
        """Slack: the ts of each posted message id, as its metadata tell it."""
        self.arrived: list[OutboxRow] = []
        self.times_ns: list[int] = []


class Lossy:
    """A channel that fails in every way there is, until it is told to behave."""

    receiver = "team"

    def __init__(self, kind: str, place: Place, chance: random.Random, clock: VirtualClock) -> None:
        self.integration = self.pace_key = kind
        self.min_gap_s = 1.0 if kind == "slack" else 0.0
        self.place, self.chance, self.clock = place, chance, clock
        self.trouble = 0.5
        self.answer: Outcome | None = None

    def send(self, delivery: Delivery) -> Outcome:
        if self.answer is not None:
            return self.answer
        self.clock.advance(self.chance.random() / 10)
        if self.chance.random() >= self.trouble:
            return Sent(ref=self._arrive(delivery))
        match self.chance.choice(["limit", "busy", "lost", "unanswered", "crash", "crash after"]):
            case "limit":
                return Retry(after_s=5.0, reason="429", whole_channel=True)
            case "busy":
                return Retry(reason="500")
            case "lost":
                return Unknown(reason="reset")
            case "unanswered":
                self._arrive(delivery)
                return Unknown(reason="reset")
            case "crash":
                raise CrashError
            case _:
                self._arrive(delivery)
                raise CrashError

    def close(self) -> None:
        """Hold nothing."""

    def _arrive(self, delivery: Delivery) -> MessageRef | None:
        row, place = delivery.row, self.place
        place.times_ns.append(self.clock.now_ns())
        if self.integration == "webhook" or row.action == "thread":
            place.arrived.append(row)
            return None
        ts = delivery.ref.ts if delivery.ref else None
        if row.possibly_sent and row.action == "open":
            ts = place.ids.get(row.message_id, ts)
        ts = ts or f"{len(place.shown)}.1"
        place.ids.setdefault(row.message_id, ts)
        place.shown[ts] = row
        return MessageRef(channel="C1", ts=ts)


class World:
    """A daemon that crashes and starts again, and the two places it tells."""

    def __init__(self, folder: Path, seed: int, trouble: float) -> None:
        self.chance = random.Random(seed)
        self.clock = VirtualClock()
        self.path = folder / "store.db"
        self.slack, self.webhook = Place(), Place()
        self.alerts: dict[tuple[str, int], Alert] = {}
        self.trouble = trouble
        self.crashes = 0
        self.start()

    def start(self) -> None:
        """Open the store and a sender, as the daemon does."""
        self.store = SqliteStore(self.path)
        channels = {
            SLACK: Lossy("slack", self.slack, self.chance, self.clock),
            WEBHOOK: Lossy("webhook", self.webhook, self.chance, self.clock),
        }
        for channel in channels.values():
            channel.trouble = self.trouble
        self.sender = Sender(
            self.store,
            channels,
            metrics=Metrics(),
            now_ns=self.clock.now_ns,
            jitter=self.chance.random,
        )
        self.sender.recover()

    def change(self) -> None:
        """Let something happen to an alert, and tell it in one transaction."""
        key = (self.chance.choice("AB"), self.chance.randrange(len(CAUSES)))
        old = self.alerts.get(key)
        labels = {"severity": "ticket", "n": str(key[1])}
        alert = an_alert(key[0], cause=CAUSES[key[1]], labels=labels)
        if old is not None and old.state == "firing":
            more = (*old.run_ids, f"run-{self.clock.now_ns()}")
            grown = msgspec.structs.replace(old, run_ids=more)
            alert = self.chance.choice([resolved(old), grown])
        self.alerts[key] = alert
        self.tell(alert)

    def tell(self, alert: Alert) -> None:
        """Do what the daemon does with a changed alert."""
        now_ns = self.clock.now_ns()
        with self.store.transaction():
            live = self.store.live_incidents(resolved_since_ns=now_ns - REOPEN_WITHIN_NS)
            changes = gather(live, [alert], now_ns)
            self.store.put_alerts([alert])
            self.store.put_incidents([change.incident for change in changes])
            tell(self.store, changes, alerting=ALERTING, now_ns=now_ns)

    def pump(self) -> None:
        """Send what is due; on a crash, start again."""
        for target in (SLACK, WEBHOOK):
            try:
                self.sender.pump(target)
            except CrashError:
                self.crashes += 1
                self.store.close()
                self.start()

    def settle(self) -> None:
        """Let all alerts resolve, all trouble end, and all that is queued go out."""
        for alert in list(self.alerts.values()):
            if alert.state == "firing":
                self.tell(resolved(alert))
        self.trouble = 0.0
        self.store.close()
        self.start()
        for _ in range(2000):
            if not self.store.unfinished():
                return
            self.pump()
            self.clock.advance(5)
        raise AssertionError("the outbox does not run empty")


def lived(folder: Path, seed: int, trouble: float) -> World:
    """Return a world after its troubles."""
    world = living(folder, seed, trouble)
    world.settle()
    return world


def living(folder: Path, seed: int, trouble: float) -> World:
    """Return a world in the middle of its troubles."""
    world = World(folder, seed, trouble)
    for _ in range(STEPS):
        if world.chance.random() < 0.4:
            world.change()
        world.pump()
        world.clock.advance(world.chance.choice([0.2, 1, 5, 30]))
    return world


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_lost_and_the_newest_state_wins(tmp_path: Path, seed: int) -> None:
    """Each incident ends as one Slack message in its last state, and with a webhook's end."""
    world = lived(tmp_path, seed, trouble=0.5)
    incidents = {incident.id: incident for incident in world.store.incidents()}
    assert incidents
    assert {incident.state for incident in incidents.values()} == {"resolved"}
    shown = {row.incident.id: row.incident for row in world.slack.shown.values()}
    assert shown == incidents
    told = {(row.incident.id, row.action) for row in world.webhook.arrived}
    assert told == {(i, action) for i in incidents for action in ("open", "resolve")}
    assert world.store.outbox_counts()["dead"] == 0
    world.store.close()


@pytest.mark.parametrize("seed", range(12))
def test_what_arrives_twice_has_one_id(tmp_path: Path, seed: int) -> None:
    """A receiver that looks at ids sees each message once; no opening follows its own end."""
    world = lived(tmp_path, seed, trouble=0.5)
    bodies: dict[str, OutboxRow] = {}
    order: dict[str, list[str]] = {}
    for row in world.webhook.arrived:
        first = bodies.setdefault(row.message_id, row)
        assert first.incident == row.incident
        if first is row:
            order.setdefault(row.incident.id, []).append(row.action)
    for actions in order.values():
        assert actions == ["open", "resolve"] * (len(actions) // 2)
    world.store.close()


@pytest.mark.parametrize("seed", range(4))
def test_in_normal_running_nothing_is_sent_twice(tmp_path: Path, seed: int) -> None:
    """Without trouble every message arrives once, and Slack has one message an incident."""
    world = lived(tmp_path, seed, trouble=0.0)
    assert world.crashes == 0
    arrived = [*world.webhook.arrived, *world.slack.arrived]
    assert max(Counter((r.target, r.message_id) for r in arrived).values()) == 1
    assert len(world.slack.shown) == len(world.store.incidents())
    assert not any(row.possibly_sent for row in arrived)
    world.store.close()


@pytest.mark.parametrize("seed", range(4))
def test_slack_gets_at_most_a_message_a_second(tmp_path: Path, seed: int) -> None:
    """However much happens; only a restart, which forgets the pace, may be quicker once."""
    world = living(tmp_path, seed, trouble=0.0)
    gaps = [b - a for a, b in zip(world.slack.times_ns, world.slack.times_ns[1:], strict=False)]
    assert min(gaps) > 0.85 * 10**9
    world.store.close()


def test_the_simulation_does_crash(tmp_path: Path) -> None:
    """The other tests prove something only as long as trouble happens."""
    world = lived(tmp_path, 1, trouble=0.6)
    assert world.crashes > 3
    assert len(world.webhook.arrived) > len({row.message_id for row in world.webhook.arrived})
    world.store.close()


def test_a_dead_answer_ends_a_message_and_no_other(tmp_path: Path) -> None:
    """A message that Slack refuses for good is dead; the incident's next change is posted."""
    world = World(tmp_path, 1, 0.0)
    world.tell(an_alert())
    row = world.store.due(SLACK, now_ns=world.clock.now_ns(), limit=1)[0]
    channel = world.sender._channels[SLACK]
    assert isinstance(channel, Lossy)
    channel.answer = Dead(reason="refused")
    world.sender.pump(SLACK)
    assert world.store.outbox_counts()["dead"] == 1
    world.store.close()
    world.start()
    world.clock.advance(5)
    world.tell(an_alert("B"))
    world.settle()
    assert [r.incident.id for r in world.slack.shown.values()] == [row.incident.id]
