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


class RunHead(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a run to know whether it is to be forgotten."""

    run_id: str
    trace_ids: tuple[str, ...] = ()
    batches: tuple[int, ...] = ()
    updated_at_ns: int = 0


class ShortGap(msgspec.Struct, frozen=True, array_like=True):
    """Something that could not be checked, at a span where it is one."""

    span_id: str | None
    what: str
    reason: str
    fix: str


class ShortRun(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A run of one trace that had nothing to tell and was not judged in full.

    Of these there are many: what ``StoredRun`` says of them is made up when it is asked for.
    ``run_id`` is the id of the trace, times are Unix ns.
    """

    run_id: str
    workflow: str
    verdict: str
    batches: tuple[int, ...]
    started_at_ns: int
    ended_at_ns: int
    updated_at_ns: int
    gaps: tuple[ShortGap, ...] = ()

    def told(self) -> StoredRun:
        """Return what is said of it."""
        return StoredRun(
            run_id=self.run_id,
            trace_ids=(self.run_id,),
            workflow=self.workflow,
            verdict=self.verdict,
            summary=short_summary(self.run_id, (self.run_id,), self.verdict, self.gaps),
            explanation=short_explanation(self.run_id, self.verdict),
            batches=self.batches,
            started_at_ns=self.started_at_ns,
            ended_at_ns=self.ended_at_ns,
            updated_at_ns=self.updated_at_ns,
        )


def short_explanation(run_id: str, verdict: str) -> str:
    """Return the explanation of a run that was not judged in full."""
    return (
        f"run {run_id}  {verdict}\n"
        "  Passed over: it is like earlier runs that were judged in full and had nothing to tell.\n"
    )


def short_summary(
    run_id: str, trace_ids: tuple[str, ...], verdict: str, gaps: tuple[ShortGap, ...]
) -> bytes:
    """Return the line of ``explain`` for a run that was not judged in full."""
    return msgspec.json.encode(
        {
            "run": run_id,
            "trace_ids": trace_ids,
            "verdict": verdict,
            "category": None,
            "origin": None,
            "propagators": [],
            "symptom": None,
            "confidence": None,
            "path": [],
            "unverifiable": [
                {"span_id": gap.span_id, "what": gap.what, "reason": gap.reason, "fix": gap.fix}
                for gap in gaps
            ],
            "passed_over": True,
        }
    )


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
    instead_of: str = ""
    """The target that could not be told, where this one is told in its place."""


class MessageRef(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message is, so that it can be changed: a Slack channel id and timestamp."""

    channel: str
    ts: str
    picture: str = ""
    """Digest of the causal path that its thread shows, empty where it shows none."""
    pictures_count: int = 0


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
    held: str = ""
    """Why something new is not told for now: a silence, inhibition, a time interval."""
    loud_at_ns: int = 0
    """When people were last disturbed, not only a message changed in place."""
    repeats: int = 0
    """How often it was told again."""
