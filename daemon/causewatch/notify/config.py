"""Who is told, and where. Plain values: reading them from YAML is the business of ``app``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal, TypeAlias, assert_never

import msgspec

from causewatch.incidents.calendar import Intervals
from causewatch.incidents.inhibit import InhibitRule
from causewatch.incidents.route import Route

SLACK_API_URL = "https://slack.com/api/"
DIGEST_KEY = "causewatch: past the limit of a receiver"
"""Key of the incidents that are digests of others: they have no page of their own."""
Integration = Literal["slack", "slack_webhook", "webhook"]


class SlackConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One Slack channel, by bot token (updates and threads) or by incoming webhook (neither).

    ``mention`` maps a severity to whom to mention: ids of users (``U…``), ids or handles of user
    groups (``S…``, ``@oncall``), ``@here``, ``@channel``, ``@everyone``.
    """

    channel: str = ""
    bot_token: str = ""
    webhook_url: str = ""
    api_url: str = SLACK_API_URL
    mention: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    send_resolved: bool = True
    excerpts: bool = False
    """Show payload excerpts that evidence quotes; otherwise they are left out."""
    picture: bool = False
    """Show the causal path as a picture in the thread; takes a bot token and the extra."""
    actions: bool = False
    """Show buttons with which people answer; there has to be a ``SlackApp`` that hears them."""
    timeout_s: float = 10.0

    def __repr__(self) -> str:
        """Name the place, never the secrets."""
        return f"SlackConfig(channel={self.channel!r})"


class SlackApp(msgspec.Struct, frozen=True, kw_only=True):
    """The app that hears of pressed buttons, by its app-level token (``xapp-``, Socket Mode).

    ``allow`` are the ids of the users who may ask for something by them.
    """

    app_token: str
    allow: frozenset[str]
    api_url: str = SLACK_API_URL

    def __repr__(self) -> str:
        """Name the people, never the token."""
        return f"SlackApp(allow={sorted(self.allow)})"


class HttpClient(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is met: whom to believe, who we are (mTLS), by PEM files; and a bearer token."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    bearer_token: str = ""

    def __repr__(self) -> str:
        """Name the files, never the token."""
        return f"HttpClient({self.ca_file!r}, {self.cert_file!r})"


class WebhookConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One URL that takes our JSON; ``secret`` (``whsec_…``) signs it by Standard Webhooks."""

    url: str
    secret: str = ""
    send_resolved: bool = True
    excerpts: bool = False
    timeout_s: float = 20.0
    client: HttpClient = HttpClient()

    def __repr__(self) -> str:
        """Name the place, never the secrets: a URL may carry a token."""
        return f"WebhookConfig({digest_of(self.url)})"


Destination: TypeAlias = SlackConfig | WebhookConfig


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of destinations; each is told by itself."""

    name: str
    slack: tuple[SlackConfig, ...] = ()
    webhooks: tuple[WebhookConfig, ...] = ()
    limit: int = 0
    """New incidents that each destination is told of within a group interval; 0 is no limit."""
    fallback: str = ""
    """Name of the receiver that is told what this one cannot be told."""


class Alerting(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told of what, and when nobody is. Without a route nobody is told of anything."""

    route: Route | None = None
    receivers: Mapping[str, Receiver] = msgspec.field(default_factory=dict)
    intervals: Intervals = msgspec.field(default_factory=dict)
    inhibit_rules: tuple[InhibitRule, ...] = ()


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """Where the buttons lead; empty leaves a button out.

    ``trace_url`` may hold ``{{ $trace_id }}``, ``{{ $span_id }}``, ``{{ $run_id }}``, and the other
    names of ``links.PLACES``.
    """

    external_url: str = ""
    trace_url: str = ""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One destination under the name that the outbox knows it by, stable when others change."""

    name: str
    receiver: str
    integration: Integration
    destination: Destination
    limit: int = 0
    """See ``Receiver.limit``."""

    @property
    def in_place(self) -> bool:
        """Return whether a message there can be changed and answered in a thread."""
        return self.integration == "slack"

    @property
    def send_resolved(self) -> bool:
        """Return whether people are told of the end as well."""
        return self.destination.send_resolved


def targets_of(receiver: Receiver) -> tuple[Target, ...]:
    """Return the destinations of a receiver, Slack first."""
    destinations: tuple[Destination, ...] = (*receiver.slack, *receiver.webhooks)
    return tuple(_target(receiver, destination) for destination in destinations)


def digest_of(secret: str) -> str:
    """Return a short digest: names a URL that must not be shown."""
    return hashlib.sha256(secret.encode()).hexdigest()[:8]


def _target(receiver: Receiver, destination: Destination) -> Target:
    integration, place = _place(destination)
    return Target(
        name=f"{receiver.name}/{integration}/{place}",
        receiver=receiver.name,
        integration=integration,
        destination=destination,
        limit=receiver.limit,
    )


def _place(destination: Destination) -> tuple[Integration, str]:
    match destination:
        case SlackConfig(bot_token=token) if token:
            return "slack", destination.channel
        case SlackConfig():
            return "slack_webhook", digest_of(destination.webhook_url)
        case WebhookConfig():
            return "webhook", digest_of(destination.url)
        case _ as never:
            assert_never(never)
