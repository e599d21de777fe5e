"""The real Collector in tests: built once into a cache, started on free ports, killed at will."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Self

from bench.children import ROOT, Child, free_ports, listening

DEPLOYED = ROOT / "deploy" / "collector"
_BUILD_LIMIT_S = 1800
_VALIDATE_LIMIT_S = 30

# Its own metrics listen on a fixed port unless switched off: tests run side by side.
_QUIET = "yaml:service::telemetry::metrics::level: none"


class Target(NamedTuple):
    """Where a Collector sends to: loopback ports of causewatch's receivers."""

    grpc_port: int
    http_port: int


@functools.cache
def binary() -> Path:
    """Build the pinned Collector unless the cache has it; returns its path."""
    built = subprocess.run(
        [DEPLOYED / "build"], capture_output=True, text=True, check=True, timeout=_BUILD_LIMIT_S
    )
    return Path(built.stdout.strip())


def validate(config: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Ask the Collector whether it would start with this configuration."""
    return subprocess.run(
        [binary(), "validate", "--config", config],
        capture_output=True,
        text=True,
        check=False,
        timeout=_VALIDATE_LIMIT_S,
        env=dict(env),
    )


def default_config(exporter: Literal["otlp_grpc", "otlp_http"], target: Target) -> str:
    """Return what a user gets who sets nothing but an endpoint: default batches, queue, retries."""
    endpoint = (
        f"127.0.0.1:{target.grpc_port}"
        if exporter == "otlp_grpc"
        else f"http://127.0.0.1:{target.http_port}"
    )
    return f"""
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "${{env:COLLECTOR_GRPC_LISTEN}}", max_recv_msg_size_mib: 64}}
      http: {{endpoint: "${{env:COLLECTOR_HTTP_LISTEN}}"}}
processors:
  batch:
exporters:
  {exporter}:
    endpoint: "{endpoint}"
    tls: {{insecure: true}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [batch], exporters: [{exporter}]}}
    logs: {{receivers: [otlp], processors: [batch], exporters: [{exporter}]}}
"""


class Collector:
    """One Collector with its two OTLP ports and its queue directory; both survive a restart."""

    def __init__(self, folder: Path, configs: Sequence[Path], target: Target | None = None) -> None:
        self.grpc_port, self.http_port = free_ports(2)
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        argv = [str(binary())]
        for config in configs:
            argv += ["--config", str(config)]
        self.child = Child(
            "Collector",
            [*argv, "--config", _QUIET],
            log=folder / "collector.log",
            env=environment(folder, self.grpc_port, self.http_port, target),
        )

    @classmethod
    def with_text(cls, folder: Path, text: str) -> Collector:
        """Make one from the text of a configuration that reads the variables of ``environment``."""
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "collector.yaml"
        config.write_text(text, encoding="utf-8")
        return cls(folder, [config])

    @property
    def grpc(self) -> str:
        """Where applications send to over gRPC, as ``host:port``."""
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def http(self) -> str:
        """Where applications send to over HTTP, without ``/v1/traces``."""
        return f"http://127.0.0.1:{self.http_port}"

    def start(self) -> Self:
        """Start it, also again after ``stop`` or ``child.kill``; returns when both ports answer."""
        self.child.start(lambda: listening(self.grpc_port) and listening(self.http_port))
        return self

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(self, *unused: object) -> None:
        """Kill it: what a test still wants to know it has asked before."""
        self.child.kill()


def environment(
    folder: Path, grpc_port: int, http_port: int, target: Target | None
) -> dict[str, str]:
    """Return the variables that the shipped configurations read."""
    target = target or Target(1, 1)
    return {
        "COLLECTOR_GRPC_LISTEN": f"127.0.0.1:{grpc_port}",
        "COLLECTOR_HTTP_LISTEN": f"127.0.0.1:{http_port}",
        "COLLECTOR_QUEUE_DIR": str(folder / "queue"),
        "CAUSEWATCH_GRPC_ENDPOINT": f"127.0.0.1:{target.grpc_port}",
        "CAUSEWATCH_HTTP_ENDPOINT": f"http://127.0.0.1:{target.http_port}",
    }
