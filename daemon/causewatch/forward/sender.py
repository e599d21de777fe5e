"""The thread of one destination: takes from its queue, sends, and settles what came of it.

Each destination has its own, so that one that is slow or away holds up nobody else. A request that
is to be sent again stays in the queue; while the thread waits, newer runs may push it out.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from typing import assert_never

import structlog

from causewatch.forward.backoff import wait_s
from causewatch.forward.destination import Destination
from causewatch.forward.exporter import Exporter
from causewatch.forward.outcome import Delivered, Refused, TooLarge, TryLater
from causewatch.forward.queue import ForwardQueue, Item
from causewatch.telemetry.metrics import Metrics

IDLE_S = 1.0
"""How often it looks for what nobody woke it for: age limits pass by themselves."""
FAILED_S = 5.0

log = structlog.get_logger("causewatch.forward")


class Sender:
    """Sends what waits for one destination; ``start`` it, ``wake`` it after each append."""

    def __init__(  # noqa: PLR0913  # ports, clock and chance are handed in one by one
        self,
        destination: Destination,
        queue: ForwardQueue,
        exporter: Exporter,
        *,
        metrics: Metrics,
        now_ns: Callable[[], int],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._destination = destination
        self._queue = queue
        self._exporter = exporter
        self._metrics = metrics
        self._now_ns = now_ns
        self._jitter = jitter
        self._attempts = 0
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"causewatch-forward-{destination.name}", daemon=True
        )

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Tell that something waits. A wait for a destination that is away goes on."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread after the request at hand; what waits is kept."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._exporter.close()

    def pump(self) -> float | None:
        """Send one request; return how long to wait before the next, ``None`` if none waits."""
        items = self._queue.take(self._destination.request_bytes, self._now_ns())
        self._measure()
        if not items:
            return None
        try:
            return self._send(items)
        finally:
            self._queue.release()
            self._measure()

    def _send(self, items: Sequence[Item]) -> float:
        """Send some items as one request; return how long to wait."""
        name = self._destination.name
        spans = sum(item.spans for item in items)
        outcome = self._exporter.send(b"".join(item.body for item in items))
        match outcome:
            case Delivered():
                self._queue.settle(items)
                rejected = min(outcome.rejected_spans, spans)
                self._metrics.forwarded_spans.labels(destination=name).inc(spans - rejected)
                self._drop("rejected", rejected, outcome.message)
                self._attempts = 0
                return 0.0
            case TryLater():
                self._attempts += 1
                wait = wait_s(self._attempts, outcome.retry_after_s, self._jitter())
                self._metrics.forward_retries.labels(destination=name).inc()
                if self._attempts == 1:
                    log.warning("destination is away", destination=name, said=outcome.message[:200])
                return wait
            case TooLarge() if len(items) > 1:
                middle = len(items) // 2
                return self._send(items[:middle]) or self._send(items[middle:])
            case TooLarge():
                self._queue.settle(items)
                self._drop("too_large", spans, outcome.message)
                return 0.0
            case Refused():
                self._queue.settle(items)
                self._drop("refused", spans, outcome.message)
                self._attempts = 0
                return 0.0
            case _:
                assert_never(outcome)

    def _drop(self, reason: str, spans: int, said: str) -> None:
        if spans:
            name = self._destination.name
            self._metrics.forward_dropped_spans.labels(destination=name, reason=reason).inc(spans)
            log.warning(
                "spans were not taken", destination=name, reason=reason, spans=spans,
                said=said[:200],
            )  # fmt: skip

    def _measure(self) -> None:
        gauge = self._metrics.forward_queue_bytes.labels(destination=self._destination.name)
        gauge.set(self._queue.waiting_bytes)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                wait = self.pump()
            except Exception:
                # Whatever it is (a full disk, say), what waits is kept and tried again.
                log.exception("forwarding failed", destination=self._destination.name)
                wait = FAILED_S
            if wait is None:
                self._wake.wait(IDLE_S)
                self._wake.clear()
            elif wait > 0:
                self._stopping.wait(wait)
