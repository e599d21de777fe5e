"""Reads ``route`` and ``receivers`` of the configuration: who is told, and where."""

from __future__ import annotations

import re
from pathlib import Path

from causewatch.app.secret import read_secret
from causewatch.notify.config import (
    SLACK_API_URL,
    Matcher,
    MatchOperator,
    Receiver,
    Route,
    SlackConfig,
    WebhookConfig,
)
from causewatch.notify.route import problems_of
from causewatch.rules.read import Section, did_you_mean
from causewatch.rules.yaml import Problems

_MATCHER = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*(.*?)\s*\Z", re.DOTALL)
_OPERATORS: dict[str, MatchOperator] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}


def read_receivers(section: Section, folder: Path, problems: Problems) -> tuple[Receiver, ...]:
    """Return the receivers of a configuration; two of one name are a problem at the second."""
    found: dict[str, Receiver] = {}
    for item in section.sections("receivers"):
        name = item.text("name")
        receiver = Receiver(
            name=name,
            slack=tuple(_slack(s, folder, problems) for s in item.sections("slack_configs")),
            webhooks=tuple(_webhook(s, folder, problems) for s in item.sections("webhook_configs")),
        )
        if name in found:
            problems.add(item.place_of("name"), "duplicate", f"a second receiver {name!r}")
        found[name] = receiver
        if item.ok:
            _refuse_unusable(receiver, item, problems)
    return tuple(found.values())


def read_route(
    section: Section, receivers: tuple[Receiver, ...], problems: Problems
) -> Route | None:
    """Return the routing tree; without one, the only receiver gets everything."""
    names = tuple(receiver.name for receiver in receivers)
    route = section.section("route")
    if route is not None:
        return _route(route, names, names[0] if len(names) == 1 else "", problems)
    if len(names) > 1:
        message = "several receivers need a `route` that says which of them is told"
        problems.add(section.key_place("receivers"), "route", message)
    return Route(receiver=names[0]) if len(names) == 1 else None


def _slack(section: Section, folder: Path, problems: Problems) -> SlackConfig:
    mention = {
        severity: tuple(str(who) for who in people)
        for severity, people in section.mapping("mention").items()
        if isinstance(people, list)
    }
    return SlackConfig(
        channel=section.text("channel"),
        bot_token=read_secret(section, "bot_token", folder, problems),
        webhook_url=read_secret(section, "webhook_url", folder, problems),
        api_url=section.text("api_url", SLACK_API_URL),
        mention=mention,
        send_resolved=section.boolean("send_resolved", default=True),
        excerpts=section.boolean("excerpts"),
    )


def _webhook(section: Section, folder: Path, problems: Problems) -> WebhookConfig:
    return WebhookConfig(
        url=read_secret(section, "url", folder, problems),
        secret=read_secret(section, "secret", folder, problems),
        send_resolved=section.boolean("send_resolved", default=True),
        excerpts=section.boolean("excerpts"),
        timeout_s=section.seconds("timeout", 20.0),
    )


def _refuse_unusable(receiver: Receiver, section: Section, problems: Problems) -> None:
    probe = Route(receiver=receiver.name)
    for message in problems_of(probe, {receiver.name: receiver}):
        problems.add(section.place, "receiver", message)


def _route(section: Section, names: tuple[str, ...], inherited: str, problems: Problems) -> Route:
    receiver = section.text("receiver") or inherited
    if receiver not in names:
        message = f"there is no receiver {receiver!r}{did_you_mean(receiver, names)}"
        if not receiver:
            message = "a route needs a receiver"
        problems.add(section.place_of("receiver"), "route", message)
    return Route(
        receiver=receiver,
        matchers=_matchers(section, problems),
        routes=tuple(
            _route(child, names, receiver, problems) for child in section.sections("routes")
        ),
        continue_=section.boolean("continue"),
        group_interval_s=section.seconds("group_interval", 60.0),
    )


def _matchers(section: Section, problems: Problems) -> tuple[Matcher, ...]:
    matchers = []
    for text in section.texts("matchers"):
        found = _MATCHER.match(text)
        if found is None:
            message = f'a matcher looks like severity="page" or team=~"ai.*", not {text!r}'
            problems.add(section.place_of("matchers"), "matcher", message)
            continue
        name, operator, value = found.groups()
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        matcher = Matcher(name=name, op=_OPERATORS[operator], value=value)
        probe = Route(receiver="", matchers=(matcher,))
        for message in problems_of(probe, {"": Receiver(name="")}):
            problems.add(section.place_of("matchers"), "matcher", message)
        matchers.append(matcher)
    return tuple(matchers)
