"""The section ``own_alerts`` of ``causewatch.yaml``: its keys, and how they are read."""

from __future__ import annotations

import re

import msgspec

from causewatch.model.finding import Labels
from causewatch.rules.read import Section
from causewatch.rules.shape import Boolean, Key, MapOf, Shape, Text
from causewatch.rules.yaml import Problems

_LABEL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TAKEN = ("alertname", "group", "rule")

OWN_ALERTS = Key(
    name="own_alerts",
    kind=Shape(
        name="own_alerts section",
        keys=(
            Key(
                name="rule_failing",
                kind=Boolean(),
                doc="Whether `CausewatchRuleFailing` fires while a rule cannot be evaluated."
                " Default true.",
            ),
            Key(
                name="watchdog",
                kind=Boolean(),
                doc="Whether `Watchdog` always fires, for a monitor that rings when it hears of it"
                " no more. Default false.",
            ),
            Key(
                name="labels",
                kind=MapOf(value=Text()),
                doc="Labels of these alerts, for the routing tree; those of a rule's group win.",
            ),
        ),
    ),
    doc="Alerts on causewatch itself.",
)


class OwnAlertsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts on itself a daemon raises, and with which labels."""

    rule_failing: bool = True
    watchdog: bool = False
    labels: Labels = msgspec.field(default_factory=dict)


def read_own_alerts(section: Section, problems: Problems) -> OwnAlertsConfig:
    """Return what the section asks for; the default where there is none."""
    own = section.section("own_alerts")
    default = OwnAlertsConfig()
    if own is None:
        return default
    labels = own.labels("labels")
    for name in labels:
        if name in _TAKEN or _LABEL_NAME.match(name) is None:
            why = "is set by causewatch" if name in _TAKEN else "is no name of a label"
            problems.add(own.place_of("labels"), "value", f"{name!r} {why}")
    return OwnAlertsConfig(
        rule_failing=own.boolean("rule_failing", default=default.rule_failing),
        watchdog=own.boolean("watchdog", default=default.watchdog),
        labels=labels,
    )
