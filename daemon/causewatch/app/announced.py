"""What receivers have been told at some time: alerts in, the incidents each receiver is shown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from causewatch.app.config_shape import CONFIG
from causewatch.app.receivers import read_receivers
from causewatch.app.routes import read_alerting
from causewatch.errors import Problem, ProblemsError
from causewatch.incidents.gather import REOPEN_WITHIN_NS, IncidentChange, gather
from causewatch.incidents.grouping import grouped_by
from causewatch.incidents.route import Route
from causewatch.model.incident import Incident
from causewatch.notify.config import Alerting, Receiver, SlackConfig
from causewatch.notify.decide import decide
from causewatch.notify.hush import Hush
from causewatch.notify.tell import destinations
from causewatch.rules.read import read
from causewatch.rules.rehearse import Look
from causewatch.rules.yaml import Problems, parse
from causewatch.store.record import Told

STAND_IN = "default"
"""Name of the receiver that hears of everything where a test names no configuration."""


def stand_in() -> Alerting:
    """Return a routing with one receiver that hears of everything."""
    slack = SlackConfig(channel="#tests", bot_token="none")  # noqa: S106  # nothing is sent
    receiver = Receiver(name=STAND_IN, slack=(slack,))
    return Alerting(route=Route(receiver=STAND_IN), receivers={STAND_IN: receiver})


def routing_of(path: Path) -> Alerting:
    """Return the route and the receivers of a configuration; its secrets are not needed.

    Raises:
        ProblemsError: when the file cannot be read, or its route leads nowhere.
    """
    problems, secrets = Problems(), Problems()
    try:
        node = parse(str(path), path.read_bytes(), problems)
    except OSError as error:
        raise _unusable(path, "unreadable", str(error.strerror)) from None
    section = read(node, CONFIG, problems) if node is not None else None
    receivers = read_receivers(section, path.parent, secrets) if section else ()
    alerting = read_alerting(section, receivers, problems) if section else Alerting()
    if len(problems) > 0:
        raise ProblemsError(list(problems))
    if alerting.route is None:
        raise _unusable(path, "route", "the configuration has no receiver")
    return alerting


class Announced:
    """Incidents and who was told of them, kept from one look to the next as the daemon does."""

    def __init__(self, alerting: Alerting) -> None:
        self._alerting = alerting
        self._key_of = grouped_by(alerting.route)
        self._incidents: dict[str, Incident] = {}
        self._told: dict[tuple[str, str], Told] = {}
        self._shown: dict[str, dict[str, Incident]] = {}

    def take(self, looks: Iterable[Look]) -> None:
        """Gather what changed at some looks, in their order, and tell whom it concerns."""
        for look in looks:
            for changed in look.changed:
                since_ns = look.at_ns - REOPEN_WITHIN_NS
                live = [i for i in self._incidents.values() if _is_live(i, since_ns)]
                for change in gather(live, changed, look.at_ns, key_of=self._key_of):
                    self._incidents[change.incident.id] = change.incident
                    self._tell(change, look.at_ns)

    def shown_to(self, receiver: str) -> tuple[Incident, ...]:
        """Return the incidents a receiver was told of, each as it was last told."""
        return tuple(self._shown.get(receiver, {}).values())

    def _tell(self, change: IncidentChange, now_ns: int) -> None:
        incident = change.incident
        alerts = (alert for known in self._incidents.values() for alert in known.alerts)
        hush = Hush(self._alerting, silences=(), alerts=alerts, now_ns=now_ns)
        for destined, target in destinations(self._alerting, change):
            held = hush.over(destined, incident)
            decision = decide(
                change,
                target,
                self._told.get((incident.id, target.name)),
                now_ns=now_ns,
                group_wait_s=destined.route.group_wait_s,
                group_interval_s=destined.route.group_interval_s,
                held=held.reason if held else "",
            )
            if decision.told is not None:
                self._told[incident.id, target.name] = decision.told
            for row in decision.rows:
                self._shown.setdefault(destined.receiver, {})[incident.id] = row.incident


def _is_live(incident: Incident, since_ns: int) -> bool:
    return incident.state == "open" or incident.resolved_at_ns >= since_ns


def _unusable(path: Path, check: str, message: str) -> ProblemsError:
    return ProblemsError([Problem(file=str(path), line=1, column=1, check=check, message=message)])
