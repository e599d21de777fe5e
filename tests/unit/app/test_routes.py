"""A routing tree is copied from an Alertmanager's file: what it means, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from causewatch.app.config import Config, load_config
from causewatch.errors import ProblemsError
from causewatch.incidents.calendar import Interval, Range
from causewatch.incidents.matcher import Matcher
from causewatch.incidents.route import Route, routes_of

COPIED = """\
route:
  receiver: default
  group_by: [cluster, alertname]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 1w
  routes:
  - matchers: [ team="frontend", 'severity=~"page|critical"' ]
    receiver: frontend-pager
    group_by: [product, environment]
    group_wait: 0
    continue: true
    routes:
    - match: {product: shop}
      receiver: shop
  - match_re: {service: (foo1|foo2|baz)}
    receiver: default
    mute_time_intervals: [offhours, holidays]
  - matchers: ['{"service.name"="api", env!~dev.*}']
    active_time_intervals: [offhours]
    repeat_interval: 1d12h
inhibit_rules:
- source_matchers: [severity="critical"]
  target_matchers: [severity=~"warning|info"]
  equal: [alertname, cluster]
- source_match: {severity: page}
  target_match_re: {severity: .*}
time_intervals:
- name: offhours
  time_intervals:
  - times: [{start_time: 00:00, end_time: 08:00}, {start_time: "18:00", end_time: "24:00"}]
    weekdays: ['monday:friday']
    location: Europe/Oslo
  - weekdays: [Saturday, sunday]
mute_time_intervals:
- name: holidays
  time_intervals: [{months: ['december', '1:2'], days_of_month: ['-3:-1', 1], years: ['2026:2028']}]
receivers:
- {name: default}
- name: frontend-pager
  webhook_configs: [{url: 'https://hooks.example.com/a', send_resolved: true}]
- name: shop
  slack_configs: [{webhook_url: 'https://hooks.slack.com/services/a', send_resolved: false}]
"""


def loaded(folder: Path, text: str) -> Config:
    """Load a configuration text."""
    path = folder / "causewatch.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, {})


def problems_of(folder: Path, text: str) -> list[str]:
    """Return the problems of a text as ``line:column: message``."""
    with pytest.raises(ProblemsError) as caught:
        loaded(folder, text)
    return [f"{p.line}:{p.column}: {p.message}" for p in caught.value.problems]


def test_a_copied_tree_means_what_it_meant(tmp_path: Path) -> None:
    """Children take over what they do not say; older and newer matchers are the same thing."""
    route = loaded(tmp_path, COPIED).route
    assert route is not None
    first, second, third = route.routes
    assert (route.group_wait_s, route.group_interval_s) == (30, 300)
    assert route.repeat_interval_s == 7 * 86_400
    assert first.group_by == ("product", "environment")
    assert (first.group_wait_s, first.group_interval_s) == (0, 300)
    assert first.matchers[1] == Matcher(name="severity", op="=~", value="page|critical")
    assert first.routes[0].matchers == (Matcher(name="product", value="shop"),)
    assert first.routes[0].group_by == first.group_by
    assert second.matchers == (Matcher(name="service", op="=~", value="(foo1|foo2|baz)"),)
    assert second.mute_time_intervals == ("offhours", "holidays")
    assert [m.name for m in third.matchers] == ["service.name", "env"]
    assert (third.receiver, third.repeat_interval_s) == ("default", 36 * 3600)
    assert len({r.key for r in (route, *route.routes, *first.routes)}) == 5


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, ["default"]),
        ({"team": "frontend", "severity": "page"}, ["frontend-pager"]),
        (
            {"team": "frontend", "severity": "page", "product": "shop", "service": "baz"},
            ["shop", "default"],
        ),
        ({"service.name": "api", "env": "prod"}, ["default"]),
    ],
)
def test_a_copied_tree_leads_where_it_led(
    tmp_path: Path, labels: dict[str, str], expected: list[str]
) -> None:
    """The deepest match, and after ``continue`` the siblings."""
    route = loaded(tmp_path, COPIED).route or Route(receiver="")
    assert [node.receiver for node in routes_of(route, labels)] == expected


def test_intervals_and_inhibition_are_read(tmp_path: Path) -> None:
    """Ranges in words and numbers, both lists of intervals, both forms of matchers."""
    alerting = loaded(tmp_path, COPIED).alerting
    weekday, weekend = alerting.intervals["offhours"]
    assert weekday.minutes == (Range(first=0, last=479), Range(first=1080, last=1439))
    assert weekday.weekdays == (Range(first=1, last=5),)
    assert str(weekday.zone) == "Europe/Oslo"
    assert weekend.weekdays == (Range(first=6, last=6), Range(first=0, last=0))
    assert alerting.intervals["holidays"] == (
        Interval(
            months=(Range(first=12, last=12), Range(first=1, last=2)),
            days=(Range(first=-3, last=-1), Range(first=1, last=1)),
            years=(Range(first=2026, last=2028),),
        ),
    )
    one, two = alerting.inhibit_rules
    assert one.equal == ("alertname", "cluster")
    assert two.source == (Matcher(name="severity", value="page"),)
    assert two.target == (Matcher(name="severity", op="=~", value=".*"),)


R = "receivers: [{name: a}]\n"
REFUSED = [
    ("global: {resolve_timeout: 5m}", "1:1: 'global' is not supported", "own settings"),
    ("templates: ['*.tmpl']", "1:1: 'templates' is not supported", "laid out by causewatch"),
    (
        "receivers:\n- name: a\n  email_configs: [{to: x@example.com}]",
        "3:3: 'email_configs' is not supported",
        "webhook_configs",
    ),
    (
        "receivers:\n- name: a\n  slack_configs: [{webhook_url: 'https://x', title: hi}]",
        "3:46: 'title' is not supported",
        "laid out",
    ),
    (
        "receivers:\n- name: a\n  webhook_configs: [{url: 'https://x', max_alerts: 2}]",
        "3:40: 'max_alerts' is not supported",
        "as many alerts as fit",
    ),
    (R + "route: {receiver: a, matchers: [b=c]}", "2:22: the root takes every alert", "below"),
    (R + "route: {mute_time_intervals: [x]}", "2:9: the root takes every alert", "at any time"),
    (R + "route: {continue: true}", "2:9: there is nothing after the root", ""),
    (R + "route: {group_wait: 5}", "2:21: 'group_wait' needs a unit", "5s"),
    (R + "route: {group_interval: 0s}", "2:25: 'group_interval' must be longer", ""),
    (R + "route: {repeat_interval: 4hours}", "2:26: 'repeat_interval' must be a dur", "15m"),
    (R + "route: {repeat_interval: 999999y}", "2:26: 'repeat_interval' must be at most", ""),
    (R + "route: {group_by: [a, b, a]}", "2:26: 'a' is given twice", ""),
    (R + "route: {group_by: [a, ...]}", "2:19: `...` stands for every label", "alone"),
    (R + "route: {routes: [{matchers: [ok=1, 'a b']}]}", "2:39: a matcher looks", "'a b'"),
    (R + "route: {routes: [{match_re: {a: '('}}]}", "2:29: '(' is not a regular", "RE2"),
    (R + "route: {routes: [{receiver: b}]}", "2:29: there is no receiver 'b'", ""),
    (
        R + "route: {routes: [{active_time_intervals: [nite]}]}\n"
        "time_intervals: [{name: night, time_intervals: []}]",
        "2:43: there is no time interval 'nite'",
        "did you mean 'night'",
    ),
    ("inhibit_rules: [{equal: [a]}]", "1:17: `source_matchers` is missing", ""),
    ("time_intervals: [{name: x}]", "1:18: a named time interval needs the key", ""),
]


@pytest.mark.parametrize(("text", "place", "reason"), REFUSED)
def test_what_is_not_supported_is_refused_with_its_place_and_a_reason(
    tmp_path: Path, text: str, place: str, reason: str
) -> None:
    """Nothing of a copied file is passed over in silence."""
    found = problems_of(tmp_path, text)
    assert any(line.startswith(place) and reason in line for line in found), found


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("times: [{start_time: '8:00', end_time: '09:00'}]", "a time is HH:MM"),
        ("times: [{start_time: '23:00', end_time: '01:00'}]", "must be after the start"),
        ("times: [{start_time: '24:01', end_time: '24:00'}]", "a time is HH:MM"),
        ("weekdays: [mon]", "there is no weekday 'mon'; did you mean 'monday'?"),
        ("weekdays: ['friday:monday']", "the end is before the start"),
        ("days_of_month: [0]", "days are 1 to 31"),
        ("days_of_month: ['-3:3']", "begins from the end of the month"),
        ("days_of_month: ['5:1']", "the end is before the start"),
        ("days_of_month: ['1:2:3']", "a range has two ends"),
        ("months: [13]", "there is no month '13'"),
        ("months: [jan]", "there is no month 'jan'"),
        ("years: [soon]", "a number, or two with a colon"),
        ("location: Mars/Olympus", "there is no time zone 'Mars/Olympus'"),
        ("location: ../../etc/passwd", "there is no time zone"),
    ],
)
def test_an_interval_that_could_never_be_meant_is_refused(
    tmp_path: Path, spec: str, message: str
) -> None:
    """Each says what is wrong at its own place."""
    text = f"time_intervals: [{{name: x, time_intervals: [{{{spec}}}]}}]"
    (found,) = problems_of(tmp_path, text)
    assert message in found
    assert found.startswith("1:")
