"""SIGKILL while people are told: nothing is lost, and what comes twice is the same message."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

import tell9_child
from causewatch.store.sqlite.store import SqliteStore

MANY_CHANGES = 1_000_000


class Hook:
    """A webhook that keeps what arrives, and now and then answers badly or not at all."""

    def __init__(self, seed: int) -> None:
        self.arrived: list[tuple[str, bytes]] = []
        self.troubles = 0
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer._take(str(self.headers["webhook-id"]), body)
                if status:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Keep the output of the tests clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def _take(self, message_id: str, body: bytes) -> int:
        """Keep a message; return the status to answer with, 0 for no answer."""
        with self._lock:
            status = self._chance.choices([200, 500, 0], [94, 3, 3])[0]
            self.troubles += status != 200
            self.arrived.append((message_id, body))
            return status

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def start(path: Path, hook: Hook, seed: int, changes: int) -> subprocess.Popen[bytes]:
    """Start the program."""
    return subprocess.Popen(
        [sys.executable, tell9_child.__file__, str(path), hook.url, str(seed), str(changes)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def run_and_kill(path: Path, hook: Hook, seed: int) -> int:
    """Let it make some changes, then kill it at whatever it is at; return how many it made."""
    wanted = random.Random(seed).randint(1, 30)
    process = start(path, hook, seed, MANY_CHANGES)
    try:
        assert process.stdout is not None
        lines = (line for line in process.stdout if line.startswith(tell9_child.MADE.encode()))
        made = sum(1 for _ in zip(range(wanted), lines, strict=False))
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return made


def drain(path: Path, hook: Hook) -> None:
    """Let it send what waits, and end by itself."""
    process = start(path, hook, 0, 0)
    process.communicate(timeout=120)
    assert process.returncode == 0


@pytest.mark.parametrize(
    "rounds",
    [2, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
def test_every_change_is_told_whatever_is_killed(tmp_path: Path, rounds: int) -> None:
    """Killed at a random moment, round after round, over one store and a webhook that misbehaves.

    Each beginning and each end arrives, in order. What arrives again has the id and the bytes of
    before, and there is a reason for each: a kill, or an answer that was bad or missing.
    """
    path = tmp_path / "state.db"
    with Hook(rounds) as hook:
        made = sum(run_and_kill(path, hook, seed) for seed in range(1, rounds + 1))
        drain(path, hook)
    first: dict[str, bytes] = {}
    order: defaultdict[str, list[str]] = defaultdict(list)
    for message_id, body in hook.arrived:
        if message_id in first:
            assert body == first[message_id]
            continue
        first[message_id] = body
        told: dict[str, Any] = msgspec.json.decode(body)
        order[told["incident"]["id"]].append(told["type"])
    wanted = committed(path)
    assert {key: len(types) for key, types in order.items()} == wanted
    for types in order.values():
        turns = ["incident.opened", "incident.resolved"]
        assert types == [turns[number % 2] for number in range(len(types))]
    again = len(hook.arrived) - len(first)
    assert again <= rounds + hook.troubles
    assert sum(wanted.values()) >= made >= rounds


def committed(path: Path) -> Counter[str]:
    """Return how often people were to hear of each incident, as the store has it."""
    store = SqliteStore(path)
    try:
        assert store.outbox_counts().get("queued", 0) == 0
        assert store.outbox_counts().get("dead", 0) == 0
        found: Counter[str] = Counter()
        for incident in store.incidents():
            found[incident.id] = int(store.meta(f"{tell9_child.TOLD}{incident.id}") or "0")
        return found
    finally:
        store.close()
