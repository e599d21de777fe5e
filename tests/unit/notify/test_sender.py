"""The worker of the outbox, with channels that answer as told and a clock that tests move."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import msgspec
import pytest

from causewatch.incidents.gather import IncidentChange
from causewatch.notify.config import Alerting, Receiver, SlackConfig, WebhookConfig, targets_of
from causewatch.notify.outcome import Dead, Delivery, Outcome, Retry, Sent, Unknown
from causewatch.notify.sender import Sender
from causewatch.notify.tell import tell
from causewatch.store.record import MessageRef, OutboxRow
from causewatch.store.sqlite import SqliteStore
from causewatch.telemetry.metrics import Metrics
from notify_fixtures import (
    NOW,
    S,
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
    name="team",
    slack=(SlackConfig(channel="#agents", bot_token="x"),),
    webhooks=(WebhookConfig(url="https://example.com"),),
)
SLACK, WEBHOOK = (target.name for target in targets_of(TEAM))
REF = MessageRef(channel="C1", ts="1.1")


class Scripted:
    """A channel that answers from a list, and then that all is well."""

    receiver = "team"

    def __init__(self, name: str, min_gap_s: float) -> None:
        self.integration = name
        self.pace_key = name
        self.min_gap_s = min_gap_s
        self.answers: list[Outcome | Exception] = []
        self.got: list[Delivery] = []
        self.closed = False
        self.on_send: Callable[[], object] = lambda: None

    def send(self, delivery: Delivery) -> Outcome:
        self.got.append(delivery)
        self.on_send()
        answer = self.answers.pop(0) if self.answers else Sent(ref=REF)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True


class Bench:
    """A store, two channels, a clock and the sender between them."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.store = SqliteStore()
        self.slack, self.webhook = Scripted("slack", 1.0), Scripted("webhook", 0.0)
        self.metrics = Metrics()
        self.sender = self.restarted()

    def restarted(self) -> Sender:
        """Return a new sender on the same store, as after a restart."""
        self.sender = Sender(
            self.store,
            {SLACK: self.slack, WEBHOOK: self.webhook},
            metrics=self.metrics,
            now_ns=self.clock.now_ns,
            jitter=lambda: 0.0,
        )
        return self.sender

    def tell(self, *changes: IncidentChange) -> int:
        """Queue what the team should be told, in one transaction with the incidents."""
        with self.store.transaction():
            self.store.put_incidents([change.incident for change in changes])
            return tell(
                self.store,
                changes,
                alerting=Alerting(route=route_to(), receivers={"team": TEAM}),
                now_ns=self.clock.now_ns(),
            ).rows

    def rows(self) -> Sequence[OutboxRow]:
        return self.store.unfinished()

    def count(self, outcome: str, integration: str = "slack") -> float:
        """Return the metric of an outcome."""
        labels = {"integration": integration, "receiver": "team", "outcome": outcome}
        name = "causewatch_notifications_total"
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture(name="bench")
def _bench() -> Bench:
    return Bench()


def others(count: int) -> list[IncidentChange]:
    """Return openings of different incidents."""
    causes = [a_cause(origin=step_ref(f"tool{'x' * n}", "clerk")) for n in range(count)]
    return [opened(an_alert(cause=cause)) for cause in causes]


def test_each_destination_is_sent_its_message(bench: Bench) -> None:
    """One row a destination; both end as sent, and the metric says so."""
    assert bench.tell(opened()) == 2
    assert bench.sender.pump(SLACK) is None
    assert bench.sender.pump(WEBHOOK) is None
    assert len(bench.slack.got) == len(bench.webhook.got) == 1
    assert bench.store.outbox_counts()["sent"] == 2
    assert bench.count("sent") == bench.count("sent", "webhook") == 1
    labels = {"integration": "slack", "receiver": "team"}
    name = "causewatch_notification_latency_seconds_count"
    assert bench.metrics.registry.get_sample_value(name, labels) == 1
    assert bench.sender.pump(SLACK) is None
    assert len(bench.slack.got) == 1


def test_where_the_message_is_is_remembered(bench: Bench) -> None:
    """The next delivery of the incident carries the reference, also after a restart."""
    change = opened()
    bench.tell(change)
    bench.sender.pump(SLACK)
    bench.clock.advance(60)
    bench.tell(then(change.incident, an_alert("B")))
    bench.restarted().pump(SLACK)
    bench.clock.advance(1)
    bench.sender.pump(SLACK)
    assert [d.row.action for d in bench.slack.got] == ["open", "update", "thread"]
    assert [d.ref for d in bench.slack.got] == [None, REF, REF]


def test_a_channel_gets_a_message_a_second(bench: Bench) -> None:
    """The worker says how long to wait instead of sleeping; another channel is not held up."""
    bench.tell(*others(3))
    for number in range(1, 4):
        wait_s = bench.sender.pump(SLACK)
        assert len(bench.slack.got) == number
        assert wait_s == (1.0 if number < 3 else None)
        bench.clock.advance(1)
    bench.sender.pump(WEBHOOK)
    assert len(bench.webhook.got) == 3


def test_a_rate_limit_holds_the_whole_channel(bench: Bench) -> None:
    """Retry-After is waited for in the outbox: nothing is asked in the meantime."""
    bench.tell(*others(2))
    bench.slack.answers = [Retry(after_s=30.0, reason="429", whole_channel=True)]
    assert bench.sender.pump(SLACK) == 30.0
    bench.clock.advance(29)
    assert bench.sender.pump(SLACK) == pytest.approx(1.0)
    assert len(bench.slack.got) == 1
    for _ in range(2):
        bench.clock.advance(1)
        bench.sender.pump(SLACK)
    assert [d.row.message_id for d in bench.slack.got][1:] != []
    assert bench.store.outbox_counts()["sent"] == 2
    assert bench.count("retry") == 1


def test_what_happens_during_a_rate_limit_is_told_at_the_end(bench: Bench) -> None:
    """An incident that opens and resolves inside of a 429 is one message that says so."""
    change = opened()
    bench.tell(change)
    bench.slack.answers = [Retry(after_s=300.0, reason="429", whole_channel=True)]
    bench.sender.pump(SLACK)
    bench.clock.advance(60)
    bench.tell(then(change.incident, resolved(an_alert())))
    bench.clock.advance(300)
    assert bench.sender.pump(SLACK) is None
    assert len(bench.slack.got) == 2
    last = bench.slack.got[-1].row
    assert (last.action, last.incident.state, last.attempts) == ("open", "resolved", 2)
    assert last.message_id == bench.slack.got[0].row.message_id


def test_a_webhook_gets_beginning_and_end_in_order(bench: Bench) -> None:
    """The end waits for the beginning, however long that takes."""
    change = opened()
    bench.tell(change)
    bench.webhook.answers = [Retry(reason="503"), Retry(reason="503")]
    bench.sender.pump(WEBHOOK)
    bench.clock.advance(0.5)
    bench.tell(then(change.incident, resolved(an_alert())))
    for _ in range(4):
        bench.sender.pump(WEBHOOK)
        bench.clock.advance(5)
    actions = [delivery.row.action for delivery in bench.webhook.got]
    assert actions == ["open", "open", "open", "resolve"]


def test_backoff_grows(bench: Bench) -> None:
    """Two seconds, four, eight: the worker is told when to come back."""
    bench.tell(opened())
    bench.webhook.answers = [Retry(reason="500")] * 3
    waits = []
    for _ in range(3):
        waits.append(bench.sender.pump(WEBHOOK))
        bench.clock.advance(waits[-1] or 0)
    assert waits == [2.0, 4.0, 8.0]


def test_an_unknown_outcome_is_marked(bench: Bench) -> None:
    """The retry says that the message may have arrived, under the same id."""
    bench.tell(opened())
    bench.slack.answers = [Unknown(reason="reset")]
    bench.sender.pump(SLACK)
    bench.clock.advance(2)
    bench.sender.pump(SLACK)
    first, second = (delivery.row for delivery in bench.slack.got)
    assert (first.possibly_sent, second.possibly_sent) == (False, True)
    assert first.message_id == second.message_id


def test_a_crash_while_sending_repeats_under_the_same_id(bench: Bench) -> None:
    """The row was claimed, the process died: the next one asks first whether it arrived."""
    bench.tell(opened())
    bench.slack.on_send = _raise_interrupt
    with pytest.raises(KeyboardInterrupt):
        bench.sender.pump(SLACK)
    bench.slack.on_send = lambda: None
    assert [row.state for row in bench.rows()] == ["sending", "queued"]
    sender = bench.restarted()
    assert sender.recover() == 1
    sender.pump(SLACK)
    first, second = (delivery.row for delivery in bench.slack.got)
    assert (second.message_id, second.possibly_sent) == (first.message_id, True)
    assert sender.recover() == 0


def _raise_interrupt() -> None:
    raise KeyboardInterrupt


def test_rows_of_removed_receivers_are_retired(bench: Bench) -> None:
    """They are dead with a reason, not queued for ever."""
    bench.tell(opened())
    sender = Sender(
        bench.store, {SLACK: bench.slack}, metrics=bench.metrics, now_ns=bench.clock.now_ns
    )
    assert sender.recover() == 1
    assert bench.store.outbox_counts() == {"queued": 1, "sending": 0, "sent": 0, "dead": 1}


def test_a_dead_message_is_counted_and_the_next_one_goes_out(bench: Bench) -> None:
    """One message that can never arrive does not stop the others."""
    bench.tell(*others(2))
    bench.slack.answers = [Dead(reason="msg_too_long")]
    bench.sender.pump(SLACK)
    bench.clock.advance(1)
    bench.sender.pump(SLACK)
    assert (bench.count("dead"), bench.count("sent")) == (1, 1)


def test_after_a_dead_opening_the_next_change_is_posted(bench: Bench) -> None:
    """The update has no message to change, which the channel takes as a post."""
    change = opened()
    bench.tell(change)
    bench.slack.answers = [Dead(reason="x")]
    bench.sender.pump(SLACK)
    bench.clock.advance(60)
    bench.tell(then(change.incident, an_alert("B")))
    bench.sender.pump(SLACK)
    assert bench.slack.got[-1].ref is None
    assert bench.slack.got[-1].row.action == "update"


def test_a_webhook_that_is_gone_is_left_alone(bench: Bench) -> None:
    """After a 410 nothing more is sent there until a restart; the rows say why."""
    bench.tell(*others(2))
    bench.webhook.answers = [Dead(reason="gone", disable=True)]
    bench.sender.pump(WEBHOOK)
    assert len(bench.webhook.got) == 1
    assert bench.count("dead", "webhook") == 2


def test_a_bug_in_a_channel_is_an_unknown_outcome(bench: Bench) -> None:
    """It costs a retry of one message, not the worker."""
    bench.tell(opened())
    bench.slack.answers = [ValueError("a bug")]
    assert bench.sender.pump(SLACK) == pytest.approx(2.0)
    (row,) = bench.store.unfinished(SLACK)
    assert (row.possibly_sent, row.error) == (True, "ValueError: a bug")


def test_a_change_while_sending_is_sent_next(bench: Bench) -> None:
    """What is under way is not touched; where it fails, the newer state takes its place."""
    change = opened()
    bench.tell(change)
    bench.sender.pump(SLACK)
    second = then(change.incident, an_alert(run_ids=("run-1", "run-2")))
    third = then(second.incident, an_alert(run_ids=("run-1", "run-2", "run-3")))
    bench.clock.advance(120)
    bench.tell(second)
    bench.slack.answers = [Retry(reason="500")]
    bench.slack.on_send = lambda: bench.tell(third)
    bench.sender.pump(SLACK)
    bench.slack.on_send = lambda: None
    (row,) = bench.store.unfinished(SLACK)
    assert row.incident.revision == 3
    bench.clock.advance(200)
    bench.sender.pump(SLACK)
    assert [d.row.incident.revision for d in bench.slack.got] == [1, 2, 3]


def test_two_channels_of_one_place_share_its_pace(bench: Bench) -> None:
    """Two receivers that post to one Slack channel do not exceed its limit together."""
    bench.webhook.pace_key, bench.webhook.min_gap_s = "slack", 1.0
    bench.tell(opened())
    assert bench.sender.pump(SLACK) is None
    assert bench.sender.pump(WEBHOOK) == 1.0
    assert bench.webhook.got == []


def test_threads_send_and_stop(bench: Bench) -> None:
    """Started, woken and stopped: the rows are out, the channels closed, the threads gone."""
    done = threading.Event()
    bench.webhook.on_send = done.set
    bench.sender.start()
    bench.tell(opened())
    bench.sender.wake()
    assert done.wait(5)
    bench.sender.stop()
    assert bench.slack.closed
    assert bench.webhook.closed
    assert not any(thread.name.startswith("notify team") for thread in threading.enumerate())
    assert bench.sender.pump(SLACK) is None


def test_a_sender_that_is_replaced_ends_what_it_is_at(bench: Bench) -> None:
    """The next one does not repeat it, and sends what waits; the old channels are closed."""
    begun, go_on = threading.Event(), threading.Event()

    def send() -> None:
        begun.set()
        assert go_on.wait(5)

    bench.webhook.on_send = send
    bench.sender.start()
    bench.tell(opened())
    bench.sender.wake()
    assert begun.wait(5)
    other = Scripted("webhook", 0.0)
    found: list[Sender] = []
    replacing = threading.Thread(
        target=lambda: found.append(bench.sender.replaced({SLACK: bench.slack, WEBHOOK: other}))
    )
    replacing.start()
    assert not found
    go_on.set()
    replacing.join(5)
    (fresh,) = found
    assert fresh.recover() == 0
    assert fresh.pump(WEBHOOK) is None
    assert (len(bench.webhook.got), other.got) == (1, [])
    assert bench.webhook.closed
    (row,) = others(1)
    bench.tell(row)
    fresh.pump(WEBHOOK)
    assert [delivery.row.incident.id for delivery in other.got] == [row.incident.id]


def test_what_a_receiver_asked_for_outlives_the_sender(bench: Bench) -> None:
    """To wait, or to be left alone; a receiver that is gone has its messages retired."""
    bench.tell(*others(2))
    bench.slack.answers = [Retry(after_s=30.0, reason="429", whole_channel=True)]
    bench.webhook.answers = [Dead(reason="410", disable=True)]
    bench.sender.pump(SLACK)
    bench.sender.pump(WEBHOOK)
    fresh = bench.sender.replaced({SLACK: bench.slack, WEBHOOK: bench.webhook})
    calls = len(bench.slack.got), len(bench.webhook.got)
    assert fresh.pump(SLACK) == 30.0
    fresh.pump(WEBHOOK)
    assert (len(bench.slack.got), len(bench.webhook.got)) == calls
    last = fresh.replaced({WEBHOOK: bench.webhook})
    assert last.recover() == len(bench.store.unfinished(SLACK)) + 2
    assert bench.store.unfinished(SLACK) == ()


def test_a_failing_store_does_not_end_a_thread(bench: Bench) -> None:
    """A disk that is full for a while costs time, not the worker."""
    failed, sent = threading.Event(), threading.Event()
    bench.webhook.on_send = sent.set
    due = bench.store.due

    def failing(target: str, *, now_ns: int, limit: int) -> tuple[OutboxRow, ...]:
        if not failed.is_set():
            failed.set()
            raise OSError("disk full")
        return due(target, now_ns=now_ns, limit=limit)

    bench.store.due = failing  # type: ignore[method-assign]  # a disk that is full once
    bench.tell(opened())
    bench.sender.start()
    assert failed.wait(5)
    while not sent.wait(0.01):
        bench.sender.wake()
    bench.sender.stop()


def test_a_store_that_fails_after_the_sending_does_not_mute_the_incident(bench: Bench) -> None:
    """The row is found again without a restart, under its message id, and later ones follow."""
    put, failures = bench.store.put_outbox, [OSError("disk full")]

    def failing(row: OutboxRow) -> OutboxRow:
        if row.state == "sent" and row.target == WEBHOOK and failures:
            raise failures.pop()
        return put(row)

    bench.store.put_outbox = failing  # type: ignore[method-assign]  # a disk that is full once
    bench.tell(opened())
    bench.sender.start()
    for _ in range(1000):
        if not bench.store.unfinished(WEBHOOK):
            break
        bench.clock.advance(1)
        bench.sender.wake()
        threading.Event().wait(0.01)
    bench.sender.stop()
    assert not failures
    assert bench.store.unfinished(WEBHOOK) == ()
    assert [d.row.possibly_sent for d in bench.webhook.got] == [False, True]
    assert len({d.row.message_id for d in bench.webhook.got}) == 1


def test_unknown_receivers_are_told_nothing(bench: Bench) -> None:
    """A route to nowhere is the configuration check's business, not a crash at night."""
    found = tell(bench.store, [opened()], alerting=Alerting(route=route_to("x")), now_ns=NOW)
    assert found.rows == 0


def test_the_outbox_gauge_follows(bench: Bench) -> None:
    """Rows by state, after each attempt."""
    bench.tell(*others(2))
    bench.sender.pump(SLACK)
    sample = bench.metrics.registry.get_sample_value
    assert sample("causewatch_outbox_rows", {"state": "sent"}) == 1
    assert sample("causewatch_outbox_rows", {"state": "queued"}) == 3


def test_age_ends_a_row(bench: Bench) -> None:
    """A receiver that is away for longer than a day gets what is new then, not what is old."""
    bench.tell(opened())
    bench.webhook.answers = [Retry(reason="500")] * 2
    bench.sender.pump(WEBHOOK)
    bench.clock.time_ns += 90_000 * S
    bench.sender.pump(WEBHOOK)
    (row,) = bench.store._values(OutboxRow, "SELECT value FROM outbox WHERE state = ?", ("dead",))
    assert row.error.startswith("given up after 2 attempts")
    assert msgspec.structs.asdict(row)["message_id"].startswith("msg_")
