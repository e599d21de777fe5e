"""Inhibition: alerts that nobody needs to hear of while another one fires, as in Alertmanager."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from causewatch.incidents.labels import labels_of
from causewatch.incidents.matcher import Matcher, matches_all
from causewatch.model.finding import Alert, AlertState

_FIRING: frozenset[AlertState] = frozenset({"firing", "keep_firing"})


class InhibitRule(msgspec.Struct, frozen=True, kw_only=True):
    """While an alert that meets ``source`` fires, those that meet ``target`` are not told.

    Only where all labels in ``equal`` are the same on both; a missing label is the empty one.
    """

    name: str = ""
    source: tuple[Matcher, ...] = ()
    target: tuple[Matcher, ...] = ()
    equal: tuple[str, ...] = ()


class Sources:
    """The alerts that fire now, by the rules that they are the source of."""

    def __init__(self, rules: Sequence[InhibitRule], alerts: Iterable[Alert]) -> None:
        self._rules = tuple(rules)
        self._firing: list[list[dict[str, str]]] = [[] for _ in self._rules]
        for alert in alerts if self._rules else ():
            if alert.state not in _FIRING:
                continue
            labels = labels_of(alert)
            for index, rule in enumerate(self._rules):
                if matches_all(rule.source, labels):
                    self._firing[index].append(labels)

    def inhibiting(self, labels: Mapping[str, str]) -> str:
        """Return why an alert with these labels is not told, empty when it is.

        As in Alertmanager an alert that meets both sides of a rule is not inhibited by another one
        that does: else two of them would hide each other.
        """
        for index, rule in enumerate(self._rules):
            if not matches_all(rule.target, labels):
                continue
            two_sided = matches_all(rule.source, labels)
            for source in self._firing[index]:
                if two_sided and matches_all(rule.target, source):
                    continue
                if all(source.get(name, "") == labels.get(name, "") for name in rule.equal):
                    return f"inhibited by {source.get('alertname', '')}"
        return ""
