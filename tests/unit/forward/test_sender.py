"""The sender of one destination: what it does with each answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from causewatch.forward.outcome import Delivered, Outcome, Refused, TooLarge, TryLater
from causewatch.forward.queue import Offer
from causewatch.forward.sender import Sender
from causewatch.telemetry.metrics import Metrics
from forward_fixtures import LOCAL, T0_NS, ScriptedExporter, piece, queue_in, spans_of


class Desk:
    """A sender over a queue in a folder, with answers by script."""

    def __init__(self, folder: Path, *outcomes: Outcome, waiting: int = 3) -> None:
        self.queue = queue_in(folder)
        for index in range(waiting):
            offer = Offer(run_id=f"r{index}", pieces=(piece(index),), sent=frozenset())
            self.queue.append([offer], T0_NS)
        self.exporter = ScriptedExporter(*outcomes)
        self.metrics = Metrics()
        self.sender = Sender(
            LOCAL,
            self.queue,
            self.exporter,
            metrics=self.metrics,
            now_ns=lambda: T0_NS,
            jitter=lambda: 1.0,
        )

    def metric(self, name: str, **labels: str) -> float:
        """Return a sample, 0 where there is none."""
        labels = {"destination": "local", **labels}
        return self.metrics.registry.get_sample_value(f"causewatch_{name}", labels) or 0.0

    @property
    def names(self) -> list[str]:
        """Return the spans that were taken, in order."""
        return [span.name for span in spans_of(*self.exporter.taken)]


def test_what_waits_goes_in_one_request(tmp_path: Path) -> None:
    """Runs are put together, sent once, removed and counted."""
    desk = Desk(tmp_path)
    assert desk.sender.pump() == 0
    assert desk.sender.pump() is None
    assert (len(desk.exporter.tried), desk.names) == (1, ["step 0", "step 1", "step 2"])
    assert desk.metric("forwarded_spans_total") == 3
    assert desk.metric("forward_queue_bytes") == 0


def test_a_destination_that_is_away_gets_it_later(tmp_path: Path) -> None:
    """Nothing is lost or reordered; the waits grow, and start anew after a success."""
    away = TryLater(message="UNAVAILABLE: away")
    desk = Desk(tmp_path, away, away, Delivered(), away)
    assert [desk.sender.pump() for _ in range(3)] == [1, 2, 0]
    assert desk.names == ["step 0", "step 1", "step 2"]
    assert desk.metric("forward_retries_total") == 2
    desk.queue.append([Offer(run_id="r9", pieces=(piece(9),), sent=frozenset())], T0_NS)
    assert desk.sender.pump() == 1


def test_a_destination_says_when(tmp_path: Path) -> None:
    """RetryInfo and Retry-After are kept to."""
    desk = Desk(tmp_path, TryLater(message="busy", retry_after_s=17))
    assert desk.sender.pump() == 17


def test_a_rejected_part_is_counted_and_not_sent_again(tmp_path: Path) -> None:
    """Partial success is success."""
    desk = Desk(tmp_path, Delivered(rejected_spans=2, message="too old"))
    assert desk.sender.pump() == 0
    assert desk.metric("forward_dropped_spans_total", reason="rejected") == 2
    assert desk.metric("forwarded_spans_total") == 1
    assert desk.sender.pump() is None


def test_a_refused_request_is_dropped_and_counted(tmp_path: Path) -> None:
    """It would be refused for ever; the next one is tried."""
    desk = Desk(tmp_path, Refused(message="INVALID_ARGUMENT: no"))
    assert desk.sender.pump() == 0
    assert desk.metric("forward_dropped_spans_total", reason="refused") == 3
    assert desk.sender.pump() is None


def test_a_request_that_is_too_large_is_halved(tmp_path: Path) -> None:
    """Until what is left is one item; only an item that is too large by itself is dropped."""
    large = TooLarge(message="HTTP 413")
    desk = Desk(tmp_path, large, large, Delivered(), Delivered(), waiting=3)
    assert desk.sender.pump() == 0
    assert desk.metric("forward_dropped_spans_total", reason="too_large") == 1
    assert [len(spans_of(body)) for body in desk.exporter.tried] == [3, 1, 2]
    assert desk.names == ["step 1", "step 2"]
    assert desk.queue.waiting_bytes == 0


def test_a_half_that_must_wait_keeps_the_rest_waiting(tmp_path: Path) -> None:
    """What was taken is not sent again."""
    desk = Desk(tmp_path, TooLarge(message="413"), Delivered(), TryLater(message="busy"), waiting=4)
    assert desk.sender.pump() == 1
    assert desk.sender.pump() == 0
    assert desk.names == ["step 0", "step 1", "step 2", "step 3"]


def test_the_thread_sends_what_it_is_woken_for(tmp_path: Path) -> None:
    """Started, woken and stopped: what waited is sent, and the connection is given back."""
    desk = Desk(tmp_path)
    desk.sender.start()
    desk.sender.wake()
    desk.queue.append([Offer(run_id="r9", pieces=(piece(9),), sent=frozenset())], T0_NS)
    while desk.queue.waiting_bytes:
        desk.sender.wake()
    desk.sender.stop()
    assert sorted(desk.names) == ["step 0", "step 1", "step 2", "step 9"]
    assert desk.exporter.is_closed


def test_the_thread_outlives_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong, what waits is tried again."""
    monkeypatch.setattr("causewatch.forward.sender.FAILED_S", 0.001)
    desk = Desk(tmp_path)
    failures = [OSError("disk full")]
    take = desk.queue.take

    def failing(*args: int) -> object:
        if failures:
            raise failures.pop()
        return take(*args)

    monkeypatch.setattr(desk.queue, "take", failing)
    desk.sender.start()
    while desk.queue.waiting_bytes:
        desk.sender.wake()
    desk.sender.stop()
    assert len(desk.names) == 3


def test_a_sender_that_never_ran_can_be_stopped(tmp_path: Path) -> None:
    """A start that failed half way is undone."""
    desk = Desk(tmp_path)
    desk.sender.stop()
    assert desk.exporter.is_closed
