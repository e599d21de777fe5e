"""Sends a test message to receivers, at once and past the outbox, and says how it went."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import assert_never

import msgspec

from causewatch.model.finding import Alert, Cause, StepRef
from causewatch.model.incident import Incident
from causewatch.notify.channels import channel_of
from causewatch.notify.config import Links, Receiver, Target, targets_of
from causewatch.notify.outcome import Channel, Dead, Delivery, Outcome, Retry, Sent, Unknown
from causewatch.store.record import Action, OutboxRow

TITLE = "Test message of causewatch: nothing is wrong"


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """How one message to one destination ended."""

    target: str
    action: str
    outcome: str
    reason: str = ""


def try_receivers(
    receivers: Sequence[Receiver],
    links: Links,
    now_ns: Callable[[], int],
    make: Callable[[Target, Links, Callable[[], int]], Channel] = channel_of,
) -> Iterator[Tried]:
    """Open and resolve a made-up incident at each destination; yield how each message ended.

    Raises:
        UserError: when a secret cannot be used.
    """
    for receiver in receivers:
        for target in targets_of(receiver):
            channel = make(target, links, now_ns)
            try:
                yield from _try(target, channel, now_ns())
            finally:
                channel.close()


def _try(target: Target, channel: Channel, now_ns: int) -> Iterator[Tried]:
    incident = _incident(now_ns)
    outcome = channel.send(Delivery(row=_row(target, incident, "open", now_ns)))
    yield _tried(target, "open", outcome)
    if not isinstance(outcome, Sent) or not target.send_resolved:
        return
    ended = msgspec.structs.replace(
        incident, state="resolved", resolved_at_ns=now_ns, revision=incident.revision + 1
    )
    row = _row(target, ended, "resolve", now_ns)
    yield _tried(target, "resolve", channel.send(Delivery(row=row, ref=outcome.ref)))


def _tried(target: Target, action: Action, outcome: Outcome) -> Tried:
    match outcome:
        case Sent(picture=picture):
            reason = "but not its picture: the log says why" if picture == "failed" else ""
            return Tried(target=target.name, action=action, outcome="sent", reason=reason)
        case Retry(reason=reason):
            return Tried(target=target.name, action=action, outcome="retry", reason=reason)
        case Dead(reason=reason):
            return Tried(target=target.name, action=action, outcome="dead", reason=reason)
        case Unknown(reason=reason):
            return Tried(target=target.name, action=action, outcome="unknown", reason=reason)
        case _ as never:
            assert_never(never)


def _row(target: Target, incident: Incident, action: Action, now_ns: int) -> OutboxRow:
    return OutboxRow(
        message_id=f"msg_test_{now_ns}_{action}",
        target=target.name,
        incident=incident,
        action=action,
        reason="opened" if action == "open" else "resolved",
        in_place=target.in_place,
        created_at_ns=now_ns,
        due_at_ns=now_ns,
    )


def _incident(now_ns: int) -> Incident:
    step = StepRef(trace_id="0" * 32, span_id="0" * 16, name="test_tool", agent="test_agent")
    cause = Cause(
        category="other",
        workflow="causewatch notify test",
        origin=step,
        origin_reason="was asked for a test",
    )
    alert = Alert(
        rule_id="causewatch/test",
        rule_version="",
        alertname="CausewatchTest",
        labels={"severity": "info", "alertname": "CausewatchTest"},
        annotations={"summary": TITLE},
        state="firing",
        value=1.0,
        active_at_ns=now_ns,
        fired_at_ns=now_ns,
        cause=cause,
    )
    return Incident(
        id="test",
        key="test",
        state="open",
        title=TITLE,
        severity="info",
        cause=cause,
        alerts=(alert,),
        opened_at_ns=now_ns,
        updated_at_ns=now_ns,
    )
