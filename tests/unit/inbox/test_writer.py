from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from causewatch.errors import FullError
from causewatch.inbox.batch import NotStoredError
from causewatch.inbox.writer import GroupWriter


class Bench:
    """A writer on a small table, with what it reported."""

    def __init__(self, path: Path, *, max_commit_bytes: int = 1000) -> None:
        self.path = path
        self.connected_count = 0
        self.commit_count = 0
        self.failure_count = 0
        self.writer = GroupWriter(
            self.connect,
            max_commit_bytes=max_commit_bytes,
            max_linger_s=0.001,
            after_commit=self.after_commit,
            after_failure=self.after_failure,
        )

    def connect(self) -> sqlite3.Connection:
        self.connected_count += 1
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER)")
        return connection

    def after_commit(self, _: sqlite3.Connection, took_s: float) -> None:
        assert took_s >= 0
        self.commit_count += 1

    def after_failure(self) -> None:
        self.failure_count += 1

    def numbers(self) -> list[int]:
        """Return what another connection sees."""
        connection = sqlite3.connect(self.path)
        found = [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")]
        connection.close()
        return found


def insert(number: int) -> Callable[[sqlite3.Connection], int]:
    """Return the work of storing one number."""

    def work(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO t VALUES (?)", (number,))
        return number

    return work


def fail(_: sqlite3.Connection) -> Any:
    """Fail in a way that nobody planned for."""
    raise ZeroDivisionError("planned by the test")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a writer."""
    return Bench(tmp_path / "db")


def hold(bench: Bench) -> threading.Event:
    """Occupy the writer until the event is set, so that what is submitted next waits."""
    release, entered = threading.Event(), threading.Event()

    def work(_: sqlite3.Connection) -> None:
        entered.set()
        release.wait(30)

    bench.writer.submit(work)
    entered.wait(30)
    return release


def test_a_result_is_visible_to_others_when_it_arrives(bench: Bench) -> None:
    """A future resolves after the commit, never before."""
    for number in range(20):
        assert bench.writer.submit(insert(number)).result(30) == number
        assert bench.numbers() == list(range(number + 1))
    bench.writer.close()


def test_a_failing_job_fails_its_group_and_no_other(bench: Bench) -> None:
    """One transaction is one fate: nothing of it is stored, and the next is as if it never was."""
    release = hold(bench)
    group = [bench.writer.submit(work) for work in (insert(1), fail, insert(2))]
    release.set()
    for future in group:
        with pytest.raises(NotStoredError, match="planned"):
            future.result(30)
    assert bench.numbers() == []
    assert bench.writer.submit(insert(3)).result(30) == 3
    assert (bench.numbers(), bench.failure_count, bench.connected_count) == ([3], 1, 2)
    bench.writer.close()


def test_a_group_ends_at_its_weight(bench: Bench) -> None:
    """No transaction grows without bound, however much waits."""
    release = hold(bench)
    group = [bench.writer.submit(insert(n), size_bytes=400) for n in range(9)]
    assert bench.writer.pending_bytes == 3600
    release.set()
    assert [future.result(30) for future in group] == list(range(9))
    # The first held job is a commit of its own; the nine need three of three.
    bench.writer.close()
    assert bench.commit_count == 4
    assert bench.writer.pending_bytes == 0


def test_a_cancelled_job_does_not_run(bench: Bench) -> None:
    """Cancelling is possible until the group begins."""
    release = hold(bench)
    kept, cancelled = bench.writer.submit(insert(1)), bench.writer.submit(insert(2), size_bytes=9)
    assert cancelled.cancel()
    release.set()
    assert kept.result(30) == 1
    bench.writer.close()
    assert (bench.numbers(), bench.writer.pending_bytes) == ([1], 0)


def test_admission_sees_what_is_pending(bench: Bench) -> None:
    """A job that is not admitted leaves no trace."""

    def admit(pending_bytes: int) -> None:
        if pending_bytes > 10:
            raise FullError("no", retry_after_s=1)

    release = hold(bench)
    bench.writer.submit(insert(1), size_bytes=11, admit=admit)
    with pytest.raises(FullError):
        bench.writer.submit(insert(2), size_bytes=1, admit=admit)
    assert bench.writer.pending_bytes == 11
    release.set()
    bench.writer.close()
    assert bench.numbers() == [1]


def test_a_connection_that_does_not_come_back_fails_jobs_until_it_does(bench: Bench) -> None:
    """While the file cannot be opened each job is told; then work goes on by itself."""
    real_path, bench.path = bench.path, bench.path / "gone" / "db"
    with pytest.raises(NotStoredError):
        bench.writer.submit(fail).result(30)
    with pytest.raises(NotStoredError, match="unable to open"):
        bench.writer.submit(insert(1)).result(30)
    bench.path = real_path
    assert bench.writer.submit(insert(2)).result(30) == 2
    bench.writer.close()


def test_closing_runs_what_waits_and_takes_no_more(bench: Bench) -> None:
    """``close`` returns when everything submitted before it is committed."""
    release = hold(bench)
    group = [bench.writer.submit(insert(n)) for n in range(5)]
    release.set()
    bench.writer.close()
    assert [future.result(0) for future in group] == list(range(5))
    with pytest.raises(NotStoredError, match="closed"):
        bench.writer.submit(insert(9))
    bench.writer.close()
