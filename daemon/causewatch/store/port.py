"""What the rest of causewatch asks of a store.

Alert state, incidents and outbox rows change together: callers put them inside of one
``transaction()``. Each writing method alone is a transaction of its own. All methods may be called
from any thread; ``transaction()`` belongs to the thread that entered it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from causewatch.faults.history import History
from causewatch.incidents.silence import Silence
from causewatch.model.finding import Alert, AlertState, Finding
from causewatch.model.incident import Incident, IncidentState
from causewatch.novelty.baseline import Baseline
from causewatch.novelty.watch import Spent
from causewatch.store.record import (
    MessageRef,
    OutboxRow,
    OutboxState,
    RunHead,
    ShortRun,
    StoredRun,
    Told,
    TraceLink,
)


class RunStore(Protocol):
    """Judged runs and what rules found in them."""

    def put_run(self, run: StoredRun) -> None:
        """Insert or replace a run, and link each of its traces to it."""
        ...

    def put_short_runs(self, runs: Sequence[ShortRun]) -> None:
        """Insert runs that were not judged in full; one that was put as a whole run stays that."""
        ...

    def run(self, run_id: str) -> StoredRun | None:
        """Return a run, or ``None``."""
        ...

    def recent_runs(self, *, limit: int = 100, verdict: str = "") -> tuple[StoredRun, ...]:
        """Return the runs changed last, newest first; ``verdict`` narrows where it is given."""
        ...

    def link_trace(self, link: TraceLink) -> None:
        """Say which run a trace belongs to; batch numbers are added to those known."""
        ...

    def trace(self, trace_id: str) -> TraceLink | None:
        """Return the run and the batches of a trace, or ``None``."""
        ...

    def stored_traces(self, trace_ids: Sequence[str]) -> frozenset[str]:
        """Return those of some traces that ``trace`` may know; few others are among them."""
        ...

    def anomalous_traces(self, first_batch: int, last_batch: int) -> Mapping[int, frozenset[str]]:
        """Return which traces of runs that are not healthy came in which batch of a range."""
        ...

    def add_findings(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """Add findings; return those that were new by (rule, version, run, labels)."""
        ...

    def findings(
        self, rule_id: str, *, since_ns: int, rule_version: str = ""
    ) -> tuple[Finding, ...]:
        """Return a rule's findings at or after ``since_ns``, oldest first."""
        ...


class AlertStore(Protocol):
    """Alert state, incidents, and the slots of rule groups."""

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        """Insert or replace alerts by (rule, labels)."""
        ...

    def alerts(self, *, active_only: bool = True, of: str = "") -> tuple[Alert, ...]:
        """Return the alerts; active are pending, firing and keep_firing.

        ``of`` narrows them to rules whose ids begin so: those of one group.
        """
        ...

    def alert_counts(self) -> dict[AlertState, int]:
        """Return the number of active alerts in each state that has one."""
        ...

    def put_incidents(self, incidents: Sequence[Incident]) -> None:
        """Insert or replace incidents by id."""
        ...

    def incident(self, incident_id: str) -> Incident | None:
        """Return an incident, or ``None``."""
        ...

    def incidents(
        self, *, state: IncidentState | None = None, since_ns: int = 0, limit: int = 1000
    ) -> tuple[Incident, ...]:
        """Return incidents updated at or after ``since_ns``, newest first."""
        ...

    def live_incidents(self, *, resolved_since_ns: int) -> tuple[Incident, ...]:
        """Return every open incident, and those resolved at or after a time: what gathering needs.

        There is no limit: an open incident that gathering does not see would be opened twice.
        """
        ...

    def open_incident_count(self) -> int:
        """Return how many incidents are open."""
        ...

    def group_slot_ns(self, group: str) -> int | None:
        """Return the last slot a rule group was evaluated for, Unix ns."""
        ...

    def put_group_slot_ns(self, group: str, slot_ns: int) -> None:
        """Remember the last slot of a rule group."""
        ...


class OutboxStore(Protocol):
    """Messages on their way, and what was told."""

    def put_outbox(self, row: OutboxRow) -> OutboxRow:
        """Insert a row with ``seq`` 0, else replace it; return it with its ``seq``.

        Inserting a ``message_id`` for a second time changes nothing and returns the first row.
        """
        ...

    def drop_outbox(self, seq: int) -> None:
        """Delete a row that another one replaces."""
        ...

    def unfinished(self, target: str = "", *, incident_id: str = "") -> tuple[OutboxRow, ...]:
        """Return queued and sending rows in order, narrowed where arguments are given."""
        ...

    def due(self, target: str, *, now_ns: int, limit: int) -> tuple[OutboxRow, ...]:
        """Return queued rows whose time has come, oldest first.

        A row waits for the earlier unfinished rows of the same incident and target.
        """
        ...

    def next_due_ns(self, target: str) -> int | None:
        """Return when the next queued row of a target is due, ``None`` when none is queued."""
        ...

    def dead_letters(self, *, target: str = "", limit: int = 1000) -> tuple[OutboxRow, ...]:
        """Return messages that were given up, newest first."""
        ...

    def outbox_row(self, seq: int) -> OutboxRow | None:
        """Return a message by its number, ``None`` where there is none."""
        ...

    def outbox_counts(self) -> dict[OutboxState, int]:
        """Return the number of rows in each state, also where it is 0."""
        ...

    def put_told(self, told: Told) -> None:
        """Insert or replace what a target was told of an incident."""
        ...

    def told(self, incident_id: str, target: str) -> Told | None:
        """Return what a target was told of an incident, or ``None``."""
        ...

    def drop_told(self, incident_id: str, target: str) -> None:
        """Forget that a target was to be told of an incident."""
        ...

    def told_due(self, *, loud_before_ns: int) -> tuple[Told, ...]:
        """Return what a review has to look at, in any order.

        What is held back, and what open incidents were last told aloud at or before a time.
        """
        ...

    def last_ref(self, target: str) -> MessageRef | None:
        """Return where the newest known message of a target is, or ``None``."""
        ...


class SilenceStore(Protocol):
    """Silences."""

    def put_silence(self, silence: Silence) -> None:
        """Insert or replace a silence by id."""
        ...

    def silence(self, silence_id: str) -> Silence | None:
        """Return a silence, or ``None``."""
        ...

    def silences(self, *, ends_after_ns: int = 0) -> tuple[Silence, ...]:
        """Return those that end after a time, the one that ends first at the front."""
        ...


class HistoryStore(Protocol):
    """What tools used to return."""

    def put_history(self, grown: History, *, at_ns: int) -> None:
        """Insert or replace the tools in ``grown``; beyond a limit the oldest are forgotten."""
        ...

    def history(self) -> History:
        """Return all tools, those that changed last at the end."""
        ...


class NoveltyStore(Protocol):
    """What workflows had so far, and what rules told as new."""

    def put_baselines(self, grown: Mapping[str, Baseline], *, at_ns: int) -> None:
        """Insert or replace baselines by workflow; beyond a limit the oldest are forgotten."""
        ...

    def baselines(self) -> dict[str, Baseline]:
        """Return the baseline of each workflow, those that changed last at the end."""
        ...

    def put_spent(self, spent: Mapping[str, Spent]) -> None:
        """Insert or replace what rules told on a day, by rule; days gone by are forgotten."""
        ...

    def spent(self) -> dict[str, Spent]:
        """Return what each rule told on its last day."""
        ...


class Store(RunStore, AlertStore, OutboxStore, SilenceStore, HistoryStore, NoveltyStore, Protocol):
    """Everything a daemon keeps."""

    def transaction(self) -> AbstractContextManager[None]:
        """Make all changes inside atomic: all of them, or (on an exception) none.

        May be nested; an inner one that fails takes back its own part only.
        """
        ...

    def meta(self, key: str) -> str | None:
        """Return a remembered value, or ``None``."""
        ...

    def put_meta(self, key: str, value: str) -> None:
        """Remember a value by key."""
        ...

    def prune(self, before_ns: int, *, anomalous_before_ns: int | None = None) -> dict[str, int]:
        """Delete what is older; return the number of rows deleted, by kind.

        Active alerts, open incidents with their runs, and unfinished messages stay, whatever their
        age. Runs that are not healthy go by ``anomalous_before_ns`` (``before_ns`` where it is
        ``None``).
        """
        ...

    def prune_some(
        self,
        before_ns: int,
        *,
        anomalous_before_ns: int,
        keep: Collection[str] = (),
        max_rows: int,
    ) -> dict[str, int]:
        """Do a part of what ``prune`` does, in one short transaction; all zeros when all is done.

        At most ``max_rows`` of each kind; runs with an id in ``keep`` stay.
        """
        ...

    def run_heads(self) -> Iterator[RunHead]:
        """Yield all runs, whole and short ones; others may read and write in between."""
        ...

    def purge(
        self,
        *,
        runs: Collection[str],
        traces: Collection[str],
        before_ns: int = 0,
        mask: Callable[[str], str],
    ) -> dict[str, int]:
        """Forget runs wherever they are known; return what changed, by kind.

        What was learned of tools and workflows, and did not change since ``before_ns``, goes too.

        Runs, findings, and alerts, incidents and messages that are about nothing else go, whatever
        their state. Others lose what they quote: sentences go through ``mask``. What is deleted is
        overwritten; ``scrub`` ends that.
        """
        ...

    def scrub(self) -> bool:
        """Leave nothing in the files that is not stored; all others wait until it is done.

        False where a reader elsewhere keeps an old copy in the log.
        """
        ...

    def incident_runs(self) -> frozenset[str]:
        """Return the ids of the runs behind open incidents."""
        ...

    def oldest_run_ns(self, *, anomalous: bool) -> int | None:
        """Return when the run that was kept or changed longest ago was, of the healthy or others.

        Those that were not judged in full are among the healthy.
        """
        ...

    def size_bytes(self) -> int:
        """Return how much is stored, in bytes on disk without what is free."""
        ...

    def vacuum_some(self, max_pages: int) -> bool:
        """Give some free space back to the file system; false when there is hardly any."""
        ...

    def close(self) -> None:
        """Close it; a second call does nothing."""
        ...
