"""More than the daemon can do: it refuses aloud, keeps its memory, and loses nothing.

Memory is what Linux says is resident, looked at ten times a second, less what an idle daemon takes.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Self

import grpc
import httpx
import msgspec
import pytest
from bench.children import Child, cost, free_ports, listening, wait_until
from bench.ingest import stored, stored_items
from bench.send import send_grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from causewatch.store.record import ShortRun
from collector import DEPLOYED, Collector, Target
from daemon import Daemon, quick_rules
from heavy_load import Requests, Resident, Slowed
from receive_fixtures import PROTOBUF, TRACES_METHOD

pytestmark = [pytest.mark.collector, pytest.mark.slow, pytest.mark.timeout(400)]

MIB = 1024 * 1024
LIVE_MIB = 64
"""``runs.max_live_mib`` where a test sets it."""
ON_THE_WAY_MIB = 128
"""What may be on its way beside live runs: requests being received, stored, read and judged."""
PER_LIVE_RUN_BYTES = 1_100
"""What a live run of which no span is in memory takes all the same: ids, times and batches."""
TIMES_JUDGED = 4.5
"""A run is judged in memory: as it came, decoded, and what was found in it."""
NEVER = {"quiet": "1h", "quiet_without_root": "1h", "max_live_mib": LIVE_MIB}
SOON = {"quiet": "1s", "quiet_without_root": "2s", "max_live_mib": LIVE_MIB}
SENDING_LIMIT_S = 120.0
READING_LIMIT_S = 180.0

INBOX_MIB = 192
"""A fifth of it stays free once room has been made: more than the Collector's batches of 32 MB."""
RUNS, MODELS, NOISE_BYTES = 2_800, 4, 20_000
OVERLOAD = 10
"""How many times what the daemon can do is sent: seconds of its work for each that it may work."""
WORKS = 0.3
"""Of the time, while that is sent: on the same machine nothing can send ten times what it does."""
PROBE_RUNS = 100
"""In one request of what is sent straight: too large for what is left in a full inbox."""


def limited(folder: Path, runs: dict[str, Any], **settings: Any) -> Daemon:
    """Return a daemon with these limits of runs."""
    return Daemon(folder / "daemon", rules=quick_rules(folder), settings={"runs": runs, **settings})


def lag(daemon: Daemon) -> float:
    """Return how many stored batches the pipeline has not read."""
    return daemon.metric("causewatch_inbox_lag_batches")


def taken_in(daemon: Daemon, bodies: Iterator[bytes]) -> float:
    """Send requests straight, wait until they are read; return the MiB that this took at most."""
    idle_mib = cost(daemon.child.pid).rss_mib
    with Resident(daemon.child.pid) as resident:
        sent = send_grpc(
            f"127.0.0.1:{daemon.grpc_port}", bodies, in_flight=4, timeout_s=SENDING_LIMIT_S
        )
        wait_until(lambda: lag(daemon) == 0, timeout_s=READING_LIMIT_S, what="reading")
    assert sent.accepted == sent.requests
    return resident.most_mib - idle_mib


def test_spans_that_never_end_wait_on_disk(tmp_path: Path) -> None:
    """Traces without a root that grow for ever, 150 MB so far: no more memory than is granted."""
    load = Requests(1)
    with limited(tmp_path, NEVER) as daemon:
        took_mib = taken_in(daemon, load.endless(100, rounds=1_500, noise_bytes=1_000))
        assert daemon.metric("causewatch_live_runs") == 100
        assert daemon.metric("causewatch_live_bytes") <= LIVE_MIB * MIB
    assert took_mib <= LIVE_MIB + ON_THE_WAY_MIB


def test_many_live_traces_take_what_their_ids_take(tmp_path: Path) -> None:
    """200,000 live traces of two or three small spans: none is given up."""
    traces = 200_000
    with limited(tmp_path, NEVER) as daemon:
        took_mib = taken_in(daemon, Requests(2).beginnings(traces, at_once=400))
        assert daemon.metric("causewatch_live_runs") == traces
        assert daemon.metric("causewatch_dropped_spans_total") == 0
    assert took_mib <= max(LIVE_MIB, traces * PER_LIVE_RUN_BYTES / MIB) + ON_THE_WAY_MIB


def test_a_trace_of_100_mb_is_judged(tmp_path: Path) -> None:
    """It is whole, and takes a few times its size only while it is judged."""
    load = Requests(3)
    with limited(tmp_path, SOON) as daemon:
        idle_mib = cost(daemon.child.pid).rss_mib
        with Resident(daemon.child.pid) as resident:
            bodies = load.huge(1, spans=100, noise_bytes=1_000_000)
            taken_in(daemon, bodies)
            daemon.wait_for_verdicts(1)
        assert daemon.metric("causewatch_live_bytes") <= LIVE_MIB * MIB
        assert daemon.child.stop() == 0
    assert resident.most_mib - idle_mib <= 100 * TIMES_JUDGED + ON_THE_WAY_MIB
    (graph,) = graphs(tmp_path / "daemon" / "store")
    assert Counter(step["span_id"] for step in graph["steps"]) == Counter(
        span_id.hex() for span_id in load.ids
    )


def test_of_a_larger_trace_only_what_is_granted_is_judged(tmp_path: Path) -> None:
    """What came first is, and the rest is counted: memory does not grow with the trace.

    It is stored all the same, and shown when somebody asks.
    """
    granted_mib = 32
    load = Requests(3)
    with limited(tmp_path, {**SOON, "max_run_mib": granted_mib}) as daemon:
        idle_mib = cost(daemon.child.pid).rss_mib
        with Resident(daemon.child.pid) as resident:
            taken_in(daemon, load.huge(1, spans=100, noise_bytes=1_000_000))
            daemon.wait_for_verdicts(1)
        assert daemon.metric("causewatch_evicted_runs_total", reason="full") == 1
        dropped = daemon.metric("causewatch_dropped_spans_total", reason="run_full")
        assert daemon.child.stop() == 0
    assert resident.most_mib - idle_mib <= granted_mib * TIMES_JUDGED + ON_THE_WAY_MIB
    small = 1
    assert small < len(load.ids) - dropped <= granted_mib * MIB / 1_000_000 + small
    (graph,) = graphs(tmp_path / "daemon" / "store")
    assert len(graph["steps"]) == len(load.ids)


def graphs(store: Path) -> list[dict[str, Any]]:
    """Return what ``causewatch graph`` prints of a store."""
    done = subprocess.run(
        [sys.executable, "-m", "causewatch", "graph", "--format", "json", "--store", store],
        capture_output=True,
        text=True,
        check=True,
        timeout=SENDING_LIMIT_S,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


class Sink:
    """Where judged runs are forwarded to; keeps every span, so that they can be counted."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.target = Target(*free_ports(2))
        addresses = [f"127.0.0.1:{port}" for port in self.target]
        argv = ["--folder", str(folder), "--grpc", addresses[0], "--http", addresses[1]]
        self.child = Child(
            "sink", [sys.executable, "-m", "bench.ingest", *argv], log=folder / "log"
        )

    def __enter__(self) -> Self:
        """Start it."""
        self.child.start(lambda: all(map(listening, self.target)))
        return self

    def __exit__(self, *unused: object) -> None:
        """Kill it."""
        self.child.kill()

    def wait_for(self, spans: int) -> None:
        """Wait until at least so many spans came."""
        wait_until(
            lambda: stored_items(self._folder) >= spans,
            timeout_s=READING_LIMIT_S,
            what=f"the arrival of {spans} spans",
        )

    def counts(self) -> Counter[bytes]:
        """Return how often each span came, by its id."""
        return Counter(
            span.span_id
            for body in stored(self._folder)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        )


def judged(store: Path) -> Counter[str]:
    """Return how often each trace is in the runs that a store keeps, whole or in short."""
    with contextlib.closing(sqlite3.connect(store / "state.db")) as connection:
        whole = [trace for (trace,) in connection.execute("SELECT trace_id FROM run_traces")]
        short = connection.execute("SELECT value FROM short_runs").fetchall()
    decode = msgspec.msgpack.decode
    return Counter([*whole, *(decode(value, type=ShortRun).run_id for (value,) in short)])


class Refused(NamedTuple):
    """How a sender was told to try again."""

    code: str
    delay_s: float


def refusal_over_grpc(daemon: Daemon, body: bytes) -> Refused | None:
    """Send one request; return its refusal, or nothing if it was accepted."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{daemon.grpc_port}", options=options) as channel:
        try:
            channel.unary_unary(TRACES_METHOD)(body, timeout=30)
        except grpc.RpcError as error:
            trailers = dict(error.trailing_metadata() or ())
            info = RetryInfo()
            (detail,) = Status.FromString(trailers["grpc-status-details-bin"]).details
            assert detail.Unpack(info)
            return Refused(error.code().name, info.retry_delay.ToNanoseconds() / 1e9)
    return None


def refusal_over_http(daemon: Daemon, body: bytes) -> Refused | None:
    """Send one request; return its refusal, or nothing if it was accepted."""
    url = f"http://127.0.0.1:{daemon.http_port}/v1/traces"
    answer = httpx.post(url, content=body, headers=PROTOBUF, timeout=30, trust_env=False)
    if answer.status_code == httpx.codes.OK:
        return None
    return Refused(str(answer.status_code), float(answer.headers["retry-after"]))


def first_refusal(
    send: Callable[[Daemon, bytes], Refused | None], daemon: Daemon, load: Requests
) -> Refused:
    """Send until something is refused; what is accepted before counts as sent."""
    deadline = time.monotonic() + SENDING_LIMIT_S
    while time.monotonic() < deadline:
        probe = Requests(5, first=next(load.probes))
        runs = probe.runs(PROBE_RUNS, models=1, noise_bytes=NOISE_BYTES, at_once=PROBE_RUNS)
        refused = send(daemon, next(runs))
        if refused is not None:
            return refused
        load.ids |= probe.ids
        load.traces |= probe.traces
    raise TimeoutError("nothing was refused")


@pytest.mark.parametrize("config", ["otlp-grpc.yaml", "otlp-http.yaml"])
def test_too_much_is_refused_for_now_and_arrives_in_the_end(config: str, tmp_path: Path) -> None:
    """Sent ten times faster than it is judged: refused for now, then all of it is judged, once.

    The Collector has the shipped configuration; the inbox holds less than what comes. Afterwards
    the daemon may work all the time again.
    """
    load = Requests(4)
    bodies = list(load.runs(RUNS, models=MODELS, noise_bytes=NOISE_BYTES, at_once=20))
    offered = len(load.ids)
    with Sink(tmp_path / "sink") as sink:
        forward = {"name": "sink", "endpoint": f"http://127.0.0.1:{sink.target.grpc_port}"}
        settings = {
            "store": {"retention": {"inbox_mib": INBOX_MIB}},
            "forward": [{**forward, "mode": "unmodified"}],
        }
        with (
            limited(tmp_path, SOON, **settings) as daemon,
            Collector(tmp_path / "collector", [DEPLOYED / config], daemon.target) as collector,
            ThreadPoolExecutor() as pool,
        ):
            idle = cost(daemon.child.pid)
            with Resident(daemon.child.pid) as resident:
                with Slowed(daemon.child.pid, WORKS):
                    sending = pool.submit(
                        send_grpc, collector.grpc, bodies, in_flight=4, timeout_s=SENDING_LIMIT_S
                    )
                    over_grpc = first_refusal(refusal_over_grpc, daemon, load)
                    over_http = first_refusal(refusal_over_http, daemon, load)
                    sent = sending.result()
                sink.wait_for(len(load.ids))
            wait_until(lambda: lag(daemon) == 0, timeout_s=READING_LIMIT_S, what="reading")
            work_s = cost(daemon.child.pid).cpu_s - idle.cpu_s
            assert daemon.metric("causewatch_live_runs") == 0
            assert daemon.metric("causewatch_refused_batches_total", reason="inbox_full") > 0
            assert daemon.child.stop() == 0
        assert "Dropping data" not in (tmp_path / "collector" / "collector.log").read_text()
        counts = sink.counts()
    assert sent.accepted == sent.requests
    assert work_s * offered / len(load.ids) >= OVERLOAD * WORKS * sent.seconds
    assert (over_grpc.code, over_http.code) == ("UNAVAILABLE", "429")
    assert over_grpc.delay_s > 0
    assert over_http.delay_s > 0
    assert counts.keys() == load.ids
    assert set(counts.values()) == {1}
    assert judged(tmp_path / "daemon" / "store") == Counter(load.traces)
    assert resident.most_mib - idle.rss_mib <= LIVE_MIB + ON_THE_WAY_MIB
