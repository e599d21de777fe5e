"""Which receivers hear of an incident: the routing tree, as in Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_never

import msgspec
import re2

from causewatch.model.finding import Alert
from causewatch.model.incident import Incident
from causewatch.notify.config import Matcher, Receiver, Route, SlackConfig, targets_of

MAX_DEPTH = 16


class Destined(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver that hears of an incident, and how often small changes may update a message."""

    receiver: str
    group_interval_s: float


def route_incident(route: Route, incident: Incident) -> tuple[Destined, ...]:
    """Return who hears of an incident: the receivers of any alert in it, each once."""
    labels = incident_labels(incident)
    found: dict[str, Destined] = {}
    for alert in incident.alerts:
        for node in _walk(route, alert_labels(alert, labels), MAX_DEPTH):
            destined = Destined(receiver=node.receiver, group_interval_s=node.group_interval_s)
            found.setdefault(node.receiver, destined)
    return tuple(found.values())


def incident_labels(incident: Incident) -> dict[str, str]:
    """Return what every alert of an incident can be matched by, where its own labels are silent."""
    cause, origin = incident.cause, incident.cause.origin
    return {
        "severity": incident.severity,
        "workflow": cause.workflow,
        "category": cause.category,
        "origin": origin.name if origin else "",
        "origin_agent": origin.agent if origin else "",
    }


def alert_labels(alert: Alert, incident: Mapping[str, str]) -> dict[str, str]:
    """Return an alert's labels over those of its incident."""
    return {**incident, "alertname": alert.alertname, **alert.labels}


def problems_of(route: Route, receivers: Mapping[str, Receiver]) -> tuple[str, ...]:
    """Return what is wrong with the configuration, a sentence each; empty when it can be used."""
    found = list(_route_problems(route, receivers, "route", MAX_DEPTH))
    for receiver in receivers.values():
        found.extend(_receiver_problems(receiver))
    return tuple(found)


def _walk(route: Route, labels: Mapping[str, str], depth: int) -> Iterator[Route]:
    """Yield the deepest routes that match; the first of siblings ends it unless it continues."""
    matched = False
    for child in route.routes if depth else ():
        if all(_matches(matcher, labels) for matcher in child.matchers):
            matched = True
            yield from _walk(child, labels, depth - 1)
            if not child.continue_:
                break
    if not matched:
        yield route


def _matches(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    value = labels.get(matcher.name, "")
    match matcher.op:
        case "=":
            return value == matcher.value
        case "!=":
            return value != matcher.value
        case "=~":
            return re2.fullmatch(matcher.value, value) is not None
        case "!~":
            return re2.fullmatch(matcher.value, value) is None
        case _ as never:
            assert_never(never)


def _route_problems(
    route: Route, receivers: Mapping[str, Receiver], place: str, depth: int
) -> Iterator[str]:
    if route.receiver not in receivers:
        yield f"{place}: there is no receiver {route.receiver!r}"
    for matcher in route.matchers:
        if matcher.op in {"=~", "!~"} and not _is_pattern(matcher.value):
            yield f"{place}: {matcher.value!r} is not a regular expression (RE2)"
    if route.routes and not depth:
        yield f"{place}: routes are nested more than {MAX_DEPTH} deep"
        return
    for index, child in enumerate(route.routes):
        yield from _route_problems(child, receivers, f"{place}.routes[{index}]", depth - 1)


def _is_pattern(text: str) -> bool:
    try:
        re2.compile(text)
    except re2.error:
        return False
    return True


def _receiver_problems(receiver: Receiver) -> Iterator[str]:
    place = f"receiver {receiver.name!r}"
    for slack in receiver.slack:
        yield from _slack_problems(slack, place)
    for webhook in receiver.webhooks:
        if not webhook.url.startswith(("https://", "http://")):
            yield f"{place}: a webhook's url starts with https://"
    names = [target.name for target in targets_of(receiver)]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"{place}: the same destination is given twice ({name})"


def _slack_problems(slack: SlackConfig, place: str) -> Iterator[str]:
    if bool(slack.bot_token) == bool(slack.webhook_url):
        yield f"{place}: Slack takes either a bot token or an incoming webhook's URL"
    elif slack.bot_token and not slack.channel:
        yield f"{place}: a bot token needs a channel"
    if not slack.api_url.startswith(("https://", "http://")):
        yield f"{place}: Slack's api_url starts with https://"
