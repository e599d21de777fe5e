"""The inbox in one SQLite file: appends resolve after the durable commit, readers follow.

Bodies are stored zstd-compressed with a checksum of what is stored. A row that cannot be read
back (a damaged page, a checksum that differs) is skipped and counted; it never stops the reader.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from causewatch.errors import FullError
from causewatch.inbox.batch import MIB_BYTES, Batch, InboxLimits, Signal
from causewatch.inbox.pack import CorruptError, Packer, unpack
from causewatch.inbox.prune import (
    SPARE_SHARE,
    Head,
    delete_rows,
    heads_after,
    overwrite,
    replace_body,
    scrub,
    vacuum_some,
)
from causewatch.inbox.schema import open_reader, open_writer, take_lock
from causewatch.inbox.writer import GroupWriter
from causewatch.telemetry.metrics import Metrics

__all__ = ["Batch", "InboxLimits", "SqliteInbox"]

_INSERT = (
    "INSERT INTO batch (signal, received_ns, items, raw_bytes, crc32, body) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
_SELECT = "SELECT seq, signal, received_ns, raw_bytes, crc32, body FROM batch"
# In one statement, as each takes a lock of the file.
_STATE = (
    "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'batch'), 0), "
    "(page_count - freelist_count) * page_size "
    "FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
_ADVANCE = (
    "INSERT INTO cursor (name, seq) VALUES (?, ?) "
    "ON CONFLICT (name) DO UPDATE SET seq = max(seq, excluded.seq)"
)


class SqliteInbox:
    """The durable queue between the receivers and the pipeline, for use by any thread.

    Args:
        path: the database file; beside it live its ``-wal``, ``-shm`` and ``.lock``.
        limits: see ``InboxLimits``.
        now_ns: the wall clock, for the time of receipt.
        metrics: where commits, sizes and losses are counted.

    Raises:
        InboxUnusableError: another process has it, it is damaged, or of a later version.
    """

    def __init__(
        self,
        path: Path,
        *,
        limits: InboxLimits | None = None,
        now_ns: Callable[[], int],
        metrics: Metrics,
    ) -> None:
        self._path = path
        self._limits = limits or InboxLimits()
        self._now_ns = now_ns
        self._metrics = metrics
        self._stored_bytes = 0
        self._last_seq = 0
        self._is_closed = False
        self._committed = threading.Condition()
        self._reading = threading.Lock()
        # No readable row has a sequence number in (low, high]: a reader must not wait for one.
        self._unreadable = (0, 0)
        self._lock_descriptor = take_lock(path)
        try:
            self._writer = GroupWriter(
                lambda: open_writer(path),
                max_commit_bytes=self._limits.max_commit_mib * MIB_BYTES,
                max_linger_s=self._limits.max_linger_ms / 1000,
                after_commit=self._after_commit,
                after_failure=self._metrics.inbox_failed_commits.inc,
            )
        except BaseException:
            os.close(self._lock_descriptor)
            raise
        metrics.inbox_pending_bytes.set_function(lambda: self._writer.pending_bytes)
        self._reader = open_reader(path)
        self._packer = Packer()
        # An empty transaction: reads the sizes and the last sequence number of what is there.
        self._writer.submit(lambda _: None).result()

    def append(self, signal: Signal, body: bytes, items: int) -> Future[int]:
        """Store one request of ``items`` spans or records; the result is its sequence number.

        The future resolves after the durable commit, and fails with ``NotStoredError`` when the
        commit failed. A future that is cancelled in time stores nothing.

        Raises:
            FullError: a bound is reached; says when to try again.
            NotStoredError: the inbox is closed.
        """
        received_ns = self._now_ns()

        def insert(connection: sqlite3.Connection) -> int:
            packed, checksum = self._packer.pack(body)
            row = (signal, received_ns, items, len(body), checksum, packed)
            return connection.execute(_INSERT, row).lastrowid or 0

        return self._writer.submit(
            insert, size_bytes=len(body), admit=lambda pending: self._admit(pending, len(body))
        )

    def read(self, after: int, max_batches: int, max_bytes: int) -> list[Batch]:
        """Return the batches that follow sequence number ``after``, in order.

        At most ``max_batches``, and no more once their raw bodies reach ``max_bytes``, but always
        at least one where there is one. Unreadable rows are skipped and counted.
        """
        found: list[Batch] = []
        size_bytes = 0
        with self._reading:
            low, high = self._unreadable
            seen = high if low <= after < high else after
            while not found and (seqs := self._seqs_after(seen, max_batches)):
                for seen in seqs:
                    batch = self._fetch(seen)
                    if batch is None:
                        continue
                    found.append(batch)
                    size_bytes += len(batch.body)
                    if size_bytes >= max_bytes:
                        break
            last_good = found[-1].seq if found else after
            if seen > last_good:
                self._unreadable = (last_good, seen)
        return found

    def get(self, seqs: Sequence[int]) -> list[Batch]:
        """Return the batches with these sequence numbers, in this order; missing ones are not."""
        with self._reading:
            found = (self._fetch(seq) for seq in seqs)
            return [batch for batch in found if batch is not None]

    def cursor(self, name: str) -> int:
        """Return up to where reader ``name`` has come; 0 for a new one."""
        with self._reading:
            row = self._reader.execute("SELECT seq FROM cursor WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def advance(self, name: str, seq: int) -> None:
        """Record durably that reader ``name`` has come to ``seq``. It never goes back.

        Raises:
            NotStoredError: the commit failed.
        """
        self._writer.submit(lambda connection: connection.execute(_ADVANCE, (name, seq))).result()

    def last_seq(self) -> int:
        """Return the highest sequence number ever committed; 0 at first."""
        return self._last_seq

    def stored_bytes(self) -> int:
        """Return the size of what is stored, in bytes on disk."""
        return self._stored_bytes

    def heads(self, after: int, max_count: int) -> list[Head]:
        """Return what is known of the batches after ``after`` without reading them, in order."""
        with self._reading:
            return heads_after(self._reader, after, max_count)

    def delete(self, seqs: Sequence[int], *, securely: bool = False) -> int:
        """Delete these batches in one transaction; return how many there were.

        Keep it small: appends wait for it. Their space is used again; ``securely`` overwrites it.

        Raises:
            NotStoredError: the commit failed, nothing was deleted.
        """

        def delete(connection: sqlite3.Connection) -> int:
            overwrite(connection, everything=securely)
            return delete_rows(connection, seqs)

        return int(self._writer.submit(delete).result())

    def replace(self, seq: int, body: bytes, items: int, *, securely: bool = False) -> bool:
        """Put another body in a batch's place, durably; false where there is no such batch.

        ``securely`` overwrites what was there.

        Raises:
            NotStoredError: the commit failed, the batch is as it was.
        """
        packed = Packer().pack(body)

        def write(connection: sqlite3.Connection) -> bool:
            overwrite(connection, everything=securely)
            return replace_body(connection, seq, items, len(body), packed)

        return bool(self._writer.submit(write).result())

    def vacuum(self, max_pages: int, *, spare_share: float = SPARE_SHARE) -> bool:
        """Give some free pages back to the file system; false when no more than a share is free.

        Raises:
            NotStoredError: the commit failed.
        """
        found = self._writer.submit(lambda c: vacuum_some(c, max_pages, spare_share)).result()
        return bool(found)

    def scrub(self, *, anew: bool = False) -> bool:
        """Leave no copy of anything in the log; false while some reader keeps it from that.

        ``anew`` writes the whole file anew first: what moved within it left copies of itself
        behind. Appends wait for that, and it takes as much room again.

        Raises:
            sqlite3.Error: it could not be written.
        """
        return scrub(self._path, anew=anew)

    @property
    def max_bytes(self) -> int:
        """Return how much may be stored before ``append`` refuses."""
        return self._limits.max_size_mib * MIB_BYTES

    def wait(self, after: int, timeout_s: float) -> bool:
        """Block until something newer than ``after`` can be read.

        Returns false when the time is over, or the inbox closes, and there is nothing newer.
        """

        def is_newer() -> bool:
            low, high = self._unreadable
            return self._last_seq > (high if low <= after < high else after)

        with self._committed:
            self._committed.wait_for(lambda: self._is_closed or is_newer(), timeout=timeout_s)
            return is_newer()

    def close(self) -> None:
        """Commit what waits, then close and let another process in. May be called twice."""
        self._writer.close()
        with self._committed:
            self._is_closed = True
            self._committed.notify_all()
        with self._reading:
            self._reader.close()
            if self._lock_descriptor >= 0:
                os.close(self._lock_descriptor)
                self._lock_descriptor = -1

    def _admit(self, pending_bytes: int, size_bytes: int) -> None:
        """Raise ``FullError`` when ``size_bytes`` more would pass a bound."""
        limits = self._limits
        wanted_bytes = pending_bytes + size_bytes
        # One larger than the bound by itself may pass alone: the receivers have let it through,
        # and refusing it for ever would be a loss.
        if pending_bytes and wanted_bytes > limits.max_pending_mib * MIB_BYTES:
            raise FullError("too many bytes wait for the disk", retry_after_s=limits.retry_after_s)
        if self._stored_bytes + wanted_bytes > self.max_bytes:
            raise FullError("the inbox is full", retry_after_s=limits.retry_after_s)

    def _after_commit(self, connection: sqlite3.Connection, took_s: float) -> None:
        """Take note of the new end and size; wake the readers."""
        last_seq, stored_bytes = connection.execute(_STATE).fetchone()
        with self._committed:
            self._last_seq = int(last_seq)
            self._stored_bytes = int(stored_bytes)
            self._committed.notify_all()
        self._metrics.inbox_size_bytes.set(self._stored_bytes)
        self._metrics.inbox_commit_seconds.observe(took_s)

    def _seqs_after(self, after: int, max_count: int) -> Sequence[int]:
        """Return the next sequence numbers after ``after``, read or not."""
        query = "SELECT seq FROM batch WHERE seq > ? ORDER BY seq LIMIT ?"
        try:
            return [seq for (seq,) in self._reader.execute(query, (after, max_count))]
        except sqlite3.DatabaseError:
            # A damaged page ends a walk, but not the look-up of a single number.
            return range(after + 1, min(after + max_count, self._last_seq) + 1)

    def _fetch(self, seq: int) -> Batch | None:
        try:
            row = self._reader.execute(f"{_SELECT} WHERE seq = ?", (seq,)).fetchone()
            return None if row is None else unpack(row)
        except sqlite3.DatabaseError:
            self._metrics.inbox_corrupt_rows.labels("page").inc()
        except CorruptError as error:
            self._metrics.inbox_corrupt_rows.labels(error.reason).inc()
        return None
