"""Two hundred rule groups at twice what the machine can do, and a daemon down for hours."""

from __future__ import annotations

import threading
import time
from collections import Counter

import msgspec
import pytest

from app_fixtures import T0_NS, Desk, S, assessment
from causewatch.app.clock import now_ns
from causewatch.app.scheduler import MAX_WORKERS, Scheduler
from causewatch.app.teller import Teller
from causewatch.incidents.gather import gather
from causewatch.incidents.grouping import grouped_by
from causewatch.model.finding import Cause
from causewatch.notify.config import Alerting, Receiver, WebhookConfig
from notify_fixtures import an_alert, route_to

CUT = "pydantic-ai__native__truncated_handoff"
GROUPS = 200
LOOK_S = 0.01
"""What one look takes."""
INTERVAL_S = GROUPS * LOOK_S / MAX_WORKERS / 2
"""At this interval all groups together ask for twice what the workers can do."""
LASTS_S = 12.0
TEAM = Receiver(name="team", webhooks=(WebhookConfig(url="https://hooks.example.com/x"),))


def many_groups(count: int, interval: str, window: str = "5m") -> str:
    """Return a rule file with so many groups of one rule."""
    group = """\
- name: g{number}
  interval: {interval}
  rules:
  - alert: Lost
    signature: '{{ span.causewatch.blame.category = "truncation" }} as origin'
    by: [origin.span.causewatch.tool]
    window: {window}
"""
    groups = [group.format(number=n, interval=interval, window=window) for n in range(count)]
    return "groups:\n" + "".join(groups)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_no_rule_starves_at_twice_the_capacity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every group is looked at about as often as every other one, and says how late it is."""
    desk = Desk(many_groups(GROUPS, f"{int(INTERVAL_S * 1000)}ms"))
    looks: Counter[str] = Counter()
    latest: dict[str, float] = {}
    longest: dict[str, float] = {}
    busy = threading.Event()

    def look(key: str, slot_ns: int) -> None:
        began_s = time.monotonic()
        longest[key] = max(longest.get(key, 0.0), began_s - latest.get(key, began_s))
        latest[key] = began_s
        looks[key] += 1
        busy.wait(LOOK_S)
        desk.store.put_group_slot_ns(key, slot_ns)

    monkeypatch.setattr(desk.groups, "evaluate", look)
    scheduler = Scheduler(desk.groups, store=desk.store, metrics=desk.metrics, now_ns=now_ns)
    began_s = time.monotonic()
    scheduler.start()
    threading.Event().wait(LASTS_S)
    scheduler.stop()
    lasted_s = time.monotonic() - began_s
    keys = [f"g{number}" for number in range(GROUPS)]
    fair_s = lasted_s * GROUPS / sum(looks.values())
    assert set(looks) == set(keys)
    assert min(looks.values()) * 3 >= max(looks.values())
    assert max(longest.values()) < 6 * fair_s
    # It was too much, or this proved nothing; and each group says that it was.
    assert sum(looks.values()) < 0.75 * lasted_s / INTERVAL_S * GROUPS
    for key in keys:
        assert desk.metric("causewatch_rule_group_iterations_missed_total", group=key) > 0
        assert desk.metric("causewatch_rule_group_lag_seconds", group=key) > 0


class Returning:
    """A daemon's rules and messages on a clock in the test's hand; stops and starts again."""

    def __init__(self, groups: int = 20) -> None:
        self.now_ns = T0_NS
        self.desk = Desk(many_groups(groups, "10s"))
        self.alerting = Alerting(
            route=route_to(repeat_interval_s=600.0, group_interval_s=60.0, group_wait_s=0.0),
            receivers={"team": TEAM},
        )
        self.teller = Teller(
            self.desk.store,
            self.alerting,
            metrics=self.desk.metrics,
            now_ns=lambda: self.now_ns,
            wake=lambda: None,
        )
        self.desk.groups._tell = self.teller.tell
        self.desk.groups.regroup(grouped_by(self.alerting.route))
        self.scheduler = Scheduler(
            self.desk.groups,
            store=self.desk.store,
            metrics=self.desk.metrics,
            now_ns=lambda: self.now_ns,
        )

    def look(self, *, after_s: float = 0) -> None:
        """Let every group look once, and time do its part."""
        self.now_ns += int(after_s * S)
        for group in self.desk.groups.loaded.bundle.groups:
            self.scheduler._evaluate(group.key)
        self.teller.review()

    def sent(self) -> list[tuple[str, str]]:
        """Take all messages that wait as sent; return what each was for."""
        rows = self.desk.store.unfinished()
        for row in rows:
            self.desk.store.put_outbox(msgspec.structs.replace(row, state="sent"))
        return [(row.action, row.reason) for row in rows]

    def offer(self, count: int = 1) -> None:
        """Let runs of one cause come in."""
        run = assessment(CUT)
        for _ in range(count):
            self.desk.groups.offer(run, first_batch=1)


def test_hours_of_reminders_are_one() -> None:
    """What was open all the while is told once more, not once for each reminder it missed."""
    back = Returning()
    back.offer()
    back.look()
    assert back.sent() == [("open", "opened")]
    back.offer()
    back.look(after_s=200)
    back.sent()
    back.now_ns += 6 * 3600 * S
    back.teller.review()
    assert back.sent() == [("open", "repeated")]


def test_what_ended_meanwhile_is_told_as_ended_once() -> None:
    """Twenty groups had alerts in one incident; all their windows passed while it was down."""
    back = Returning()
    back.offer()
    back.look()
    assert back.sent() == [("open", "opened")]
    back.look(after_s=6 * 3600)
    assert [row for row in back.sent() if row[0] == "resolve"] == [("resolve", "resolved")]
    assert back.desk.metric("causewatch_rule_group_iterations_missed_total", group="g0") > 2000
    assert back.desk.metric("causewatch_rule_group_lag_seconds", group="g0") > 6 * 3600 - 20
    back.look(after_s=10)
    assert back.sent() == []


def test_a_backlog_of_one_cause_is_one_message() -> None:
    """However many runs waited in the Collector, and however many rules see them."""
    back = Returning()
    back.look()
    back.now_ns += 6 * 3600 * S
    back.offer(50)
    back.look()
    assert back.sent() == [("open", "opened")]
    back.offer(50)
    back.look(after_s=5)
    assert back.sent() == []


def test_a_backlog_of_many_causes_is_as_many_messages_as_the_receiver_takes() -> None:
    """The first five, and one that counts the rest: nobody is rung a hundred times for a night."""
    back = Returning()
    team = msgspec.structs.replace(TEAM, limit=5)
    with back.desk.store.transaction():
        back.teller.replace(Alerting(route=back.alerting.route, receivers={"team": team}))
    alerts = [
        an_alert("Lost", labels={"severity": "ticket", "n": str(number)}, cause=Cause())
        for number in range(100)
    ]
    with back.desk.store.transaction():
        changes = gather((), alerts, back.now_ns)
        assert len(changes) == 100
        back.desk.store.put_incidents([change.incident for change in changes])
        back.teller.tell(changes, back.now_ns)
    sent = back.sent()
    for _ in range(24):
        back.now_ns += 5 * S
        back.teller.review()
        sent += back.sent()
    assert 5 <= len(sent) <= 20, sent
