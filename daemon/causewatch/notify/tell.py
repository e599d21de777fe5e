"""From incident changes to outbox rows, inside of the transaction that changes the incidents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from causewatch.incidents.gather import IncidentChange
from causewatch.incidents.route import Destined, Route, route_incident
from causewatch.notify.config import Alerting, Target, targets_of
from causewatch.notify.decide import Decision, decide
from causewatch.notify.hush import Held, Hush
from causewatch.notify.put import put
from causewatch.notify.storm import LIMITED, Storms
from causewatch.store.port import Store
from causewatch.store.record import Told


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """What came of telling: rows written, and what kept receivers from being told."""

    rows: int = 0
    held: tuple[Held, ...] = ()


def hush_of(store: Store, alerting: Alerting, now_ns: int) -> Hush:
    """Return what keeps incidents from being told now; read within the transaction that tells."""
    return Hush(
        alerting,
        silences=store.silences(ends_after_ns=now_ns),
        alerts=store.alerts() if alerting.inhibit_rules else (),
        now_ns=now_ns,
    )


def tell(
    store: Store, changes: Sequence[IncidentChange], *, alerting: Alerting, now_ns: int
) -> Telling:
    """Queue what people should be told of ``changes``.

    Call it within the ``Store.transaction()`` that stores the alerts and incidents.
    """
    written, held = 0, []
    hush, storms = hush_of(store, alerting, now_ns), Storms(store, now_ns)
    for change in changes:
        for destined, target in destinations(alerting, change):
            keeps = hush.over(destined, change.incident)
            told = store.told(change.incident.id, target.name)
            decision = _decide(change, (destined.route, target), told, keeps, now_ns)
            if begins(decision) and not storms.takes(target, destined.route, change.incident):
                keeps = Held(kind="limit", reason=LIMITED)
                decision = _decide(change, (destined.route, target), told, keeps, now_ns)
                if change.incident.state == "resolved":
                    storms.missed(target, destined.route)
            written += put(store, decision)
            if keeps and decision.told is not None and decision.told.held:
                held.append(keeps)
    return Telling(rows=written, held=tuple(held))


def begins(decision: Decision) -> bool:
    """Return whether people are told of an incident for the first time, or anew."""
    return any(row.action == "open" for row in decision.rows)


def _decide(
    change: IncidentChange,
    to: tuple[Route, Target],
    told: Told | None,
    keeps: Held | None,
    now_ns: int,
) -> Decision:
    route, target = to
    return decide(
        change,
        target,
        told,
        now_ns=now_ns,
        group_wait_s=route.group_wait_s,
        group_interval_s=route.group_interval_s,
        held=keeps.reason if keeps else "",
    )


def destinations(alerting: Alerting, change: IncidentChange) -> Iterator[tuple[Destined, Target]]:
    """Yield whom a change concerns: the receivers' destinations, each with how it got there."""
    if alerting.route is None:
        return
    for destined in route_incident(alerting.route, change.incident):
        receiver = alerting.receivers.get(destined.receiver)
        for target in targets_of(receiver) if receiver else ():
            yield destined, target
