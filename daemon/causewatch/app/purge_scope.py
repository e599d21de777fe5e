"""What is to be forgotten, what that comes to, and how much it was."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from causewatch.errors import UserError
from causewatch.inbox.batch import Signal

NO_TIME = 0
_TRACE_ID = re.compile("[0-9a-f]{32}")


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be forgotten: traces by id, sessions, and what was received before a time."""

    traces: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()
    before_ns: int = NO_TIME
    runs: frozenset[str] = frozenset()
    """Runs that are known to be meant: those that an earlier purge found."""


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that holds other traces as well, perhaps, and how many of its items are to go."""

    signal: Signal
    items: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What that comes to.

    Attributes:
        traces: those that were named, and those of the sessions.
        of_sessions: of the traces, those of the sessions: runs that hold them go with all traces.
        runs: what holds them, and runs that began before the time.
        before_ns: what was received earlier goes.
        old: batches that go as a whole.
        touched: other batches with some of the traces, by number.
        last_seq: the last batch that was looked at.
        unreadable_batches: how many are damaged, so that nobody knows what is in them.
    """

    traces: frozenset[str]
    runs: frozenset[str]
    of_sessions: frozenset[str] = frozenset()
    before_ns: int = NO_TIME
    old: frozenset[int] = frozenset()
    touched: Mapping[int, Touched] = {}
    last_seq: int = 0
    unreadable_batches: int = 0

    def noted(self) -> Found:
        """Return what has to be known to finish a purge that was cut short."""
        return Found(
            traces=self.traces,
            runs=self.runs,
            of_sessions=self.of_sessions,
            before_ns=self.before_ns,
        )


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """How much was forgotten; of messages also those that were kept as a record."""

    traces: int = 0
    batches: int = 0
    spans: int = 0
    log_records: int = 0
    runs: int = 0
    findings: int = 0
    alerts: int = 0
    incidents: int = 0
    messages: int = 0
    forward_spans: int = 0
    unreadable_batches: int = 0
    """Batches that are damaged on disk: nobody knows whose spans are in them."""
    is_done: bool = True
    """False where copies are left: somebody reads, or nothing was to be changed."""


def united(wanted: Wanted, found: Found) -> Wanted:
    """Return what is wanted together with what was found before."""
    return msgspec.structs.replace(
        wanted,
        traces=wanted.traces | found.traces,
        runs=wanted.runs | found.runs,
        before_ns=max(wanted.before_ns, found.before_ns),
    )


def checked(wanted: Wanted) -> Wanted:
    """Return what is wanted, with trace ids in lower case.

    Raises:
        UserError: it is nothing, or no trace id.
    """
    traces = frozenset(trace_id.strip().lower() for trace_id in wanted.traces)
    for trace_id in sorted(traces):
        if not _TRACE_ID.fullmatch(trace_id):
            raise UserError(f"{trace_id!r} is no trace id: 32 hexadecimal digits")
    if not (traces or wanted.sessions or wanted.before_ns > 0):
        raise UserError("say what to forget: traces, sessions, or all before a time")
    if "" in wanted.sessions:
        raise UserError("a session needs a name")
    return msgspec.structs.replace(wanted, traces=traces)
