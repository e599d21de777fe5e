"""The channels of all receivers, by the target names the outbox knows them by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import assert_never

from causewatch.notify.config import Links, Receiver, SlackConfig, Target, WebhookConfig, targets_of
from causewatch.notify.outcome import Channel
from causewatch.notify.slack.send import SlackChannel, SlackWebhookChannel
from causewatch.notify.webhook.send import WebhookChannel


def channels_of(
    receivers: Iterable[Receiver], links: Links, now_ns: Callable[[], int]
) -> dict[str, Channel]:
    """Return a channel for each destination of each receiver.

    Raises:
        UserError: when a secret cannot be used.
    """
    targets = [target for receiver in receivers for target in targets_of(receiver)]
    return {target.name: channel_of(target, links, now_ns) for target in targets}


def channel_of(target: Target, links: Links, now_ns: Callable[[], int]) -> Channel:
    """Return the channel that serves a target."""
    match target.destination:
        case SlackConfig() as config if target.integration == "slack":
            return SlackChannel(target.receiver, config, links)
        case SlackConfig() as config:
            return SlackWebhookChannel(target.receiver, config, links)
        case WebhookConfig() as config:
            return WebhookChannel(target.receiver, config, links, now_ns)
        case _ as never:
            assert_never(never)
