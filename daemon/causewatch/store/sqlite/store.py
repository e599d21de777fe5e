"""The whole store on SQLite: all tables, and small memories."""

from __future__ import annotations

from causewatch.store.sqlite.alerts import AlertTables
from causewatch.store.sqlite.history import HistoryTables
from causewatch.store.sqlite.novelty import NoveltyTables
from causewatch.store.sqlite.outbox import OutboxTables
from causewatch.store.sqlite.purge import PurgeTables
from causewatch.store.sqlite.retention import RetentionTables
from causewatch.store.sqlite.runs import RunTables
from causewatch.store.sqlite.silences import SilenceTables


class SqliteStore(
    PurgeTables,
    RetentionTables,
    RunTables,
    AlertTables,
    OutboxTables,
    SilenceTables,
    HistoryTables,
    NoveltyTables,
):
    """``Store`` in one SQLite file, or in memory without a path."""

    def meta(self, key: str) -> str | None:
        """See ``Store.meta``."""
        rows = self._read("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def put_meta(self, key: str, value: str) -> None:
        """See ``Store.put_meta``."""
        self._write("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
