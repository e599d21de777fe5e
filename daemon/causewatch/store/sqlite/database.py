"""One SQLite connection behind one lock: opening, migrating, transactions.

WAL with ``synchronous=FULL``: what a transaction committed survives a power cut.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from causewatch.errors import InputError
from causewatch.store.sqlite.migrations import MIGRATIONS

BUSY_TIMEOUT_S = 10.0
KEPT_JOURNAL_BYTES = 16 * 1024 * 1024
IN_MEMORY = ":memory:"
_INCREMENTAL = 2
_T = TypeVar("_T")


class Database:
    """A connection that threads share. Reads and writes take the same lock: SQLite has one writer.

    Raises:
        InputError: when the file cannot be opened, is no database, or was written by a newer
            causewatch.
    """

    def __init__(self, path: str | Path = IN_MEMORY) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._closed = False
        self._connection = self._open(str(path))

    def _open(self, path: str) -> sqlite3.Connection:
        connection = None
        try:
            if path != IN_MEMORY:
                _create_private(Path(path))
            connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            _make_shrinkable(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # What is deleted is overwritten where that costs no further write.
            connection.execute("PRAGMA secure_delete = FAST")
            connection.execute(f"PRAGMA journal_size_limit = {KEPT_JOURNAL_BYTES}")
            migrate(connection, MIGRATIONS)
        except (sqlite3.Error, OSError, InputError) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, InputError):
                raise
            raise InputError(f"the store {path} cannot be opened: {error}") from error
        return connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See ``Store.transaction``: the outermost is a transaction, inner ones are savepoints."""
        with self._lock:
            name = f"level_{self._depth}"
            self._connection.execute("BEGIN IMMEDIATE" if not self._depth else f"SAVEPOINT {name}")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                self._take_back(name)
                raise
            self._depth -= 1
            try:
                self._connection.execute("COMMIT" if not self._depth else f"RELEASE {name}")
            except sqlite3.Error:
                self._take_back(name)
                raise

    def _take_back(self, name: str) -> None:
        if not self._connection.in_transaction:
            return  # SQLite rolls back by itself on some errors, such as a full disk.
        if self._depth:
            self._connection.execute(f"ROLLBACK TO {name}")
            self._connection.execute(f"RELEASE {name}")
        else:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """See ``Store.close``."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._connection.close()

    def _write(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        with self._lock:
            if self._depth:
                # A statement that fails changes nothing: it needs no savepoint of its own.
                return self._connection.execute(sql, values)
            with self.transaction():
                return self._connection.execute(sql, values)

    def _read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def _values(self, kind: type[_T], sql: str, values: Sequence[Any] = ()) -> tuple[_T, ...]:
        """Return the decoded first column of each row."""
        return tuple(msgspec.json.decode(row[0], type=kind) for row in self._read(sql, values))

    def _value(self, kind: type[_T], sql: str, values: Sequence[Any] = ()) -> _T | None:
        """Return the decoded first column of the first row, ``None`` without one."""
        return next(iter(self._values(kind, sql, values)), None)


def _make_shrinkable(connection: sqlite3.Connection) -> None:
    """Let free pages be given back in small steps: a file without that is written anew, once."""
    if connection.execute("PRAGMA auto_vacuum").fetchone() == (_INCREMENTAL,):
        return
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    if connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
        connection.execute("VACUUM")


def _create_private(path: Path) -> None:
    """Create the file readable by its owner only; SQLite gives its side files the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)


def migrate(connection: sqlite3.Connection, steps: Sequence[Sequence[str]]) -> None:
    """Bring a database to the newest schema, each step in a transaction of its own.

    Raises:
        InputError: when the database has had more steps than this causewatch knows.
    """
    (done,) = connection.execute("PRAGMA user_version").fetchone()
    if done > len(steps):
        raise InputError(
            f"the store has schema {done}, but this causewatch knows {len(steps)}: use a newer one"
        )
    for number, statements in enumerate(steps[done:], start=done + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        except sqlite3.Error:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
