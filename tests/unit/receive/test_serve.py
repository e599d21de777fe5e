from __future__ import annotations

import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

import grpc
import httpx
import pytest

from causewatch.receive.handler import Handler
from causewatch.receive.limits import Listen, ReceiveLimits
from causewatch.receive.serve import Receivers
from causewatch.telemetry.metrics import Metrics
from otlp_fixtures import traces_body
from receive_fixtures import PROTOBUF, TRACES_METHOD, ScriptedInbox, receiving


class SlowInbox:
    """An inbox whose commits end when the test says so."""

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self.futures: list[Future[int]] = []

    def append(self, signal: Literal["traces", "logs"], body: bytes, items: int) -> Future[int]:
        """Take a request without committing it."""
        del signal, body, items
        future: Future[int] = Future()
        self.futures.append(future)
        self.arrived.release()
        return future


def test_stopping_answers_what_is_at_hand() -> None:
    """Requests that wait for their commit when the stop begins still get their answer."""
    inbox = SlowInbox()
    with receiving(inbox) as rig, ThreadPoolExecutor() as pool:
        by_grpc = pool.submit(rig.export, traces_body())
        by_http = pool.submit(rig.http.post, "/v1/traces", content=traces_body(), headers=PROTOBUF)
        for _ in range(2):
            assert inbox.arrived.acquire(timeout=30)
        stopping = pool.submit(rig.receivers.stop, 20)
        assert not by_grpc.done()
        for future in inbox.futures:
            future.set_result(1)
        assert by_grpc.result(30) == b""
        assert by_http.result(30).status_code == 200
        stopping.result(30)


def test_stopping_does_not_wait_for_ever() -> None:
    """A commit that never ends holds the stop for its grace only; the sender keeps its data."""
    inbox = SlowInbox()
    with receiving(inbox) as rig, ThreadPoolExecutor() as pool:
        by_grpc = pool.submit(rig.export, traces_body())
        assert inbox.arrived.acquire(timeout=30)
        rig.receivers.stop(0.05)
        with pytest.raises(grpc.RpcError) as caught:
            by_grpc.result(30)
    assert caught.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


def test_after_the_stop_nobody_listens() -> None:
    """Both ports are free, and stopping again does nothing."""
    with receiving(ScriptedInbox()) as rig:
        rig.receivers.stop(1)
        rig.receivers.stop(1)
        with pytest.raises(httpx.ConnectError):
            rig.http.get("/health")
        with pytest.raises(grpc.RpcError):
            rig.channel.unary_unary(TRACES_METHOD)(b"", timeout=5)


@pytest.mark.parametrize("absent", ["grpc", "http"])
def test_each_receiver_can_be_left_out(absent: str) -> None:
    """One transport alone is served; the other has port 0."""
    handler = Handler(ScriptedInbox(), limits=ReceiveLimits(), metrics=Metrics())
    anywhere = Listen(address="127.0.0.1:0")
    receivers = Receivers(
        handler,
        grpc=None if absent == "grpc" else anywhere,
        http=None if absent == "http" else anywhere,
    )
    receivers.stop(0)
    assert (receivers.grpc_port == 0, receivers.http_port == 0) == (
        absent == "grpc",
        absent == "http",
    )


def test_signals_stay_with_the_process() -> None:
    """Servers must not take over how the daemon ends."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with receiving(ScriptedInbox()):
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_many_senders_at_once_are_all_stored() -> None:
    """Concurrent requests on both transports neither mix nor lose their bodies."""
    inbox = ScriptedInbox()
    bodies = [traces_body(2, first=index * 10) for index in range(40)]
    with receiving(inbox) as rig, ThreadPoolExecutor(8) as pool:

        def post(body: bytes) -> int:
            return rig.http.post("/v1/traces", content=body, headers=PROTOBUF).status_code

        assert set(pool.map(rig.export, bodies[:20])) == {b""}
        assert set(pool.map(post, bodies[20:])) == {200}
    assert sorted(body for _, body, _ in inbox.stored) == sorted(bodies)
