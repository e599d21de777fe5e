"""From incident changes to outbox rows, inside of the transaction that changes the incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from causewatch.incidents.gather import IncidentChange
from causewatch.incidents.route import Route, route_incident
from causewatch.notify.config import Receiver, targets_of
from causewatch.notify.decide import decide
from causewatch.notify.outbox import supersede
from causewatch.store.port import OutboxStore
from causewatch.store.record import OutboxRow


def tell(
    store: OutboxStore,
    changes: Sequence[IncidentChange],
    *,
    route: Route,
    receivers: Mapping[str, Receiver],
    now_ns: int,
) -> int:
    """Queue what people should be told of ``changes``; return the number of rows written.

    Call it within the ``Store.transaction()`` that stores the alerts and incidents.
    """
    written = 0
    for change in changes:
        for destined in route_incident(route, change.incident):
            receiver = receivers.get(destined.receiver)
            for target in targets_of(receiver) if receiver else ():
                decision = decide(
                    change,
                    target,
                    store.told(change.incident.id, target.name),
                    now_ns=now_ns,
                    group_interval_s=destined.route.group_interval_s,
                )
                if decision.told is not None:
                    store.put_told(decision.told)
                for row in decision.rows:
                    enqueue(store, row)
                written += len(decision.rows)
    return written


def enqueue(store: OutboxStore, row: OutboxRow) -> OutboxRow:
    """Store a new row, in place of an unsent older one of the same message where there is one."""
    for older in reversed(store.unfinished(row.target, incident_id=row.incident.id)):
        merged = supersede(older, row)
        if merged is not None:
            return store.put_outbox(merged)
    return store.put_outbox(row)
