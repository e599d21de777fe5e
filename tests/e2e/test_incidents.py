"""Agents -> the real Collector -> ``causewatch serve`` -> Slack, with everything being killed."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from bench.children import ROOT, free_ports, wait_until
from bench.send import send_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from causewatch.app.clock import now_ns
from causewatch.app.freshen import freshen
from causewatch.otlp.json import json_to_protobuf
from collector import DEPLOYED, Collector
from daemon import Daemon, quick_rules
from fake_slack import TOKEN, FakeSlack, Fault

pytestmark = [pytest.mark.collector, pytest.mark.timeout(400)]

AGENTS = Path(__file__).with_name("parcel_agents.py")
CAPTURES = ROOT / "tests" / "captures"
PROGRAM_LIMIT_S = 60
MESSAGE_LIMIT_S = 90.0
CONTRACT = """
groups:
- name: handoffs
  interval: 1s
contracts:
- contract: intake-to-adjuster
  group: handoffs
  from: intake
  to: adjuster
  schema: {type: object, required: [claim, parcel, declared_value_cents]}
  failures: {schema: page}
"""


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    """Yield a Slack."""
    with FakeSlack() as found:
        yield found


def slack_settings(api_url: str, channel: str = "#agents") -> dict[str, Any]:
    """Return a configuration that tells this Slack, and does not wait long for quiet."""
    slack = {"bot_token": TOKEN, "channel": channel, "api_url": api_url}
    return {
        "runs": {"quiet": "1s", "quiet_without_root": "5s"},
        "route": {"receiver": "oncall", "group_interval": "1s"},
        "receivers": [{"name": "oncall", "slack_configs": [slack]}],
    }


def start_collector(folder: Path, daemon: Daemon, name: str = "otlp-grpc.yaml") -> Collector:
    """Return a Collector with a shipped configuration that sends to the daemon."""
    return Collector(folder / "collector", [DEPLOYED / name], daemon.target)


def agents(endpoint: str, story: str, runs: int = 1) -> list[dict[str, Any]]:
    """Run the agent system against an OTLP endpoint; returns what it says of each run."""
    done = subprocess.run(
        [sys.executable, AGENTS, "--endpoint", endpoint, "--story", story, "--runs", str(runs)],
        capture_output=True,
        text=True,
        check=True,
        timeout=PROGRAM_LIMIT_S,
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def wait_for_posts(slack: FakeSlack, count: int) -> None:
    """Wait until Slack has so many messages that are no thread replies."""
    wait_until(
        lambda: len(slack.posts()) >= count, timeout_s=MESSAGE_LIMIT_S, what=f"{count} messages"
    )


def trace_ids(bodies: Sequence[bytes]) -> set[str]:
    """Return the trace ids of requests."""
    requests = map(ExportTraceServiceRequest.FromString, bodies)
    return {
        span.trace_id.hex()
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def capture(name: str) -> list[bytes]:
    """Return a recorded run as new requests, with fresh ids and ending now."""
    with gzip.open(CAPTURES / f"{name}.jsonl.gz", "rb") as lines:
        bodies = [json_to_protobuf("traces", line) for line in lines]
    return freshen(bodies, salt=f"{name}{now_ns()}", now_ns=now_ns())


@pytest.mark.parametrize("config", ["otlp-grpc.yaml", "otlp-http.yaml"])
def test_a_broken_handoff_becomes_one_message(
    config: str, slack: FakeSlack, tmp_path: Path
) -> None:
    """Healthy runs are silent; several runs with one cause are one incident and one message."""
    settings = slack_settings(slack.api_url)
    with (
        Daemon(tmp_path / "daemon", rules=quick_rules(tmp_path), settings=settings) as daemon,
        start_collector(tmp_path, daemon, config) as collector,
    ):
        agents(collector.grpc, "healthy", runs=3)
        daemon.wait_for_verdicts(3)
        assert daemon.incidents() == []
        assert slack.messages == []

        runs = agents(collector.grpc, "cut", runs=3)
        wait_for_posts(slack, 1)
        daemon.wait_for_verdicts(6)
        (incident,) = daemon.incidents()
        assert set(incident["runs"]) == {run["trace_id"] for run in runs}
        assert incident["cause"]["category"] == "truncation"
        assert incident["cause"]["origin"]["span_id"] in {run["handoff"] for run in runs}
        assert [step["agent"] for step in incident["cause"]["propagators"]][:1] == ["adjuster"]
        (post,) = slack.posts()
        shown = json.dumps(post.blocks) + post.text
        assert "transfer_to_adjuster" in shown
        assert "adjuster" in shown


def test_a_contract_alone_opens_an_incident(slack: FakeSlack, tmp_path: Path) -> None:
    """A brief without its declared value looks fine to all detectors; the contract knows."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "contracts.yaml").write_text(CONTRACT)
    with (
        Daemon(tmp_path / "daemon", rules=rules, settings=slack_settings(slack.api_url)) as daemon,
        start_collector(tmp_path, daemon) as collector,
    ):
        agents(collector.grpc, "healthy")
        daemon.wait_for_verdicts(1)
        assert daemon.incidents() == []

        (run,) = agents(collector.grpc, "incomplete")
        wait_for_posts(slack, 1)
        (incident,) = daemon.incidents()
        (alert,) = incident["alerts"]
        assert incident["runs"] == [run["trace_id"]]
        assert alert["alertname"] == "ContractViolated"
        wanted = {"contract": "intake-to-adjuster", "from": "intake", "to": "adjuster"}
        assert wanted.items() <= alert["labels"].items()
        assert (alert["labels"]["violation"], incident["severity"]) == ("schema", "page")
        assert len(slack.posts()) == 1


def test_nothing_is_lost_when_everything_restarts(tmp_path: Path) -> None:
    """causewatch, the Collector and Slack go away in turn: every run counts, in one message."""
    (port,) = free_ports(1)
    # By its id: a name cannot be looked through for a message whose answer never arrived.
    settings = slack_settings(f"http://127.0.0.1:{port}/api/", channel="C0000001")
    daemon = Daemon(tmp_path / "daemon", rules=quick_rules(tmp_path), settings=settings)
    collector = start_collector(tmp_path, daemon)
    with daemon.child, collector.child:
        collector.start()
        runs = agents(collector.grpc, "cut", runs=2)  # causewatch is away: they wait on disk
        collector.child.kill()
        collector.start()
        daemon.start()
        daemon.wait_for_incidents(1)  # Slack is away: the message waits in the outbox
        daemon.crash()

        with FakeSlack(port) as slack:
            # Slack takes the first message, but its answer never arrives.
            slack.faults.append(Fault(trouble="close_after_accept", method="chat.postMessage"))
            wait_for_posts(slack, 1)
            daemon.crash()
        runs += agents(collector.grpc, "cut", runs=2)
        wait_until(
            lambda: daemon.metric("causewatch_received_items_total", signal="traces") > 0,
            timeout_s=MESSAGE_LIMIT_S,
            what="an acknowledged batch",
        )
        daemon.crash()  # what is acknowledged may not be judged yet

        every_run = {run["trace_id"] for run in runs}
        with FakeSlack(port) as again:
            again.messages, again._ts = slack.messages, slack._ts
            wait_until(
                lambda: {run for i in daemon.incidents() for run in i["runs"]} == every_run,
                timeout_s=MESSAGE_LIMIT_S,
                what="an incident that names every run",
            )
            wait_until(
                lambda: "chat.update" in again.calls,
                timeout_s=MESSAGE_LIMIT_S,
                what="an update of the message",
            )
            assert len(daemon.incidents()) == 1
            assert len(again.posts()) == 1


HEALTHY = (
    "langgraph__openinference__ok",
    "openai-agents__openinference__ok",
    "pydantic-ai__native__ok",
)
FAULTY = {
    "langgraph__openinference__tool_error_swallowed": "tool_failure",
    "langgraph__openinference__truncated_handoff": "truncation",
    "openai-agents__openinference__truncated_handoff": "truncation",
    "pydantic-ai__native__truncated_handoff": "truncation",
    "pydantic-ai__native__loop": "loop",
}


def test_recorded_runs_of_real_frameworks_are_told_apart(slack: FakeSlack, tmp_path: Path) -> None:
    """Through the Collector, with fresh ids: an incident for each faulty run, none for others."""
    healthy = [capture(name) for name in HEALTHY]
    faulty = {name: capture(name) for name in FAULTY}
    with (
        Daemon(tmp_path / "daemon", settings=slack_settings(slack.api_url)) as daemon,
        start_collector(tmp_path, daemon) as collector,
    ):
        load = [body for bodies in (*healthy, *faulty.values()) for body in bodies]
        sent = send_grpc(collector.grpc, load, in_flight=4, timeout_s=60)
        assert sent.accepted == len(load)
        daemon.wait_for_verdicts(len(healthy) + len(faulty))
        by_run = {run: i for i in daemon.incidents() for run in i["runs"]}
        found = {
            name: by_run[run]["cause"]["category"]
            for name, bodies in faulty.items()
            for run in trace_ids(bodies) & set(by_run)
        }
        assert found == FAULTY
        assert not {run for bodies in healthy for run in trace_ids(bodies)} & set(by_run)
        wait_for_posts(slack, len(daemon.incidents()))
        assert len(slack.posts()) == len(daemon.incidents())
