"""Agents -> Collector -> causewatch -> a second Collector, and Arize Phoenix."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from bench.children import wait_until
from bench.load import bodies
from bench.send import send_grpc

from app_fixtures import CAPTURES
from causewatch.app.clock import now_ns
from causewatch.app.files import read_requests
from causewatch.forward.forwarding import queue_file
from collector import DEPLOYED, Collector
from daemon import Daemon
from forward_fixtures import attributes_of, captured, spans_of
from forward_servers import phoenix, second_collector

pytestmark = [pytest.mark.collector, pytest.mark.timeout(400)]

CUT = "pydantic-ai__native__truncated_handoff"
"""A run of three agents whose second handoff lost most of its content."""
HANDOFFS = 2
WAITING_LIMIT_S = 90.0
SPANS_OF_RUN = 24


def requests_of(name: str) -> list[bytes]:
    """Return the trace requests of a recorded run."""
    found = read_requests([str(CAPTURES / f"{name}.jsonl.gz")], errors=[])
    return [request.body for request in found if request.signal == "traces"]


def settings(*destinations: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration that judges soon and forwards."""
    return {
        "runs": {"quiet": "1s", "quiet_without_root": "2s"},
        "forward": [{"name": f"to-{index}", **one} for index, one in enumerate(destinations)],
    }


def send(collector: Collector, load: list[bytes]) -> None:
    """Send a load as an application would, and see it accepted."""
    assert send_grpc(collector.grpc, load, in_flight=4, timeout_s=60).accepted == len(load)


def waiting_spans(queue: Path) -> int:
    """Return how many spans wait in the queue of a destination, by its file."""
    with contextlib.closing(sqlite3.connect(f"file:{queue}?mode=ro", uri=True)) as connection:
        (found,) = connection.execute("SELECT coalesce(sum(spans), 0) FROM item").fetchone()
    return int(found)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_second_collector_sees_what_was_found(protocol: str, tmp_path: Path) -> None:
    """All received spans, whole and annotated, and a linked span for each derived handoff."""
    sent = {span.span_id: span for span in captured(CUT)}
    with second_collector(tmp_path / "second") as second:
        there = second.collector
        endpoint = f"http://{there.grpc}" if protocol == "grpc" else there.http
        given = settings({"endpoint": endpoint, "protocol": protocol})
        with (
            Daemon(tmp_path / "daemon", settings=given) as daemon,
            Collector(tmp_path / "first", [DEPLOYED / "otlp-grpc.yaml"], daemon.target) as first,
        ):
            send(first, requests_of(CUT))
            second.wait_for(len(sent) + HANDOFFS)
            assert daemon.metric("causewatch_forward_dropped_spans_total") == 0
        arrived = {span.span_id.hex(): (resource, span) for resource, span in second.spans()}
    assert len(arrived) == len(sent) + HANDOFFS
    (came,) = spans_of(*requests_of(CUT))[:1]
    back = arrived[came.span_id.hex()][1]
    assert back.attributes[: len(came.attributes)] == came.attributes[:]
    assert (back.name, back.events[:], back.links[:]) == (
        came.name, came.events[:], came.links[:],
    )  # fmt: skip
    found = {key: attributes_of(span) for key, (_, span) in arrived.items()}
    assert "corrupted" in [own.get("causewatch.health") for own in found.values()]
    assert "truncation" in [own.get("causewatch.blame.category") for own in found.values()]
    synthetic = {key for key, own in found.items() if own.get("causewatch.synthetic")}
    assert len(synthetic) == HANDOFFS
    for key in synthetic:
        resource, span = arrived[key]
        assert resource["service.name"]
        assert span.parent_span_id.hex() in sent
        assert [link.span_id.hex() in sent for link in span.links] == [True, True]


def test_each_destination_gets_its_own(tmp_path: Path) -> None:
    """One has corrupted runs, annotated; another all of them, as they came."""
    cut, fine = captured(CUT), captured("openai-agents__openinference__ok")
    with (
        second_collector(tmp_path / "one") as bad,
        second_collector(tmp_path / "other") as everything,
    ):
        given = settings(
            {
                "endpoint": f"http://{bad.collector.grpc}",
                "filter": {"verdict": ["corrupted"]},
            },
            {"endpoint": everything.collector.http, "protocol": "http", "mode": "unmodified"},
        )
        with Daemon(tmp_path / "daemon", settings=given) as daemon:
            for name in (CUT, "openai-agents__openinference__ok"):
                load = requests_of(name)
                address = f"127.0.0.1:{daemon.grpc_port}"
                assert send_grpc(address, load, in_flight=1, timeout_s=60).accepted == len(load)
            bad.wait_for(len(cut) + HANDOFFS)
            everything.wait_for(len(cut) + len(fine))
            withheld = daemon.metric("causewatch_forward_withheld_spans_total", reason="filter")
            assert withheld == len(fine)
        assert len(bad.counts()) == len(cut) + HANDOFFS
        as_came = {bytes.fromhex(span.span_id): 1 for span in (*cut, *fine)}
        assert everything.counts() == as_came
        keys = {pair.key for _, span in everything.spans() for pair in span.attributes}
    assert not [key for key in keys if key.startswith("causewatch.")]


def test_a_destination_that_is_away_gets_everything_once(tmp_path: Path) -> None:
    """Judging goes on meanwhile; when it is back, each span arrives, and no other way than once."""
    load = list(bodies(spans=2_400, seed=5, start_ns=now_ns()))
    ids = {span.span_id for span in spans_of(*load)}
    with second_collector(tmp_path / "second", start=False) as second:
        given = settings({"endpoint": f"http://{second.collector.grpc}", "mode": "unmodified"})
        with Daemon(tmp_path / "daemon", settings=given) as daemon:
            address = f"127.0.0.1:{daemon.grpc_port}"
            assert send_grpc(address, load, in_flight=4, timeout_s=60).accepted == len(load)
            wait_until(
                lambda: (
                    daemon.metric("causewatch_forward_retries_total") >= 1
                    and daemon.metric("causewatch_runs_total") >= len(ids) / SPANS_OF_RUN
                ),
                timeout_s=WAITING_LIMIT_S,
                what="a failed try, and the verdict on every run",
            )
            second.start()
            second.wait_for(len(ids))
            assert second.counts() == dict.fromkeys(ids, 1)
            assert daemon.metric("causewatch_forwarded_spans_total") == len(ids)


def test_kills_lose_nothing_that_waits(tmp_path: Path) -> None:
    """Killed while runs are judged, and again with all of them waiting: every span arrives."""
    load = list(bodies(spans=4_800, seed=6, start_ns=now_ns()))
    ids = {span.span_id for span in spans_of(*load)}
    with second_collector(tmp_path / "second", start=False) as second:
        given = settings({"endpoint": second.collector.http, "protocol": "http"})
        with Daemon(tmp_path / "daemon", settings=given) as daemon:
            address = f"127.0.0.1:{daemon.grpc_port}"
            assert send_grpc(address, load, in_flight=4, timeout_s=60).accepted == len(load)
            wait_until(
                lambda: daemon.metric("causewatch_runs_total") >= 1,
                timeout_s=WAITING_LIMIT_S,
                what="the first verdict",
            )
            daemon.crash()
            queue = daemon.folder / "store" / queue_file("to-0")
            wait_until(
                lambda: waiting_spans(queue) >= len(ids),
                timeout_s=WAITING_LIMIT_S,
                what="the verdict on what was left",
            )
            daemon.crash()
            assert daemon.metric("causewatch_forward_queue_bytes") > len(ids)
            second.start()
            second.wait_for(len(ids))
            wait_until(
                lambda: set(second.counts()) >= ids,
                timeout_s=WAITING_LIMIT_S,
                what="the arrival of every span",
            )
            assert daemon.metric("causewatch_forward_dropped_spans_total") == 0


def test_phoenix_shows_what_was_found(tmp_path: Path) -> None:
    """Its API tells our attributes on received spans, and the handoffs that no span recorded."""
    sent = {span.span_id: span for span in captured(CUT)}
    with phoenix(tmp_path / "phoenix") as backend:
        given = settings(
            {"endpoint": backend.url, "protocol": "http"},
            {"endpoint": backend.grpc_url, "protocol": "grpc"},
        )
        with (
            Daemon(tmp_path / "daemon", settings=given) as daemon,
            Collector(tmp_path / "first", [DEPLOYED / "otlp-grpc.yaml"], daemon.target) as first,
        ):
            send(first, requests_of(CUT))
            found = backend.wait_for(len(sent) + HANDOFFS)
            wait_until(
                lambda: daemon.metric("causewatch_forwarded_spans_total") == 2 * len(found),
                timeout_s=WAITING_LIMIT_S,
                what="both protocols' arrival",
            )
    shown = {one["context"]["span_id"]: one["attributes"] for one in found}
    assert len(shown) == len(sent) + HANDOFFS
    assert "corrupted" in [own.get("causewatch.health") for own in shown.values()]
    assert "truncation" in [own.get("causewatch.blame.category") for own in shown.values()]
    handoffs = [own for own in shown.values() if own.get("causewatch.synthetic")]
    assert {own["causewatch.handoff.to"] for own in handoffs} == {
        "research_agent", "billing_agent",
    }  # fmt: skip
