"""SIGKILL under load: whatever was acknowledged is in the inbox, whole."""

from __future__ import annotations

import collections
import contextlib
import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import grpc
import httpx
import pytest

import kill9_child
from inbox_fixtures import opened
from otlp_fixtures import traces_body
from receive_fixtures import PROTOBUF, TRACES_METHOD

Transport = Literal["grpc", "http"]
ROUNDS = 5
SENDERS: list[Transport] = ["grpc", "grpc", "grpc", "grpc", "http", "http"]


@contextlib.contextmanager
def child(path: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[Transport, int]]]:
    """Start the program; it is killed by the end of the block at the latest."""
    process = subprocess.Popen(
        [sys.executable, kill9_child.__file__, str(path)], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def grpc_sender(port: int) -> Callable[[bytes], bool]:
    """Return a function that sends a request by gRPC; true when it was acknowledged."""
    options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=options)
    export = channel.unary_unary(TRACES_METHOD)

    def send(body: bytes) -> bool:
        try:
            export(body, timeout=30)
        except grpc.RpcError:
            channel.close()
            return False
        return True

    return send


def http_sender(port: int) -> Callable[[bytes], bool]:
    """Return a function that sends a request by HTTP; true when it was acknowledged."""
    client = httpx.Client(trust_env=False, timeout=30)
    url = f"http://127.0.0.1:{port}/v1/traces"

    def send(body: bytes) -> bool:
        try:
            return client.post(url, content=body, headers=PROTOBUF).status_code == 200
        except httpx.TransportError:
            client.close()
            return False

    return send


class Load:
    """Threads that send requests of their own until one is not acknowledged."""

    def __init__(self, ports: dict[Transport, int], *, first: int, seed: int) -> None:
        self.sent: list[bytes] = []
        self.acknowledged: list[bytes] = []
        self.enough = threading.Event()
        self._numbers = iter(range(first, first + 10**6))
        self._lock = threading.Lock()
        self._wanted = random.Random(seed).randint(20, 300)
        makers = {"grpc": grpc_sender, "http": http_sender}
        self._threads = [
            threading.Thread(target=self._run, args=(makers[transport](ports[transport]), index))
            for index, transport in enumerate(SENDERS)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, send: Callable[[bytes], bool], index: int) -> None:
        chance = random.Random(index)
        while True:
            with self._lock:
                number = next(self._numbers)
            text = f"request {number} " + "x" * chance.choice([10, 1_000, 40_000])
            body = traces_body(chance.choice([1, 5, 40]), first=number * 100, text=text)
            with self._lock:
                self.sent.append(body)
            if not send(body):
                return
            with self._lock:
                self.acknowledged.append(body)
                if len(self.acknowledged) >= self._wanted:
                    self.enough.set()

    def join(self) -> None:
        """Wait until each thread has met its refusal."""
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


def bodies_in(path: Path) -> collections.Counter[bytes]:
    """Return all bodies of a closed inbox with how often each is stored."""
    found: collections.Counter[bytes] = collections.Counter()
    with opened(path) as inbox:
        after = 0
        while portion := inbox.read(after, 100, 10**7):
            found.update(batch.body for batch in portion)
            after = portion[-1].seq
        assert after == inbox.last_seq()
    return found


@pytest.mark.timeout(300)
def test_what_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    """Killed at a random moment under load, several times over the same files.

    After each kill every batch acknowledged so far, in any round, is in the inbox with equal
    bytes, and nothing is there that was not sent.
    """
    path = tmp_path / "store" / "inbox.sqlite"
    sent: set[bytes] = set()
    acknowledged: set[bytes] = set()
    for number in range(ROUNDS):
        with child(path) as (process, ports):
            load = Load(ports, first=number * 10**6, seed=number)
            assert load.enough.wait(120)
            process.send_signal(signal.SIGKILL)
            load.join()
        sent.update(load.sent)
        acknowledged.update(load.acknowledged)
        stored = bodies_in(path)
        assert acknowledged <= stored.keys()
        assert stored.keys() <= sent
        # Nobody sent twice here, so nothing may be stored twice either.
        assert set(stored.values()) == {1}
    assert len(acknowledged) >= ROUNDS * 20
    # The kills did hit requests on their way, or they proved nothing.
    assert len(sent) > len(acknowledged)


def test_a_batch_that_is_not_acknowledged_may_be_missing(tmp_path: Path) -> None:
    """The measure of the test above: a killed program answers nothing for what it did not store."""
    path = tmp_path / "inbox.sqlite"
    with child(path) as (process, ports):
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert not grpc_sender(ports["grpc"])(traces_body())
        assert not http_sender(ports["http"])(traces_body())
    assert bodies_in(path) == {}
