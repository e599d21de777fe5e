"""The embedded store: one SQLite file, one writer."""

from causewatch.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
