"""Every metric causewatch exposes on ``/metrics``, in one place.

Each queue, limit and drop has one here; ``reason`` labels come from closed sets in the code.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

HEALTH_BUCKETS = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
MAX_WORKFLOWS_COUNT = 100
MAX_WORKFLOW_CHARS = 100
OTHER_WORKFLOWS = "other"


class Metrics:
    """The metrics of one daemon. Tests make their own, so nothing is global."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._workflows: set[str] = set()
        self._ingest(self.registry)
        self._kept(self.registry)
        self._runs(self.registry)
        self._rules(self.registry)
        self._rule_files(self.registry)
        self._tell(self.registry)
        self._forward(self.registry)

    def workflow_label(self, workflow: str) -> str:
        """Return a workflow's name as a label: whoever sends spans chooses it, so few are kept.

        The first ``MAX_WORKFLOWS_COUNT`` names have a label of their own.
        """
        name = "".join(c if c.isprintable() else " " for c in workflow[:MAX_WORKFLOW_CHARS])
        if name not in self._workflows:
            if len(self._workflows) >= MAX_WORKFLOWS_COUNT:
                return OTHER_WORKFLOWS
            self._workflows.add(name)
        return name

    def _ingest(self, r: CollectorRegistry) -> None:
        """What comes in, and how it is kept."""
        self.received_batches = Counter(
            "causewatch_received_batches",
            "OTLP requests stored durably.",
            ["signal", "transport"],
            registry=r,
        )
        self.received_items = Counter(
            "causewatch_received_items",
            "Spans or log records stored durably.",
            ["signal", "transport"],
            registry=r,
        )
        self.refused_batches = Counter(
            "causewatch_refused_batches",
            "OTLP requests refused aloud.",
            ["signal", "transport", "reason"],
            registry=r,
        )
        self.rejected_items = Counter(
            "causewatch_rejected_items",
            "Malformed spans or log records, reported as partial_success.",
            ["signal", "reason"],
            registry=r,
        )
        self.inbox_pending_bytes = Gauge(
            "causewatch_inbox_pending_bytes",
            "Bytes waiting for the next durable commit.",
            registry=r,
        )
        self.inbox_commit_seconds = Histogram(
            "causewatch_inbox_commit_seconds", "Duration of one group commit.", registry=r
        )
        self.inbox_corrupt_rows = Counter(
            "causewatch_inbox_corrupt_rows",
            "Stored batches that cannot be read back.",
            ["reason"],
            registry=r,
        )
        self.inbox_failed_commits = Counter(
            "causewatch_inbox_failed_commits", "Group commits that failed.", registry=r
        )
        self.inbox_lag_batches = Gauge(
            "causewatch_inbox_lag_batches",
            "Stored batches that the pipeline has not read yet.",
            registry=r,
        )
        self.inbox_size_bytes = Gauge(
            "causewatch_inbox_size_bytes", "Bytes of stored batches, compressed.", registry=r
        )

    def _kept(self, r: CollectorRegistry) -> None:
        """What is kept, for how long, and without what."""
        self.retention_deleted = Counter(
            "causewatch_retention_deleted",
            "What was deleted by age or for room: batches of spans, runs, findings and others.",
            ["what"],
            registry=r,
        )
        self.retention_compacted_bytes = Counter(
            "causewatch_retention_compacted_bytes",
            "Bytes of spans, uncompressed, deleted from batches of which a part is kept longer.",
            registry=r,
        )
        self.redacted_values = Counter(
            "causewatch_redacted_values",
            "Values of which a part was redacted before they were stored.",
            ["signal", "what"],
            registry=r,
        )
        self.dropped_attributes = Counter(
            "causewatch_dropped_attributes",
            "Attributes that were dropped before anything was stored.",
            ["signal"],
            registry=r,
        )
        self.purged = Counter(
            "causewatch_purged", "What was purged: spans, runs and others.", ["what"], registry=r
        )

    def _runs(self, r: CollectorRegistry) -> None:
        """Runs: assembled, understood, judged."""
        self.live_runs = Gauge("causewatch_live_runs", "Runs being assembled.", registry=r)
        self.live_bytes = Gauge(
            "causewatch_live_bytes", "Estimated memory of runs being assembled.", registry=r
        )
        self.first_pass_runs = Counter(
            "causewatch_first_pass_runs",
            "Runs by what the first pass made of them: quiet, or judged in full.",
            ["outcome"],
            registry=r,
        )
        self.runs = Counter("causewatch_runs", "Runs judged.", ["state", "verdict"], registry=r)
        self.dropped_spans = Counter(
            "causewatch_dropped_spans", "Spans dropped after the ack.", ["reason"], registry=r
        )
        self.evicted_runs = Counter(
            "causewatch_evicted_runs", "Runs put on disk or judged in part.", ["reason"], registry=r
        )
        self.steps = Counter(
            "causewatch_steps", "Steps understood.", ["dialect", "kind"], registry=r
        )
        self.faults = Counter("causewatch_faults", "Faults detected.", ["fault"], registry=r)
        self.context_health = Histogram(
            "causewatch_context_health",
            "Context health of judged runs, 0 to 1, of those in which it could be checked.",
            ["workflow"],
            buckets=HEALTH_BUCKETS,
            registry=r,
        )
        self.judge_questions = Counter(
            "causewatch_judge_questions",
            "Questions to the judge of meaning, by what came of them.",
            ["outcome"],
            registry=r,
        )
        self.contract_verdicts = Counter(
            "causewatch_contract_verdicts",
            "Verdicts of contracts.",
            ["contract", "verdict"],
            registry=r,
        )

        self.novel = Counter(
            "causewatch_novel",
            "Edges and shapes told as new to their workflow.",
            ["kind"],
            registry=r,
        )
        self.novel_over_budget = Counter(
            "causewatch_novel_over_budget",
            "New edges and shapes that were not told, as the day's budget was used up.",
            registry=r,
        )
        self.novelty_forgotten = Counter(
            "causewatch_novelty_forgotten",
            "Edges, shapes or whole workflows dropped from baselines that were full.",
            ["what"],
            registry=r,
        )

    def _rules(self, r: CollectorRegistry) -> None:
        """Rules: found, evaluated."""
        self.findings = Counter("causewatch_findings", "Rule matches.", ["rule"], registry=r)
        self.rule_evaluations = Counter(
            "causewatch_rule_evaluations",
            "Runs that a rule was asked of, those over which it failed among them.",
            ["rule"],
            registry=r,
        )
        self.rule_evaluation_failures = Counter(
            "causewatch_rule_evaluation_failures",
            "Evaluations of a rule that raised.",
            ["rule"],
            registry=r,
        )
        self.rule_rested_runs = Counter(
            "causewatch_rule_rested_runs",
            "Runs that a rule did not look at, as it had failed over those before.",
            ["rule"],
            registry=r,
        )
        self.group_last_duration_seconds = Gauge(
            "causewatch_rule_group_last_duration_seconds",
            "Duration of the last evaluation.",
            ["group"],
            registry=r,
        )
        self.group_last_evaluation_timestamp_seconds = Gauge(
            "causewatch_rule_group_last_evaluation_timestamp_seconds",
            "Slot time of the last evaluation.",
            ["group"],
            registry=r,
        )
        self.group_dropped_runs = Counter(
            "causewatch_rule_group_dropped_runs",
            "Runs that a group which fails again and again never looked at.",
            ["group"],
            registry=r,
        )
        self.group_lag_seconds = Gauge(
            "causewatch_rule_group_lag_seconds",
            "How long the first slot that the last evaluation covers had been due when it began.",
            ["group"],
            registry=r,
        )
        self.group_iterations = Counter(
            "causewatch_rule_group_iterations",
            "Looks of a group, and the slots that were missed.",
            ["group"],
            registry=r,
        )
        self.group_iterations_missed = Counter(
            "causewatch_rule_group_iterations_missed",
            "Slots that were folded into a later evaluation.",
            ["group"],
            registry=r,
        )

    def _rule_files(self, r: CollectorRegistry) -> None:
        """Where rules come from, and which are in force."""
        self.config_last_reload_successful = Gauge(
            "causewatch_config_last_reload_successful",
            "1 if the last load of the rule files succeeded.",
            registry=r,
        )
        self.config_last_reload_success_timestamp_seconds = Gauge(
            "causewatch_config_last_reload_success_timestamp_seconds",
            "When the rule files in force were loaded.",
            registry=r,
        )
        self.config_file_last_reload_successful = Gauge(
            "causewatch_config_file_last_reload_successful",
            "1 if the last load of causewatch.yaml succeeded.",
            registry=r,
        )
        self.config_file_last_reload_success_timestamp_seconds = Gauge(
            "causewatch_config_file_last_reload_success_timestamp_seconds",
            "When causewatch.yaml was last loaded with success.",
            registry=r,
        )
        self.config_file_restart_needed = Gauge(
            "causewatch_config_file_restart_needed",
            "1 if a change of causewatch.yaml waits for a restart.",
            registry=r,
        )
        self.rules_git_fetches = Counter(
            "causewatch_rules_git_fetches",
            "Looks at the git repository of the rules.",
            ["outcome"],
            registry=r,
        )
        self.rules_git_last_fetch_timestamp_seconds = Gauge(
            "causewatch_rules_git_last_fetch_timestamp_seconds",
            "When the git repository of the rules was last looked at with success.",
            registry=r,
        )
        self.rules_info = Gauge(
            "causewatch_rules_info", "The loaded rule files.", ["revision", "sha256"], registry=r
        )

    def _tell(self, r: CollectorRegistry) -> None:
        """Alerts, incidents and the messages about them."""
        self.alerts = Gauge("causewatch_alerts", "Alerts by state.", ["state"], registry=r)
        self.incidents = Gauge("causewatch_incidents", "Incidents by state.", ["state"], registry=r)
        self.notifications = Counter(
            "causewatch_notifications",
            "Messages by outcome.",
            ["integration", "receiver", "outcome"],
            registry=r,
        )
        self.notification_latency_seconds = Histogram(
            "causewatch_notification_latency_seconds",
            "How long an attempt to send a message took, whatever came of it.",
            ["integration", "receiver"],
            registry=r,
        )
        self.notifications_suppressed = Counter(
            "causewatch_notifications_suppressed",
            "Changes a receiver was not told of: a silence, inhibition, a time interval, a limit.",
            ["reason"],
            registry=r,
        )
        self.slack_connected = Gauge(
            "causewatch_slack_connected",
            "1 while Slack can tell of pressed buttons (Socket Mode).",
            registry=r,
        )
        self.slack_actions = Counter(
            "causewatch_slack_actions",
            "What people asked for by buttons in Slack, by outcome.",
            ["outcome"],
            registry=r,
        )
        self.pictures = Counter(
            "causewatch_pictures",
            "Pictures of causal paths that go with messages, by outcome.",
            ["receiver", "outcome"],
            registry=r,
        )
        self.silences = Gauge("causewatch_silences", "Silences by state.", ["state"], registry=r)
        self.outbox_rows = Gauge(
            "causewatch_outbox_rows", "Outbox rows by state.", ["state"], registry=r
        )
        self.build_info = Gauge("causewatch_build_info", "Version.", ["version"], registry=r)

    def _forward(self, r: CollectorRegistry) -> None:
        """Spans on their way to other endpoints."""
        self.forwarded_spans = Counter(
            "causewatch_forwarded_spans",
            "Spans that a destination took, synthetic handoff spans among them.",
            ["destination"],
            registry=r,
        )
        self.forward_withheld_spans = Counter(
            "causewatch_forward_withheld_spans",
            "Spans of runs that a destination is not to get: its filter, or sampling.",
            ["destination", "reason"],
            registry=r,
        )
        self.forward_dropped_spans = Counter(
            "causewatch_forward_dropped_spans",
            "Spans that a destination was to get, and never will.",
            ["destination", "reason"],
            registry=r,
        )
        self.forward_queue_bytes = Gauge(
            "causewatch_forward_queue_bytes", "Bytes that wait.", ["destination"], registry=r
        )
        self.forward_retries = Counter(
            "causewatch_forward_retries",
            "Requests that are to be sent again.",
            ["destination"],
            registry=r,
        )
