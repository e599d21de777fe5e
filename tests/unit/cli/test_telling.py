"""The commands around telling people: silences, alerts, the routing tree, trying receivers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from causewatch.app.address import Address
from causewatch.app.tried_receivers import TITLE, try_receivers
from causewatch.app.webserver import WebServer
from causewatch.notify.config import Links, Receiver, SlackConfig, WebhookConfig
from causewatch.notify.outcome import Dead, Delivery, Outcome, Retry, Sent, Unknown
from causewatch.store.record import MessageRef
from cli_fixtures import Done, call
from desk_fixtures import Desk
from notify_fixtures import NOW, an_alert, opened

CONFIG = """\
route:
  receiver: default
  routes:
  - {receiver: pager, matchers: [severity=page], group_by: [team], continue: true}
  - {receiver: night, matchers: [team=ai], active_time_intervals: [never]}
time_intervals: [{name: never, time_intervals: [{years: ['1999']}]}]
receivers: [{name: default}, {name: pager}, {name: night}]
"""


class Served:
    """A desk that is served, and commands that ask it."""

    def __init__(self, desk: Desk, url: str) -> None:
        self.desk = desk
        self.url = url

    def run(self, *args: str) -> Done:
        return call(*args, "--url", self.url)


@pytest.fixture(name="served")
def _served() -> Iterator[Served]:
    desk = Desk()
    server = WebServer(desk.app, Address(host="127.0.0.1", port=0))
    try:
        with capture_logs():  # of the daemon, which is another process for those who call it
            yield Served(desk, f"http://127.0.0.1:{server.port}")
    finally:
        server.stop()


@pytest.fixture(name="config")
def _config(tmp_path: Path) -> str:
    path = tmp_path / "causewatch.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return str(path)


def test_a_silence_is_added_listed_and_expired(served: Served) -> None:
    """By matchers as in routes; the id is all that a script needs."""
    ends = served.desk.at(7200)
    added = served.run(
        *("silence", "add", "severity=ticket", 'team=~"ai|web"', "--comment", "a deploy"),
        *("--by", "Ana", "--end", ends, "--format", "text"),
    )
    assert added.code == 0
    silence_id = added.out.strip()
    (found,) = served.desk.store.silences()
    assert (found.id, found.created_by, found.comment) == (silence_id, "Ana", "a deploy")
    assert [str(m) for m in found.matchers] == ['severity="ticket"', 'team=~"ai|web"']
    listed = served.run("silence", "list", "--format", "text").out
    assert listed.startswith(f"{silence_id}  active")
    assert 'severity="ticket" team=~"ai|web"  Ana: a deploy' in listed
    assert served.run("silence", "expire", silence_id).out.strip() == silence_id
    assert served.run("silence", "list").out == ""
    (over,) = served.run("silence", "list", "--all").lines
    assert over["status"]["state"] == "expired"


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("severity=~.*",), "must ask for something"),
        (("severity",), "one of ="),
        (("a=b", "--for", "2"), "a duration such as"),
        (("a=b", "--for", "2h", "--end", "2026-11-23T10:00:00Z"), "not both"),
        (("a=b", "--end", "soon"), "a time such as"),
        (("a=b", "--end", "2020-01-01T00:00:00Z"), "over already"),
        (("a=b", "--for", "999999999y"), "longer than any calendar"),
    ],
)
def test_a_bad_silence_is_a_usage_error(served: Served, args: tuple[str, ...], reason: str) -> None:
    """Exit code 2, with the daemon's own words where it is the daemon that refuses."""
    done = served.run("silence", "add", *args, "--comment", "x", "--by", "Ana")
    assert done.code == 2
    assert reason in done.err


def test_incidents_are_handled(served: Served) -> None:
    """Each deed prints the incident as it then is."""
    incident = opened().incident
    served.desk.store.put_incidents([incident])
    served.desk.store.put_alerts([an_alert()])
    assert served.run("alerts", "incidents").lines[0]["id"] == incident.id
    done = served.run("alerts", "acknowledge", incident.id, "--by", "Ana", "--format", "text")
    assert "(acknowledged by Ana)" in done.out
    (line,) = served.run("alerts", "resolve", incident.id, "--by", "Ana", "-c", "known").lines
    assert (line["state"], line["closed_by"]) == ("resolved", "Ana")
    assert served.run("alerts", "incidents").out == ""
    assert served.run("alerts", "incidents", "--all").lines[0]["id"] == incident.id
    assert served.run("alerts", "reopen", incident.id, "--by", "Ana").lines[0]["state"] == "open"
    again = served.run("alerts", "reopen", incident.id, "--by", "Ana")
    assert (again.code, "open already" in again.err) == (2, True)
    assert served.run("alerts", "resolve", "none", "--by", "Ana").code == 2
    listed = served.run("alerts", "list", "--format", "text").out
    assert listed.startswith("firing      ToolFailed  since 2026-")


@pytest.mark.parametrize("command", ["alerts", "silence"])
def test_without_a_command_it_lists(served: Served, command: str) -> None:
    """The shortest question is the one most often asked; help is still help."""
    served.desk.store.put_alerts([an_alert()])
    assert served.run(command).out == served.run(command, "list").out
    assert served.run(command, "--all").code == 0
    assert "Usage:" in call(command, "--help").out


def test_what_a_name_holds_cannot_steer_the_terminal(served: Served) -> None:
    """A label may carry text of a payload."""
    served.desk.store.put_alerts([an_alert(labels={"x": "a\x1b[31mb\u202ec"})])
    assert "\x1b" not in served.run("alerts", "list", "--format", "text").out


def test_a_daemon_that_does_not_answer_is_exit_code_three() -> None:
    """Whatever was asked; an address that is none is a usage error."""
    assert call("silence", "list", "--url", "http://127.0.0.1:9").code == 3
    assert call("alerts", "list", "--url", "file:///etc/passwd").code == 2


def test_a_token_is_sent(tmp_path: Path) -> None:
    """Read from a file; without it the daemon refuses."""
    desk = Desk(bearer_token="secret")
    server = WebServer(desk.app, Address(host="127.0.0.1", port=0))
    url = f"http://127.0.0.1:{server.port}"
    (tmp_path / "token").write_text("secret\n", encoding="utf-8")
    try:
        assert call("silence", "list", "--url", url).code == 3
        given = call("silence", "list", "--url", url, "--token-file", tmp_path / "token")
        assert given.code == 0
    finally:
        server.stop()
    assert call("silence", "list", "--token-file", tmp_path / "gone").code == 2


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ((), ["default"]),
        (("severity=page",), ["pager"]),
        (("severity=page", "team=ai"), ["pager", "night"]),
        (("team=ai",), ["night"]),
    ],
)
def test_the_tree_says_who_would_be_told(
    config: str, labels: tuple[str, ...], receivers: list[str]
) -> None:
    """One line a receiver; a check in CI names who it must be."""
    done = call("routes", "test", *labels, "--config", config)
    assert [line["receiver"] for line in done.lines] == receivers
    wanted = ("--verify-receivers", ",".join(receivers))
    assert call("routes", "test", *labels, "--config", config, *wanted).code == 0
    other = call("routes", "test", *labels, "--config", config, "--verify-receivers", "x")
    assert other.code == 1


def test_the_tree_says_how_and_when(config: str) -> None:
    """The grouping of the first route, and which route is silent now, and why."""
    done = call("routes", "test", "severity=page", "team=ai", "--config", config)
    pager, night = done.lines
    assert pager["group_by"] == ["team"]
    assert pager["muted"] == ""
    assert night["muted"] == "outside of the time interval never"
    text = call("routes", "test", "team=ai", "--config", config, "--format", "text").out
    assert "outside of the time interval never" in text
    assert call("routes", "test", "team", "--config", config).code == 2


def test_the_tree_is_shown(config: str) -> None:
    """Indented, with where each route leads."""
    assert call("routes", "show", "--config", config).out.splitlines() == [
        "root  -> default",
        '  severity="page"  -> pager  continue',
        '  team="ai"  -> night',
    ]


class Scripted:
    """A channel that gives the answers it was handed."""

    integration = receiver = pace_key = "x"
    min_gap_s = 0.0

    def __init__(self, *answers: Outcome) -> None:
        self.answers = list(answers)
        self.got: list[Delivery] = []
        self.closed = False

    def send(self, delivery: Delivery) -> Outcome:
        self.got.append(delivery)
        return self.answers.pop(0)

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("answers", "outcomes"),
    [
        ((Sent(), Sent()), ["sent", "sent"]),
        ((Dead(reason="no"),), ["dead"]),
        ((Retry(reason="busy"),), ["retry"]),
        ((Unknown(reason="reset"),), ["unknown"]),
    ],
)
def test_receivers_are_tried_with_an_incident_that_ends(
    answers: tuple[Outcome, ...], outcomes: list[str]
) -> None:
    """A pager that takes the test does not ring on; one that refuses says why."""
    channel = Scripted(*answers)
    receiver = Receiver(name="r", webhooks=(WebhookConfig(url="https://example.com"),))
    tried = list(try_receivers([receiver], Links(), lambda: NOW, lambda *_: channel))
    assert [each.outcome for each in tried] == outcomes
    assert channel.closed
    assert {d.row.incident.title for d in channel.got} == {TITLE}
    assert len({d.row.message_id for d in channel.got}) == len(channel.got)


def test_a_test_message_in_slack_turns_green_in_place() -> None:
    """The second message changes the first."""
    ref = MessageRef(channel="C1", ts="1.1")
    channel = Scripted(Sent(ref=ref), Sent())
    receiver = Receiver(name="r", slack=(SlackConfig(channel="#a", bot_token="x"),))
    list(try_receivers([receiver], Links(), lambda: NOW, lambda *_: channel))
    assert [d.ref for d in channel.got] == [None, ref]


def test_receivers_are_tried_from_the_command_line(tmp_path: Path) -> None:
    """What does not arrive is exit code 3, an unknown receiver a usage error with a hint."""
    path = tmp_path / "c.yaml"
    path.write_text("receivers: [{name: hook, webhook_configs: [{url: 'http://127.0.0.1:9'}]}]")
    done = call("notify", "test", "--config", path)
    assert done.code == 3
    assert json.loads(done.out)["outcome"] == "retry"
    wrong = call("notify", "test", "--config", path, "--receiver", "hok")
    assert (wrong.code, "did you mean 'hook'" in wrong.err) == (2, True)
