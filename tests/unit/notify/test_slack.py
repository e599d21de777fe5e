"""The Slack channels against a Slack on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from causewatch.incidents.gather import IncidentChange
from causewatch.notify.config import Links, SlackConfig
from causewatch.notify.outcome import Dead, Delivery, Outcome, Retry, Sent, Unknown
from causewatch.notify.slack.send import SlackChannel, SlackWebhookChannel
from causewatch.store.record import Action, MessageRef, OutboxRow
from fake_slack import TOKEN, FakeSlack, Fault, problem_of
from notify_fixtures import NOW, an_alert, opened, resolved, then


@pytest.fixture(name="slack")
def _slack() -> Iterator[FakeSlack]:
    with FakeSlack() as slack:
        yield slack


def channel_to(slack: FakeSlack, **changes: Any) -> SlackChannel:
    """Return the channel under test."""
    config = SlackConfig(channel="#agents", bot_token=TOKEN, api_url=slack.api_url, timeout_s=1)
    return SlackChannel("team", msgspec.structs.replace(config, **changes), Links())


def a_delivery(
    action: Action = "open",
    ref: MessageRef | None = None,
    change: IncidentChange | None = None,
    **rest: Any,
) -> Delivery:
    """Return a row that is being sent."""
    near = rest.pop("near", None)
    row = OutboxRow(
        message_id=f"msg-{action}",
        target="team/slack/#agents",
        incident=(change or opened()).incident,
        action=action,
        reason="opened",
        created_at_ns=NOW,
        due_at_ns=NOW,
        **rest,
    )
    return Delivery(row=row, ref=ref, near=near)


def posted(channel: SlackChannel) -> MessageRef:
    """Post an incident and return where it is."""
    outcome = channel.send(a_delivery())
    assert isinstance(outcome, Sent)
    assert outcome.ref is not None
    return outcome.ref


def test_an_incident_is_posted_once(slack: FakeSlack) -> None:
    """One call, blocks that Slack takes, text for notifications, metadata that names it."""
    ref = posted(channel_to(slack))
    (message,) = slack.messages
    assert slack.calls == ["chat.postMessage"]
    assert (ref.channel, ref.ts) == (message.channel, message.ts)
    assert message.text.startswith("🟠 Open: Tool failure")
    assert message.blocks[0]["type"] == "header"
    assert message.metadata == {
        "event_type": "causewatch_incident",
        "event_payload": {
            "incident_id": opened().incident.id,
            "revision": 1,
            "message_id": "msg-open",
        },
    }


def test_the_message_is_changed_in_place(slack: FakeSlack) -> None:
    """A later revision edits the message; a resolved one turns green."""
    channel = channel_to(slack)
    ref = posted(channel)
    ended = then(opened().incident, resolved(an_alert()))
    assert channel.send(a_delivery("resolve", ref, ended)) == Sent(ref=ref)
    (message,) = slack.messages
    assert message.text.startswith("✅ Resolved:")
    assert len(message.history) == 1


def test_changes_are_told_in_the_thread(slack: FakeSlack) -> None:
    """A reply says what changed; a loud one goes to the channel and mentions people again."""
    channel = channel_to(slack, mention={"ticket": ("@ai-oncall",)})
    ref = posted(channel)
    for loud in (False, True):
        row = a_delivery("thread", ref, notes=("B fires as <!channel>.",), broadcast=loud)
        assert channel.send(row) == Sent()
    quiet, loud_one = slack.replies()
    assert quiet.text == "B fires as &lt;!channel&gt;."
    assert loud_one.text == "<!subteam^S0000001>\nB fires as &lt;!channel&gt;."
    assert (quiet.broadcast, loud_one.broadcast) == (False, True)
    assert {quiet.thread_ts, loud_one.thread_ts} == {ref.ts}


def test_mentions_are_looked_up_once(slack: FakeSlack) -> None:
    """A handle is asked of Slack once; without the scope it stays text and is sent all the same."""
    channel = channel_to(slack, mention={"ticket": ("@ai-oncall",)})
    posted(channel)
    posted(channel)
    assert slack.calls.count("usergroups.list") == 1
    assert all("<!subteam^S0000001>" in str(message.blocks) for message in slack.messages)
    slack.missing_scopes.add("usergroups.list")
    other = channel_to(slack, mention={"ticket": ("@ai-oncall",)})
    posted(other)
    posted(other)
    assert slack.calls.count("usergroups.list") == 2
    assert "@ai-oncall" in str(slack.messages[-1].blocks)


@pytest.mark.parametrize("error", ["message_not_found", "cant_update_message"])
def test_a_message_that_is_gone_is_posted_anew(slack: FakeSlack, error: str) -> None:
    """Somebody deleted it, or it may not be edited any more: people still get the news."""
    channel = channel_to(slack)
    ref = posted(channel)
    slack.faults = [Fault(error=error, method="chat.update")]
    outcome = channel.send(a_delivery("update", ref))
    assert isinstance(outcome, Sent)
    assert outcome.ref is not None
    assert outcome.ref != ref
    assert len(slack.posts()) == 2


def test_an_update_without_a_message_is_a_post(slack: FakeSlack) -> None:
    """Where the first message was given up, the next change starts anew."""
    assert isinstance(channel_to(slack).send(a_delivery("update")), Sent)
    assert len(slack.posts()) == 1


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (
            Fault(trouble="429", retry_after_s=17),
            Retry(after_s=17.0, reason="Slack: rate limited", whole_channel=True),
        ),
        (Fault(trouble="500"), Unknown(reason="Slack: no JSON (HTTP 500)")),
        (Fault(trouble="text"), Unknown(reason="Slack: no JSON (HTTP 200)")),
        (Fault(error="internal_error"), Unknown(reason="Slack: internal_error (HTTP 200)")),
        (Fault(error="channel_not_found"), Retry(after_s=120.0, reason="Slack: channel_not_found")),
        (Fault(error="token_revoked"), Retry(after_s=120.0, reason="Slack: token_revoked")),
        (Fault(error="msg_too_long"), Dead(reason="Slack: msg_too_long")),
        (Fault(error="something_new"), Retry(reason="Slack: something_new")),
        (
            Fault(error="ratelimited"),
            Retry(after_s=30.0, reason="Slack: rate limited", whole_channel=True),
        ),
    ],
)
def test_each_answer_has_its_outcome(slack: FakeSlack, fault: Fault, outcome: Outcome) -> None:
    """One request was made, nothing was waited for, nothing was tried twice."""
    slack.faults = [fault]
    assert channel_to(slack).send(a_delivery()) == outcome
    assert slack.calls == ["chat.postMessage"]
    assert slack.messages == []


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        (Fault(trouble="close_after_accept"), 1),
        (Fault(trouble="close"), 0),
        (Fault(slow_s=1.3), 1),
    ],
)
def test_no_answer_is_not_knowing(slack: FakeSlack, fault: Fault, arrived: int) -> None:
    """A broken connection or a timeout says nothing, and slack-sdk does not repeat the post."""
    slack.faults = [fault]
    outcome = channel_to(slack).send(a_delivery())
    assert isinstance(outcome, Unknown)
    assert slack.calls == ["chat.postMessage"]
    while fault.slow_s and not slack.messages:
        pass
    assert len(slack.messages) == arrived


def test_nobody_there_is_a_retry(slack: FakeSlack) -> None:
    """A refused connection sent nothing."""
    channel = channel_to(slack, api_url="http://127.0.0.1:1/api/")
    outcome = channel.send(a_delivery())
    assert isinstance(outcome, Retry)
    assert outcome.after_s is None


def test_a_wrong_token_waits_for_a_person(slack: FakeSlack) -> None:
    """The message is kept while somebody renews the token."""
    outcome = channel_to(slack, bot_token="xoxb-wrong").send(a_delivery())
    assert outcome == Retry(after_s=120.0, reason="Slack: invalid_auth")


def test_what_may_have_arrived_is_looked_up(slack: FakeSlack) -> None:
    """Found by its id in the metadata, the message is edited to the newest state, not repeated."""
    channel = channel_to(slack, channel="C0000001")
    slack.faults = [Fault(trouble="close_after_accept")]
    assert isinstance(channel.send(a_delivery()), Unknown)
    outcome = channel.send(a_delivery(possibly_sent=True))
    (message,) = slack.messages
    assert outcome == Sent(ref=MessageRef(channel=message.channel, ts=message.ts))


def test_a_channels_name_is_looked_up_by_an_earlier_message(slack: FakeSlack) -> None:
    """Slack reads histories by channel id only: the newest message of the target tells it."""
    channel = channel_to(slack)
    near = posted(channel)
    slack.faults = [Fault(trouble="close_after_accept")]
    other = a_delivery("open", near=near)
    other = msgspec.structs.replace(other, row=msgspec.structs.replace(other.row, message_id="m2"))
    assert isinstance(channel.send(other), Unknown)
    row = msgspec.structs.replace(other.row, possibly_sent=True)
    assert isinstance(channel.send(msgspec.structs.replace(other, row=row)), Sent)
    assert len(slack.messages) == 2


def test_a_reply_that_arrived_is_not_repeated(slack: FakeSlack) -> None:
    """A reply is looked for in its thread."""
    channel = channel_to(slack)
    ref = posted(channel)
    slack.faults = [Fault(trouble="close_after_accept")]
    assert isinstance(channel.send(a_delivery("thread", ref, notes=("x",))), Unknown)
    again = a_delivery("thread", ref, notes=("x",), possibly_sent=True)
    assert channel.send(again) == Sent()
    assert len(slack.replies()) == 1


def test_a_channels_name_is_looked_up_in_the_list(slack: FakeSlack) -> None:
    """The very first message to a named channel is found too, and not posted twice."""
    channel = channel_to(slack, channel="#agents")
    slack.faults = [Fault(trouble="close_after_accept")]
    assert isinstance(channel.send(a_delivery()), Unknown)
    assert isinstance(channel.send(a_delivery(possibly_sent=True)), Sent)
    assert len(slack.messages) == 1
    assert slack.calls.count("conversations.list") == 1


@pytest.mark.parametrize("reason", ["scope", "list", "absent"])
def test_what_cannot_be_found_is_sent_again(slack: FakeSlack, reason: str) -> None:
    """Without a scope it would take, or when it never arrived: at least once."""
    channel = channel_to(slack, channel="#agents" if reason == "list" else "C0000001")
    if reason == "list":
        slack.missing_scopes.add("conversations.list")
    slack.faults = [Fault(trouble="close" if reason == "absent" else "close_after_accept")]
    if reason == "scope":
        slack.missing_scopes.add("conversations.history")
    assert isinstance(channel.send(a_delivery()), Unknown)
    assert isinstance(channel.send(a_delivery(possibly_sent=True)), Sent)
    assert slack.messages[-1].metadata is not None
    assert slack.messages[-1].metadata["event_payload"]["message_id"] == "msg-open"
    assert len(slack.messages) == (1 if reason == "absent" else 2)


def test_blocks_that_slack_refuses_become_text(slack: FakeSlack) -> None:
    """A bug of ours in the blocks costs the layout, not the message."""
    slack.faults = [Fault(error="invalid_blocks")]
    assert isinstance(channel_to(slack).send(a_delivery()), Sent)
    (message,) = slack.messages
    assert message.blocks == []
    assert message.text.startswith("🟠 Open:")


def test_an_incoming_webhook_gets_the_same_message(slack: FakeSlack) -> None:
    """Blocks and text, without a token; mentions by id work there, handles stay text."""
    config = SlackConfig(webhook_url=slack.webhook_url, mention={"ticket": ("U0123ABC", "@x")})
    channel = SlackWebhookChannel("team", config, Links())
    assert channel.send(a_delivery()) == Sent()
    (post,) = slack.webhook_posts
    assert post["text"].startswith("🟠 Open:")
    assert post["blocks"][1]["text"]["text"] == "<@U0123ABC> @x"
    channel.close()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(trouble="429", retry_after_s=3), Retry),
        (Fault(trouble="500"), Unknown),
        (Fault(error="no_service"), Retry),
        (Fault(trouble="close_after_accept"), Unknown),
    ],
)
def test_each_answer_of_a_webhook_has_its_outcome(
    slack: FakeSlack, fault: Fault, expected: type[Outcome]
) -> None:
    """The same rules as for the Web API; slack-sdk repeats nothing here either."""
    slack.faults = [fault]
    channel = SlackWebhookChannel("team", SlackConfig(webhook_url=slack.webhook_url), Links())
    assert isinstance(channel.send(a_delivery()), expected)
    assert slack.calls == ["webhook"]


def a_block(kind: str, text: dict[str, str]) -> dict[str, Any]:
    """Return the arguments of a post of one block."""
    return {"blocks": [{"type": kind, "text": text}]}


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"text": "x"}, None),
        ({}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        (
            a_block("header", {"type": "mrkdwn", "text": "x"}),
            "invalid_blocks",
        ),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
        (
            a_block("section", {"type": "mrkdwn", "text": ""}),
            "invalid_blocks",
        ),
        ({"blocks": [{"type": "actions", "elements": []}]}, "invalid_blocks"),
        ({"blocks": [{"type": "unheard_of"}]}, "invalid_blocks"),
    ],
)
def test_the_fake_refuses_what_slack_refuses(asked: dict[str, Any], problem: str | None) -> None:
    """The fake is worth something only as long as it is strict."""
    found = problem_of(asked)
    assert (found[0] if found else None) == problem
