"""Webhooks against a server on loopback: signatures, answers, no redirects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from causewatch.errors import UserError
from causewatch.incidents.gather import IncidentChange
from causewatch.incidents.handle import handle
from causewatch.notify.channels import channels_of
from causewatch.notify.config import Links, Receiver, SlackConfig, WebhookConfig
from causewatch.notify.outcome import Dead, Delivery, Outcome, Retry, Sent, Unknown
from causewatch.notify.webhook.render import render_body
from causewatch.notify.webhook.send import WebhookChannel
from notify_fixtures import NOW, VirtualClock, opened
from webhook_fixtures import Hook, a_delivery, serving

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(name="hook")
def _hook() -> Iterator[Hook]:
    with serving() as hook:
        yield hook


def sent(url: str, delivery: Delivery, clock: VirtualClock | None = None, **config: Any) -> Outcome:
    """Send one delivery over a channel of its own."""
    channel = WebhookChannel(
        "team", WebhookConfig(url=url, **config), Links(), (clock or VirtualClock()).now_ns
    )
    try:
        return channel.send(delivery)
    finally:
        channel.close()


def test_a_webhook_gets_our_json(hook: Hook) -> None:
    """The body tells type, incident and cause; the id is the message's."""
    assert sent(hook.url, a_delivery()) == Sent()
    ((path, headers, body),) = hook.got
    found = json.loads(body)
    assert path == "/hook"
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == found["id"] == "msg_open"
    assert (found["type"], found["incident"]["state"]) == ("incident.opened", "open")
    assert found["cause"]["origin"]["name"] == "stock_lookup"
    assert "webhook-signature" not in headers


def test_a_signature_can_be_verified(hook: Hook) -> None:
    """The reference implementation of Standard Webhooks accepts id, time and body."""
    signed = Webhook(SECRET)
    clock = VirtualClock()
    sent(hook.url, a_delivery(), clock, secret=SECRET)
    ((_, headers, body),) = hook.got
    assert headers["webhook-timestamp"] == str(NOW // 10**9)
    assert headers["webhook-signature"].startswith("v1,")
    # The library compares with the real clock, so the signature itself is what is compared.
    at = datetime.fromtimestamp(NOW // 10**9, tz=UTC)
    assert headers["webhook-signature"] == signed.sign("msg_open", at, body.decode())


def test_a_retry_has_the_same_id_and_body_and_a_new_time(hook: Hook) -> None:
    """So that a receiver can tell a repetition from news, and an old capture from a retry."""
    clock = VirtualClock()
    for _ in range(2):
        sent(hook.url, a_delivery(), clock, secret=SECRET)
        clock.advance(30)
    (_, first, body), (_, second, again) = hook.got
    assert first["webhook-id"] == second["webhook-id"]
    assert body == again
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 30
    assert first["webhook-signature"] != second["webhook-signature"]


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (200, {}, Sent()),
        (202, {}, Sent()),
        (410, {}, Dead(reason="the webhook is gone (HTTP 410)", disable=True)),
        (400, {}, Retry(reason="the webhook answered HTTP 400")),
        (500, {}, Retry(reason="the webhook answered HTTP 500")),
        (429, {}, Retry(reason="the webhook answered HTTP 429")),
        (
            429,
            {"Retry-After": "7"},
            Retry(reason="the webhook answered HTTP 429", after_s=7.0, whole_channel=True),
        ),
        (
            503,
            {"Retry-After": "9"},
            Retry(reason="the webhook answered HTTP 503", after_s=9.0, whole_channel=True),
        ),
        (404, {"Retry-After": "9"}, Retry(reason="the webhook answered HTTP 404", after_s=9.0)),
    ],
)
def test_each_answer_has_its_outcome(
    hook: Hook, status: int, headers: dict[str, str], expected: Outcome
) -> None:
    """By Standard Webhooks: 2xx is sent, 410 is the end, all else is tried again."""
    hook.status, hook.answer_headers = status, headers
    assert sent(hook.url, a_delivery()) == expected


def test_redirects_are_not_followed(hook: Hook) -> None:
    """A receiver cannot send us anywhere: the address comes from the configuration."""
    hook.status = 307
    hook.answer_headers = {"Location": hook.url.replace("/hook", "/elsewhere")}
    outcome = sent(hook.url, a_delivery())
    assert outcome == Retry(reason="the webhook redirects (HTTP 307): redirects are not followed")
    assert [path for path, _, _ in hook.got] == ["/hook"]


def test_a_connection_that_breaks_is_not_knowing(hook: Hook) -> None:
    """The request was sent, no answer came."""
    hook.status = 0
    outcome = sent(hook.url, a_delivery())
    assert isinstance(outcome, Unknown)
    assert "RemoteProtocolError" in outcome.reason


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://127.0.0.1:1/x", Retry), ("ftp://example.com/x", Dead), ("http://x\n", Dead)],
)
def test_what_cannot_be_asked(url: str, expected: type[Outcome]) -> None:
    """Nobody there may change; an address that is none will not."""
    assert isinstance(sent(url, a_delivery()), expected)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a"])
def test_a_bad_secret_is_found_at_the_start(secret: str) -> None:
    """Not at the first incident; and the message does not show it."""
    with pytest.raises(UserError, match="receiver 'team'") as raised:
        sent("https://example.com", a_delivery(), secret=secret)
    assert f"{secret} " not in str(raised.value)


def test_every_destination_gets_its_channel() -> None:
    """The names are those that decisions write into the outbox."""
    receiver = Receiver(
        name="team",
        slack=(
            SlackConfig(channel="#a", bot_token="x"),
            SlackConfig(webhook_url="https://hooks.slack.com/services/x"),
        ),
        webhooks=(WebhookConfig(url="https://example.com"),),
    )
    channels = channels_of([receiver], Links(), VirtualClock().now_ns)
    kinds = [(name.split("/")[1], channel.integration) for name, channel in channels.items()]
    assert kinds == [(k, k) for k in ("slack", "slack_webhook", "webhook")]
    assert [channel.min_gap_s for channel in channels.values()] == [1.0, 1.0, 0.0]
    for channel in channels.values():
        channel.close()


@pytest.mark.parametrize(("reason", "reminder"), [("opened", False), ("repeated", True)])
def test_a_reminder_says_that_it_is_one(reason: str, reminder: bool) -> None:  # a parameter
    """It opens nothing anew: who counts incidents can tell."""
    row = msgspec.structs.replace(a_delivery().row, reason=reason)
    assert json.loads(render_body(row, Links()))["reminder"] is reminder


def test_who_resolved_it_by_hand_is_in_the_body() -> None:
    """An end that alerts came to by themselves names nobody."""
    closed = handle(opened().incident, "resolve", by="Ana", now_ns=NOW)
    assert isinstance(closed, IncidentChange)
    row = msgspec.structs.replace(a_delivery("resolve").row, incident=closed.incident)
    assert json.loads(render_body(row, Links()))["incident"]["resolved_by"] == "Ana"
    assert (
        json.loads(render_body(a_delivery("resolve").row, Links()))["incident"]["resolved_by"]
        is None
    )
