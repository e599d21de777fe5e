"""Gathers what comes in, what waits and what the limits are, for ``GET /api/v1/status``."""

from __future__ import annotations

from collections import Counter

from prometheus_client.metrics import MetricWrapperBase

from causewatch.app.config import Config
from causewatch.app.groups import MAX_PENDING_MIB, MAX_PENDING_RUNS
from causewatch.store.port import Store
from causewatch.telemetry.metrics import Metrics
from causewatch.web.status import Vitals


def vitals_of(config: Config, *, store: Store, metrics: Metrics) -> Vitals:
    """Return how a daemon is doing; the figures are those of its metrics."""
    return Vitals(
        lag_batches=_value(metrics.inbox_lag_batches),
        inbox_bytes=_value(metrics.inbox_size_bytes),
        live_runs_count=_value(metrics.live_runs),
        outbox={str(state): count for state, count in store.outbox_counts().items()},
        dialects=_steps_by_dialect(metrics),
        limits=limits_of(config),
    )


def limits_of(config: Config) -> dict[str, int]:
    """Return the limits in force, each with its unit in its name."""
    return {
        "maxMessageMiB": config.receive.max_message_mib,
        "maxInboxMiB": config.retention.inbox_mib,
        "maxStateMiB": config.retention.state_mib,
        "maxLiveMiB": config.runs.max_live_mib,
        "maxRunMiB": config.runs.max_run_mib,
        "maxSpansPerRun": config.runs.max_spans_per_run,
        "maxWaitingRunsPerGroup": MAX_PENDING_RUNS,
        "maxWaitingMiBPerGroup": MAX_PENDING_MIB,
    }


def _value(gauge: MetricWrapperBase) -> int:
    return int(sum(sample.value for metric in gauge.collect() for sample in metric.samples))


def _steps_by_dialect(metrics: Metrics) -> dict[str, int]:
    """Return how many steps were understood by each dialect since the start."""
    found: Counter[str] = Counter()
    for metric in metrics.steps.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                found[sample.labels["dialect"]] += int(sample.value)
    return dict(sorted(found.items()))
