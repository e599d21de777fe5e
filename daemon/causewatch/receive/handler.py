"""One request from any transport: unpacked, checked, stored, and only then accepted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import Literal, Protocol, TypeAlias, assert_never

import structlog

from causewatch.errors import FullError
from causewatch.inbox.batch import NotStoredError, Signal
from causewatch.likeness.proof import traces_counter
from causewatch.otlp.decode import Counted, NotOtlpError, count_logs
from causewatch.otlp.json import json_to_protobuf
from causewatch.otlp.reject import REJECT_TEXT, Rejected
from causewatch.receive.inflate import BombError, Encoding, InflateError, inflate
from causewatch.receive.limits import ReceiveLimits
from causewatch.receive.outcome import (
    Accepted,
    Full,
    Invalid,
    Outcome,
    Refusal,
    TooLarge,
    Transport,
    Unavailable,
    reason_of,
)
from causewatch.telemetry.metrics import Metrics

Format: TypeAlias = Literal["protobuf", "json"]
Redact: TypeAlias = Callable[[Signal, bytes], bytes]

_INLINE_BYTES = 1024 * 1024
"""Larger bodies are checked in a thread, so that one sender does not hold up the others. Handing a
smaller one over, a millisecond's work, costs about as much as checking it."""

_log = structlog.get_logger(__name__)


class Appender(Protocol):
    """The part of the inbox that a receiver needs."""

    def append(self, signal: Signal, body: bytes, items: int) -> Future[int]:
        """Store a request; see ``SqliteInbox.append``."""
        ...


class Handler:
    """Takes requests from all transports into one inbox.

    Args:
        inbox: where they are stored.
        limits: the bound of one request, and what a sender is told when we fail.
        metrics: counts what is stored, rejected and refused, by reason.
        redact: takes out of a request what must not be stored, if there is any such thing.
    """

    def __init__(
        self,
        inbox: Appender,
        *,
        limits: ReceiveLimits,
        metrics: Metrics,
        redact: Redact | None = None,
    ) -> None:
        self.limits = limits
        self._inbox = inbox
        self._redact = redact
        self._metrics = metrics
        self._count_traces = traces_counter()
        self._held_bytes = 0
        # Large JSON takes some fifteen times its size while it is converted, and the interpreter
        # converts one at a time anyway.
        self._converting = asyncio.Lock()

    async def handle(
        self,
        signal: Signal,
        transport: Transport,
        body: bytes,
        *,
        encoding: Encoding = "identity",
        body_format: Format = "protobuf",
    ) -> Outcome:
        """Return what becomes of a request; ``Accepted`` only after the durable commit.

        Never raises but when it is cancelled: whatever goes wrong unexpectedly is
        ``Unavailable``, as any other answer makes senders drop their data.
        """
        # gRPC hands over whole messages, from any number of connections: past the bound they are
        # let go at once, rather than held until the threads and the disk come to them.
        if self._held_bytes and self._held_bytes + len(body) > self.limits.max_buffered_bytes:
            full = self._full()
            self.count_refusal(signal, transport, full)
            return full
        self._held_bytes += len(body)
        try:
            outcome = await self._store(signal, transport, body, encoding, body_format)
        except Exception as error:  # noqa: BLE001  # the boundary: the sender must keep its data
            _log.warning("request failed", signal=signal, transport=transport, exc_info=True)
            outcome = self._unavailable("unexpected", f"internal failure: {type(error).__name__}")
        finally:
            self._held_bytes -= len(body)
        if not isinstance(outcome, Accepted):
            self.count_refusal(signal, transport, outcome)
        return outcome

    def count_refusal(self, signal: Signal, transport: Transport, refusal: Refusal) -> None:
        """Count a refusal; a transport calls this for those that it decides by itself."""
        self._metrics.refused_batches.labels(signal, transport, reason_of(refusal)).inc()

    async def _store(
        self,
        signal: Signal,
        transport: Transport,
        body: bytes,
        encoding: Encoding,
        body_format: Format,
    ) -> Outcome:
        try:
            if len(body) <= _INLINE_BYTES and encoding == "identity":
                plain, counted = self._ready(signal, body, encoding, body_format)
            else:
                async with self._converting if body_format == "json" else contextlib.nullcontext():
                    plain, counted = await asyncio.to_thread(
                        self._ready, signal, body, encoding, body_format
                    )
        except BombError:
            return TooLarge(limit_bytes=self.limits.max_message_bytes)
        except InflateError as error:
            return Invalid(reason="compression", message=str(error))
        except NotOtlpError as error:
            return Invalid(reason="not_otlp", message=str(error))
        return await self._commit(signal, transport, plain, counted)

    def _ready(
        self, signal: Signal, body: bytes, encoding: Encoding, body_format: Format
    ) -> tuple[bytes, Counted]:
        """Return what is to be stored of a request, and what of it is usable."""
        plain, counted = self._checked(signal, body, encoding, body_format)
        if self._redact is not None and counted.kept:
            plain = self._redact(signal, plain)
        return plain, counted

    def _checked(
        self, signal: Signal, body: bytes, encoding: Encoding, body_format: Format
    ) -> tuple[bytes, Counted]:
        """Return the plain protobuf, and what of it is usable.

        Raises:
            BombError, InflateError, NotOtlpError: there is none.
        """
        plain = inflate(body, encoding, limit_bytes=self.limits.max_message_bytes)
        if body_format == "json":
            plain = json_to_protobuf(signal, plain)
        match signal:
            case "traces":
                return plain, self._count_traces(plain)
            case "logs":
                return plain, count_logs(plain)
            case _:
                assert_never(signal)

    async def _commit(
        self, signal: Signal, transport: Transport, plain: bytes, counted: Counted
    ) -> Outcome:
        """Store what has something usable in it, and wait until it is durable."""
        if not counted.kept:
            return self._accepted(signal, counted.rejected)
        try:
            await asyncio.wrap_future(self._inbox.append(signal, plain, counted.kept))
        except FullError as error:
            return Full(reason="inbox_full", retry_after_s=error.retry_after_s, message=str(error))
        except NotStoredError as error:
            return self._unavailable("not_stored", str(error))
        self._metrics.received_batches.labels(signal, transport).inc()
        self._metrics.received_items.labels(signal, transport).inc(counted.kept)
        return self._accepted(signal, counted.rejected)

    def _accepted(self, signal: Signal, rejected: tuple[Rejected, ...]) -> Accepted:
        for each in rejected:
            self._metrics.rejected_items.labels(signal, each.reason).inc(each.count)
        return Accepted(
            rejected_count=sum(each.count for each in rejected),
            message="; ".join(f"{each.count}: {REJECT_TEXT[each.reason]}" for each in rejected),
        )

    def _full(self) -> Full:
        return Full(
            reason="buffers_full",
            retry_after_s=self.limits.retry_after_s,
            message="too many requests are being handled",
        )

    def _unavailable(
        self, reason: Literal["not_stored", "unexpected"], message: str
    ) -> Unavailable:
        return Unavailable(reason=reason, retry_after_s=self.limits.retry_after_s, message=message)
