"""Agents told with real SDKs in tests: built once into a cache, pointed at an endpoint, run."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal, NamedTuple

from bench.children import ROOT

Language = Literal["go", "node", "python"]
Protocol = Literal["grpc", "http/protobuf", "http/json"]
Story = Literal["healthy", "cut"]

PROTOCOLS: dict[Language, tuple[Protocol, ...]] = {
    "go": ("grpc", "http/protobuf"),
    "node": ("grpc", "http/protobuf", "http/json"),
    "python": ("grpc", "http/protobuf"),
}
"""What each SDK speaks."""

_BUILD_LIMIT_S = 600
_RUN_LIMIT_S = 60


class Endpoint(NamedTuple):
    """Where an SDK sends to: loopback ports of causewatch or of a Collector."""

    grpc_port: int
    http_port: int

    def url(self, protocol: Protocol) -> str:
        """Return what users write as ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
        port = self.grpc_port if protocol == "grpc" else self.http_port
        return f"http://127.0.0.1:{port}"


class Told(NamedTuple):
    """What the program said of its run."""

    trace_id: str
    handoff: str
    spans: tuple[str, ...]


@functools.cache
def built() -> Path:
    """Build the programs unless the cache has them; returns their folder."""
    script = ROOT / "tests" / "e2e" / "sdks" / "build"
    done = subprocess.run(
        [script], capture_output=True, text=True, check=True, timeout=_BUILD_LIMIT_S
    )
    return Path(done.stdout.strip())


def command(language: Language, story: Story) -> list[str]:
    """Return how a program is started."""
    match language:
        case "go":
            return [str(built() / "agents"), story]
        case "node":
            return ["node", str(built() / "node" / "agents.js"), story]
        case "python":
            return [sys.executable, str(ROOT / "tests/e2e/parcel_agents.py"), "--story", story]


def run(
    language: Language, story: Story, protocol: Protocol, endpoint: Endpoint, *, gzip: bool
) -> Told:
    """Run the agents once; nothing but the environment says where their spans go."""
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith("OTEL_")},
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url(protocol),
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": f"parcel-claims-{language}",
    }
    if gzip:
        env["OTEL_EXPORTER_OTLP_COMPRESSION"] = "gzip"
    done = subprocess.run(
        command(language, story),
        capture_output=True,
        text=True,
        check=False,
        timeout=_RUN_LIMIT_S,
        env=env,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    return Told(told["trace_id"], told["handoff"], tuple(told["spans"]))
