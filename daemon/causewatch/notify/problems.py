"""What is wrong with a routing tree and its receivers, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from causewatch.incidents.matcher import problem_of
from causewatch.incidents.route import MAX_DEPTH, Route
from causewatch.notify.config import Receiver, SlackConfig, targets_of
from causewatch.notify.webhook.address import literal_refusal


def problems_of(route: Route, receivers: Mapping[str, Receiver]) -> tuple[str, ...]:
    """Return what is wrong with the configuration, a sentence each; empty when it can be used."""
    found = list(_route_problems(route, receivers, "route", MAX_DEPTH))
    for receiver in receivers.values():
        found.extend(_receiver_problems(receiver))
    return tuple(found)


def _route_problems(
    route: Route, receivers: Mapping[str, Receiver], place: str, depth: int
) -> Iterator[str]:
    if route.receiver not in receivers:
        yield f"{place}: there is no receiver {route.receiver!r}"
    for problem in map(problem_of, route.matchers):
        if problem:
            yield f"{place}: {problem}"
    if route.routes and not depth:
        yield f"{place}: routes are nested more than {MAX_DEPTH} deep"
        return
    for index, child in enumerate(route.routes):
        yield from _route_problems(child, receivers, f"{place}.routes[{index}]", depth - 1)


def _receiver_problems(receiver: Receiver) -> Iterator[str]:
    place = f"receiver {receiver.name!r}"
    for slack in receiver.slack:
        yield from _slack_problems(slack, place)
    for webhook in receiver.webhooks:
        if not webhook.url.startswith(("https://", "http://")):
            yield f"{place}: a webhook's url starts with https://"
        elif refusal := literal_refusal(webhook.url):
            yield f"{place}: nothing is sent to a webhook whose address is {refusal}"
    names = [target.name for target in targets_of(receiver)]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"{place}: the same destination is given twice ({name})"


def _slack_problems(slack: SlackConfig, place: str) -> Iterator[str]:
    if bool(slack.bot_token) == bool(slack.webhook_url):
        yield f"{place}: Slack takes either a bot token or an incoming webhook's URL"
    elif slack.bot_token and not slack.channel:
        yield f"{place}: a bot token needs a channel"
    if slack.picture and slack.webhook_url:
        yield f"{place}: an incoming webhook takes no pictures, a bot token does"
    if not slack.api_url.startswith(("https://", "http://")):
        yield f"{place}: Slack's api_url starts with https://"
