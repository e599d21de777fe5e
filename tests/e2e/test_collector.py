"""The real Collector against our receivers: nothing is lost, whatever it is configured to do."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from bench.children import Child, free_ports, listening, wait_until
from bench.ingest import stored, stored_items
from bench.load import bodies
from bench.send import send_grpc, send_http
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from causewatch.app.clock import now_ns
from collector import DEPLOYED, Collector, Target, default_config, environment, validate

pytestmark = [pytest.mark.collector, pytest.mark.timeout(300)]

SPANS = 24_000
ARRIVAL_LIMIT_S = 90.0
SENDING_LIMIT_S = 60.0
Exporter = Literal["otlp_grpc", "otlp_http"]
SHIPPED: list[tuple[str, Exporter]] = [
    ("otlp-grpc.yaml", "otlp_grpc"),
    ("otlp-http.yaml", "otlp_http"),
]


class Ingest:
    """Our receivers and inbox in a child process; ``refuse_first`` requests are put off."""

    def __init__(self, folder: Path, refuse_first: int = 0) -> None:
        folder.mkdir()
        self.folder = folder
        self.target = Target(*free_ports(2))
        addresses = [f"127.0.0.1:{port}" for port in self.target]
        argv = ["--folder", str(folder), "--grpc", addresses[0], "--http", addresses[1]]
        self.child = Child(
            "ingest",
            [sys.executable, "-m", "bench.ingest", *argv, "--refuse-first", str(refuse_first)],
            log=folder / "log",
        )

    def start(self) -> None:
        """Start it, or start it again on the same ports and the same inbox."""
        self.child.start(lambda: all(map(listening, self.target)))

    def wait_for(self, spans: int) -> None:
        """Wait until at least so many spans are committed."""
        wait_until(
            lambda: stored_items(self.folder) >= spans,
            timeout_s=ARRIVAL_LIMIT_S,
            what=f"the arrival of {spans} spans",
        )

    def span_counts(self) -> Counter[bytes]:
        """Stop it, and return how often each span id is stored."""
        assert self.child.stop() == 0
        return Counter(span_id for body in stored(self.folder) for span_id in span_ids(body))


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    """Return started receivers."""
    found = Ingest(tmp_path / "ingest")
    with found.child:
        found.start()
        yield found


@pytest.fixture
def load() -> list[bytes]:
    """Return 24,000 spans in requests of 240."""
    return list(bodies(spans=SPANS, seed=7, start_ns=now_ns()))


def span_ids(body: bytes) -> list[bytes]:
    """Return the span ids of one request."""
    request = ExportTraceServiceRequest.FromString(body)
    return [s.span_id for r in request.resource_spans for c in r.scope_spans for s in c.spans]


def send(collector: Collector, load: list[bytes]) -> None:
    """Send the load to the Collector as an application would, and see it accepted."""
    sent = send_grpc(collector.grpc, load, in_flight=8, timeout_s=SENDING_LIMIT_S)
    assert sent.accepted == len(load)


def all_ids(load: list[bytes]) -> set[bytes]:
    """Return the ids of all spans of a load."""
    return {span_id for body in load for span_id in span_ids(body)}


@pytest.mark.parametrize("exporter", ["otlp_grpc", "otlp_http"])
def test_a_default_collector_delivers_everything(
    exporter: Exporter, ingest: Ingest, load: list[bytes], tmp_path: Path
) -> None:
    """8,192-span batches of agent traces, 11 MB each, arrive whole: 24,000 of 24,000, once."""
    text = default_config(exporter, ingest.target)
    with Collector.with_text(tmp_path / "collector", text) as collector:
        send(collector, load)
        ingest.wait_for(SPANS)
    counts = ingest.span_counts()
    assert set(counts) == all_ids(load)
    assert set(counts.values()) == {1}


@pytest.mark.parametrize("exporter", ["otlp_grpc", "otlp_http"])
def test_a_default_collector_survives_an_overload(
    exporter: Exporter, load: list[bytes], tmp_path: Path
) -> None:
    """Refusals that say when to try again cost a default Collector no span."""
    ingest = Ingest(tmp_path / "ingest", refuse_first=3)
    with ingest.child:
        ingest.start()
        text = default_config(exporter, ingest.target)
        with Collector.with_text(tmp_path / "collector", text) as collector:
            send(collector, load)
            ingest.wait_for(SPANS)
            log = collector.child.log_tail()
        assert "Dropping data" not in log
        assert "Exporting failed. Will retry" in log
        assert set(ingest.span_counts()) == all_ids(load)


@pytest.mark.parametrize("exporter", ["otlp_grpc", "otlp_http"])
def test_a_default_collector_outwaits_our_restart(
    exporter: Exporter, load: list[bytes], tmp_path: Path
) -> None:
    """A causewatch that is away, then back on the same address, gets everything."""
    ingest = Ingest(tmp_path / "ingest")
    with ingest.child:
        text = default_config(exporter, ingest.target)
        with Collector.with_text(tmp_path / "collector", text) as collector:
            send(collector, load)
            wait_until(
                lambda: "Will retry" in collector.child.log_tail(),
                timeout_s=ARRIVAL_LIMIT_S,
                what="a failed export",
            )
            ingest.start()
            ingest.wait_for(SPANS)
        assert set(ingest.span_counts()) == all_ids(load)


@pytest.mark.parametrize(("name", "exporter"), SHIPPED)
def test_the_shipped_configuration_is_valid(name: str, exporter: Exporter, tmp_path: Path) -> None:
    """What a user copies is accepted by the Collector, and names the exporter as it does."""
    found = validate(DEPLOYED / name, environment(tmp_path, 14317, 14318, None))
    assert (found.returncode, found.stderr) == (0, "")
    assert f"  {exporter}/causewatch:" in (DEPLOYED / name).read_text()


@pytest.mark.parametrize(("name", "exporter"), SHIPPED)
def test_the_shipped_configuration_needs_its_endpoint(
    name: str, exporter: Exporter, tmp_path: Path
) -> None:
    """A forgotten variable is an error at start, not spans sent nowhere."""
    variable = f"CAUSEWATCH_{exporter.removeprefix('otlp_').upper()}_ENDPOINT"
    env = environment(tmp_path, 14317, 14318, None)
    del env[variable]
    found = validate(DEPLOYED / name, env)
    assert found.returncode != 0
    assert "endpoint" in found.stderr


@pytest.mark.parametrize(("name", "exporter"), SHIPPED)
def test_the_shipped_configuration_loses_nothing_in_crashes(
    name: str, exporter: Exporter, load: list[bytes], tmp_path: Path
) -> None:
    """Both sides are killed with spans under way; after the restarts every span is there."""
    del exporter
    ingest = Ingest(tmp_path / "ingest")
    with ingest.child:
        collector = Collector(tmp_path / "collector", [DEPLOYED / name], ingest.target)
        with collector:
            send(collector, load[:40])  # causewatch is away: they wait in the queue
            collector.child.kill()
            collector.start()
            ingest.start()
            send(collector, load[40:])
            ingest.wait_for(1)
            ingest.child.kill()
            ingest.start()
            wait_until(
                lambda: set(stored_spans(ingest)) >= all_ids(load),
                timeout_s=ARRIVAL_LIMIT_S,
                what="the arrival of every span",
            )
        assert set(ingest.span_counts()) == all_ids(load)


def stored_spans(ingest: Ingest) -> set[bytes]:
    """Return the span ids committed so far, once there can be all of them.

    It reads beside the receivers: a restart at each look would itself keep the last spans away.
    """
    if stored_items(ingest.folder) < SPANS:
        return set()
    return {span_id for body in stored(ingest.folder) for span_id in span_ids(body)}


@pytest.mark.parametrize(("name", "exporter"), SHIPPED)
def test_a_huge_span_passes_the_shipped_configuration(
    name: str, exporter: Exporter, ingest: Ingest, tmp_path: Path
) -> None:
    """A single span of 20 MB, a whole conversation, is neither dropped nor cut on the way."""
    del exporter
    (small,) = bodies(spans=24, seed=9, start_ns=now_ns())
    request = ExportTraceServiceRequest.FromString(small)
    span = request.resource_spans[0].scope_spans[0].spans[3]
    span.attributes.add(key="output.value").value.string_value = "x" * 20_000_000
    body = request.SerializeToString()
    with Collector(tmp_path / "collector", [DEPLOYED / name], ingest.target) as collector:
        senders: list[Callable[[], int]] = [
            lambda: send_grpc(collector.grpc, [body], in_flight=1, timeout_s=60).accepted,
            lambda: send_http(collector.http, [body], in_flight=1, timeout_s=60).accepted,
        ]
        assert [sender() for sender in senders] == [1, 1]
        ingest.wait_for(48)
    assert ingest.child.stop() == 0
    assert sum(map(len, stored(ingest.folder))) > 2 * 20_000_000
