"""Gathers what is in force, what waits and what the limits are, for ``GET /api/v1/status``."""

from __future__ import annotations

from collections import Counter

from prometheus_client.metrics import MetricWrapperBase

from causewatch import __version__
from causewatch.app.config import Config
from causewatch.app.config_reload import ConfigReloader
from causewatch.app.groups import MAX_PENDING_MIB, MAX_PENDING_RUNS
from causewatch.app.reload import Reloader
from causewatch.app.rulefiles import RuleFiles
from causewatch.store.port import Store
from causewatch.telemetry.metrics import Metrics
from causewatch.web.status import FileStatus, Status, Vitals


def status_of(
    config: ConfigReloader,
    rules: Reloader,
    source: RuleFiles,
    *,
    started_at_ns: int,
    vitals: Vitals,
) -> Status:
    """Return what is in force of configuration and rules, beside the vitals."""
    return Status(
        version=__version__,
        started_at_ns=started_at_ns,
        config=FileStatus(
            loaded_at_ns=config.loaded_at_ns,
            problems=tuple(map(str, config.problems)),
            restart_needed=config.restart_needed,
        ),
        rules=FileStatus(
            loaded_at_ns=rules.loaded_at_ns,
            problems=tuple(map(str, rules.problems)),
            revision=source.revision,
            sha256=source.sha256,
        ),
        vitals=vitals,
    )


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
