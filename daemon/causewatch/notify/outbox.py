"""The life of an outbox row.

Theory of operation: a row is queued, claimed by the one worker of its target, and settled by the
outcome of the attempt. A row found ``sending`` at start-up was cut off by a crash: it is queued
again under the same message id, as possibly sent. Of messages that change in place only the newest
state matters, so a newer row replaces an unsent older one (``supersede``).
"""

from __future__ import annotations

from typing import Literal, assert_never

import msgspec

from causewatch.notify.outcome import Dead, Outcome, Retry, Sent, Unknown
from causewatch.notify.retry import NS_PER_S, Schedule, is_too_old, wait_s
from causewatch.store.record import Action, OutboxRow, OutboxState

Event = Literal["claim", "sent", "retry", "unknown", "dead", "crash", "expire", "retire", "replay"]
TRANSITIONS: dict[tuple[OutboxState, Event], OutboxState] = {
    ("queued", "claim"): "sending",
    ("queued", "expire"): "dead",
    ("queued", "retire"): "dead",
    ("sending", "sent"): "sent",
    ("sending", "retry"): "queued",
    ("sending", "unknown"): "queued",
    ("sending", "crash"): "queued",
    ("sending", "dead"): "dead",
    ("sending", "expire"): "dead",
    ("dead", "replay"): "queued",
}
MAX_REASON_CHARS = 500
MAX_NOTES = 20

_Merge = Literal["newest", "absorbed", "joined"]
_MERGES: dict[tuple[Action, Action], _Merge] = {
    ("open", "update"): "newest",
    ("open", "resolve"): "newest",
    ("open", "thread"): "absorbed",  # the first message will tell all of it
    ("update", "update"): "newest",
    ("update", "resolve"): "newest",
    ("resolve", "update"): "newest",
    ("resolve", "resolve"): "newest",
    ("thread", "thread"): "joined",
}


class OutboxError(AssertionError):
    """An event that the table has no row for: a bug of ours."""


def step(row: OutboxRow, event: Event) -> OutboxRow:
    """Return the row in its next state.

    Raises:
        OutboxError: when the state knows no such event.
    """
    state = TRANSITIONS.get((row.state, event))
    if state is None:
        raise OutboxError(f"an outbox row cannot {event} while {row.state}")
    return msgspec.structs.replace(row, state=state)


def claim(row: OutboxRow) -> OutboxRow:
    """Return the row as it is while it is being sent."""
    return msgspec.structs.replace(step(row, "claim"), attempts=row.attempts + 1)


def recover(row: OutboxRow, *, now_ns: int) -> OutboxRow:
    """Return a row that a crash left ``sending``, queued again under the same message id."""
    return msgspec.structs.replace(
        step(row, "crash"), possibly_sent=True, due_at_ns=now_ns, error="stopped while sending"
    )


def retire(row: OutboxRow, reason: str) -> OutboxRow:
    """Return a queued row that has nowhere to go any more, dead."""
    return msgspec.structs.replace(step(row, "retire"), error=reason)


def replay(row: OutboxRow, *, now_ns: int) -> OutboxRow:
    """Return a row that was given up, queued again under the same message id."""
    return msgspec.structs.replace(
        step(row, "replay"), attempts=0, created_at_ns=now_ns, due_at_ns=now_ns, error=""
    )


def settle(
    row: OutboxRow, outcome: Outcome, *, schedule: Schedule, now_ns: int, jitter: float
) -> OutboxRow:
    """Return a row after an attempt: sent, queued for the next one, or dead."""
    match outcome:
        case Sent():
            return msgspec.structs.replace(step(row, "sent"), error="")
        case Dead(reason=reason):
            return msgspec.structs.replace(step(row, "dead"), error=reason[:MAX_REASON_CHARS])
        case Retry() | Unknown():
            return _again(row, outcome, schedule, now_ns=now_ns, jitter=jitter)
        case _ as never:
            assert_never(never)


def supersede(older: OutboxRow, newer: OutboxRow) -> OutboxRow | None:
    """Return ``older`` with what ``newer`` says, ``None`` where both have to be sent.

    The row keeps its place, message id and backoff. A thread reply that may have arrived is left
    alone: what is added to it might never be seen.
    """
    same = older.target == newer.target and older.incident.id == newer.incident.id
    if not (same and older.state == "queued"):
        return None
    if not (older.in_place and newer.in_place):
        return _refreshed(older, newer)
    due_at_ns = older.due_at_ns if older.attempts else min(older.due_at_ns, newer.due_at_ns)
    match _MERGES.get((older.action, newer.action)):
        case "newest":
            return msgspec.structs.replace(
                older,
                incident=newer.incident,
                action="open" if older.action == "open" else newer.action,
                reason=newer.reason,
                created_at_ns=newer.created_at_ns,
                due_at_ns=due_at_ns,
            )
        case "joined" if not older.possibly_sent:
            return msgspec.structs.replace(
                older,
                incident=newer.incident,
                notes=(*older.notes, *newer.notes)[-MAX_NOTES:],
                broadcast=older.broadcast or newer.broadcast,
                created_at_ns=newer.created_at_ns,
                due_at_ns=due_at_ns,
            )
        case "absorbed":
            return msgspec.structs.replace(older, incident=newer.incident, due_at_ns=due_at_ns)
        case "joined" | None:
            return None
        case _ as never:
            assert_never(never)


def _refreshed(older: OutboxRow, newer: OutboxRow) -> OutboxRow | None:
    """Return a first message that nobody has seen yet, with what came up since."""
    if older.action != "open" or newer.action != "open" or older.attempts:
        return None
    due_at_ns = min(older.due_at_ns, newer.due_at_ns)
    return msgspec.structs.replace(older, incident=newer.incident, due_at_ns=due_at_ns)


def _again(
    row: OutboxRow, outcome: Retry | Unknown, schedule: Schedule, *, now_ns: int, jitter: float
) -> OutboxRow:
    if is_too_old(schedule, created_at_ns=row.created_at_ns, now_ns=now_ns):
        error = f"given up after {row.attempts} attempts: {outcome.reason}"[:MAX_REASON_CHARS]
        return msgspec.structs.replace(step(row, "expire"), error=error)
    unknown = isinstance(outcome, Unknown)
    after_s = None if isinstance(outcome, Unknown) else outcome.after_s
    wait = wait_s(schedule, attempts=row.attempts, retry_after_s=after_s, jitter=jitter)
    return msgspec.structs.replace(
        step(row, "unknown" if unknown else "retry"),
        possibly_sent=row.possibly_sent or unknown,
        due_at_ns=now_ns + int(wait * NS_PER_S),
        error=outcome.reason[:MAX_REASON_CHARS],
    )
