"""What ``causewatch demo`` does: a real daemon in a folder of its own, fed with recorded runs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from causewatch.app.clock import now_ns
from causewatch.app.files import read_requests
from causewatch.app.freshen import freshen
from causewatch.app.slack_mirror import SlackMirror
from causewatch.errors import UnreachableError, UserError
from causewatch.notify.slack.render import SlackMessage
from causewatch.notify.slack.text import plain_text
from causewatch.otlp.decode import decode_traces
from causewatch.resources import shipped

RUNS = Path(__file__).parent / "demo_runs"
TITLES = {
    "langgraph__openinference__ok": "LangGraph, a healthy run",
    "langgraph__openinference__tool_error_swallowed": "LangGraph, a tool gives half a result",
    "pydantic-ai__native__ok": "Pydantic AI, a healthy run",
    "pydantic-ai__native__truncated_handoff": "Pydantic AI, findings cut at a handoff",
}
EXPECTED_INCIDENTS = 2
START_TIMEOUT_S = 15.0
INCIDENT_TIMEOUT_S = 20.0
POLL_S = 0.1

_CONFIG = """\
rules: {{paths: ["{rules}"]}}
receive: {{grpc: "127.0.0.1:{grpc}", http: "127.0.0.1:{http}"}}
web: {{listen: "127.0.0.1:{web}"}}
runs: {{quiet: 1s, quiet_without_root: 2s}}
store: {{path: data}}
receivers:
- name: demo
  slack_configs: [{{bot_token: xoxb-demo, channel: "#agents", api_url: "{api_url}"}}]
"""


class DemoRun(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded run, fresh, ready to send."""

    title: str
    bodies: list[bytes]
    spans: int


class DemoIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as the daemon tells it, and the Slack message it sent."""

    id: str
    title: str
    explanation: str
    slack_text: str


def export_runs(folder: Path) -> list[Path]:
    """Write the recorded runs into a folder, as they are; return where each one is.

    Raises:
        UserError: when the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [
            Path(shutil.copyfile(run, folder / run.name)) for run in sorted(RUNS.glob("*.jsonl.gz"))
        ]
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}") from None


class Demo:
    """The daemon and its surroundings; use it in a ``with`` block."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="causewatch-demo-"))
        self._slack = SlackMirror()
        self._ports = {name: _free_port() for name in ("grpc", "http", "web")}
        self.rules_path = str(shipped("rules"))
        self.otlp_url = f"http://127.0.0.1:{self._ports['http']}"
        self.web_url = f"http://127.0.0.1:{self._ports['web']}"
        self._client = httpx.Client(timeout=10.0, trust_env=False)
        self._log = (self._folder / "daemon.log").open("wb")
        config = _CONFIG.format(rules=self.rules_path, api_url=self._slack.api_url, **self._ports)
        (self._folder / "causewatch.yaml").write_text(config, encoding="utf-8")
        command = [sys.executable, "-m", "causewatch.cli.main", "serve"]
        self._daemon = subprocess.Popen(  # noqa: S603  # this very program
            [*command, "--config", str(self._folder / "causewatch.yaml")],
            stdout=self._log,
            stderr=self._log,
        )

    def __enter__(self) -> Self:
        """Wait until the daemon is ready.

        Raises:
            UnreachableError: when it does not come up.
        """
        until_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until_s:
            if self._daemon.poll() is not None:
                break
            if self._is_ready():
                return self
            time.sleep(POLL_S)
        text = (self._folder / "daemon.log").read_text(encoding="utf-8", errors="replace")
        self._clean_up()
        raise UnreachableError(f"the daemon did not start:\n{text[-4000:]}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the daemon and delete its folder."""
        self._clean_up()

    def runs(self) -> list[DemoRun]:
        """Return the recorded runs with fresh ids and times."""
        found = []
        for name, title in TITLES.items():
            requests = read_requests([str(RUNS / f"{name}.jsonl.gz")], errors=[])
            salt = f"{os.getpid()}-{name}"
            bodies = freshen([r.body for r in requests], salt=salt, now_ns=now_ns())
            spans = sum(len(decode_traces(body).spans) for body in bodies)
            found.append(DemoRun(title=title, bodies=bodies, spans=spans))
        return found

    def send(self, run: DemoRun) -> None:
        """Send a run over OTLP/HTTP, a request at a time, as an exporter does."""
        for body in run.bodies:
            answer = self._client.post(
                f"{self.otlp_url}/v1/traces",
                content=body,
                headers={"Content-Type": "application/x-protobuf"},
            )
            answer.raise_for_status()

    def wait_for_incidents(self) -> list[DemoIncident]:
        """Return the incidents once the daemon has opened and told them.

        Raises:
            UnreachableError: when they do not come in time.
        """
        until_s = time.monotonic() + INCIDENT_TIMEOUT_S
        while time.monotonic() < until_s:
            incidents = self._client.get(f"{self.web_url}/api/v1/incidents").json()["incidents"]
            messages = self._slack.messages()
            if min(len(incidents), len(messages)) >= EXPECTED_INCIDENTS:
                return [self._incident(incident, messages) for incident in incidents]
            time.sleep(POLL_S)
        raise UnreachableError("the incidents did not come in time; this should not happen")

    def wait(self) -> None:
        """Wait until the daemon ends or the user interrupts."""
        try:
            self._daemon.wait()
        except KeyboardInterrupt:
            return

    def _incident(self, incident: dict[str, Any], messages: list[dict[str, Any]]) -> DemoIncident:
        told = next(m for m in messages if incident["id"] in str(m))
        shown = self._client.get(f"{self.web_url}/api/v1/incidents/{incident['id']}").json()
        return DemoIncident(
            id=incident["id"],
            title=incident["title"],
            explanation=shown["explanation"],
            slack_text=plain_text(
                SlackMessage(text=told["text"], blocks=tuple(told["blocks"]), metadata={})
            ),
        )

    def _is_ready(self) -> bool:
        try:
            return self._client.get(f"{self.web_url}/-/ready").is_success
        except httpx.HTTPError:
            return False

    def _clean_up(self) -> None:
        if self._daemon.poll() is None:
            self._daemon.send_signal(signal.SIGTERM)
            try:
                self._daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
        self._client.close()
        self._slack.close()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return int(port)
