from __future__ import annotations

import asyncio
import gzip
import json
import threading
import zlib
from concurrent.futures import Future
from typing import Any, Literal

import pytest
import zstandard

from causewatch.errors import FullError
from causewatch.inbox.batch import NotStoredError
from causewatch.otlp.decode import Counted, decode_traces
from causewatch.receive.handler import Handler
from causewatch.receive.limits import ReceiveLimits
from causewatch.receive.outcome import Accepted, Full, Invalid, Outcome, TooLarge, Unavailable
from causewatch.telemetry.metrics import Metrics
from otlp_fixtures import SPAN_ID, TRACE_ID, logs_body, tag, traces_body
from receive_fixtures import ScriptedInbox

Signal = Literal["traces", "logs"]
LIMITS = ReceiveLimits(max_message_mib=1, retry_after_s=2.5)


def handle(
    inbox: ScriptedInbox, body: bytes, signal: Signal = "traces", **kwargs: Any
) -> tuple[Outcome, Metrics]:
    """Handle one request; return its outcome and the metrics."""
    metrics = Metrics()
    handler = Handler(inbox, limits=LIMITS, metrics=metrics)
    return asyncio.run(handler.handle(signal, "grpc", body, **kwargs)), metrics


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return a sample, or None when it was never counted."""
    return metrics.registry.get_sample_value(name, labels)


@pytest.mark.parametrize(("signal", "body"), [("traces", traces_body(3)), ("logs", logs_body(3))])
def test_a_good_request_is_stored_as_received(signal: Signal, body: bytes) -> None:
    """The bytes are not changed, items are counted, and nothing is said but yes."""
    inbox = ScriptedInbox()
    outcome, metrics = handle(inbox, body, signal)
    assert outcome == Accepted()
    assert inbox.stored == [(signal, body, 3)]
    labels = {"signal": signal, "transport": "grpc"}
    assert sample(metrics, "causewatch_received_batches_total", **labels) == 1
    assert sample(metrics, "causewatch_received_items_total", **labels) == 3


def with_bad_spans(good_count: int, bad_count: int) -> bytes:
    """Return a request with some spans that have no ids; repeated fields simply follow."""
    bad = tag(1, tag(2, b"".join(tag(2, tag(5, b"no ids")) for _ in range(bad_count))))
    return traces_body(good_count) + bad


def test_malformed_items_are_told_and_the_rest_is_stored() -> None:
    """Partial success: how many, and why."""
    inbox = ScriptedInbox()
    outcome, metrics = handle(inbox, with_bad_spans(2, 3))
    assert outcome == Accepted(rejected_count=3, message="3: trace id is not 16 bytes, or all zero")
    assert [items for _, _, items in inbox.stored] == [2]
    assert (
        sample(metrics, "causewatch_rejected_items_total", signal="traces", reason="trace_id") == 3
    )


@pytest.mark.parametrize("body", [b"", with_bad_spans(0, 2)])
def test_what_has_nothing_usable_is_accepted_and_not_stored(body: bytes) -> None:
    """An empty request succeeds; storing it would only cost."""
    inbox = ScriptedInbox()
    outcome, _ = handle(inbox, body)
    assert isinstance(outcome, Accepted)
    assert inbox.stored == []


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("identity", bytes),
        ("gzip", gzip.compress),
        ("gzip", lambda body: gzip.compress(body[:90]) + gzip.compress(body[90:])),
        ("deflate", zlib.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
    ],
)
def test_each_encoding_is_unpacked_before_it_is_stored(encoding: Any, pack: Any) -> None:
    """What is stored is the plain request, whatever its packing."""
    inbox = ScriptedInbox()
    body = traces_body(5)
    outcome, _ = handle(inbox, pack(body), encoding=encoding)
    assert outcome == Accepted()
    assert [stored for _, stored, _ in inbox.stored] == [body]


def test_json_is_stored_as_protobuf() -> None:
    """The inbox holds one format."""
    inbox = ScriptedInbox()
    span = {"traceId": TRACE_ID, "spanId": SPAN_ID, "name": "n"}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    outcome, _ = handle(inbox, body, body_format="json")
    assert outcome == Accepted()
    (stored,) = inbox.stored
    assert [each.name for each in decode_traces(stored[1]).spans] == ["n"]


MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("body", "kwargs", "expected", "reason"),
    [
        (b"hello", {}, Invalid, "not_otlp"),
        (b"{", {"body_format": "json"}, Invalid, "not_otlp"),
        (b"hello", {"encoding": "gzip"}, Invalid, "compression"),
        (gzip.compress(traces_body())[:-12], {"encoding": "gzip"}, Invalid, "compression"),
        (b"hello", {"encoding": "zstd"}, Invalid, "compression"),
        (traces_body(1, text="x" * MIB), {}, TooLarge, "too_large"),
        (gzip.compress(bytes(300 * MIB), 1), {"encoding": "gzip"}, TooLarge, "too_large"),
        (
            zstandard.ZstdCompressor().compress(bytes(300 * MIB)),
            {"encoding": "zstd"},
            TooLarge,
            "too_large",
        ),
    ],
)
def test_a_wrong_request_is_refused_with_its_reason(
    body: bytes, kwargs: dict[str, Any], expected: type[Outcome], reason: str
) -> None:
    """Wrong stays wrong: these outcomes make senders drop, so each is certain, and counted."""
    inbox = ScriptedInbox()
    outcome, metrics = handle(inbox, body, **kwargs)
    assert isinstance(outcome, expected)
    assert inbox.stored == []
    labels = {"signal": "traces", "transport": "grpc", "reason": reason}
    assert sample(metrics, "causewatch_refused_batches_total", **labels) == 1


@pytest.mark.parametrize(
    ("failure", "raised_by", "expected"),
    [
        (
            FullError("the inbox is full", retry_after_s=7),
            "append",
            Full(reason="inbox_full", retry_after_s=7, message="the inbox is full"),
        ),
        (
            NotStoredError("disk"),
            "future",
            Unavailable(reason="not_stored", retry_after_s=2.5, message="disk"),
        ),
        (
            NotStoredError("the inbox is closed"),
            "append",
            Unavailable(reason="not_stored", retry_after_s=2.5, message="the inbox is closed"),
        ),
        (
            ZeroDivisionError("secret payload"),
            "append",
            Unavailable(
                reason="unexpected",
                retry_after_s=2.5,
                message="internal failure: ZeroDivisionError",
            ),
        ),
        (
            MemoryError(),
            "future",
            Unavailable(
                reason="unexpected", retry_after_s=2.5, message="internal failure: MemoryError"
            ),
        ),
    ],
)
def test_our_failures_ask_the_sender_to_keep_its_data(
    failure: Exception, raised_by: Literal["append", "future"], expected: Outcome
) -> None:
    """Whatever fails on our side, planned or not, is temporary to the sender, with a time."""
    outcome, metrics = handle(ScriptedInbox(failure, raised_by=raised_by), traces_body())
    assert outcome == expected
    assert isinstance(outcome, Full | Unavailable)
    labels = {"signal": "traces", "transport": "grpc", "reason": outcome.reason}
    assert sample(metrics, "causewatch_refused_batches_total", **labels) == 1
    assert sample(metrics, "causewatch_received_batches_total", **labels) is None


class PendingInbox:
    """An inbox whose commits end when the test says so."""

    def __init__(self) -> None:
        self.futures: list[Future[int]] = []

    def append(self, signal: Signal, body: bytes, items: int) -> Future[int]:
        """Take a request without committing it."""
        del signal, body, items
        future: Future[int] = Future()
        self.futures.append(future)
        return future


def test_the_answer_follows_the_commit() -> None:
    """Not accepted while the commit is pending; accepted once it is done."""

    async def scenario() -> tuple[bool, Outcome]:
        inbox = PendingInbox()
        handler = Handler(inbox, limits=LIMITS, metrics=Metrics())
        task = asyncio.create_task(handler.handle("traces", "grpc", traces_body()))
        for _ in range(20):
            await asyncio.sleep(0)
        was_done = task.done()
        inbox.futures[0].set_result(1)
        return was_done, await task

    assert asyncio.run(scenario()) == (False, Accepted())


def test_a_sender_that_goes_away_cancels_its_append() -> None:
    """Nobody waits for the answer, so the inbox need not store it."""

    async def scenario() -> bool:
        inbox = PendingInbox()
        handler = Handler(inbox, limits=LIMITS, metrics=Metrics())
        task = asyncio.create_task(handler.handle("traces", "grpc", traces_body()))
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return inbox.futures[0].cancelled()

    assert asyncio.run(scenario())


class WaitingInbox:
    """An inbox whose commits wait until they are let go."""

    def __init__(self) -> None:
        self.futures: list[Future[int]] = []

    def append(self, _signal: Signal, _body: bytes, _items: int) -> Future[int]:
        """Take a request; its commit does not come by itself."""
        self.futures.append(Future())
        return self.futures[-1]


def test_what_is_being_handled_is_bounded() -> None:
    """While the disk is slow, requests past the bound are refused, to be sent again."""
    inbox, metrics = WaitingInbox(), Metrics()
    handler = Handler(inbox, limits=ReceiveLimits(max_buffered_mib=1), metrics=metrics)
    body = traces_body(1, text="x" * 200_000)

    async def run() -> list[Outcome]:
        tasks = [asyncio.create_task(handler.handle("traces", "grpc", body)) for _ in range(8)]
        await asyncio.sleep(0)  # each runs until it is refused, or waits for its commit
        for future in inbox.futures:
            future.set_result(1)
        first = list(await asyncio.gather(*tasks))
        later = asyncio.create_task(handler.handle("traces", "grpc", body))
        await asyncio.sleep(0)
        inbox.futures[-1].set_result(2)
        return [*first, await later]

    outcomes = asyncio.run(run())
    full = [outcome for outcome in outcomes if isinstance(outcome, Full)]
    assert outcomes.count(Accepted()) == 5 + 1
    assert {refusal.reason for refusal in full} == {"buffers_full"}
    assert len(full) == 3
    labels = {"signal": "traces", "transport": "grpc", "reason": "buffers_full"}
    assert sample(metrics, "causewatch_refused_batches_total", **labels) == 3


def test_a_request_larger_than_the_bound_may_pass_alone() -> None:
    """Refusing it for ever would be a loss."""
    inbox = ScriptedInbox()
    handler = Handler(inbox, limits=ReceiveLimits(max_buffered_mib=0), metrics=Metrics())
    assert asyncio.run(handler.handle("traces", "grpc", traces_body(1))) == Accepted()


def test_large_json_is_converted_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its conversion takes many times its size: what a few of them take must not add up."""
    at_once: list[int] = []
    running = 0
    guard = threading.Lock()

    def checked(*_: Any) -> tuple[bytes, Counted]:
        nonlocal running
        with guard:
            running += 1
            at_once.append(running)
        threading.Event().wait(0.005)
        with guard:
            running -= 1
        return b"plain", Counted(kept=1, rejected=())

    monkeypatch.setattr("causewatch.receive.handler.Handler._checked", checked)
    handler = Handler(ScriptedInbox(), limits=LIMITS, metrics=Metrics())
    body = gzip.compress(b"{}")

    async def run() -> list[Outcome]:
        requests = (
            handler.handle("traces", "http", body, encoding="gzip", body_format="json")
            for _ in range(4)
        )
        return list(await asyncio.gather(*requests))

    assert asyncio.run(run()) == [Accepted()] * 4
    assert at_once == [1, 1, 1, 1]
