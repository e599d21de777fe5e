"""Tells somebody else what a receiver cannot be told.

Theory of operation: a message that is given up (a revoked token, an archived channel, a webhook
that is gone, a day of failures) goes to the fallback of its receiver, which may have one itself.
There the incident begins with a first message, whatever the one that was given up was about; its
end follows where the first receiver cannot be told of that either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from causewatch.notify.config import Receiver, Target, targets_of
from causewatch.notify.decide import Decision, visible_digest
from causewatch.store.record import Action, OutboxRow, Told

_WORTH_TELLING: frozenset[Action] = frozenset({"open", "thread", "resolve"})
"""A message that is only changed in place disturbs nobody."""


def fallbacks_of(receivers: Iterable[Receiver]) -> dict[str, tuple[Target, ...]]:
    """Return who is told what a target cannot be told, by the names of targets."""
    known = {receiver.name: receiver for receiver in receivers}
    return {
        target.name: targets_of(known[receiver.fallback])
        for receiver in known.values()
        if receiver.fallback in known
        for target in targets_of(receiver)
    }


def fallback_cycle(name: str, receivers: Mapping[str, Receiver]) -> tuple[str, ...]:
    """Return the fallbacks that lead from a receiver back to itself, nothing where none do."""
    seen = [name]
    while (receiver := receivers.get(seen[-1])) is not None and receiver.fallback:
        if receiver.fallback in seen:
            return (*seen, receiver.fallback) if receiver.fallback == name else ()
        seen.append(receiver.fallback)
    return ()


def instead(row: OutboxRow, target: Target, told: Told | None, *, now_ns: int) -> Decision:
    """Return what to tell ``target`` because ``row`` was given up; maybe nothing.

    Args:
        row: the message that was given up, with why in ``error``.
        target: a destination of the fallback.
        told: what it was told of the incident so far.
        now_ns: the time, Unix ns.
    """
    action = _action(row, target, told)
    if action is None:
        return Decision()
    incident = row.incident
    sentence = f"Could not be told at {row.target}: {row.error}"
    fresh = OutboxRow(
        message_id=_message_id(row, target),
        target=target.name,
        incident=incident,
        action=action,
        reason=row.reason,
        notes=(*row.notes, sentence) if action == "thread" else (),
        broadcast=row.broadcast,
        in_place=target.in_place,
        instead_of=row.target,
        created_at_ns=now_ns,
        due_at_ns=now_ns,
    )
    is_known = told is not None and bool(told.digest)
    return Decision(
        rows=(fresh,),
        told=Told(
            incident_id=incident.id,
            target=target.name,
            revision=incident.revision,
            resolved=incident.state == "resolved",
            digest=visible_digest(incident),
            told_at_ns=now_ns,
            ref=told.ref if told is not None and is_known else None,
            loud_at_ns=now_ns,
            repeats=told.repeats if told is not None else 0,
        ),
    )


def _action(row: OutboxRow, target: Target, told: Told | None) -> Action | None:
    """Return what kind of message it is there, ``None`` where nobody need hear of it."""
    if row.action not in _WORTH_TELLING:
        return None
    if told is None or not told.digest:
        return "open"
    resolved = row.incident.state == "resolved"
    if target.in_place:
        return "resolve" if resolved else "thread" if row.notes else "update"
    if resolved:
        return "resolve" if target.send_resolved and not told.resolved else None
    return "open" if told.resolved or row.reason == "repeated" else None


def _message_id(row: OutboxRow, target: Target) -> str:
    """Return an id that is the same when the same message is given up again."""
    digest = hashlib.sha256(f"{row.message_id}\n{target.name}".encode()).hexdigest()
    return f"msg_{digest[:24]}"
