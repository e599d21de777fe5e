"""The daemon's main thread: what it is asked for, and what it outlives."""

from __future__ import annotations

import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app_fixtures import LOST
from causewatch.app.address import Address
from causewatch.app.api_client import ApiClient
from causewatch.app.clock import now_ns
from causewatch.app.config import Config, Receive, Web
from causewatch.app.daemon import Daemon
from causewatch.errors import ProblemsError, UserError

FREE = Address(host="127.0.0.1", port=0)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Return a started daemon on free ports, with a look at its rules every hundredth second."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "some.yaml").write_text(LOST, encoding="utf-8")
    made = Daemon(
        Config(
            rule_paths=(rules,),
            reload_interval_s=0.01,
            receive=Receive(grpc=FREE, http=FREE),
            web=Web(listen=FREE),
            store_path=tmp_path / "store",
        )
    )
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.mark.parametrize("by_request", [False, True])
def test_a_reload_that_fails_does_not_end_the_daemon(
    daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_request: bool
) -> None:
    """The rules change while the disk is full: what the change ends is ended once there is room."""
    failed, ended = threading.Event(), threading.Event()
    resolve = daemon._groups.resolve_vanished

    def resolve_vanished(now_ns: int) -> None:
        if not failed.is_set():
            failed.set()
            raise sqlite3.OperationalError("database or disk is full")
        resolve(now_ns)
        ended.set()
        daemon.ask_to_stop()

    monkeypatch.setattr(daemon._groups, "resolve_vanished", resolve_vanished)
    (tmp_path / "rules" / "some.yaml").write_text("groups: []", encoding="utf-8")
    if by_request:
        daemon.ask_to_reload()
    daemon.wait()
    assert ended.is_set()
    assert daemon._groups.keys() == ()


def test_a_stop_that_is_asked_for_while_it_starts_is_heard(daemon: Daemon) -> None:
    """SIGTERM before ``wait``: it returns at once."""
    daemon.ask_to_stop()
    daemon.wait()


@pytest.mark.parametrize("ask", [Daemon.ask_to_reload, Daemon.ask_to_stop])
def test_a_signal_at_any_moment_of_the_wait_is_heard(
    daemon: Daemon, ask: Callable[[Daemon], None]
) -> None:
    """A handler interrupts the very wait that it ends: no lock of it may be taken."""
    asked_count = 0

    def on_alarm(*_: object) -> None:
        nonlocal asked_count
        asked_count += 1
        ask(daemon)
        if asked_count == 200:
            daemon.ask_to_stop()

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    try:
        while asked_count < 200:
            daemon.wait()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert asked_count >= 200


def test_people_can_ask_the_daemon(daemon: Daemon) -> None:
    """Silences over the API of the daemon itself, reviewed by a thread of its own."""
    assert daemon._web is not None
    asked = ApiClient(f"http://127.0.0.1:{daemon._web.port}")
    ends = datetime.fromtimestamp(now_ns() // 10**9 + 600, tz=UTC).isoformat()
    body = {"matchers": ["a=b"], "endsAt": ends, "createdBy": "Ana", "comment": "a test"}
    silence_id = asked.ask("POST", "silences", body=body)["silenceID"]
    (found,) = asked.ask("GET", "silences")["silences"]
    assert (found["id"], found["status"]["state"]) == (silence_id, "active")
    asked.ask("DELETE", "silences", silence_id)
    assert asked.ask("GET", "silences") == {"silences": []}
    assert daemon._reviewer.is_alive()
    with pytest.raises(UserError, match="no such incident"):
        asked.ask("POST", "incidents", "none", "resolve", body={"by": "Ana"})


def test_the_daemon_tells_of_its_rules(daemon: Daemon) -> None:
    """Over its own API: those in force, with their revision."""
    assert daemon._web is not None
    found = ApiClient(f"http://127.0.0.1:{daemon._web.port}").ask("GET", "rules")
    assert found["sha256"] == daemon._groups.loaded.source.sha256
    assert [group["name"] for group in found["groups"]] == [
        group.name for group in daemon._groups.loaded.bundle.groups
    ]
    assert found["groups"][0]["rules"]


def test_dialects_of_the_configuration_are_in_force(tmp_path: Path) -> None:
    """They are read at the start; one that is wrong refuses it, with its place."""
    table = tmp_path / "mine.yaml"
    table.write_text("dialects: [{dialect: mine, detect: [{scope: desk}]}]", encoding="utf-8")
    config = Config(dialect_paths=(table,), store_path=tmp_path / "store")
    made = Daemon(config)
    try:
        assert [each.id for each in made._pipeline._dialects if not each.shipped] == ["mine"]
    finally:
        made.stop()
    table.write_text("dialects: [{dialect: mine, detct: []}]", encoding="utf-8")
    with pytest.raises(ProblemsError, match="did you mean 'detect'"):
        Daemon(config)
