"""Looks at open incidents again as time goes by: what was held back, what was told long ago.

Theory of operation: a silence, an inhibition or a time interval may end without any alert changing.
What they held back is then told, as the incident is by then; what is over by then is not. An open
incident that nobody acknowledged is told again when the ``repeat_interval`` of its route has gone
by since people were last disturbed, and no message of it is still on its way.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import msgspec

from causewatch.incidents.gather import ChangeReason, IncidentChange
from causewatch.incidents.route import Destined, Route
from causewatch.model.incident import Incident
from causewatch.notify.config import Alerting, Target
from causewatch.notify.decide import NS_PER_S, decide, loud_at_ns, repeat, visible_digest
from causewatch.notify.hush import Hush
from causewatch.notify.put import put
from causewatch.notify.storm import LIMITED, Storms, Waiting
from causewatch.notify.tell import Telling, begins, destinations, hush_of
from causewatch.store.port import Store
from causewatch.store.record import Told


def review(store: Store, alerting: Alerting, *, now_ns: int) -> Telling:
    """Queue what time alone made due, in a transaction of its own."""
    if alerting.route is None:
        return Telling()
    shortest_ns = min(_repeats_ns(alerting.route))
    with store.transaction():
        due = store.told_due(loud_before_ns=now_ns - shortest_ns)
        storms = Storms(store, now_ns)
        rows = 0
        if due:
            look = _Review(store, alerting, hush_of(store, alerting, now_ns), storms, now_ns)
            rows = sum(look.at(told) for told in due)
        return Telling(rows=rows + storms.settle(alerting))


class _Review:
    """One look at what may be due; each answer is the number of rows that were queued."""

    def __init__(
        self, store: Store, alerting: Alerting, hush: Hush, storms: Storms, now_ns: int
    ) -> None:
        self._store = store
        self._alerting = alerting
        self._hush = hush
        self._storms = storms
        self._now_ns = now_ns

    def at(self, told: Told) -> int:
        """Look at what one target was told of one incident."""
        incident = self._store.incident(told.incident_id)
        found = _destination(self._alerting, incident, told.target) if incident else None
        if incident is None or found is None or incident.state != "open":
            self._let_go(told, found)
            return 0
        destined, target = found
        keeps = self._hush.over(destined, incident)
        if keeps is not None:
            self._keep(told, keeps.reason)
            return 0
        if told.held or told.digest != visible_digest(incident):
            return self._catch_up(told, incident, destined.route, target)
        if incident.acknowledged_by or not _is_due(told, destined.route, self._now_ns):
            return 0
        return self._remind(told, incident, destined.route, target)

    def _catch_up(self, told: Told, incident: Incident, route: Route, target: Target) -> int:
        """Tell what was held back, or what a configuration led elsewhere meanwhile.

        Else what was shown was taken out of it (a purge): the message is changed, and nobody is
        disturbed.
        """
        missed = told.held or told.resolved
        reason: ChangeReason = "unmuted" if missed else "cause_refined"
        notes = ("This was held back for a while, and is still open.",) if missed else ()
        change = IncidentChange(incident=incident, reason=reason, notes=notes)
        decision = decide(change, target, told, now_ns=self._now_ns)
        if not (target.limit and begins(decision)):
            return put(self._store, decision)
        if told.held != LIMITED:
            self._store.put_told(msgspec.structs.replace(told, held=LIMITED))
        tell = partial(put, self._store, decision)
        self._storms.wait(target, Waiting(incident=incident, route=route, tell=tell))
        return 0

    def _remind(self, told: Told, incident: Incident, route: Route, target: Target) -> int:
        if self._store.unfinished(target.name, incident_id=incident.id):
            return 0
        if not self._storms.takes(target, route, incident):
            return 0  # a reminder can wait for room
        return put(self._store, repeat(incident, target, told, now_ns=self._now_ns))

    def _keep(self, told: Told, reason: str) -> None:
        """Remember what holds something back now, where that was something else before."""
        if told.held and told.held != reason:
            self._store.put_told(msgspec.structs.replace(told, held=reason))

    def _let_go(self, told: Told, found: tuple[Destined, Target] | None) -> None:
        """Forget that something is held back: it is over, or goes to nobody any more."""
        if told.held == LIMITED and found is not None and not told.digest:
            self._storms.missed(found[1], found[0].route)
        if told.held and told.digest:
            self._store.put_told(msgspec.structs.replace(told, held=""))
        elif told.held:
            self._store.drop_told(told.incident_id, told.target)


def _is_due(told: Told, route: Route, now_ns: int) -> bool:
    return now_ns - loud_at_ns(told) >= int(route.repeat_interval_s * NS_PER_S)


def _destination(
    alerting: Alerting, incident: Incident, name: str
) -> tuple[Destined, Target] | None:
    change = IncidentChange(incident=incident, reason="unchanged")
    return next((pair for pair in destinations(alerting, change) if pair[1].name == name), None)


def _repeats_ns(route: Route) -> Iterator[int]:
    yield int(route.repeat_interval_s * NS_PER_S)
    for child in route.routes:
        yield from _repeats_ns(child)
