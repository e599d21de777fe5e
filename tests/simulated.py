"""A simulated year of nights: alerts, people, silences, clocks, reloads, crashes, bad receivers.

Everything that decides is the real code; the disk is a store in memory that outlives crashes, the
clock is virtual, and every choice comes of one seed. A crash may strike before and after every
single call of the store, every commit, and every message. The places that messages go to remember
what arrived; the channels to them lie, lose, stall and refuse.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import msgspec
from structlog.testing import capture_logs

from causewatch.app.teller import Teller
from causewatch.incidents.calendar import Interval, Range
from causewatch.incidents.gather import ACTIVE, REOPEN_WITHIN_NS, IncidentChange, gather
from causewatch.incidents.grouping import grouped_by
from causewatch.incidents.handle import DEEDS
from causewatch.incidents.inhibit import InhibitRule
from causewatch.incidents.matcher import Matcher
from causewatch.incidents.route import Route
from causewatch.incidents.silence import Silence
from causewatch.model.finding import Alert
from causewatch.notify.config import Alerting, Receiver, SlackConfig, WebhookConfig, targets_of
from causewatch.notify.outcome import Delivery, Outcome, Retry, Sent, Unknown
from causewatch.notify.retry import Schedule
from causewatch.notify.sender import Sender
from causewatch.store.port import Store
from causewatch.store.record import MessageRef, OutboxRow
from causewatch.store.sqlite import SqliteStore
from causewatch.telemetry.metrics import Metrics
from notify_fixtures import VirtualClock, a_cause, an_alert, resolved, step_ref

TEAM = Receiver(
    name="team",
    slack=(SlackConfig(channel="#agents", bot_token="x"),),
    webhooks=(WebhookConfig(url="https://example.com/team"),),
)
PAGER = Receiver(name="pager", webhooks=(WebhookConfig(url="https://example.com/pager"),))
SLACK, HOOK = (target.name for target in targets_of(TEAM))
(PAGER_HOOK,) = (target.name for target in targets_of(PAGER))
CAUSES = [a_cause(origin=step_ref(f"tool{'x' * n}", "clerk")) for n in range(3)]
NAMES = ("Alpha", "Beta")
SEVERITIES = ("info", "ticket", "page")
PATIENT = Schedule(max_age_s=400 * 86_400.0)
"""That a message is given up after a day is another test's business."""
REPEAT_S = 3600.0
STEPS = 40
METRICS = Metrics()
"""Nobody looks at them here."""
MINUTES = 1440


class CrashError(BaseException):
    """The process dies here."""


class Fragile:
    """A store before whose every call, and around whose every commit, the process may die."""

    def __init__(self, disk: SqliteStore) -> None:
        self.disk = disk
        self.steps_left: int | None = None

    def step(self) -> None:
        """Die, when this is the step to die at."""
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                self.steps_left = None
                raise CrashError

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.disk.transaction():
            yield
            self.step()
        self.step()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found = getattr(self.disk, name)

        def call(*args: Any, **rest: Any) -> Any:
            self.step()
            return found(*args, **rest)

        return call


class Place:
    """What arrived somewhere, in order."""

    def __init__(self) -> None:
        self.arrived: list[OutboxRow] = []
        self.shown: dict[str, OutboxRow] = {}
        """Slack: the newest state of each message, by its ts."""
        self.ts_of: dict[str, str] = {}
        """Slack: the ts of each posted message id, as its metadata tell it."""

    def take(self, delivery: Delivery, *, in_place: bool) -> MessageRef | None:
        """Let a message arrive."""
        row = delivery.row
        self.arrived.append(row)
        if not in_place or row.action == "thread":
            return None
        ts = delivery.ref.ts if delivery.ref else None
        if row.possibly_sent and row.action == "open":
            ts = self.ts_of.get(row.message_id, ts)
        ts = ts or f"{len(self.shown)}.1"
        self.ts_of.setdefault(row.message_id, ts)
        self.shown[ts] = row
        return MessageRef(channel="C1", ts=ts)


class Liar:
    """A channel that fails in every way there is, as long as there is trouble."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.receiver, self.integration, _ = name.split("/", 2)
        self.pace_key = name
        self.min_gap_s = 1.0 if self.integration == "slack" else 0.0

    def send(self, delivery: Delivery) -> Outcome:
        world, place = self.world, self.world.places[self.name]
        in_place = self.integration == "slack"
        world.clock.advance(world.chance.random() / 10)
        if world.chance.random() >= world.trouble:
            return Sent(ref=place.take(delivery, in_place=in_place))
        match world.chance.choice(["limit", "busy", "lost", "unanswered", "crash", "crash after"]):
            case "limit":
                after_s = world.chance.choice([1.0, 30.0, 1800.0])
                return Retry(after_s=after_s, reason="429", whole_channel=True)
            case "busy":
                return Retry(reason="500")
            case "lost":
                return Unknown(reason="reset")
            case "unanswered":
                place.take(delivery, in_place=in_place)
                return Unknown(reason="reset")
            case "crash":
                raise CrashError
            case _:
                place.take(delivery, in_place=in_place)
                raise CrashError

    def close(self) -> None:
        """Hold nothing."""


class World:
    """A daemon, its people, its clock, and what goes wrong with it."""

    def __init__(self, seed: int, *, trouble: float = 0.4) -> None:
        self.chance = random.Random(seed)
        self.clock = VirtualClock()
        self.disk = SqliteStore()
        self.trouble = trouble
        self.places = {name: Place() for name in (SLACK, HOOK, PAGER_HOOK)}
        self.crashes = 0
        self.restarts = 0
        self.started_ns = self.clock.now_ns()
        self.opened: Counter[str] = Counter()
        """How often each incident opened while nothing could hold it back."""
        self.ended: Counter[str] = Counter()
        self.moved: Counter[str] = Counter()
        """How many changes each incident had that people may hear of."""
        self.was_limited = False
        """Whether receivers had a limit at some time: then each may miss what came and went."""
        self.alerting = self.configuration(plain=True)
        self.restart()

    def configuration(self, *, plain: bool = False) -> Alerting:
        """Return a configuration: always with the team, else as chance wants it."""
        chance = self.chance
        page = Route(
            receiver="pager", matchers=(Matcher(name="severity", value="page"),), continue_=True
        )
        team = Route(
            receiver="team",
            group_wait_s=chance.choice([0.0, 30.0]),
            group_interval_s=chance.choice([60.0, 300.0]),
            repeat_interval_s=REPEAT_S,
        )
        if plain:
            return Alerting(route=Route(receiver="team", routes=(team,)), receivers={"team": TEAM})
        first = chance.randrange(MINUTES)
        night = Interval(minutes=(Range(first=first, last=min(first + 120, MINUTES - 1)),))
        if chance.random() < 0.5:
            team = msgspec.structs.replace(team, mute_time_intervals=("night",))
        limit = chance.choice([0, 0, 0, 1, 2])
        self.was_limited = self.was_limited or limit > 0
        hiding = InhibitRule(
            source=(Matcher(name="severity", value="page"),),
            target=(Matcher(name="severity", value="info"),),
        )
        return Alerting(
            route=Route(receiver="team", routes=(page, team) if chance.random() < 0.7 else (team,)),
            receivers={"team": msgspec.structs.replace(TEAM, limit=limit), "pager": PAGER},
            intervals={"night": (night,)},
            inhibit_rules=(hiding,) if chance.random() < 0.5 else (),
        )

    @property
    def may_hold(self) -> bool:
        """Return whether something might keep people from being told now."""
        now_ns = self.clock.now_ns()
        route = cast("Route", self.alerting.route)
        return bool(
            self.alerting.inhibit_rules
            or any(receiver.limit for receiver in self.alerting.receivers.values())
            or any(child.mute_time_intervals for child in route.routes)
            or self.disk.silences(ends_after_ns=now_ns)
        )

    def restart(self) -> None:
        """Start the daemon on what the disk has."""
        self.restarts += 1
        self.fragile = Fragile(self.disk)
        store = cast("Store", self.fragile)
        names = {t.name for r in self.alerting.receivers.values() for t in targets_of(r)}
        self.sender = Sender(
            store,
            {name: Liar(self, name) for name in names},
            metrics=METRICS,
            now_ns=self.clock.now_ns,
            jitter=self.chance.random,
            schedule=PATIENT,
        )
        self.teller = Teller(
            store, self.alerting, metrics=METRICS, now_ns=self.clock.now_ns, wake=lambda: None
        )
        self.sender.recover()

    def attempt(self, act: Callable[[], None]) -> None:
        """Do something, which may die at any of its steps; then start again."""
        if self.chance.random() < self.trouble / 2:
            self.fragile.steps_left = self.chance.randrange(25)
        try:
            act()
        except CrashError:
            self.crashes += 1
            self.restart()
        self.fragile.steps_left = None

    def change(self, alert: Alert) -> None:
        """Do what a rule group does with a changed alert, in one transaction."""
        now_ns, may_hold = self.clock.now_ns(), self.may_hold
        store = cast("Store", self.fragile)
        changes: tuple[IncidentChange, ...] = ()
        try:
            with store.transaction():
                live = store.live_incidents(resolved_since_ns=now_ns - REOPEN_WITHIN_NS)
                key_of = grouped_by(self.alerting.route)
                changes = gather(live, [alert], now_ns, key_of=key_of)
                store.put_alerts([alert])
                store.put_incidents([change.incident for change in changes])
                self.teller.tell(changes, now_ns)
        finally:
            # What was committed counts, also where the process died right after it.
            kept = [c for c in changes if self.disk.incident(c.incident.id) == c.incident]
            self.note(kept, may_hold=may_hold)

    def note(self, changes: list[IncidentChange], *, may_hold: bool) -> None:
        """Remember what people must hear of."""
        for change in changes:
            incident_id = change.incident.id
            self.moved[incident_id] += change.reason != "unchanged"
            if change.reason in {"opened", "reopened"}:
                self.opened[incident_id] += not may_hold
            if change.reason == "resolved":
                self.ended[incident_id] += 1

    def some_alert(self) -> Alert:
        """Return what comes of a random alert, by what the disk says of it."""
        name, n = self.chance.choice(NAMES), self.chance.randrange(len(CAUSES))
        labels = {"severity": self.chance.choice(SEVERITIES), "n": str(n)}
        fresh = an_alert(name, cause=CAUSES[n], labels=labels)
        known = {a.fingerprint: a for a in self.disk.alerts(active_only=False)}.get(
            fresh.fingerprint
        )
        if known is None or known.state not in ACTIVE:
            return fresh
        runs = (*known.run_ids, f"run-{self.clock.now_ns()}")
        grown = msgspec.structs.replace(known, run_ids=runs[-5:])
        return self.chance.choice([resolved(known), grown])

    def people(self) -> None:
        """Let somebody do something."""
        incidents = self.disk.incidents()
        now_ns = self.clock.now_ns()
        match self.chance.choice(["silence", "expire", "deed", "deed"]):
            case "silence":
                self.teller.silence(
                    [Matcher(name="severity", value=self.chance.choice(SEVERITIES))],
                    starts_at_ns=now_ns,
                    ends_at_ns=now_ns + self.chance.choice([60, 3600]) * 10**9,
                    created_by="Ana",
                    comment="a deploy",
                )
            case "expire":
                for silence in self.disk.silences(ends_after_ns=now_ns)[:1]:
                    self.teller.expire(silence.id)
            case _:
                for incident in incidents[:1]:
                    self.handle(incident.id)

    def handle(self, incident_id: str) -> None:
        """Let somebody do something to an incident."""
        deed, before = self.chance.choice(DEEDS), self.disk.incident(incident_id)
        may_hold = self.may_hold
        try:
            self.teller.handle(incident_id, deed, by="Ana", comment="")
        finally:
            after = self.disk.incident(incident_id)
            if after is not None and after != before:
                self.moved[incident_id] += 1
                self.opened[incident_id] += (
                    deed == "reopen"
                    and not may_hold
                    and (before is not None and before.state == "resolved")
                )
                self.ended[incident_id] += deed == "resolve"

    def pump(self) -> None:
        """Send what is due."""
        for name in list(self.sender._channels):
            self.attempt(lambda name=name: cast("None", self.sender.pump(name)))  # type: ignore[misc]

    def tick(self) -> None:
        """Let one thing happen, and time go by: mostly forwards."""
        match self.chance.random():
            case p if p < 0.45:
                alert = self.some_alert()
                self.attempt(lambda: self.change(alert))
            case p if p < 0.6:
                self.attempt(self.people)
            case p if p < 0.65:
                self.alerting = self.configuration()
                self.restart()
            case p if p < 0.8:
                self.attempt(self.teller.review)
        self.pump()
        steps = [0.2, 1.0, 5.0, 30.0, 600.0, 2 * REPEAT_S]
        if self.chance.random() < 0.1:
            self.clock.time_ns -= self.chance.choice([1, 60, 600]) * 10**9
        self.clock.advance(self.chance.choice(steps))

    def live(self) -> World:
        """Let everything happen."""
        for _ in range(STEPS):
            self.tick()
        return self

    def calm(self) -> World:
        """End all trouble, silences and mutes; let all that was held back, and queued, go out."""
        self.trouble = 0.0
        for silence in self.disk.silences(ends_after_ns=self.clock.now_ns()):
            assert isinstance(self.teller.expire(silence.id), Silence)
        self.alerting = self.configuration(plain=True)
        self.clock.advance(REOPEN_WITHIN_NS / 10**9)
        self.restart()
        self.teller.review()
        self.drain()
        return self

    def drain(self) -> None:
        """Send until nothing is left to send."""
        for _ in range(3000):
            if not self.disk.unfinished():
                return
            self.pump()
            self.clock.advance(20)
        raise AssertionError("the outbox does not run empty")

    def end(self) -> World:
        """Let every alert resolve, and that be told."""
        for alert in self.disk.alerts():
            self.change(resolved(alert))
        self.drain()
        return self


def night(seed: int, *, trouble: float = 0.4) -> World:
    """Return a world after its troubles, all of its alerts still as they are."""
    with capture_logs():
        return World(seed, trouble=trouble).live().calm()


def morning(seed: int, *, trouble: float = 0.4) -> World:
    """Return a world in which all is over and told."""
    with capture_logs():
        return World(seed, trouble=trouble).live().calm().end()
