"""What the status says of what comes in, what waits, and the limits."""

from __future__ import annotations

import msgspec

from causewatch.app.config import Config, Receive
from causewatch.app.vitals import limits_of, vitals_of
from causewatch.model.limits import RunLimits
from causewatch.notify.config import Alerting, Receiver, WebhookConfig
from causewatch.notify.tell import tell
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics
from causewatch.web.status import Vitals
from notify_fixtures import NOW, opened, route_to

TEAM = Receiver(name="team", webhooks=(WebhookConfig(url="https://example.com"),))


def vitals(store: SqliteStore, metrics: Metrics) -> Vitals:
    """Return the vitals of a daemon with the default configuration."""
    return vitals_of(Config(), store=store, metrics=metrics)


def test_a_daemon_at_rest_has_nothing_that_waits() -> None:
    """Every state of the outbox is there, so that nobody asks whether it is missing or zero."""
    found = vitals(SqliteStore(), Metrics())
    assert (found.lag_batches, found.inbox_bytes, found.live_runs_count) == (0, 0, 0)
    assert set(found.outbox.values()) == {0}
    assert "dead" in found.outbox
    assert found.dialects == {}


def test_what_waits_is_what_the_metrics_say() -> None:
    """One truth: a page and a graph do not differ."""
    metrics = Metrics()
    metrics.inbox_lag_batches.set(7)
    metrics.inbox_size_bytes.set(4096)
    metrics.live_runs.set(3)
    found = vitals(SqliteStore(), metrics)
    assert (found.lag_batches, found.inbox_bytes, found.live_runs_count) == (7, 4096, 3)


def test_messages_are_counted_by_state() -> None:
    """One that is queued is seen before it is sent."""
    store, change = SqliteStore(), opened()
    alerting = Alerting(route=route_to(), receivers={"team": TEAM})
    with store.transaction():
        store.put_incidents([change.incident])
        tell(store, [change], alerting=alerting, now_ns=NOW)
    assert vitals(store, Metrics()).outbox["queued"] == 1


def test_dialects_are_those_that_were_met() -> None:
    """Whatever the steps were."""
    metrics = Metrics()
    metrics.steps.labels(dialect="genai", kind="tool").inc(2)
    metrics.steps.labels(dialect="genai", kind="agent").inc()
    metrics.steps.labels(dialect="none", kind="other").inc()
    assert vitals(SqliteStore(), metrics).dialects == {"genai": 3, "none": 1}


def test_limits_are_those_of_the_configuration() -> None:
    """Each is told as it is in force."""
    config = msgspec.structs.replace(
        Config(), receive=Receive(max_message_mib=9), runs=RunLimits(max_spans_per_run=11)
    )
    found = limits_of(config)
    assert (found["maxMessageMiB"], found["maxSpansPerRun"]) == (9, 11)
    assert found["maxLiveMiB"] == RunLimits().max_live_mib
    assert all(value > 0 for value in found.values())
