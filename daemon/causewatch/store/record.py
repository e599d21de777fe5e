"""What the store keeps beside the model's values: runs, outbox rows, and what was told."""

from __future__ import annotations

from typing import Literal

import msgspec

from causewatch.faults.history import NO_HISTORY, History
from causewatch.model.expectation import Novel
from causewatch.model.incident import Incident

OutboxState = Literal["queued", "sending", "sent", "dead"]
OUTBOX_STATES: tuple[OutboxState, ...] = ("queued", "sending", "sent", "dead")
Action = Literal["open", "update", "thread", "resolve"]


class StoredRun(msgspec.Struct, frozen=True, kw_only=True):
    """One judged run: ``state`` is the graph's, ``verdict`` the blame's, times are Unix ns.

    ``summary`` is the line of ``causewatch explain`` as JSON bytes, ``explanation`` the same for
    people. ``batches`` are the numbers of the inbox batches its spans arrived in. ``history`` is
    what was known of those of its tools whose results did not fit it: with that alone the run is
    judged again as it was, whatever was learned since.
    """

    run_id: str
    trace_ids: tuple[str, ...]
    workflow: str = ""
    state: str = "complete"
    verdict: str = "healthy"
    summary: bytes = b"{}"
    explanation: str = ""
    batches: tuple[int, ...] = ()
    started_at_ns: int = 0
    ended_at_ns: int = 0
    updated_at_ns: int = 0
    history: History = NO_HISTORY
    novel: tuple[Novel, ...] = ()
    """What was told as new in it: a run that is judged again says the same."""


class TraceLink(msgspec.Struct, frozen=True, kw_only=True):
    """Which run a trace belongs to, and the inbox batches that carry spans of that trace."""

    trace_id: str
    run_id: str
    batches: tuple[int, ...] = ()


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message on its way to one target.

    ``seq`` is 0 until stored. ``message_id`` never changes: a retry carries the same one. ``notes``
    are the sentences of a thread reply. Times are Unix ns.
    """

    seq: int = 0
    message_id: str
    target: str
    """``receiver/integration/place``, such as ``ai-oncall/slack/#agents``."""
    incident: Incident
    """The incident as it shall be shown: its newest state when the row was last touched."""
    action: Action
    reason: str
    notes: tuple[str, ...] = ()
    broadcast: bool = False
    """A thread reply that the channel should see as well."""
    in_place: bool = False
    """A message of which only the newest state matters: a newer row may replace this one."""
    state: OutboxState = "queued"
    created_at_ns: int
    due_at_ns: int
    attempts: int = 0
    possibly_sent: bool = False
    """An attempt ended without an answer: the message may have arrived."""
    error: str = ""
    """Why the last attempt did not succeed."""


class MessageRef(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message is, so that it can be changed: a Slack channel id and timestamp."""

    channel: str
    ts: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a target has been promised of an incident: the newest thing put into the outbox."""

    incident_id: str
    target: str
    revision: int
    resolved: bool
    digest: str
    """Digest of all that people see of it: equal means nothing new to tell."""
    told_at_ns: int
    ref: MessageRef | None = None
