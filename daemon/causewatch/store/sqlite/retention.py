"""Forgets what is old, in short transactions, and gives the space back.

Each transaction deletes a few rows of each kind by an index, so that writers who share the
connection wait for milliseconds, however much there is to delete in all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Any

import msgspec

from causewatch.model.incident import Incident
from causewatch.store.sqlite.database import Database

PRUNE_ROWS = 500
SPARE_SHARE = 1 / 16
"""Of the file, what may be free: new rows use it, and nothing needs to be moved."""
_STALE = (
    ("alerts", "NOT active AND resolved_at_ns < ?"),
    ("incidents", "state = 'resolved' AND NOT closed AND updated_at_ns < ?"),
    ("silences", "ends_at_ns < ?"),
    ("findings", "at_ns < ?"),
    ("outbox", "state IN ('sent', 'dead') AND due_at_ns < ?"),
)
_VERDICTS = ("healthy", "corrupted", "unverifiable")


class RetentionTables(Database):
    """The parts of ``Store`` that delete by age, on SQLite."""

    def prune(self, before_ns: int, *, anomalous_before_ns: int | None = None) -> dict[str, int]:
        """See ``Store.prune``."""
        anomalous_ns = before_ns if anomalous_before_ns is None else anomalous_before_ns
        total: dict[str, int] = {}
        while True:
            deleted = self.prune_some(
                before_ns,
                anomalous_before_ns=anomalous_ns,
                keep=self.incident_runs(),
                max_rows=PRUNE_ROWS,
            )
            for kind, count in deleted.items():
                total[kind] = total.get(kind, 0) + count
            if not any(deleted.values()):
                return total

    def prune_some(
        self,
        before_ns: int,
        *,
        anomalous_before_ns: int,
        keep: Collection[str] = (),
        max_rows: int,
    ) -> dict[str, int]:
        """See ``Store.prune_some``."""
        with self.transaction():
            runs = traces = 0
            for verdict in _VERDICTS:
                until_ns = before_ns if verdict == "healthy" else anomalous_before_ns
                old = self._old_runs(verdict, until_ns, keep, max_rows)
                runs += len(old)
                traces += self._drop_runs(old)
            deleted = {"runs": runs + self._drop_short_runs(before_ns, keep, max_rows)}
            for table, where in _STALE:
                sql = (
                    f"DELETE FROM {table} WHERE rowid IN"  # noqa: S608  # constants above
                    f" (SELECT rowid FROM {table} WHERE {where} LIMIT ?)"
                )
                deleted[table] = self._write(sql, (before_ns, max_rows)).rowcount
            deleted["run_traces"] = traces
            deleted["told"] = self._write(
                # A digest of a storm is in no list of incidents; it goes when it is old.
                "DELETE FROM told WHERE incident_id NOT IN (SELECT id FROM incidents)"
                " AND (told_at_ns < ? OR incident_id NOT LIKE 'storm-%')",
                (before_ns,),
            ).rowcount
        return deleted

    def incident_runs(self) -> frozenset[str]:
        """See ``Store.incident_runs``."""
        sql = "SELECT value FROM incidents WHERE state = 'open'"
        return frozenset(run for found in self._values(Incident, sql) for run in found.run_ids)

    def oldest_run_ns(self, *, anomalous: bool) -> int | None:
        """See ``Store.oldest_run_ns``."""
        verdicts = _VERDICTS[1:] if anomalous else _VERDICTS[:1]
        sql = "SELECT min(updated_at_ns) FROM runs WHERE verdict = ?"
        rows = [row for verdict in verdicts for row in self._read(sql, (verdict,))]
        if not anomalous:
            rows += self._read("SELECT updated_at_ns FROM short_runs ORDER BY seq LIMIT 1")
        return min((at_ns for (at_ns,) in rows if at_ns is not None), default=None)

    def size_bytes(self) -> int:
        """See ``Store.size_bytes``."""
        pages, free, page_bytes = (
            self._read(f"PRAGMA {name}")[0][0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * page_bytes)

    def vacuum_some(self, max_pages: int) -> bool:
        """See ``Store.vacuum_some``."""
        with self._lock:
            return give_back_some(self._connection, max_pages)

    def _old_runs(
        self, verdict: str, before_ns: int, keep: Collection[str], max_rows: int
    ) -> list[str]:
        rows = self._read(
            "SELECT run_id FROM runs WHERE verdict = ? AND updated_at_ns < ?"
            " ORDER BY updated_at_ns LIMIT ?",
            (verdict, before_ns, max_rows + len(keep)),
        )
        return [run_id for (run_id,) in rows if run_id not in keep][:max_rows]

    def _drop_runs(self, run_ids: Collection[str]) -> int:
        """Delete whole runs with what leads to them; return how many traces led there."""
        ids = [(run_id,) for run_id in run_ids]
        self._connection.executemany("DELETE FROM runs WHERE run_id = ?", ids)
        self._connection.executemany("DELETE FROM run_batches WHERE run_id = ?", ids)
        deleted = self._connection.executemany("DELETE FROM run_traces WHERE run_id = ?", ids)
        return max(deleted.rowcount, 0)

    def _drop_short_runs(self, before_ns: int, keep: Collection[str], max_rows: int) -> int:
        """Delete the first of these; they lie in order of time, and none is ever changed.

        Those that an open incident is about stay, where they are few.
        """
        rows: list[tuple[Any, ...]] = self._read(
            "SELECT seq, updated_at_ns, value FROM short_runs ORDER BY seq LIMIT ?",
            (max_rows + len(keep),),
        )
        old = [(seq,) for seq, at_ns, value in rows if at_ns < before_ns and _id(value) not in keep]
        self._connection.executemany("DELETE FROM short_runs WHERE seq = ?", old[:max_rows])
        return len(old[:max_rows])


def give_back_some(connection: sqlite3.Connection, max_pages: int) -> bool:
    """Move some pages into free ones and cut the end of the file off; false when few are free."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    if free <= pages * SPARE_SHARE:
        return False
    connection.execute(f"PRAGMA incremental_vacuum({max_pages})").fetchall()
    return True


def _id(value: bytes) -> str:
    return str(msgspec.msgpack.decode(value)[0])
