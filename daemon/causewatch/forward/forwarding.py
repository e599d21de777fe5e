"""What the pipeline offers judged runs to: one queue and one sender for each destination."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import structlog

from causewatch.forward.annotate import annotated, unmodified
from causewatch.forward.destination import Destination
from causewatch.forward.exporter import Exporter, exporter_of
from causewatch.forward.queue import ForwardQueue, Offer, digest_of
from causewatch.forward.request import Piece, pieces
from causewatch.forward.run import ForwardedRun
from causewatch.forward.sender import Sender
from causewatch.forward.wanted import Withheld, withheld
from causewatch.sampling.decision import Decision
from causewatch.telemetry.metrics import Metrics

MAX_PENDING_BYTES = 8 * 1024 * 1024
"""So much is held in memory between two commits."""

log = structlog.get_logger("causewatch.forward")


class Forwarding:
    """Forwards judged runs. ``offer`` and ``flush`` are called by one thread, the pipeline's.

    What was offered is durable after ``flush``: call it before the inbox is told that a run's
    batches are no longer needed. Neither waits for a destination, and neither raises: what cannot
    be forwarded is counted, and judging goes on.

    Args:
        destinations: where to; none makes both calls cheap no-ops.
        folder: where the queues are.
        connect: makes what sends to a destination.

    Raises:
        UserError: when a queue or TLS files cannot be used.
    """

    def __init__(
        self,
        destinations: Sequence[Destination],
        folder: Path,
        *,
        metrics: Metrics,
        now_ns: Callable[[], int],
        connect: Callable[[Destination, Callable[[], int]], Exporter] = exporter_of,
    ) -> None:
        self._lanes = [
            _Lane(one, folder, metrics, now_ns, connect(one, now_ns)) for one in destinations
        ]

    def start(self) -> None:
        """Start sending, with what waits since the last stop."""
        for lane in self._lanes:
            lane.sender.start()

    def stop(self) -> None:
        """Stop sending; what waits is sent after the next start."""
        for lane in self._lanes:
            lane.flush()
            lane.sender.stop()
            lane.queue.close()

    def offer(self, run: ForwardedRun) -> None:
        """Take a judged run, or what is new of one that was judged again."""
        for lane in self._lanes:
            lane.offer(run)

    def has_sent(self, run_ids: Sequence[str], destinations: Collection[str]) -> bool:
        """Tell whether spans of a run, under any of its ids, went to one of these destinations."""
        lanes = [lane for lane in self._lanes if lane.name in destinations]
        return any(lane.queue.sent_of(run_ids) for lane in lanes)

    def wants(self, decisions: Mapping[str, Decision], span_count: int) -> bool:
        """Tell whether some destination may want a run; if none, its spans count as withheld.

        For runs that need not be read when nobody is to get them.
        """
        if any(lane.may_want(decisions) for lane in self._lanes):
            return True
        for lane in self._lanes:
            lane.withhold("sampling", span_count)
        return False

    def flush(self) -> None:
        """Make durable what was offered."""
        for lane in self._lanes:
            lane.flush()


class _Lane:
    """One destination, its queue and its sender."""

    def __init__(
        self,
        destination: Destination,
        folder: Path,
        metrics: Metrics,
        now_ns: Callable[[], int],
        exporter: Exporter,
    ) -> None:
        self._destination = destination
        self._metrics = metrics
        self._now_ns = now_ns
        self._pending: dict[str, Offer] = {}
        self._pending_bytes = 0
        self.queue = ForwardQueue(
            folder / queue_file(destination.name),
            max_bytes=destination.queue_bytes,
            max_age_s=destination.max_age_s,
            on_drop=self._dropped,
        )
        self.sender = Sender(destination, self.queue, exporter, metrics=metrics, now_ns=now_ns)
        self._measure()

    @property
    def name(self) -> str:
        return self._destination.name

    def may_want(self, decisions: Mapping[str, Decision]) -> bool:
        decision = decisions.get(self.name)
        return not self._destination.sampled or decision is None or decision.keep

    def withhold(self, reason: Withheld, span_count: int) -> None:
        counter = self._metrics.forward_withheld_spans.labels(destination=self.name, reason=reason)
        counter.inc(span_count)

    def offer(self, run: ForwardedRun) -> None:
        run = run.seen_by(self.name)
        reason = withheld(run, self._destination)
        if reason is not None:
            self.withhold(reason, len(run.spans))
            return
        try:
            self._put(run)
        except Exception:
            # One run that our code cannot write must stop neither the others nor judging.
            self._dropped("unwritable", len(run.spans))
            log.exception("run could not be forwarded", run=run.run_id)
        if self._pending_bytes > MAX_PENDING_BYTES:
            self.flush()

    def flush(self) -> None:
        if not self._pending:
            return
        offers, self._pending, self._pending_bytes = list(self._pending.values()), {}, 0
        try:
            self.queue.append(offers, self._now_ns())
        except sqlite3.Error as error:
            self._dropped("not_stored", sum(p.spans for offer in offers for p in offer.pieces))
            log.warning("queue cannot be written", destination=self._destination.name, error=error)
        self._measure()
        self.sender.wake()

    def _put(self, run: ForwardedRun) -> None:
        known = self.queue.sent_of((run.run_id, *run.aliases))
        before: tuple[Piece, ...] = ()
        if (waiting := self._pending.get(run.run_id)) is not None:
            known, before = known | waiting.sent, waiting.pieces
        make = annotated if self._destination.mode == "annotated" else unmodified
        parts = [(digest_of(part.key), part) for part in make(run)]
        fresh = [part for digest, part in parts if digest not in known]
        if not fresh:
            return
        made = tuple(pieces(fresh, self._destination.request_bytes))
        self._pending[run.run_id] = Offer(
            run_id=run.run_id,
            pieces=(*before, *made),
            sent=known | {digest for digest, _ in parts},
        )
        self._pending_bytes += sum(len(piece.body) for piece in made)

    def _measure(self) -> None:
        gauge = self._metrics.forward_queue_bytes.labels(destination=self._destination.name)
        gauge.set(self.queue.waiting_bytes)

    def _dropped(self, reason: str, spans: int) -> None:
        counter = self._metrics.forward_dropped_spans.labels(
            destination=self._destination.name, reason=reason
        )
        counter.inc(spans)


def queue_file(name: str) -> str:
    """Return the file name of a destination's queue."""
    return f"forward-{name}.db"
