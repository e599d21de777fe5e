"""Loads that are more than they should be, as OTLP requests: made while they are sent."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Self

from bench.children import cost
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from causewatch.app.clock import now_ns

PROBE_IDS = 1 << 32
_MS = 1_000_000
_SAMPLE_EVERY_S = 0.1
_SLOWED_EVERY_S = 0.25


class Requests:
    """Makes spans with ids that count up, and gathers them to requests."""

    def __init__(self, seed: int, first: int = 0) -> None:
        self._dice = Random(seed)
        self._first = first
        self._spans = first
        self.probes = count(PROBE_IDS, PROBE_IDS)
        """Numbers from which others may count without meeting these."""
        self.ids: set[bytes] = set()
        self.traces: set[str] = set()

    def new(self) -> tuple[ExportTraceServiceRequest, ScopeSpans]:
        """Return an empty request, and where its spans belong."""
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = "overload"
        return request, resource.scope_spans.add()

    def add(
        self, into: ScopeSpans, trace: int, *, parent: bytes, agent: str = "", noise_bytes: int = 0
    ) -> Span:
        """Add one span that has ended now; ``noise_bytes`` of it no compression makes smaller."""
        self._spans += 1
        span = into.spans.add(
            trace_id=(self._first + trace + 1).to_bytes(16, "big"),
            span_id=self._spans.to_bytes(8, "big"),
            parent_span_id=parent,
            name=f"invoke_agent {agent}" if agent else "chat example-large",
        )
        self.ids.add(span.span_id)
        self.traces.add(span.trace_id.hex())
        span.end_time_unix_nano = now_ns()
        span.start_time_unix_nano = span.end_time_unix_nano - _MS
        operation = "invoke_agent" if agent else "chat"
        span.attributes.add(key="gen_ai.operation.name").value.string_value = operation
        if agent:
            span.attributes.add(key="gen_ai.agent.name").value.string_value = agent
        if noise_bytes:
            noise = self._dice.randbytes(noise_bytes)
            span.attributes.add(key="app.noise").value.bytes_value = noise
        return span

    def runs(self, traces: int, *, models: int, noise_bytes: int, at_once: int) -> Iterator[bytes]:
        """Yield whole runs of an agent and its model calls, ``at_once`` in a request."""
        for first in range(0, traces, at_once):
            request, into = self.new()
            for trace in range(first, min(traces, first + at_once)):
                agent = self.add(into, trace, parent=b"", agent="clerk")
                for _ in range(models):
                    self.add(into, trace, parent=agent.span_id, noise_bytes=noise_bytes)
            yield request.SerializeToString()

    def endless(self, traces: int, *, rounds: int, noise_bytes: int) -> Iterator[bytes]:
        """Yield a span of each trace a round; none of them is a root, and no trace ends."""
        for _ in range(rounds):
            request, into = self.new()
            for trace in range(traces):
                self.add(into, trace, parent=bytes(7) + b"\xff", noise_bytes=noise_bytes)
            yield request.SerializeToString()

    def beginnings(self, traces: int, *, at_once: int) -> Iterator[bytes]:
        """Yield two or three small spans of each trace, none of which is its root."""
        for first in range(0, traces, at_once):
            request, into = self.new()
            for trace in range(first, min(traces, first + at_once)):
                for _ in range(2 + trace % 2):
                    self.add(into, trace, parent=bytes(7) + b"\xff")
            yield request.SerializeToString()

    def huge(self, trace: int, *, spans: int, noise_bytes: int) -> Iterator[bytes]:
        """Yield one trace, a large span a request, its root last."""
        root = (1 << 60).to_bytes(8, "big")
        for _ in range(spans):
            request, into = self.new()
            self.add(into, trace, parent=root, noise_bytes=noise_bytes)
            yield request.SerializeToString()
        request, into = self.new()
        span = self.add(into, trace, parent=b"", agent="clerk")
        self.ids.remove(span.span_id)
        span.span_id = root
        self.ids.add(root)
        yield request.SerializeToString()


class Slowed:
    """Lets a process work only so much of the time, while the block runs: a machine too small."""

    def __init__(self, pid: int, share: float) -> None:
        self._pid = pid
        self._works_s = share * _SLOWED_EVERY_S
        self._rests_s = _SLOWED_EVERY_S - self._works_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._hold_back)

    def _hold_back(self) -> None:
        while not self._stop.wait(self._works_s):
            os.kill(self._pid, signal.SIGSTOP)
            self._stop.wait(self._rests_s)
            os.kill(self._pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        """Begin to hold it back."""
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        """Let it work."""
        self._stop.set()
        self._thread.join()


class Resident:
    """Watches how much memory a process holds, while the block runs."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most_mib = 0.0

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_EVERY_S):
            self.most_mib = max(self.most_mib, cost(self._pid).rss_mib)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()
