"""``causewatch notify dead`` and the API behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import pytest
from structlog.testing import capture_logs

from causewatch.app.address import Address
from causewatch.app.letters import Letters
from causewatch.app.webserver import WebServer
from causewatch.notify.sender import Sender
from causewatch.store.record import OutboxRow
from cli_fixtures import Done, call
from desk_fixtures import Desk
from notify_fixtures import NOW, opened

TARGET = "team/webhook/4a2b"


class LetterDesk(Desk):
    """A desk over an outbox in which messages were given up."""

    def __init__(self) -> None:
        super().__init__(letters=self)
        self.sender = Sender(self.store, {}, metrics=self.metrics, now_ns=self.clock.now_ns)
        letters = Letters(self.store, now_ns=self.clock.now_ns, sender=lambda: self.sender)
        self.dead, self.replay = letters.dead, letters.replay
        self.rows = [
            self.store.put_outbox(
                OutboxRow(
                    message_id=f"msg_{number}",
                    target=TARGET if number else "team/slack/#agents",
                    incident=msgspec.structs.replace(opened().incident, title="a\x1b[31m loss"),
                    action="open",
                    reason="opened",
                    state="dead" if number < 3 else "sent",
                    error="410 Gone",
                    attempts=number,
                    created_at_ns=NOW,
                    due_at_ns=NOW,
                )
            )
            for number in range(4)
        ]


class Served:
    """A desk that is served, and commands that ask it."""

    def __init__(self, desk: LetterDesk, url: str) -> None:
        self.desk = desk
        self.url = url

    def run(self, *args: str) -> Done:
        return call("notify", "dead", *args, "--url", self.url)


@pytest.fixture(name="served")
def _served() -> Iterator[Served]:
    desk = LetterDesk()
    server = WebServer(desk.app, Address(host="127.0.0.1", port=0))
    try:
        with capture_logs():
            yield Served(desk, f"http://127.0.0.1:{server.port}")
    finally:
        server.stop()


def test_dead_letters_are_listed_newest_first(served: Served) -> None:
    """One line each, with what a terminal would obey taken out; as JSON with all there is."""
    listed = served.run("--format", "text")
    assert listed.code == 0
    assert [line.split()[0] for line in listed.out.splitlines()] == ["3", "2", "1"]
    assert "\x1b" not in listed.out
    assert "410 Gone (2 attempts)" in listed.out.splitlines()[0]
    assert "(1 attempt)" in listed.out.splitlines()[1]
    shown = served.run("list", "--target", TARGET, "--limit", "1", "--format", "json")
    letter = json.loads(shown.out)
    assert (letter["number"], letter["target"], letter["error"]) == (3, TARGET, "410 Gone")


@pytest.mark.parametrize(
    ("args", "queued"),
    [(["1", "3"], {1, 3}), (["--target", TARGET], {2, 3}), (["--all"], {1, 2, 3})],
)
def test_they_are_queued_again(served: Served, args: list[str], queued: set[int]) -> None:
    """By number, by target, or all of them."""
    done = served.run("replay", *args, "--format", "json")
    assert (done.code, set(json.loads(done.out)["queued"])) == (0, queued)
    assert {row.seq for row in served.desk.store.unfinished()} == queued


def test_what_is_no_dead_letter_is_named(served: Served) -> None:
    """The others are queued all the same."""
    done = served.run("replay", "2", "4", "77", "--format", "text")
    assert (done.code, done.out) == (1, "1 queued again\n")
    assert "no dead letters: 4, 77" in done.err


@pytest.mark.parametrize("args", [[], ["1", "--all"], ["--all", "--target", TARGET]])
def test_what_is_to_be_sent_again_is_told_in_one_way(served: Served, args: list[str]) -> None:
    """Else nobody knows what was meant."""
    assert served.run("replay", *args).code == 2


@pytest.mark.parametrize("body", [{}, {"numbers": ["1"]}, {"number": [1]}, {"numbers": []}])
def test_the_api_refuses_what_cannot_be_meant(served: Served, body: dict[str, object]) -> None:
    """With a sentence; nothing is queued."""
    browser = served.desk.browser
    answer = browser.send("POST", "/api/v1/dead-letters/replay", body)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
    for limit in ("0", "1001", "00000000199999", "one"):
        assert browser.get(f"/api/v1/dead-letters?limit={limit}").status_code == 400
    assert served.desk.store.unfinished() == ()


def test_where_nothing_was_given_up_the_list_says_so(served: Served) -> None:
    """On the side: a script reads nothing."""
    served.run("replay", "--all")
    listed = served.run("--format", "text")
    assert (listed.code, listed.out) == (0, "")
    assert "no message was given up" in listed.err
