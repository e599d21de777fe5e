"""Sending to Slack through slack-sdk. Thin: what is said is rendered elsewhere.

slack-sdk's own retries are switched off: it would repeat a post whose connection broke, and the
outbox alone knows what may be repeated. Waiting is the outbox's business as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.error import URLError

import msgspec
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError, SlackRequestError
from slack_sdk.webhook import WebhookClient

from causewatch.notify.config import Links, SlackConfig
from causewatch.notify.outcome import Dead, Delivery, Outcome, Retry, Sent, Unknown
from causewatch.notify.picture.raster import Rasterise, png_of
from causewatch.notify.slack.answer import (
    GONE,
    NO_SCOPE,
    UNREADABLE,
    error_of,
    outcome_of_answer,
    outcome_of_webhook,
    was_refused,
)
from causewatch.notify.slack.mentions import mention, unresolved
from causewatch.notify.slack.picture import Pictures
from causewatch.notify.slack.render import Rendering, SlackMessage, render, render_reply
from causewatch.store.record import MessageRef

MIN_GAP_S = 1.0
MAX_LOOKED_AT = 100
MAX_CHANNEL_PAGES = 20
CHANNELS_PER_PAGE = 1000
_CHANNEL_ID = re.compile("[CGD][A-Z0-9]{7,}")
_NS_PER_S = 1_000_000_000


class SlackChannel:
    """One channel, by bot token: posts, changes in place, replies in threads."""

    integration = "slack"
    min_gap_s = MIN_GAP_S

    def __init__(
        self, receiver: str, config: SlackConfig, links: Links, rasterise: Rasterise = png_of
    ) -> None:
        self.receiver = receiver
        self.pace_key = f"slack {config.api_url} {config.channel}"
        self._config = config
        self._links = links
        self._groups: dict[str, str] | None = None
        self._id: str | None = None
        self._client = WebClient(
            token=config.bot_token,
            base_url=config.api_url,
            timeout=max(1, int(config.timeout_s)),
            retry_handlers=[],
        )
        self._pictures = (
            Pictures(self._client, rasterise, excerpts=config.excerpts) if config.picture else None
        )

    def send(self, delivery: Delivery) -> Outcome:
        """Try once. See ``Channel.send``."""
        outcome = _answered(lambda: self._send(delivery))
        if self._pictures is None or not isinstance(outcome, Sent) or outcome.ref is None:
            return outcome
        return self._pictures.follow(delivery.row.incident, outcome.ref)

    def close(self) -> None:
        """Do nothing: slack-sdk keeps no connection."""

    def _send(self, delivery: Delivery) -> Outcome:
        row, ref = delivery.row, delivery.ref
        if row.possibly_sent and row.action in {"open", "thread"}:
            found = self._find(delivery)
            if found is not None and row.action == "thread":
                return Sent()
            ref = found or ref
        if ref is None:
            return self._post(delivery)
        try:
            return (
                self._reply(delivery, ref) if row.action == "thread" else self._edit(delivery, ref)
            )
        except SlackApiError as error:
            if error_of(error) in GONE:
                return self._post(delivery)
            raise

    def _post(self, delivery: Delivery) -> Outcome:
        answer = self._call(
            self._client.chat_postMessage, self._message(delivery), channel=self._config.channel
        )
        return Sent(ref=MessageRef(channel=str(answer["channel"]), ts=str(answer["ts"])))

    def _edit(self, delivery: Delivery, ref: MessageRef) -> Outcome:
        self._call(
            self._client.chat_update, self._message(delivery), channel=ref.channel, ts=ref.ts
        )
        return Sent(ref=ref)

    def _reply(self, delivery: Delivery, ref: MessageRef) -> Outcome:
        row = delivery.row
        rendering = self._rendering(row.incident.severity)
        if not row.broadcast:  # an edit notifies nobody, so what is loud mentions people again
            rendering = msgspec.structs.replace(rendering, mentions=())
        reply = render_reply(row.incident, row.notes, rendering, message_id=row.message_id)
        self._call(
            self._client.chat_postMessage,
            reply,
            channel=ref.channel,
            thread_ts=ref.ts,
            reply_broadcast=row.broadcast,
        )
        return Sent()

    def _call(self, method: Callable[..., Any], message: SlackMessage, **place: Any) -> Any:
        """Send blocks; where Slack refuses them, the text alone, rather than nothing."""
        if "ts" not in place:
            place |= {"unfurl_links": False, "unfurl_media": False}
        place |= {"text": message.text, "metadata": message.metadata}
        try:
            return method(blocks=list(message.blocks), **place)
        except SlackApiError as error:
            if error_of(error) not in UNREADABLE:
                raise
            return method(blocks=[], **place)

    def _message(self, delivery: Delivery) -> SlackMessage:
        row = delivery.row
        return render(
            row.incident,
            self._rendering(row.incident.severity, row.instead_of),
            message_id=row.message_id,
        )

    def _rendering(self, severity: str, instead_of: str = "") -> Rendering:
        wanted = self._config.mention.get(severity, ())
        groups = self._group_ids() if unresolved(wanted) else {}
        found = (mention(name, groups) for name in wanted)
        return Rendering(
            links=self._links,
            excerpts=self._config.excerpts,
            actions=self._config.actions,
            mentions=tuple(text for text in found if text),
            instead_of=instead_of,
        )

    def _group_ids(self) -> dict[str, str]:
        """Return the ids of user groups by handle, asked once; none without the scope for it."""
        if self._groups is None:
            try:
                groups = self._client.usergroups_list().get("usergroups") or []
            except SlackApiError as error:
                if error_of(error) not in NO_SCOPE:
                    return {}  # asked again with the next message
                groups = []
            self._groups = {str(g.get("handle")): str(g.get("id")) for g in groups}
        return self._groups

    def _channel_id(self) -> str:
        """Return the id of the configured channel: reading takes ids only, posting names as well.

        A name that is not found stays a name; Slack then refuses to read it.
        """
        name = self._config.channel.removeprefix("#")
        if self._id is None and _CHANNEL_ID.fullmatch(name):
            self._id = name
        cursor = ""
        for _ in range(MAX_CHANNEL_PAGES):
            if self._id is not None:
                return self._id
            answer = self._client.conversations_list(
                types="public_channel,private_channel", limit=CHANNELS_PER_PAGE, cursor=cursor
            )
            ids = {str(c.get("name")): str(c.get("id")) for c in answer.get("channels") or []}
            self._id = ids.get(name)
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
        return self._id or name

    def _find(self, delivery: Delivery) -> MessageRef | None:
        """Look for a message that may have arrived; ``None`` if it did not or may not be read."""
        row, near = delivery.row, delivery.ref or delivery.near
        since = f"{row.created_at_ns // _NS_PER_S - 60}.000000"
        try:
            channel = near.channel if near else self._channel_id()
            if row.action == "thread" and delivery.ref is not None:
                answer = self._client.conversations_replies(
                    channel=channel,
                    ts=delivery.ref.ts,
                    oldest=since,
                    include_all_metadata=True,
                    limit=MAX_LOOKED_AT,
                )
            else:
                answer = self._client.conversations_history(
                    channel=channel, oldest=since, include_all_metadata=True, limit=MAX_LOOKED_AT
                )
        except SlackApiError as error:
            if was_refused(error):
                return None
            raise
        for message in answer.get("messages") or []:
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            if payload.get("message_id") == row.message_id:
                return MessageRef(channel=channel, ts=str(message["ts"]))
        return None


class SlackWebhookChannel:
    """One incoming webhook: a message when an incident opens, one when it resolves."""

    integration = "slack_webhook"
    min_gap_s = MIN_GAP_S

    def __init__(self, receiver: str, config: SlackConfig, links: Links) -> None:
        self.receiver = receiver
        self.pace_key = f"slack_webhook {config.webhook_url}"
        self._config = config
        self._links = links
        self._client = WebhookClient(
            config.webhook_url, timeout=max(1, int(config.timeout_s)), retry_handlers=[]
        )

    def send(self, delivery: Delivery) -> Outcome:
        """Try once. See ``Channel.send``."""
        return _answered(lambda: self._send(delivery))

    def close(self) -> None:
        """Do nothing: slack-sdk keeps no connection."""

    def _send(self, delivery: Delivery) -> Outcome:
        incident = delivery.row.incident
        wanted = self._config.mention.get(incident.severity, ())
        mentions = tuple(text for name in wanted if (text := mention(name, {})))
        rendering = Rendering(
            links=self._links,
            excerpts=self._config.excerpts,
            mentions=mentions,
            instead_of=delivery.row.instead_of,
        )
        message = render(incident, rendering, message_id=delivery.row.message_id)
        answer = self._client.send(
            text=message.text,
            blocks=list(message.blocks),
            unfurl_links=False,
            unfurl_media=False,
        )
        return outcome_of_webhook(answer.status_code, answer.body or "", answer.headers)


def _answered(attempt: Callable[[], Outcome]) -> Outcome:
    """Return the outcome of an attempt, also where slack-sdk raises."""
    try:
        return attempt()
    except SlackApiError as error:
        return outcome_of_answer(error)
    except SlackRequestError as error:
        return Dead(reason=f"Slack cannot be asked: {error}")
    except (SlackClientError, HTTPException, OSError) as error:
        return _unanswered(error)


def _unanswered(error: Exception) -> Outcome:
    reason = f"{type(error).__name__} {error}".rstrip()
    # urllib wraps what happens before the request is out; a reset may come after it all the same.
    if isinstance(error, URLError) and not isinstance(error.reason, ConnectionError):
        return Retry(reason=f"Slack cannot be reached: {reason}")
    if isinstance(error, URLError) and isinstance(error.reason, ConnectionRefusedError):
        return Retry(reason=f"Slack cannot be reached: {reason}")
    return Unknown(reason=f"no answer from Slack: {reason}")
