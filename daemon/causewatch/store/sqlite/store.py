"""The whole store on SQLite: all tables, small memories, retention."""

from __future__ import annotations

from causewatch.store.sqlite.alerts import AlertTables
from causewatch.store.sqlite.history import HistoryTables
from causewatch.store.sqlite.novelty import NoveltyTables
from causewatch.store.sqlite.outbox import OutboxTables
from causewatch.store.sqlite.runs import RunTables

_STALE = (
    ("alerts", "NOT active AND resolved_at_ns < ?"),
    ("incidents", "state = 'resolved' AND updated_at_ns < ?"),
    ("findings", "at_ns < ?"),
    ("outbox", "state IN ('sent', 'dead') AND due_at_ns < ?"),
)
_DANGLING = (
    ("run_traces", "run_id NOT IN (SELECT run_id FROM runs)"),
    ("told", "incident_id NOT IN (SELECT id FROM incidents)"),
)


class SqliteStore(RunTables, AlertTables, OutboxTables, HistoryTables, NoveltyTables):
    """``Store`` in one SQLite file, or in memory without a path."""

    def meta(self, key: str) -> str | None:
        """See ``Store.meta``."""
        rows = self._read("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def put_meta(self, key: str, value: str) -> None:
        """See ``Store.put_meta``."""
        self._write("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def prune(self, before_ns: int, *, anomalous_before_ns: int | None = None) -> dict[str, int]:
        """See ``Store.prune``."""
        anomalous = before_ns if anomalous_before_ns is None else anomalous_before_ns
        with self.transaction():
            runs = self._write(
                "DELETE FROM runs WHERE updated_at_ns < CASE verdict WHEN 'healthy' THEN ?"
                " ELSE ? END",
                (before_ns, anomalous),
            )
            # These lie in order of time: what is kept is not looked at.
            short_runs = self._write(
                "DELETE FROM short_runs WHERE seq < coalesce((SELECT seq FROM short_runs"
                " WHERE updated_at_ns >= ? ORDER BY seq LIMIT 1), 9223372036854775807)",
                (before_ns,),
            )
            deleted = {"runs": runs.rowcount + short_runs.rowcount}
            for table, where in _STALE:
                sql = f"DELETE FROM {table} WHERE {where}"  # noqa: S608  # constants above
                deleted[table] = self._write(sql, (before_ns,)).rowcount
            for table, where in _DANGLING:
                sql = f"DELETE FROM {table} WHERE {where}"  # noqa: S608  # constants above
                deleted[table] = self._write(sql).rowcount
        return deleted
