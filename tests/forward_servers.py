"""Where end-to-end tests forward to: a second real Collector before a sink, and Arize Phoenix."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from bench.children import ROOT, Child, free_ports, listening, wait_until
from bench.ingest import stored, stored_items
from opentelemetry.proto.trace.v1 import trace_pb2

from collector import Collector, Target, default_config
from forward_fixtures import request_of

_ARRIVAL_LIMIT_S = 90
_PHOENIX_BUILD = ROOT / "tests" / "e2e" / "phoenix" / "build"
_PHOENIX_BUILD_LIMIT_S = 1_800
_PHOENIX_START_LIMIT_S = 240


class SecondCollector:
    """A Collector with its defaults, and a sink behind it that keeps all that it passes on."""

    def __init__(self, folder: Path) -> None:
        self.sink = folder / "sink"
        self.sink.mkdir(parents=True)
        target = Target(*free_ports(2))
        addresses = [f"127.0.0.1:{port}" for port in target]
        argv = ["--folder", str(self.sink), "--grpc", addresses[0], "--http", addresses[1]]
        self._ports = target
        self._child = Child(
            "sink", [sys.executable, "-m", "bench.ingest", *argv], log=self.sink / "log"
        )
        text = default_config("otlp_grpc", target)
        self.collector = Collector.with_text(folder / "collector", text)

    def start(self) -> None:
        """Start it, for the first time or again."""
        if not self._child.alive:
            self._child.start(lambda: all(map(listening, self._ports)))
        self.collector.start()

    def wait_for(self, spans: int) -> None:
        """Wait until at least so many spans came through the Collector."""
        wait_until(
            lambda: stored_items(self.sink) >= spans,
            timeout_s=_ARRIVAL_LIMIT_S,
            what=f"the arrival of {spans} spans at the second Collector",
        )

    def stop(self) -> None:
        """Kill both."""
        self.collector.child.kill()
        self._child.kill()

    def spans(self) -> list[tuple[dict[str, str], trace_pb2.Span]]:
        """Return what came through so far, each span with its resource's texts."""
        return [
            ({pair.key: pair.value.string_value for pair in group.resource.attributes}, span)
            for group in request_of(*stored(self.sink)).resource_spans
            for scoped in group.scope_spans
            for span in scoped.spans
        ]

    def counts(self) -> Counter[bytes]:
        """Return how often each span id came through."""
        return Counter(span.span_id for _, span in self.spans())


@contextmanager
def second_collector(folder: Path, *, start: bool = True) -> Iterator[SecondCollector]:
    """Yield a second Collector, and kill it in the end."""
    found = SecondCollector(folder)
    try:
        if start:
            found.start()
        yield found
    finally:
        found.stop()


class Phoenix:
    """A running Arize Phoenix; ``url`` takes OTLP/HTTP and the API, ``grpc_url`` OTLP/gRPC."""

    def __init__(self, http_port: int, grpc_port: int) -> None:
        self.url = f"http://127.0.0.1:{http_port}"
        self.grpc_url = f"http://127.0.0.1:{grpc_port}"

    def spans(self) -> list[dict[str, Any]]:
        """Return the spans of its default project, as its API tells them."""
        response = self._get("/v1/projects/default/spans?limit=1000")
        found: list[dict[str, Any]] = response.json()["data"] if response.is_success else []
        return found

    def wait_for(self, spans: int) -> list[dict[str, Any]]:
        """Wait until it shows at least so many; return them."""
        wait_until(
            lambda: len(self.spans()) >= spans,
            timeout_s=_ARRIVAL_LIMIT_S,
            what=f"{spans} spans in Phoenix",
        )
        return self.spans()

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        try:
            return self._get("/healthz").is_success
        except httpx.HTTPError:
            return False

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30, trust_env=False)


@functools.cache
def phoenix_program() -> Path:
    """Install the pinned Phoenix unless the cache has it; returns its program."""
    built = subprocess.run(
        [_PHOENIX_BUILD], capture_output=True, text=True, check=True, timeout=_PHOENIX_BUILD_LIMIT_S
    )
    return Path(built.stdout.strip()).parent / "phoenix"


@contextmanager
def phoenix(folder: Path) -> Iterator[Phoenix]:
    """Yield a Phoenix with an empty store in a folder, and kill it in the end."""
    folder.mkdir()
    http_port, grpc_port = free_ports(2)
    env = {
        **os.environ,
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(http_port),
        "PHOENIX_GRPC_PORT": str(grpc_port),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    found = Phoenix(http_port, grpc_port)
    child = Child("phoenix", [str(phoenix_program()), "serve"], log=folder / "log", env=env)
    with child:
        child.start(found.is_ready, timeout_s=_PHOENIX_START_LIMIT_S)
        yield found
