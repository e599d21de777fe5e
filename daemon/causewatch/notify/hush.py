"""Why nobody is told of an incident for now: silences, inhibition, time intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from causewatch.incidents.calendar import muted_by
from causewatch.incidents.inhibit import Sources
from causewatch.incidents.labels import alert_labels, incident_labels
from causewatch.incidents.route import Destined
from causewatch.incidents.silence import Silence, silenced_by
from causewatch.model.finding import Alert, AlertState
from causewatch.model.incident import Incident
from causewatch.notify.config import Alerting

HushKind = Literal["silence", "inhibition", "time_interval", "limit"]
_FIRING: frozenset[AlertState] = frozenset({"firing", "keep_firing"})


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps an incident from being told, and the reason as a sentence."""

    kind: HushKind
    reason: str


class Hush:
    """What keeps incidents from being told at one moment."""

    def __init__(
        self,
        alerting: Alerting,
        *,
        silences: Sequence[Silence],
        alerts: Iterable[Alert],
        now_ns: int,
    ) -> None:
        self._alerting = alerting
        self._silences = tuple(silences)
        self._sources = Sources(alerting.inhibit_rules, alerts)
        self._now_ns = now_ns

    def over(self, destined: Destined, incident: Incident) -> Held | None:
        """Return what keeps a receiver from hearing of an incident, ``None`` when it is told.

        As in Alertmanager one alert that is neither silenced nor inhibited is enough; the others
        are then in the message, too. Only the alerts that lead to the receiver count.
        """
        route = destined.route
        muted = muted_by(
            route.mute_time_intervals,
            route.active_time_intervals,
            self._alerting.intervals,
            self._now_ns,
        )
        if muted:
            return Held(kind="time_interval", reason=muted)
        found: Held | None = None
        labels = incident_labels(incident)
        firing = [alert for alert in destined.alerts if alert.state in _FIRING]
        for alert in firing or destined.alerts:
            held = self._over_alert(alert_labels(alert, labels))
            if held is None:
                return None
            found = found or held
        return found

    def _over_alert(self, labels: dict[str, str]) -> Held | None:
        silenced = silenced_by(self._silences, labels, self._now_ns)
        if silenced:
            return Held(kind="silence", reason=silenced)
        inhibited = self._sources.inhibiting(labels)
        return Held(kind="inhibition", reason=inhibited) if inhibited else None
