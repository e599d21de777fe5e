"""Looks at open incidents again as time goes by: what was held back, what was told long ago.

Theory of operation: a silence, an inhibition or a time interval may end without any alert changing.
What they held back is then told, as the incident is by then; what is over by then is not. An open
incident that nobody acknowledged is told again when the ``repeat_interval`` of its route has gone
by since people were last disturbed, and no message of it is still on its way.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from causewatch.incidents.gather import ChangeReason, IncidentChange
from causewatch.incidents.route import Destined, Route
from causewatch.model.incident import Incident
from causewatch.notify.config import Alerting, Target
from causewatch.notify.decide import NS_PER_S, decide, loud_at_ns, repeat, visible_digest
from causewatch.notify.hush import Hush
from causewatch.notify.tell import Telling, destinations, hush_of, put
from causewatch.store.port import Store
from causewatch.store.record import Told


def review(store: Store, alerting: Alerting, *, now_ns: int) -> Telling:
    """Queue what time alone made due, in a transaction of its own."""
    if alerting.route is None:
        return Telling()
    shortest_ns = min(_repeats_ns(alerting.route))
    with store.transaction():
        due = store.told_due(loud_before_ns=now_ns - shortest_ns)
        hush = hush_of(store, alerting, now_ns) if due else None
        return Telling(rows=sum(_look(store, alerting, told, hush, now_ns) for told in due))


def _look(store: Store, alerting: Alerting, told: Told, hush: Hush | None, now_ns: int) -> int:
    incident = store.incident(told.incident_id)
    found = _destination(alerting, incident, told.target) if incident else None
    if hush is None or incident is None or found is None or incident.state != "open":
        if told.held:
            _let_go(store, told)
        return 0
    destined, target = found
    keeps = hush.over(destined, incident)
    if keeps is not None:
        return _keep(store, told, keeps.reason)
    if told.held or told.digest != visible_digest(incident):
        # It was held back, or a configuration led elsewhere meanwhile. Else what was shown was
        # taken out of it (a purge): the message is changed, and nobody is disturbed.
        missed = told.held or told.resolved
        reason: ChangeReason = "unmuted" if missed else "cause_refined"
        notes = ("This was held back for a while, and is still open.",) if missed else ()
        change = IncidentChange(incident=incident, reason=reason, notes=notes)
        return put(store, decide(change, target, told, now_ns=now_ns))
    if incident.acknowledged_by or not _is_due(told, destined.route, now_ns):
        return 0
    if store.unfinished(target.name, incident_id=incident.id):
        return 0
    return put(store, repeat(incident, target, told, now_ns=now_ns))


def _keep(store: Store, told: Told, reason: str) -> int:
    """Remember what holds something back now, where that was something else before."""
    if told.held and told.held != reason:
        store.put_told(msgspec.structs.replace(told, held=reason))
    return 0


def _let_go(store: Store, told: Told) -> None:
    """Forget that something is held back: it is over, or goes to nobody any more."""
    if told.digest:
        store.put_told(msgspec.structs.replace(told, held=""))
    else:
        store.drop_told(told.incident_id, told.target)


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
