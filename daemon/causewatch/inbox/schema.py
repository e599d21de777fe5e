"""Opening the inbox file: one process at a time, private to its owner, migrated by number."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from causewatch.inbox.batch import InboxInUseError, InboxUnusableError

_PAGE_BYTES = 16 * 1024
"""Bodies are tens of kilobytes: larger pages mean shorter overflow chains than SQLite's 4 KiB."""

_KEPT_JOURNAL_BYTES = 64 * 1024 * 1024
_BUSY_TIMEOUT_S = 10.0
_FOLDER_MODE, _FILE_MODE = 0o700, 0o600

MIGRATIONS: tuple[str, ...] = (
    # AUTOINCREMENT: a sequence number is never given twice, even after all rows are pruned.
    """
    CREATE TABLE batch (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      signal TEXT NOT NULL,
      received_ns INTEGER NOT NULL,
      items INTEGER NOT NULL,
      raw_bytes INTEGER NOT NULL,
      crc32 INTEGER NOT NULL,
      body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE cursor (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    """,
    # From here on the checksum of a row is that of its packed body: nothing changes but the number,
    # so that an earlier causewatch says what it found instead of taking all new rows for damaged.
    "",
)
"""Entry N brings ``PRAGMA user_version`` from N to N + 1; entries are only ever appended."""


def take_lock(path: Path) -> int:
    """Return a descriptor that holds the lock of the inbox at ``path`` until it is closed.

    Raises:
        InboxUnusableError: another process holds it, or the folder cannot be written.
    """
    lock_path = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
    except OSError as error:
        raise InboxUnusableError(f"{lock_path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise InboxInUseError(
            f"{path} is in use by another causewatch (process {holder}); "
            "give each its own store path"
        ) from error
    os.truncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def open_writer(path: Path) -> sqlite3.Connection:
    """Return the one writing connection, the file created and migrated where needed.

    Raises:
        InboxUnusableError: it is damaged, not ours, or written by a later causewatch.
    """
    try:
        _create_private(path)
        connection = connect(path)
    except (OSError, sqlite3.Error) as error:
        raise InboxUnusableError(f"{path}: cannot be opened: {error}") from error
    try:
        # Both take effect only before the first table exists.
        connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        # What is deleted is overwritten where that costs no further write.
        connection.execute("PRAGMA secure_delete=FAST")
        connection.execute(f"PRAGMA journal_size_limit={_KEPT_JOURNAL_BYTES}")
        _migrate(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise InboxUnusableError(
            f"{path}: not a usable inbox ({error}); move it away to start with an empty one"
        ) from error
    except InboxUnusableError:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write, for use by any one thread at a time."""
    connection = connect(path)
    connection.execute("PRAGMA query_only=ON")
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to an inbox that is there."""
    return sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )


def _create_private(path: Path) -> None:
    """Create the file with its mode (its ``-wal`` copies it), and make its name durable."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE))
    for folder in (path.parent, path.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise InboxUnusableError(
            f"{path}: written by a later causewatch (format {version}, this one knows "
            f"{len(MIGRATIONS)})"
        )
    for number in range(version, len(MIGRATIONS)):
        connection.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[number]} PRAGMA user_version={number + 1}; COMMIT;"
        )
