"""What people and programs get to see, one file a case, reviewed by eye.

``CAUSEWATCH_GOLDEN=write pytest tests/golden`` rewrites the files; the diff shows the change.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from causewatch.incidents.gather import IncidentChange
from causewatch.incidents.handle import handle
from causewatch.model.finding import Cause
from causewatch.notify.config import Links, Receiver, WebhookConfig, targets_of
from causewatch.notify.digest import Crowd, digest_of
from causewatch.notify.picture.layout import layout
from causewatch.notify.picture.svg import svg_of
from causewatch.notify.slack.render import (
    MAX_BLOCKS,
    Rendering,
    SlackMessage,
    render,
    render_reply,
)
from causewatch.notify.slack.text import plain_text
from causewatch.notify.webhook.render import render_body
from causewatch.store.record import OutboxRow, StoredRun
from causewatch.store.sqlite import SqliteStore
from causewatch.telemetry.metrics import Metrics
from causewatch.web import create_web_app
from causewatch.web.reader import Health, Reloaded
from fake_slack import problem_of
from notify_fixtures import NOW, S, a_cause, an_alert, opened, resolved, step_ref, then
from web_client import Browser

FOLDER = Path(__file__).parent
LINKS = Links(
    external_url="https://causewatch.example.com",
    trace_url="https://traces.example.com/{{ $trace_id }}?span={{ $span_id }}",
)
EVIL = '</pre><script>alert(1)</script> <!channel> *b* `c` & "it is private" \u202e\x1b[31m'


def _opened() -> IncidentChange:
    annotations = {
        "summary": "A lookup failed and the label was sent all the same.",
        "runbook_url": "https://runbooks.example.com/lookup",
    }
    return opened(
        an_alert(annotations=annotations, labels={"severity": "page", "team": "shipping"}),
        an_alert("ContractViolated", labels={"contract": "lookup", "severity": "ticket"}),
    )


def _resolved() -> IncidentChange:
    alerts = (resolved(alert) for alert in _opened().incident.alerts)
    return then(_opened().incident, *alerts, after_s=4000)


def _acknowledged() -> IncidentChange:
    change = handle(_opened().incident, "acknowledge", by="<Ana>", now_ns=NOW + 60 * S)
    assert isinstance(change, IncidentChange)
    return change


def _digest() -> IncidentChange:
    (target,) = targets_of(Receiver(name="team", webhooks=(WebhookConfig(url="u"),), limit=20))
    evil = IncidentChange(incident=_hostile().incident, reason="opened")
    waiting = (*(opened(an_alert(f"Trouble{n}", cause=Cause())) for n in range(30)), evil)
    crowd = Crowd(waiting=tuple(change.incident for change in waiting), gone_count=4)
    change = digest_of(crowd, target, None, now_ns=NOW)
    assert change is not None
    return change


def _unknown_cause() -> IncidentChange:
    return opened(an_alert("Watchdog", cause=Cause(), labels={"severity": "info"}, evidence=()))


def _received_damaged() -> IncidentChange:
    origin = step_ref("writer", "writer", "agent")
    reason = "writer received 2 of the 7 items that were sent (212 of 940 bytes)"
    cause = a_cause(
        category="truncation",
        origin=origin,
        origin_at="input",
        origin_reason=reason,
        confidence=None,
    )
    return opened(an_alert(cause=cause))


def _hostile() -> IncidentChange:
    origin = step_ref(EVIL, EVIL)
    cause = a_cause(
        origin=origin,
        origin_reason=EVIL,
        workflow=EVIL,
        category=EVIL,
        propagators=(origin,),
        symptom=origin,
        path=(step_ref(EVIL, "x", evidence=EVIL),),
    )
    annotations = {"summary": EVIL, "runbook_url": "javascript:alert(1)"}
    labels = {"severity": EVIL, EVIL: EVIL}
    alert = an_alert(
        EVIL, cause=cause, evidence=(EVIL,), annotations=annotations, labels=labels, run_ids=(EVIL,)
    )
    return opened(alert)


def _huge() -> IncidentChange:
    path = tuple(step_ref(f"step{n}" + "x" * 500, "agent", evidence="e" * 900) for n in range(60))
    cause = a_cause(path=path, propagators=path[:20], origin_reason="r" * 5000)
    alerts = [
        an_alert(
            f"Alert{n}",
            cause=cause,
            labels={f"label{i}": "v" * 300 for i in range(20)},
            evidence=tuple(f"{i}: " + "&" * 900 for i in range(20)),
            annotations={"summary": "s" * 5000},
            run_ids=tuple(f"run-{n}-{i}" for i in range(100)),
        )
        for n in range(40)
    ]
    return opened(*alerts)


CASES: dict[str, Callable[[], IncidentChange]] = {
    "opened": _opened,
    "acknowledged": _acknowledged,
    "digest": _digest,
    "resolved": _resolved,
    "unknown_cause": _unknown_cause,
    "received_damaged": _received_damaged,
    "hostile": _hostile,
    "huge": _huge,
}

STORED = [name for name in CASES if name != "digest"]
"""What is in the list of incidents."""


def compare(name: str, found: str) -> None:
    """Compare with the golden file, or write it where that is asked for."""
    path = FOLDER / name
    if os.environ.get("CAUSEWATCH_GOLDEN") == "write":
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def as_json(value: Any) -> str:
    """Return JSON that is good to review."""
    return json.dumps(msgspec.to_builtins(value), indent=1, ensure_ascii=False) + "\n"


def slack_message(name: str) -> SlackMessage:
    """Return the Slack message of a case."""
    rendering = Rendering(links=LINKS, mentions=("<!subteam^S0000001>",), actions=True)
    return render(CASES[name]().incident, rendering, message_id="msg_1")


@pytest.mark.parametrize("name", CASES)
def test_slack_blocks(name: str) -> None:
    """The message as Slack gets it, within Slack's limits."""
    message = slack_message(name)
    asked = {"text": message.text, "blocks": list(message.blocks)}
    assert problem_of(asked) is None
    assert len(message.blocks) <= MAX_BLOCKS
    compare(f"slack_{name}.json", as_json(message))


@pytest.mark.parametrize("name", CASES)
def test_slack_as_text(name: str) -> None:
    """The message as a terminal shows it: no markup, no control characters."""
    text = plain_text(slack_message(name))
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    compare(f"slack_{name}.txt", text + "\n")


def test_slack_replies() -> None:
    """What a thread says: of an alert more, of the end, and of nothing in particular."""
    louder = then(opened().incident, an_alert("B", labels={"severity": "page"}))
    ended = _resolved()
    mention = Rendering(mentions=("<@U0000001>",))
    replies = [
        render_reply(louder.incident, louder.notes, mention, message_id="msg_2"),
        render_reply(ended.incident, ended.notes, Rendering(), message_id="msg_3"),
        render_reply(opened().incident, (), Rendering(), message_id="msg_4"),
        render_reply(opened().incident, (EVIL,) * 3, Rendering(), message_id="msg_5"),
    ]
    assert all(problem_of({"text": r.text, "blocks": list(r.blocks)}) is None for r in replies)
    compare("slack_replies.json", as_json(replies))


@pytest.mark.parametrize("name", STORED)
def test_pictures(name: str) -> None:
    """The causal path drawn: open the files in a browser to look at them."""
    incident = CASES[name]().incident
    compare(f"picture_{name}.svg", svg_of(layout(incident.cause)).decode())


@pytest.mark.parametrize("name", CASES)
def test_webhook_bodies(name: str) -> None:
    """The JSON of a webhook: version 1, below 20 kB, but for the absurd."""
    change = CASES[name]()
    row = OutboxRow(
        message_id="msg_1",
        target="t",
        incident=change.incident,
        action="resolve" if change.incident.state == "resolved" else "open",
        reason=change.reason,
        created_at_ns=NOW,
        due_at_ns=NOW,
    )
    body = render_body(row, LINKS)
    assert len(body) < (20_000 if name != "huge" else 60_000)
    compare(f"webhook_{name}.json", as_json(json.loads(body)))


def test_excerpts_are_shown_where_that_is_configured() -> None:
    """A quoted excerpt is left out by default, in Slack and in webhooks."""
    reason = 'answered "my private text" in place of a list'
    incident = opened(an_alert(cause=a_cause(origin_reason=reason), evidence=(reason,))).incident
    row = OutboxRow(
        message_id="m", target="t", incident=incident, action="open", reason="opened",
        created_at_ns=NOW, due_at_ns=NOW,
    )  # fmt: skip
    shown = [
        str(render(incident, Rendering(excerpts=True))),
        render_body(row, LINKS, excerpts=True).decode(),
    ]
    hidden = [str(render(incident, Rendering())), render_body(row, LINKS).decode()]
    assert all("my private text" in text for text in shown)
    assert not any("private" in text for text in hidden)


def client(*names: str) -> Browser:
    """Return the pages over a store with the incidents of some cases."""
    store = SqliteStore()
    for name in names:
        incident = CASES[name]().incident
        store.put_incidents([incident])
        run = StoredRun(
            run_id=incident.run_ids[-1],
            trace_ids=(),
            explanation=f"run {name}: corrupted\n  origin <stock_lookup> & co\n" + EVIL,
            updated_at_ns=NOW + 60 * S,
        )
        store.put_run(run)
    app = create_web_app(store, Metrics(), health=Health, reload=Reloaded, links=lambda: LINKS)
    return Browser(app)


@pytest.mark.parametrize("name", STORED)
def test_incident_pages(name: str) -> None:
    """The page of one incident: everything escaped, nothing that runs."""
    answer = client(name).get(f"/incidents/{CASES[name]().incident.id}")
    assert "<script" not in answer.text
    assert "javascript:" not in answer.text
    assert not {"\u202e", "\x1b"} & set(answer.text)
    compare(f"page_{name}.html", answer.text)


def test_the_list_of_incidents() -> None:
    """Open ones first, the newest of them at the top; and an empty list says so."""
    page = client("opened", "resolved", "hostile", "unknown_cause").get("/").text
    assert "<script" not in page
    compare("page_index.html", page)
    compare("page_index_empty.html", client().get("/").text)
