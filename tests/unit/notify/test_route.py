"""Who hears of an incident, and what is wrong with a configuration."""

from __future__ import annotations

import pytest

from causewatch.incidents.matcher import Matcher, MatchOperator
from causewatch.incidents.route import Route, route_incident
from causewatch.notify.config import Receiver, SlackConfig, WebhookConfig, targets_of
from causewatch.notify.problems import problems_of
from notify_fixtures import an_alert, opened, route_to

PAGE = Matcher(name="severity", value="page")
TEAM = Matcher(name="team", value="search")


def receivers_of(route: Route, *alert_labels: dict[str, str]) -> list[str]:
    """Return who hears of an incident of alerts with these labels."""
    alerts = [an_alert(f"A{n}", labels=labels) for n, labels in enumerate(alert_labels)]
    return [found.receiver for found in route_incident(route, opened(*alerts).incident)]


@pytest.mark.parametrize(
    ("routes", "labels", "expected"),
    [
        ((), {}, ["root"]),
        ((route_to("pager", matchers=(PAGE,)),), {"severity": "ticket"}, ["root"]),
        ((route_to("pager", matchers=(PAGE,)),), {"severity": "page"}, ["pager"]),
        (
            (route_to("pager", matchers=(PAGE,)), route_to("search", matchers=(TEAM,))),
            {"severity": "page", "team": "search"},
            ["pager"],
        ),
        (
            (
                route_to("pager", matchers=(PAGE,), continue_=True),
                route_to("search", matchers=(TEAM,)),
            ),
            {"severity": "page", "team": "search"},
            ["pager", "search"],
        ),
        (
            (route_to("search", matchers=(TEAM,), routes=(route_to("pager", matchers=(PAGE,)),)),),
            {"severity": "page", "team": "search"},
            ["pager"],
        ),
        (
            (route_to("search", matchers=(TEAM,), routes=(route_to("pager", matchers=(PAGE,)),)),),
            {"severity": "info", "team": "search"},
            ["search"],
        ),
        ((route_to("both", matchers=(PAGE, TEAM)),), {"severity": "page"}, ["root"]),
        ((route_to("all"),), {}, ["all"]),
    ],
)
def test_the_tree_is_walked_as_in_alertmanager(
    routes: tuple[Route, ...], labels: dict[str, str], expected: list[str]
) -> None:
    """The deepest match wins, the first of siblings ends it unless it continues."""
    assert receivers_of(route_to("root", routes=routes), labels) == expected


@pytest.mark.parametrize(
    ("op", "value", "matches"),
    [
        ("=", "search", True),
        ("=", "sea", False),
        ("!=", "search", False),
        ("!=", "x", True),
        ("=~", "sea.*|x", True),
        ("=~", "sea", False),
        ("!~", "sea", True),
        ("!~", "s.+h", False),
    ],
)
def test_matchers_compare_whole_values(op: MatchOperator, value: str, matches: bool) -> None:
    """A pattern is anchored at both ends."""
    child = route_to("child", matchers=(Matcher(name="team", op=op, value=value),))
    found = receivers_of(route_to("root", routes=(child,)), {"team": "search"})
    assert found == (["child"] if matches else ["root"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workflow", "warranty"),
        ("category", "tool_failure"),
        ("origin", "stock_lookup"),
        ("origin_agent", "clerk"),
        ("alertname", "A0"),
        ("severity", "page"),
        ("absent", ""),
    ],
)
def test_an_incident_can_be_routed_by_its_cause(name: str, value: str) -> None:
    """What is known of the incident is a label, as long as the alert has none of that name."""
    child = route_to("child", matchers=(Matcher(name=name, value=value),))
    assert receivers_of(route_to("root", routes=(child,)), {"severity": "page"}) == ["child"]


def test_alerts_of_two_teams_tell_both() -> None:
    """An incident goes to the receivers of any alert in it, each once."""
    children = (
        route_to("search", matchers=(TEAM,)),
        route_to("pay", matchers=(Matcher(name="team", value="pay"),)),
    )
    labels = ({"team": "search"}, {"team": "pay"}, {"team": "search"})
    assert receivers_of(route_to("root", routes=children), *labels) == ["search", "pay"]


def test_patterns_are_linear() -> None:
    """A pattern that would hang a backtracking matcher answers at once."""
    child = route_to("child", matchers=(Matcher(name="team", op="=~", value="(a+)+$"),))
    found = receivers_of(route_to("root", routes=(child,)), {"team": "a" * 50_000 + "!"})
    assert found == ["root"]


def test_targets_keep_their_names_when_others_come_and_go() -> None:
    """A name follows from receiver, kind and place: rows in the outbox find their way."""
    slack = SlackConfig(channel="#a", bot_token="t")
    hook = SlackConfig(webhook_url="https://hooks.slack.com/services/T/B/secret")
    web = WebhookConfig(url="https://example.com/?token=secret")
    full = targets_of(Receiver(name="r", slack=(hook, slack), webhooks=(web,)))
    assert {t.name for t in targets_of(Receiver(name="r", slack=(slack,)))} < {t.name for t in full}
    assert [t.integration for t in full] == ["slack_webhook", "slack", "webhook"]
    assert [t.in_place for t in full] == [False, True, False]
    assert not any("secret" in target.name for target in full)


def test_secrets_do_not_show() -> None:
    """A configuration that ends up in a log or traceback names places, not secrets."""
    receiver = Receiver(
        name="r",
        slack=(SlackConfig(channel="#a", bot_token="xoxb-secret"),),
        webhooks=(WebhookConfig(url="https://u:secret@example.com", secret="whsec_secret"),),
    )
    assert "secret" not in repr(receiver)
    assert "#a" in repr(receiver)


def test_a_good_configuration_has_no_problems() -> None:
    """All kinds of destinations, nested routes, patterns."""
    receiver = Receiver(
        name="r",
        slack=(
            SlackConfig(channel="#a", bot_token="t"),
            SlackConfig(webhook_url="https://hooks.slack.com/x"),
        ),
        webhooks=(WebhookConfig(url="https://example.com"),),
    )
    child = route_to("r", matchers=(Matcher(name="a", op="=~", value="b.*"),))
    assert problems_of(route_to("r", routes=(child,)), {"r": receiver}) == ()


@pytest.mark.parametrize(
    ("route", "receiver", "problem"),
    [
        (route_to("x"), Receiver(name="r"), "route: there is no receiver 'x'"),
        (
            route_to("r", routes=(route_to("x"),)),
            Receiver(name="r"),
            "route.routes[0]: there is no receiver 'x'",
        ),
        (
            route_to("r", matchers=(Matcher(name="a", op="=~", value="("),)),
            Receiver(name="r"),
            "route: '(' is not a regular expression (RE2)",
        ),
        (
            route_to("r"),
            Receiver(name="r", slack=(SlackConfig(channel="#a"),)),
            "receiver 'r': Slack takes either a bot token or an incoming webhook's URL",
        ),
        (
            route_to("r"),
            Receiver(name="r", slack=(SlackConfig(bot_token="t"),)),
            "receiver 'r': a bot token needs a channel",
        ),
        (
            route_to("r"),
            Receiver(name="r", slack=(SlackConfig(bot_token="t", channel="c", api_url="x"),)),
            "receiver 'r': Slack's api_url starts with https://",
        ),
        (
            route_to("r"),
            Receiver(name="r", webhooks=(WebhookConfig(url="file:///etc/passwd"),)),
            "receiver 'r': a webhook's url starts with https://",
        ),
        (
            route_to("r"),
            Receiver(name="r", slack=(SlackConfig(bot_token="t", channel="c"),) * 2),
            "receiver 'r': the same destination is given twice (r/slack/c)",
        ),
    ],
)
def test_each_problem_is_a_sentence(route: Route, receiver: Receiver, problem: str) -> None:
    """The place comes first, then what is wrong."""
    assert problems_of(route, {"r": receiver}) == (problem,)


def test_routes_end_somewhere() -> None:
    """A tree that is absurdly deep is refused, and walked no deeper than the limit."""
    route = route_to("r")
    for _ in range(50):
        route = route_to("r", routes=(route,))
    assert any("deep" in problem for problem in problems_of(route, {"r": Receiver(name="r")}))
    assert receivers_of(route, {}) == ["r"]
