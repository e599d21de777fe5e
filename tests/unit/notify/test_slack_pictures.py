"""Pictures in the thread of a message: after it, at most a few, and never in its way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from causewatch.app.config import load_config
from causewatch.errors import ProblemsError
from causewatch.incidents.gather import IncidentChange
from causewatch.model.finding import Cause
from causewatch.notify.config import Alerting, Links, Receiver, SlackConfig
from causewatch.notify.outcome import Delivery, Sent
from causewatch.notify.picture.raster import NothingDrawsError, RasterError, Rasterise
from causewatch.notify.sender import Sender
from causewatch.notify.slack.picture import MAX_PICTURES_COUNT, path_digest
from causewatch.notify.slack.send import SlackChannel
from causewatch.notify.tell import tell
from causewatch.store.record import Action, MessageRef, OutboxRow, Told
from causewatch.store.sqlite import SqliteStore
from causewatch.telemetry.metrics import Metrics
from fake_slack import TOKEN, FakeSlack, Fault
from notify_fixtures import (
    NOW,
    VirtualClock,
    a_cause,
    an_alert,
    opened,
    route_to,
    slack_target,
    step_ref,
    then,
)


@pytest.fixture(name="slack")
def _slack() -> Iterator[FakeSlack]:
    with FakeSlack() as slack:
        yield slack


def drawn(svg: bytes) -> bytes:
    """Stand in for the rasteriser: what was to be drawn."""
    return b"PNG of " + svg


def channel_to(slack: FakeSlack, rasterise: Rasterise = drawn) -> SlackChannel:
    """Return a channel that sends pictures."""
    config = SlackConfig(
        channel="#agents", bot_token=TOKEN, api_url=slack.api_url, timeout_s=1, picture=True
    )
    return SlackChannel("team", config, Links(), rasterise)


def sent(
    channel: SlackChannel, change: IncidentChange, ref: MessageRef | None = None
) -> tuple[MessageRef, str]:
    """Send a change; return where the message is, and what became of its picture."""
    action: Action = "update" if ref else "open"
    row = OutboxRow(
        message_id="m", target="t", incident=change.incident, action=action, reason="opened",
        created_at_ns=NOW, due_at_ns=NOW,
    )  # fmt: skip
    outcome = channel.send(Delivery(row=row, ref=ref))
    assert isinstance(outcome, Sent)
    assert outcome.ref is not None
    return outcome.ref, outcome.picture


def about(cause: Cause, before: IncidentChange | None = None) -> IncidentChange:
    """Return an incident with a cause, or what that changes of one."""
    if before is None:
        return opened(an_alert(cause=cause))
    return IncidentChange(
        incident=msgspec.structs.replace(before.incident, cause=cause), reason="cause_refined"
    )


def test_the_picture_follows_the_message_into_its_thread(slack: FakeSlack) -> None:
    """The message is posted first and as it always is; then its thread shows the path."""
    ref, picture = sent(channel_to(slack), opened())
    assert slack.calls == [
        "chat.postMessage", "files.getUploadURLExternal", "upload", "files.completeUploadExternal",
    ]  # fmt: skip
    ((channel, thread_ts, content),) = slack.pictures
    assert (channel, thread_ts) == (ref.channel, ref.ts)
    assert b"FIRST CORRUPTED" in content
    assert picture == "sent"


def test_a_change_of_anything_but_the_path_draws_nothing_anew(slack: FakeSlack) -> None:
    """More runs, another confidence, other ids and quotes: the thread keeps its one picture."""
    channel, first = channel_to(slack), opened()
    ref, _ = sent(channel, first)
    origin = step_ref("stock_lookup", "clerk", span_id="f" * 16, evidence="another quote")
    again = about(a_cause(confidence=0.4, origin=origin, origin_reason="“other”"), first)
    ref, picture = sent(channel, again, ref)
    assert (len(slack.pictures), picture) == (1, "")
    assert (ref.picture, ref.pictures_count) == (path_digest(first.incident.cause), 1)


def test_another_path_is_drawn_anew_but_not_forever(slack: FakeSlack) -> None:
    """A cause that changes to and fro does not fill a thread."""
    channel, change = channel_to(slack), opened()
    ref, _ = sent(channel, change)
    for number in range(3 * MAX_PICTURES_COUNT):
        change = about(a_cause(origin=step_ref(f"tool {number}")), change)
        ref, _ = sent(channel, change, ref)
    assert len(slack.pictures) == MAX_PICTURES_COUNT


def test_a_restart_draws_nothing_anew() -> None:
    """What a thread shows is kept with where the message is, in the store."""
    ref = MessageRef(channel="C1", ts="1.1", picture="abc", pictures_count=2)
    told = Told(
        incident_id="i", target="t", revision=1, resolved=False, digest="d", told_at_ns=1, ref=ref
    )
    assert msgspec.json.decode(msgspec.json.encode(told), type=Told).ref == ref
    old = b'{"channel":"C1","ts":"1.1"}'
    assert msgspec.json.decode(old, type=MessageRef) == MessageRef(channel="C1", ts="1.1")


def test_an_unknown_cause_has_no_picture(slack: FakeSlack) -> None:
    """There is nothing to draw."""
    assert sent(channel_to(slack), about(Cause()))[1] == ""
    assert slack.calls == ["chat.postMessage"]


def test_a_token_without_the_scope_is_asked_once(slack: FakeSlack) -> None:
    """Every message arrives; no picture is tried until the daemon starts again."""
    slack.missing_scopes = {"files.getUploadURLExternal"}
    channel = channel_to(slack)
    assert [sent(channel, opened())[1] for _ in range(3)] == ["failed", "", ""]
    assert len(slack.posts()) == 3
    assert slack.calls.count("files.getUploadURLExternal") == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(trouble="429", method="files.getUploadURLExternal"),
        Fault(trouble="500", method="upload"),
        Fault(trouble="close", method="upload"),
        Fault(trouble="text", method="files.completeUploadExternal"),
        Fault(error="internal_error", method="files.completeUploadExternal"),
    ],
    ids=lambda fault: f"{fault.method} {fault.trouble or fault.error}",
)
def test_a_picture_that_fails_costs_nothing_but_itself(slack: FakeSlack, fault: Fault) -> None:
    """The message counts as sent, and the next change of it tries again."""
    slack.faults = [fault]
    channel, first = channel_to(slack), opened()
    ref, picture = sent(channel, first)
    assert (picture, ref.picture, slack.pictures) == ("failed", "", [])
    later = then(first.incident, an_alert(run_ids=("run-1", "run-2")))
    ref, picture = sent(channel, later, ref)
    assert (picture, len(slack.pictures), len(slack.posts())) == ("sent", 1, 1)


def test_a_rasteriser_that_cannot_draw_is_not_asked_again(slack: FakeSlack) -> None:
    """Without fonts or without the extra the messages go out as ever."""
    asked: list[bytes] = []

    def broken(svg: bytes) -> bytes:
        asked.append(svg)
        raise NothingDrawsError("no font is installed here")

    channel = channel_to(slack, broken)
    assert [sent(channel, opened())[1] for _ in range(2)] == ["failed", ""]
    assert (len(asked), len(slack.posts())) == (1, 2)


def test_one_picture_that_cannot_be_drawn_is_not_the_end_of_all(slack: FakeSlack) -> None:
    """Somebody may choose a name that breaks the rasteriser; others have their pictures."""

    def picky(svg: bytes) -> bytes:
        if b"evil" in svg:
            raise RasterError("ended with -6")
        return drawn(svg)

    channel = channel_to(slack, picky)
    evil = about(a_cause(origin=step_ref("evil")))
    assert [sent(channel, each)[1] for each in (evil, opened())] == ["failed", "sent"]


def test_a_deleted_message_takes_its_picture_along(slack: FakeSlack) -> None:
    """The message is posted anew, and its new thread shows the path again."""
    channel, first = channel_to(slack), opened()
    ref, _ = sent(channel, first)
    slack.messages.clear()
    ref, picture = sent(channel, then(first.incident, an_alert("B")), ref)
    assert picture == "sent"
    assert slack.pictures[-1][1] == ref.ts


@pytest.mark.parametrize("has_scope", [True, False])
def test_the_sender_counts_and_remembers_pictures(slack: FakeSlack, *, has_scope: bool) -> None:
    """By receiver and outcome; a second change of the same path sends none."""
    slack.missing_scopes = set() if has_scope else {"files.getUploadURLExternal"}
    store, metrics, clock = SqliteStore(), Metrics(), VirtualClock()
    target = slack_target()
    team = Receiver(name="team", slack=(SlackConfig(channel="#agents", bot_token="xoxb-test"),))
    alerting = Alerting(route=route_to(), receivers={"team": team})
    sender = Sender(store, {target.name: channel_to(slack)}, metrics=metrics, now_ns=clock.now_ns)
    first = opened()
    for change in (first, then(first.incident, an_alert(run_ids=("run-1", "run-2")))):
        with store.transaction():
            store.put_incidents([change.incident])
            tell(store, [change], alerting=alerting, now_ns=clock.now_ns())
        clock.advance(120)
        sender.pump(target.name)
    outcome = "sent" if has_scope else "failed"
    assert metrics.pictures.labels("team", outcome)._value.get() == 1
    assert (len(slack.posts()), len(slack.pictures)) == (1, int(has_scope))
    told = store.told(first.incident.id, target.name)
    assert told is not None
    assert told.ref is not None
    assert bool(told.ref.picture) == has_scope


def test_pictures_are_refused_where_the_extra_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At the place of the key, with what to install; with the extra they are taken."""
    path = tmp_path / "causewatch.yaml"
    path.write_text(
        "receivers:\n- name: a\n  slack_configs:\n  - {bot_token: x, channel: c, picture: true}\n",
        encoding="utf-8",
    )
    monkeypatch.setattr("causewatch.app.receivers.is_available", lambda: False)
    with pytest.raises(ProblemsError) as refused:
        load_config(path)
    assert f"{path}:4:41: error: pictures need the extra `picture`" in str(refused.value)
    monkeypatch.setattr("causewatch.app.receivers.is_available", lambda: True)
    assert load_config(path).receivers[0].slack[0].picture
