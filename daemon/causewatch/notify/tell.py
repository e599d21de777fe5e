"""From incident changes to outbox rows, inside of the transaction that changes the incidents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from causewatch.incidents.gather import IncidentChange
from causewatch.incidents.route import Destined, route_incident
from causewatch.notify.config import Alerting, Target, targets_of
from causewatch.notify.decide import Decision, decide
from causewatch.notify.hush import Held, Hush
from causewatch.notify.outbox import supersede
from causewatch.store.port import OutboxStore, Store
from causewatch.store.record import OutboxRow


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
    hush = hush_of(store, alerting, now_ns)
    for change in changes:
        for destined, target in destinations(alerting, change):
            keeps = hush.over(destined, change.incident)
            decision = decide(
                change,
                target,
                store.told(change.incident.id, target.name),
                now_ns=now_ns,
                group_wait_s=destined.route.group_wait_s,
                group_interval_s=destined.route.group_interval_s,
                held=keeps.reason if keeps else "",
            )
            written += put(store, decision)
            if keeps and decision.told is not None and decision.told.held:
                held.append(keeps)
    return Telling(rows=written, held=tuple(held))


def destinations(alerting: Alerting, change: IncidentChange) -> Iterator[tuple[Destined, Target]]:
    """Yield whom a change concerns: the receivers' destinations, each with how it got there."""
    if alerting.route is None:
        return
    for destined in route_incident(alerting.route, change.incident):
        receiver = alerting.receivers.get(destined.receiver)
        for target in targets_of(receiver) if receiver else ():
            yield destined, target


def put(store: OutboxStore, decision: Decision) -> int:
    """Store what was decided; return the number of rows."""
    if decision.told is not None:
        store.put_told(decision.told)
    for row in decision.rows:
        enqueue(store, row)
    if decision.refresh is not None:
        refresh(store, decision.refresh)
    return len(decision.rows)


def refresh(store: OutboxStore, row: OutboxRow) -> None:
    """Bring a first message that waits up to date; where none does nothing is said."""
    waiting = store.unfinished(row.target, incident_id=row.incident.id)
    merged = supersede(waiting[-1], row) if waiting else None
    if merged is not None:
        store.put_outbox(merged)


def enqueue(store: OutboxStore, row: OutboxRow) -> OutboxRow:
    """Store a new row, in place of an unsent older one of the same message where there is one."""
    for older in reversed(store.unfinished(row.target, incident_id=row.incident.id)):
        merged = supersede(older, row)
        if merged is not None:
            return store.put_outbox(merged)
        if not row.in_place:
            break  # between the two another message is on its way
    return store.put_outbox(row)
