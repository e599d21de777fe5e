"""The tables of the outbox and of what was told."""

from __future__ import annotations

import msgspec

from causewatch.store.record import OUTBOX_STATES, MessageRef, OutboxRow, OutboxState, Told
from causewatch.store.sqlite.database import Database

_UNFINISHED = "state IN ('queued', 'sending')"


class OutboxTables(Database):
    """``OutboxStore`` on SQLite."""

    def put_outbox(self, row: OutboxRow) -> OutboxRow:
        """See ``OutboxStore.put_outbox``."""
        with self.transaction():
            if row.seq == 0:
                return self._insert(row)
            self._write(
                "UPDATE outbox SET state = ?, due_at_ns = ?, value = ? WHERE seq = ?",
                (row.state, row.due_at_ns, msgspec.json.encode(row), row.seq),
            )
            return row

    def _insert(self, row: OutboxRow) -> OutboxRow:
        cursor = self._write(
            "INSERT OR IGNORE INTO outbox (message_id, target, incident_id, state, due_at_ns,"
            " value) VALUES (?, ?, ?, ?, ?, x'')",
            (row.message_id, row.target, row.incident.id, row.state, row.due_at_ns),
        )
        if cursor.rowcount == 0:
            sql = "SELECT value FROM outbox WHERE message_id = ?"
            return self._value(OutboxRow, sql, (row.message_id,)) or row
        # The row's own number is part of its value, so it is written once that is known.
        return self.put_outbox(msgspec.structs.replace(row, seq=cursor.lastrowid or 0))

    def drop_outbox(self, seq: int) -> None:
        """See ``OutboxStore.drop_outbox``."""
        self._write("DELETE FROM outbox WHERE seq = ?", (seq,))

    def unfinished(self, target: str = "", *, incident_id: str = "") -> tuple[OutboxRow, ...]:
        """See ``OutboxStore.unfinished``."""
        # Only what is asked for stands in the query: else no index is used, and each new message
        # of a storm would look through all that wait.
        given = {"target": target, "incident_id": incident_id}
        narrowed = "".join(f" AND {column} = ?" for column, text in given.items() if text)
        return self._values(
            OutboxRow,
            f"SELECT value FROM outbox WHERE {_UNFINISHED}{narrowed} ORDER BY seq",  # noqa: S608  # columns above
            tuple(text for text in given.values() if text),
        )

    def due(self, target: str, *, now_ns: int, limit: int) -> tuple[OutboxRow, ...]:
        """See ``OutboxStore.due``."""
        return self._values(
            OutboxRow,
            f"SELECT value FROM outbox AS row WHERE {_HEAD} AND due_at_ns <= ?"  # noqa: S608  # a constant
            " ORDER BY due_at_ns, seq LIMIT ?",
            (target, now_ns, limit),
        )

    def next_due_ns(self, target: str) -> int | None:
        """See ``OutboxStore.next_due_ns``."""
        sql = f"SELECT min(due_at_ns) FROM outbox AS row WHERE {_HEAD}"  # noqa: S608  # a constant
        ((due_at_ns,),) = self._read(sql, (target,))
        return None if due_at_ns is None else int(due_at_ns)

    def dead_letters(self, *, target: str = "", limit: int = 1000) -> tuple[OutboxRow, ...]:
        """See ``OutboxStore.dead_letters``."""
        return self._values(
            OutboxRow,
            "SELECT value FROM outbox WHERE state = 'dead' AND ? IN ('', target)"
            " ORDER BY seq DESC LIMIT ?",
            (target, limit),
        )

    def outbox_row(self, seq: int) -> OutboxRow | None:
        """See ``OutboxStore.outbox_row``."""
        return self._value(OutboxRow, "SELECT value FROM outbox WHERE seq = ?", (seq,))

    def outbox_counts(self) -> dict[OutboxState, int]:
        """See ``OutboxStore.outbox_counts``."""
        found = dict(self._read("SELECT state, count(*) FROM outbox GROUP BY state"))
        return {state: found.get(state, 0) for state in OUTBOX_STATES}

    def put_told(self, told: Told) -> None:
        """See ``OutboxStore.put_told``."""
        self._write(
            "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                told.incident_id,
                told.target,
                told.told_at_ns,
                told.ref is not None,
                msgspec.json.encode(told),
                bool(told.held),
                told.loud_at_ns,
            ),
        )

    def drop_told(self, incident_id: str, target: str) -> None:
        """See ``OutboxStore.drop_told``."""
        self._write("DELETE FROM told WHERE incident_id = ? AND target = ?", (incident_id, target))

    def told_due(self, *, loud_before_ns: int) -> tuple[Told, ...]:
        """See ``OutboxStore.told_due``."""
        return self._values(
            Told,
            "SELECT value FROM told WHERE held UNION ALL SELECT told.value FROM incidents"
            " JOIN told ON told.incident_id = incidents.id WHERE incidents.state = 'open'"
            " AND NOT told.held AND told.loud_at_ns <= ?",
            (loud_before_ns,),
        )

    def told(self, incident_id: str, target: str) -> Told | None:
        """See ``OutboxStore.told``."""
        return self._value(
            Told,
            "SELECT value FROM told WHERE incident_id = ? AND target = ?",
            (incident_id, target),
        )

    def last_ref(self, target: str) -> MessageRef | None:
        """See ``OutboxStore.last_ref``."""
        told = self._value(
            Told,
            "SELECT value FROM told WHERE target = ? AND has_ref ORDER BY told_at_ns DESC LIMIT 1",
            (target,),
        )
        return told.ref if told else None


_HEAD = (
    "target = ? AND state = 'queued' AND NOT EXISTS (SELECT 1 FROM outbox AS earlier"
    " WHERE earlier.state IN ('queued', 'sending') AND earlier.target = row.target"
    " AND earlier.incident_id = row.incident_id AND earlier.seq < row.seq)"
)
