"""The writing thread: whatever waits is committed together, and only then reported.

Theory of operation. ``submit`` puts a job into a queue and returns its future. The thread takes
all that waits (when busy it lingers a little for more, up to a bound of bytes and time), runs the
jobs inside one transaction, commits, which with ``synchronous=FULL`` is one fsync of the log, and
resolves the futures. While it syncs, the next group gathers, so that throughput adapts to the disk
by itself. A failure rolls the group back and fails its futures, the connection is opened anew
(after a failed fsync its state is not to be trusted), and the thread goes on with the next group.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from causewatch.inbox.batch import NotStoredError

_Work = Callable[[sqlite3.Connection], Any]


class _Job:
    """One piece of work for the connection, its weight in bytes, and its waiting caller."""

    __slots__ = ("future", "size_bytes", "work")

    def __init__(self, work: _Work, size_bytes: int) -> None:
        self.work = work
        self.size_bytes = size_bytes
        self.future: Future[Any] = Future()


class GroupWriter:
    """Runs jobs on one connection in one thread, many to a transaction.

    Args:
        connect: opens the connection; called again after a failure.
        max_commit_bytes: the group is closed at this weight.
        max_linger_s: how long the first job of a group waits for others.
        after_commit: called in the thread after each commit with the connection and the seconds
            it took, before the futures resolve.
        after_failure: called in the thread after each failed group.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        max_commit_bytes: int,
        max_linger_s: float,
        after_commit: Callable[[sqlite3.Connection, float], None],
        after_failure: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._max_commit_bytes = max_commit_bytes
        self._max_linger_s = max_linger_s
        self._after_commit = after_commit
        self._after_failure = after_failure
        self._connection: sqlite3.Connection | None = connect()
        self._jobs: deque[_Job] = deque()
        self._pending_bytes = 0
        self._is_closing = False
        self._is_busy = False
        self._is_lingering = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="causewatch-inbox", daemon=True)
        self._thread.start()

    @property
    def pending_bytes(self) -> int:
        """Return the weight of all jobs that are not committed yet, in bytes."""
        return self._pending_bytes

    def submit(
        self, work: _Work, *, size_bytes: int = 0, admit: Callable[[int], None] = lambda _: None
    ) -> Future[Any]:
        """Return the future result of ``work``, resolved after its commit.

        Args:
            work: runs in the writing thread inside a transaction.
            size_bytes: its weight.
            admit: called under the lock with the pending bytes; raises to refuse.

        Raises:
            NotStoredError: the writer is closed.
        """
        job = _Job(work, size_bytes)
        with self._changed:
            if self._is_closing:
                raise NotStoredError("the inbox is closed")
            admit(self._pending_bytes)
            self._jobs.append(job)
            self._pending_bytes += size_bytes
            # While it lingers for more, each wake-up would only make it look and sleep again.
            if not self._is_lingering or self._pending_bytes >= self._max_commit_bytes:
                self._changed.notify()
        return job.future

    def close(self) -> None:
        """Commit all that waits, then close the connection. May be called twice."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            # A caller that gave up before its turn is not acknowledged, so nothing is stored.
            live = [job for job in group if job.future.set_running_or_notify_cancel()]
            outcome = self._commit(live) if live else []
            with self._changed:
                self._pending_bytes -= sum(job.size_bytes for job in group)
            if isinstance(outcome, NotStoredError):
                for job in live:
                    job.future.set_exception(outcome)
            else:
                for job, result in zip(live, outcome, strict=True):
                    job.future.set_result(result)
        if self._connection is not None:
            self._connection.close()

    def _next_group(self) -> list[_Job]:
        """Return the next jobs to commit together; none when closed and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._is_closing)
            if self._is_busy:
                self._is_lingering = True
                self._changed.wait_for(
                    lambda: self._is_closing or self._pending_bytes >= self._max_commit_bytes,
                    timeout=self._max_linger_s,
                )
                self._is_lingering = False
            group: list[_Job] = []
            size_bytes = 0
            while self._jobs and size_bytes < self._max_commit_bytes:
                job = self._jobs.popleft()
                group.append(job)
                size_bytes += job.size_bytes
            # A lone sender is not made to wait for company that does not come.
            self._is_busy = len(group) > 1
            return group

    def _commit(self, group: list[_Job]) -> list[Any] | NotStoredError:
        """Return the result of each job, or why none of them is stored."""
        began_s = time.monotonic()
        try:
            if self._connection is None:
                self._connection = self._connect()
            results = self._transact(self._connection, group)
            self._after_commit(self._connection, time.monotonic() - began_s)
        except Exception as error:  # noqa: BLE001  # whatever it is, the callers must hear of it
            self._reset()
            self._after_failure()
            return NotStoredError(f"not stored: {error}")
        return results

    @staticmethod
    def _transact(connection: sqlite3.Connection, group: list[_Job]) -> list[Any]:
        connection.execute("BEGIN IMMEDIATE")
        results = [job.work(connection) for job in group]
        connection.execute("COMMIT")
        return results

    def _reset(self) -> None:
        """Drop the connection; closing it rolls back what was open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error:
                # The file is in trouble already; the next group opens it anew, or says so.
                return
