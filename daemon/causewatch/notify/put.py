"""Puts what was decided into the outbox, in place of what it makes needless."""

from __future__ import annotations

from causewatch.notify.decide import Decision
from causewatch.notify.outbox import supersede
from causewatch.store.port import OutboxStore
from causewatch.store.record import OutboxRow


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
