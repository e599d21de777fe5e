"""The servers that are measured, each in a child process, each fresh for every run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import httpx

from bench.children import ROOT, Child, free_ports, listening
from causewatch.app.clock import now_ns

_BUILD_SCRIPT = ROOT / "deploy" / "collector" / "build"
_POLL_LIMIT_S = 10


class Done(Protocol):
    """Tells whether a server's work is done."""

    def __call__(self, runs: int, *, by_rules_too: bool) -> bool:
        """Tell it for so many runs received since the start."""
        ...


class Server(NamedTuple):
    """A server that can be started, where it listens, and how to tell that its work is done."""

    child: Child
    grpc: str
    http: str
    ready: Callable[[], bool]
    done: Done


def ingest(folder: Path) -> Server:
    """Return our receivers and inbox alone: work is done when it is acknowledged."""
    grpc_port, http_port = free_ports(2)
    grpc, http = f"127.0.0.1:{grpc_port}", f"127.0.0.1:{http_port}"
    argv = ["-m", "bench.ingest", "--folder", str(folder), "--grpc", grpc, "--http", http]
    return Server(
        child=Child("ingest", [sys.executable, *argv], log=folder / "ingest.log"),
        grpc=grpc,
        http=f"http://{http}",
        ready=lambda: listening(grpc_port) and listening(http_port),
        done=_when_acknowledged,
    )


def daemon(folder: Path) -> Server:
    """Return ``causewatch serve`` with the shipped rules: work is done when all is judged."""
    grpc_port, http_port, web_port = free_ports(3)
    grpc, http = f"127.0.0.1:{grpc_port}", f"127.0.0.1:{http_port}"
    config = folder / "causewatch.yaml"
    # Runs complete after one quiet second instead of ten: the work is the same, the wait is not.
    config.write_text(
        f'receive: {{grpc: "{grpc}", http: "{http}"}}\n'
        f'web: {{listen: "127.0.0.1:{web_port}"}}\n'
        f"runs: {{quiet: 1s}}\n"
        f"store: {{path: {folder / 'store'}}}\n",
        encoding="utf-8",
    )
    url = f"http://127.0.0.1:{web_port}"
    argv = ["-m", "causewatch.cli.main", "serve", "--config", str(config), "--log-level", "warning"]
    return Server(
        child=Child("causewatch", [sys.executable, *argv], log=folder / "causewatch.log"),
        grpc=grpc,
        http=f"http://{http}",
        ready=lambda: _answers(f"{url}/-/ready"),
        done=Progress(f"{url}/metrics").is_done,
    )


def collector(folder: Path) -> Server:
    """Return the Collector, ``otlp`` to ``nop``: it decodes each request and throws it away."""
    grpc_port, http_port = free_ports(2)
    grpc, http = f"127.0.0.1:{grpc_port}", f"127.0.0.1:{http_port}"
    config = folder / "collector.yaml"
    config.write_text(
        "receivers:\n"
        "  otlp:\n"
        "    protocols:\n"
        f'      grpc: {{endpoint: "{grpc}", max_recv_msg_size_mib: 64}}\n'
        f'      http: {{endpoint: "{http}"}}\n'
        "exporters: {nop: {}}\n"
        "service:\n"
        "  telemetry: {metrics: {level: none}}\n"
        "  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}\n",
        encoding="utf-8",
    )
    argv = [str(collector_binary()), "--config", str(config)]
    return Server(
        child=Child("collector", argv, log=folder / "collector.log"),
        grpc=grpc,
        http=f"http://{http}",
        ready=lambda: listening(grpc_port) and listening(http_port),
        done=_when_acknowledged,
    )


def collector_binary() -> Path | None:
    """Return the Collector that ``deploy/collector/build`` has built, or nothing; builds none."""
    found = subprocess.run([_BUILD_SCRIPT, "--cached"], capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None


def _when_acknowledged(runs: int, *, by_rules_too: bool) -> bool:
    """The answer to the sender was the end of the work."""
    del runs, by_rules_too
    return True


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=_POLL_LIMIT_S, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


class Progress:
    """How far a daemon is, by its metrics."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._judged_at_s = 0.0

    def is_done(self, runs: int, *, by_rules_too: bool) -> bool:
        """Tell whether so many runs are judged and nothing waits, and rules have seen them."""
        try:
            text = httpx.get(self._url, timeout=_POLL_LIMIT_S, trust_env=False).text
        except httpx.HTTPError:
            return False
        samples = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        found = [(series.partition("{")[0], float(value)) for series, _, value in samples]

        def values(name: str) -> list[float]:
            return [value for series, value in found if series == name]

        waiting = values("causewatch_inbox_lag_batches") + values("causewatch_live_runs")
        if sum(values("causewatch_runs_total")) < runs or any(waiting):
            self._judged_at_s = 0.0
            return False
        self._judged_at_s = self._judged_at_s or now_ns() / 1e9
        evaluated = values("causewatch_rule_group_last_evaluation_timestamp_seconds")
        return not by_rules_too or all(at > self._judged_at_s for at in evaluated)
