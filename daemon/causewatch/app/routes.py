"""Reads the routing tree and inhibition: who is told of what, as Alertmanager would read it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from causewatch.app.intervals import read_intervals
from causewatch.incidents.inhibit import InhibitRule
from causewatch.incidents.matcher import Matcher, MatchOperator, problem_of
from causewatch.incidents.matcher_text import MatcherError, parse_matchers
from causewatch.incidents.route import BY_ALL, Route
from causewatch.notify.config import Alerting, Receiver
from causewatch.rules.read import Section, did_you_mean
from causewatch.rules.yaml import Items, Place, Problems, Scalar

MAX_WAIT_S = 100 * 365 * 86_400.0
"""Longer times would not fit into a moment in ns."""


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What routes may name."""

    receivers: tuple[str, ...]
    intervals: tuple[str, ...]


def read_alerting(
    section: Section, receivers: tuple[Receiver, ...], problems: Problems
) -> Alerting:
    """Return who is told of what, and when nobody is."""
    intervals = read_intervals(section, problems)
    return Alerting(
        route=_root(section, receivers, tuple(intervals), problems),
        receivers={receiver.name: receiver for receiver in receivers},
        intervals=intervals,
        inhibit_rules=tuple(
            _inhibit_rule(item, problems) for item in section.sections("inhibit_rules")
        ),
    )


def read_matchers(section: Section, key: str, problems: Problems) -> tuple[Matcher, ...]:
    """Return the matchers listed under a key; one line may hold several, with commas between."""
    node = section.node_of(key)
    found: list[Matcher] = []
    for item in node.nodes if isinstance(node, Items) else ():
        if not isinstance(item, Scalar) or item.kind == "broken":
            continue  # the reader has reported it
        try:
            found.extend(parse_matchers(item.text))
        except MatcherError as error:
            message = f'a matcher looks like severity="page", not {item.text!r}: {error}'
            problems.add(_within(item, error.offset), "matcher", message)
    return tuple(found)


def _root(
    section: Section,
    receivers: tuple[Receiver, ...],
    intervals: tuple[str, ...],
    problems: Problems,
) -> Route | None:
    """Return the routing tree; without one, the only receiver gets everything."""
    names = tuple(receiver.name for receiver in receivers)
    route = section.section("route")
    if route is None:
        if len(names) > 1:
            message = "several receivers need a `route` that says which of them is told"
            problems.add(section.key_place("receivers"), "route", message)
        return Route(receiver=names[0]) if len(names) == 1 else None
    for key in ("matchers", "match", "match_re", "mute_time_intervals", "active_time_intervals"):
        if route.has(key):
            message = f"the root takes every alert, at any time: put {key!r} into a route below it"
            problems.add(route.key_place(key), "route", message)
    if route.boolean("continue"):
        message = "there is nothing after the root to continue with"
        problems.add(route.key_place("continue"), "route", message)
    known = _Known(receivers=names, intervals=intervals)
    above = Route(receiver=names[0] if len(names) == 1 else "")
    return _route(route, known, above, problems)


def _route(section: Section, known: _Known, above: Route, problems: Problems) -> Route:
    """Return a route with what it does not say taken from the one above."""
    receiver = section.text("receiver") or above.receiver
    if receiver not in known.receivers:
        message = f"there is no receiver {receiver!r}{did_you_mean(receiver, known.receivers)}"
        if not receiver:
            message = "a route needs a receiver"
        problems.add(section.place_of("receiver"), "route", message)
    matchers = _all_matchers(section, "", problems)
    route = Route(
        receiver=receiver,
        matchers=matchers,
        continue_=section.boolean("continue"),
        group_by=_group_by(section, problems) or above.group_by,
        group_wait_s=_seconds(section, "group_wait", above.group_wait_s, problems),
        group_interval_s=_seconds(section, "group_interval", above.group_interval_s, problems),
        repeat_interval_s=_seconds(section, "repeat_interval", above.repeat_interval_s, problems),
        mute_time_intervals=_named(section, "mute_time_intervals", known.intervals, problems),
        active_time_intervals=_named(section, "active_time_intervals", known.intervals, problems),
        key=f"{above.key}/{{{','.join(map(str, matchers))}}}",
    )
    children = section.sections("routes")
    below = tuple(_route(child, known, route, problems) for child in children)
    return msgspec.structs.replace(route, routes=below)


def _seconds(section: Section, key: str, above_s: float, problems: Problems) -> float:
    seconds = section.seconds(key, above_s)
    if seconds > MAX_WAIT_S:
        problems.add(section.place_of(key), "value", f"{key!r} must be at most 100y")
        return above_s
    return seconds


def _group_by(section: Section, problems: Problems) -> tuple[str, ...]:
    names = section.texts("group_by")
    node = section.node_of("group_by")
    for index, name in enumerate(names):
        if name in names[:index] and isinstance(node, Items):
            problems.add(node.nodes[index].place, "duplicate", f"{name!r} is given twice")
    if "..." in names and names != BY_ALL:
        message = "`...` stands for every label, and alone"
        problems.add(section.place_of("group_by"), "value", message)
    return names


def _named(
    section: Section, key: str, known: Collection[str], problems: Problems
) -> tuple[str, ...]:
    """Return the time intervals that a route names."""
    node = section.node_of(key)
    for item in node.nodes if isinstance(node, Items) else ():
        if isinstance(item, Scalar) and item.kind != "broken" and item.text not in known:
            hint = did_you_mean(item.text, tuple(known))
            problems.add(item.place, "route", f"there is no time interval {item.text!r}{hint}")
    return section.texts(key)


def _inhibit_rule(section: Section, problems: Problems) -> InhibitRule:
    rule = InhibitRule(
        name=section.text("name"),
        source=_all_matchers(section, "source", problems),
        target=_all_matchers(section, "target", problems),
        equal=section.texts("equal"),
    )
    for side, matchers in (("source", rule.source), ("target", rule.target)):
        if section.ok and not matchers:
            message = f"`{side}_matchers` is missing: every alert would be one"
            problems.add(section.place, "missing-key", message)
    return rule


def _all_matchers(section: Section, side: str, problems: Problems) -> tuple[Matcher, ...]:
    """Return the matchers of a route, or of one side of an inhibit rule, in all their forms."""
    name = f"{side}_" if side else ""
    return (
        *_pairs(section, f"{name}match", "=", problems),
        *_pairs(section, f"{name}match_re", "=~", problems),
        *read_matchers(section, f"{name}matchers", problems),
    )


def _pairs(section: Section, key: str, op: MatchOperator, problems: Problems) -> Iterator[Matcher]:
    """Yield the matchers of the older form, a mapping."""
    for name, value in section.labels(key).items():
        matcher = Matcher(name=name, op=op, value=value)
        problem = problem_of(matcher)
        if problem:
            problems.add(section.place_of(key), "matcher", problem)
        else:
            yield matcher


def _within(scalar: Scalar, offset: int) -> Place:
    before = scalar.text[:offset]
    column = offset - (before.rfind("\n") + 1) + 1
    return scalar.at(before.count("\n") + 1, column)
