"""A purge that a running daemon does: who asks hears of it, and the daemon goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from app_fixtures import LOST
from causewatch.app.address import Address
from causewatch.app.config import Config, Receive, Web
from causewatch.app.daemon import Daemon
from causewatch.app.purge_call import PATH, Line, Request, answer_purge, ask_purge
from causewatch.app.purge_scope import Purged, Wanted
from causewatch.app.purge_stopped import purge
from causewatch.errors import UnreachableError, UserError
from causewatch.otlp.encode import encode_traces
from causewatch.web.app import MAX_PURGE_BYTES
from forward_fixtures import LOCAL
from purge_fixtures import Estate, pieces_left, spans_of, trace_id

FREE = Address(host="127.0.0.1", port=0)
TOKEN = "not for everybody"  # the test's own
ONE = Wanted(traces=frozenset({trace_id(1)}))


def nobody(_what: str, _done: int, _total: int) -> None:
    """Let steps pass."""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Return the configuration of a daemon whose folder knows of three traces."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "some.yaml").write_text(LOST, encoding="utf-8")
    (tmp_path / "store").mkdir()
    estate = Estate(tmp_path / "store")
    estate.judge(1, batches=(estate.send(1, 2),))
    estate.send(3)
    estate.tell("one", 1)
    estate.forward(1, 2, to="gone")
    estate.forward(1, 2)
    estate.close()
    return Config(
        rule_paths=(rules,),
        receive=Receive(grpc=FREE, http=FREE),
        web=Web(listen=FREE, token=TOKEN),
        store_path=tmp_path / "store",
        forward=(LOCAL,),
    )


@pytest.fixture
def daemon(config: Config) -> Iterator[Daemon]:
    """Return it, started."""
    made = Daemon(config)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def url(daemon: Daemon) -> str:
    """Return its web address."""
    assert daemon._web is not None
    return f"http://127.0.0.1:{daemon._web.port}"


def test_the_command_has_the_daemon_do_it(daemon: Daemon, config: Config) -> None:
    """Nothing is left, who asked hears the steps, and the daemon is well and judges on."""
    steps: list[str] = []
    done = purge(
        config, ONE, lambda what, _done, _total: steps.append(what), is_dry=False, url=url(daemon)
    )
    assert (done.spans, done.runs, done.forward_spans, done.is_done) == (2, 1, 4, True)
    assert {"rewriting batches", "writing the store anew"} <= set(steps)
    assert pieces_left(config.store_path, 1) == []
    assert "inbox.db" in pieces_left(config.store_path, 2)
    assert httpx.get(f"{url(daemon)}/-/ready", trust_env=False).status_code == 200
    assert daemon._worker.is_alive()
    assert daemon._keeper.is_alive()


def test_requests_are_taken_while_it_purges(daemon: Daemon, config: Config) -> None:
    """At each step one comes in and is answered; it is judged afterwards, and a probe is well."""
    assert daemon._receivers is not None
    address = f"http://127.0.0.1:{daemon._receivers.http_port}/v1/traces"
    headers = {"content-type": "application/x-protobuf"}
    answers: list[int] = []
    numbers = iter(range(50, 100))

    def on_step(_what: str, _done: int, _total: int) -> None:
        body = encode_traces(spans_of(next(numbers)))
        answers.append(httpx.post(address, content=body, headers=headers).status_code)
        answers.append(httpx.get(f"{url(daemon)}/-/ready", trust_env=False).status_code)

    before = daemon._inbox.last_seq()
    daemon._purge(ONE, on_step, is_dry=False)
    assert set(answers) == {200}
    assert daemon._inbox.last_seq() == before + len(answers) // 2
    assert pieces_left(config.store_path, 1) == []


def test_a_dry_run_does_not_stop_the_judging(daemon: Daemon, config: Config) -> None:
    """It only reads: the same threads work on."""
    worker = daemon._worker
    done = purge(config, ONE, nobody, is_dry=True, url=url(daemon))
    assert (done.spans, done.is_done) == (2, False)
    assert daemon._worker is worker
    assert "inbox.db" in "".join(pieces_left(config.store_path, 1))


def test_two_at_once_are_refused(daemon: Daemon) -> None:
    """The second is told to wait; nothing of the first is disturbed."""

    def on_step(_what: str, _done: int, _total: int) -> None:
        with pytest.raises(UnreachableError, match="another purge is under way"):
            ask_purge(url(daemon), TOKEN, ONE, nobody, is_dry=False)

    assert daemon._purge(ONE, on_step, is_dry=False).is_done


def test_a_stop_cuts_it_short_and_the_next_one_finishes(config: Config) -> None:
    """The daemon stops at the next step; with nobody there, the command does the rest itself."""
    daemon = Daemon(config)
    daemon.start()

    def on_step(what: str, _done: int, _total: int) -> None:
        if what == "rewriting batches":
            daemon._stopping.set()

    with pytest.raises(UserError, match="purge again"):
        daemon._purge(ONE, on_step, is_dry=False)
    daemon.stop()
    assert pieces_left(config.store_path, 1) != []
    assert purge(config, ONE, nobody, is_dry=False).is_done
    assert pieces_left(config.store_path, 1) == []


def test_what_is_not_allowed_or_meant_is_refused(daemon: Daemon, config: Config) -> None:
    """Whoever may not read the pages may not delete; a misspelt key must not purge anything."""
    for token in ("", "wrong"):
        with pytest.raises(UserError, match="401"):
            ask_purge(url(daemon), token, ONE, nobody, is_dry=False)
    headers = {"authorization": f"Bearer {TOKEN}"}
    for body in (b"", b"{}", b"[]", b'{"wanted":{"trace":["a"]}}', b'{"wanted":{}}'):
        answer = httpx.post(url(daemon) + PATH, content=body, headers=headers, trust_env=False)
        assert answer.status_code == 400
        assert answer.json()["error"]
    large = b" " * (MAX_PURGE_BYTES + 1)
    answer = httpx.post(url(daemon) + PATH, content=large, headers=headers, trust_env=False)
    assert answer.status_code == 413
    assert pieces_left(config.store_path, 1) != []


def test_it_goes_on_when_the_asker_hangs_up() -> None:
    """Nobody reads the lines: the work is done all the same."""
    begun, done = threading.Event(), threading.Event()

    def work(_wanted: Wanted, on_step: object, *, is_dry: bool) -> Purged:
        assert callable(on_step)
        assert not is_dry
        assert begun.wait(10)
        on_step("working", 1, 2)
        done.set()
        return Purged(spans=7)

    lines = answer_purge(msgspec.json.encode(Request(wanted=ONE)), work)
    del lines
    begun.set()
    assert done.wait(10)


def test_what_fails_is_the_last_line() -> None:
    """Also what nobody foresaw, without a traceback for who asked."""

    def work(_wanted: Wanted, _on_step: object, *, is_dry: bool) -> Purged:
        del is_dry
        raise OSError("disk full")

    (line,) = answer_purge(msgspec.json.encode(Request(wanted=ONE)), work)
    assert msgspec.json.decode(line, type=Line).error == "disk full"
