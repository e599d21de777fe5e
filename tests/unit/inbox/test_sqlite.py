from __future__ import annotations

import os
import sqlite3
import stat
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from causewatch.errors import FullError
from causewatch.inbox.batch import MIB_BYTES, InboxLimits, InboxUnusableError, NotStoredError
from causewatch.inbox.schema import MIGRATIONS
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.telemetry.metrics import Metrics
from inbox_fixtures import Clock, corrupt_rows, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the inbox of a test lives."""
    return tmp_path / "store" / "inbox.sqlite"


@pytest.fixture
def inbox(path: Path) -> Iterator[SqliteInbox]:
    """Return an open inbox."""
    with opened(path) as found:
        yield found


def bodies_of(inbox: SqliteInbox, after: int = 0) -> list[bytes]:
    """Return all bodies after a sequence number."""
    return [batch.body for batch in inbox.read(after, 10_000, 10**9)]


def test_what_is_appended_is_read_in_order(inbox: SqliteInbox) -> None:
    """Sequence numbers grow, and each batch comes back with its bytes, signal and time."""
    first = inbox.append("traces", b"one" * 1000, 3).result()
    second = inbox.append("logs", b"", 0).result()
    batches = inbox.read(0, 10, 10**6)
    assert [(b.seq, b.signal, b.body) for b in batches] == [
        (first, "traces", b"one" * 1000),
        (second, "logs", b""),
    ]
    assert [b.received_ns for b in batches] == [1, 2]
    assert inbox.last_seq() == second > first > 0


def test_everything_survives_a_restart(path: Path) -> None:
    """Batches, cursors and the last number are on disk, not in memory."""
    with opened(path) as inbox:
        seqs = [inbox.append("traces", b"%d" % i, 1).result() for i in range(5)]
        inbox.advance("pipeline", seqs[2])
    with opened(path) as inbox:
        assert inbox.last_seq() == seqs[-1]
        assert inbox.cursor("pipeline") == seqs[2]
        assert bodies_of(inbox, after=seqs[2]) == [b"3", b"4"]


def test_a_number_is_never_given_twice(path: Path) -> None:
    """Not even after all rows are pruned and the inbox was closed: cursors stay right."""
    with opened(path) as inbox:
        last = [inbox.append("traces", b"x", 1).result() for _ in range(3)][-1]
        assert inbox.delete(range(1, last + 1)) == 3
    with opened(path) as inbox:
        assert inbox.last_seq() == last
        assert inbox.append("traces", b"y", 1).result() == last + 1


@pytest.mark.parametrize(
    ("max_batches", "max_bytes", "expected"),
    [(2, 10**6, 2), (10, 25, 3), (10, 1, 1), (1, 10**6, 1), (10, 10**6, 5)],
)
def test_reading_is_bounded(
    inbox: SqliteInbox, max_batches: int, max_bytes: int, expected: int
) -> None:
    """Batches and bytes both end a read, but one batch always comes."""
    for index in range(5):
        inbox.append("traces", b"%010d" % index, 1).result()
    assert len(inbox.read(0, max_batches, max_bytes)) == expected


def test_get_returns_the_batches_asked_for(inbox: SqliteInbox) -> None:
    """In the order asked, without those that are gone."""
    seqs = [inbox.append("traces", b"%d" % i, 1).result() for i in range(4)]
    inbox.delete([seqs[0]])
    found = inbox.get([seqs[3], seqs[0], seqs[1], 999])
    assert [batch.body for batch in found] == [b"3", b"1"]


def test_a_cursor_never_goes_back(inbox: SqliteInbox) -> None:
    """Cursors are separate, begin at 0, and keep the highest number."""
    inbox.advance("a", 7)
    inbox.advance("a", 3)
    assert (inbox.cursor("a"), inbox.cursor("b")) == (7, 0)


def test_waiting_ends_with_the_next_commit(inbox: SqliteInbox) -> None:
    """A reader is woken by a commit, not by polling."""
    seq = inbox.append("traces", b"x", 1).result()
    assert inbox.wait(seq - 1, 0) is True
    assert inbox.wait(seq, 0) is False
    woken: Future[bool] = Future()
    waiting = threading.Thread(target=lambda: woken.set_result(inbox.wait(seq, 60)))
    waiting.start()
    inbox.append("traces", b"y", 1).result()
    assert woken.result(30) is True
    waiting.join()


def test_closing_ends_a_wait_and_commits_what_waits(path: Path) -> None:
    """What was appended before ``close`` is stored; nobody hangs; nothing is taken after."""
    with opened(path) as inbox:
        futures = [inbox.append("traces", b"%d" % i, 1) for i in range(20)]
        woken: Future[bool] = Future()
        waiting = threading.Thread(target=lambda: woken.set_result(inbox.wait(10**6, 60)))
        waiting.start()
        inbox.close()
        assert woken.result(30) is False
        waiting.join()
        assert [future.result(0) for future in futures] == list(range(1, 21))
        with pytest.raises(NotStoredError):
            inbox.append("traces", b"late", 1)
        inbox.close()
    with opened(path) as inbox:
        assert len(bodies_of(inbox)) == 20


def test_appends_from_many_threads_are_all_kept(inbox: SqliteInbox) -> None:
    """Group commit mixes senders, and loses and doubles none."""

    def send(name: int) -> None:
        for index in range(50):
            inbox.append("traces", b"%d-%d" % (name, index), 1).result()

    threads = [threading.Thread(target=send, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(bodies_of(inbox)) == sorted(
        b"%d-%d" % (n, i) for n in range(6) for i in range(50)
    )


def test_what_waits_shares_one_commit(path: Path) -> None:
    """Requests that queue up behind a commit need far fewer commits than there are of them."""
    metrics = Metrics()
    with opened(path, metrics=metrics) as inbox:
        futures = [inbox.append("traces", b"x" * 1000, 1) for _ in range(500)]
        for future in futures:
            future.result()
    commits = metrics.registry.get_sample_value("causewatch_inbox_commit_seconds_count")
    assert commits is not None
    assert commits < 250


def test_a_request_cancelled_in_time_is_not_stored(path: Path) -> None:
    """A sender that gave up is not acknowledged, so its batch is not kept; others are."""
    with opened(path) as inbox:
        futures = [inbox.append("traces", b"%d" % i, 1) for i in range(200)]
        cancelled = {index for index, future in enumerate(futures) if future.cancel()}
        kept = [b"%d" % i for i in range(200) if i not in cancelled]
        inbox.append("traces", b"last", 1).result()
        assert bodies_of(inbox) == [*kept, b"last"]
        assert inbox.append("traces", b"z" * MIB_BYTES, 1).result()


def test_pending_bytes_are_bounded(path: Path) -> None:
    """Past the bound an append is refused with a time to try again, and works after it."""
    limits = InboxLimits(max_pending_mib=2, retry_after_s=3)
    metrics = Metrics()
    block = os.urandom(MIB_BYTES)
    with opened(path, limits=limits, metrics=metrics) as inbox:
        futures, refused = [], []
        for _ in range(60):
            try:
                futures.append(inbox.append("traces", block, 1))
            except FullError as error:
                refused.append(error)
        assert {error.retry_after_s for error in refused} == {3}
        for future in futures:
            future.result()
        assert inbox.append("traces", block, 1).result() == len(futures) + 1
        assert metrics.registry.get_sample_value("causewatch_inbox_pending_bytes") == 0


def test_one_request_larger_than_the_pending_bound_passes_alone(path: Path) -> None:
    """Refusing it would be refusing it for ever."""
    with opened(path, limits=InboxLimits(max_pending_mib=1)) as inbox:
        assert inbox.append("traces", b"x" * (3 * MIB_BYTES), 1).result() == 1


def test_the_size_on_disk_is_bounded(path: Path) -> None:
    """A full inbox refuses, says so, and takes more once room was made."""
    with opened(path, limits=InboxLimits(max_size_mib=6)) as inbox:
        block = os.urandom(MIB_BYTES)
        seqs: list[int] = []
        with pytest.raises(FullError, match="full"):
            seqs.extend(inbox.append("traces", block, 1).result() for _ in range(20))
        assert 3 <= len(seqs) <= 6
        assert inbox.stored_bytes() <= 6 * MIB_BYTES
        assert inbox.delete(seqs[:-1]) == len(seqs) - 1
        assert inbox.append("traces", block, 1).result() == seqs[-1] + 1


def test_deleting_gives_space_back_in_steps(path: Path) -> None:
    """Deleted batches do not keep their space on disk, and no step moves more than it is told."""
    with opened(path) as inbox:
        futures = [inbox.append("traces", os.urandom(20_000), 1) for _ in range(600)]
        last = max(future.result() for future in futures)
        before = inbox.stored_bytes()
        assert inbox.delete(range(1, last)) == 599
        assert inbox.stored_bytes() < before / 20
        steps = 0
        while inbox.vacuum(100):
            steps += 1
        assert steps >= before / (100 * 16 * 1024) - 1
        assert len(bodies_of(inbox)) == 1
    assert path.stat().st_size < before / 10


def test_a_little_free_space_is_left_for_what_comes(path: Path) -> None:
    """Moving pages for the sake of a few free ones would cost more than it gives."""
    with opened(path) as inbox:
        last = max(inbox.append("traces", os.urandom(20_000), 1).result() for _ in range(100))
        inbox.delete([last])
        assert not inbox.vacuum(100)
        assert inbox.vacuum(100, spare_share=0.0)


def test_a_batch_is_written_anew_in_its_place(path: Path) -> None:
    """What is left of a batch keeps its number, time and signal; one that is gone stays gone."""
    with opened(path, clock=Clock()) as inbox:
        one, two = (inbox.append("logs", body, 3).result() for body in (b"abc" * 9_000, b"de"))
        (before,) = inbox.get([one])
        assert inbox.replace(one, b"abc", 1)
        assert inbox.replace(two, b"longer than it was", 1, securely=True)
        inbox.delete([two])
        assert not inbox.replace(two, b"x", 1)
        assert inbox.get([one, two]) == [msgspec.structs.replace(before, body=b"abc")]
        (head,) = inbox.heads(0, 10)
        assert (head.seq, head.received_ns, head.size_bytes) == (one, before.received_ns, 3)


def test_files_are_private(path: Path) -> None:
    """Payloads are private: nobody else may read the folder or any of its files."""
    with opened(path) as inbox:
        inbox.append("traces", b"x", 1).result()
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert {"inbox.sqlite", "inbox.sqlite-wal", "inbox.sqlite.lock"} <= modes.keys()


def test_a_second_process_is_refused(path: Path) -> None:
    """Two writers would read each other's batches; the second is told who has it."""
    with opened(path):
        with pytest.raises(InboxUnusableError, match=f"in use .*{os.getpid()}"):
            SqliteInbox(path, now_ns=Clock(), metrics=Metrics())
        assert path.exists()
    with opened(path) as inbox:
        assert inbox.last_seq() == 0


def test_a_later_format_is_refused(path: Path) -> None:
    """A downgrade says so, and changes nothing."""
    with opened(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(InboxUnusableError, match="later causewatch"):
        SqliteInbox(path, now_ns=Clock(), metrics=Metrics())


def test_a_file_that_is_no_inbox_is_refused(path: Path) -> None:
    """It is neither overwritten nor a crash, and the lock is free again."""
    path.parent.mkdir()
    path.write_bytes(b"some other file, not SQLite\n" * 100)
    for _ in range(2):
        with pytest.raises(InboxUnusableError, match="not a usable inbox"):
            SqliteInbox(path, now_ns=Clock(), metrics=Metrics())
    assert path.read_bytes().startswith(b"some other file")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A path below a file is the user's mistake, said as such."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(InboxUnusableError):
        SqliteInbox(tmp_path / "file" / "inbox.sqlite", now_ns=Clock(), metrics=Metrics())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("signal = 'metrics'", "signal"),
        ("body = x'00'", "compression"),
        ("body = substr(body, 1, length(body) - 2)", "compression"),
        ("raw_bytes = raw_bytes + 1", "size"),
        ("raw_bytes = 1 << 60", "size"),
        ("crc32 = crc32 + 1", "checksum"),
    ],
)
def test_a_damaged_row_is_skipped_and_counted(path: Path, change: str, reason: str) -> None:
    """One row that cannot be read back costs itself, has a reason, and stops nobody."""
    with opened(path) as inbox:
        seqs = [inbox.append("traces", b"body %d " % i * 50, 1).result() for i in range(4)]
    corrupt_rows(path, change, seqs[1:3])
    metrics = Metrics()
    with opened(path, metrics=metrics) as inbox:
        assert [batch.seq for batch in inbox.read(0, 10, 10**6)] == [seqs[0], seqs[3]]
        assert inbox.get(seqs[1:3]) == []
    count = metrics.registry.get_sample_value(
        "causewatch_inbox_corrupt_rows_total", {"reason": reason}
    )
    assert count == 4


def test_rows_of_the_first_format_are_read_on(path: Path) -> None:
    """Their checksum is that of the body as received; they count as whole, and damage is found."""
    body = b"as it was received " * 20
    with opened(path) as inbox:
        seqs = [inbox.append("traces", body, 1).result() for _ in range(3)]
    old = zlib.crc32(body)
    corrupt_rows(path, f"body = x'{zstandard.ZstdCompressor(level=1).compress(body).hex()}'", seqs)
    corrupt_rows(path, f"crc32 = {old}", seqs[:2])
    corrupt_rows(path, f"crc32 = {old + 1}", seqs[2:])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with opened(path) as inbox:
        assert [(batch.seq, batch.body) for batch in inbox.read(0, 10, 10**6)] == [
            (seq, body) for seq in seqs[:2]
        ]
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    connection.close()


def test_damaged_rows_at_the_end_do_not_keep_a_reader_busy(path: Path) -> None:
    """A reader waits for the next good batch, although the last number is above its own."""
    with opened(path) as inbox:
        seqs = [inbox.append("traces", b"%d" % i, 1).result() for i in range(4)]
    corrupt_rows(path, "crc32 = crc32 + 1", seqs[1:])
    with opened(path) as inbox:
        assert [batch.seq for batch in inbox.read(0, 10, 10**6)] == seqs[:1]
        assert inbox.read(seqs[0], 10, 10**6) == []
        assert inbox.wait(seqs[0], 0) is False
        new = inbox.append("traces", b"new", 1).result()
        assert inbox.wait(seqs[0], 0) is True
        assert [batch.seq for batch in inbox.read(seqs[0], 1, 10**6)] == [new]


def test_damaged_pages_cost_only_what_is_on_them(path: Path) -> None:
    """A disk that returns garbage in the middle of the file loses rows, not the inbox."""
    with opened(path) as inbox:
        for index in range(60):
            inbox.append("traces", b"%d " % index + os.urandom(30_000), 1).result()
    content = bytearray(path.read_bytes())
    page = 16 * 1024
    middle = len(content) // page // 2 * page
    content[middle : middle + 4 * page] = os.urandom(4 * page)
    path.write_bytes(content)
    metrics = Metrics()
    with opened(path, metrics=metrics) as inbox:
        found = {batch.seq for batch in inbox.read(0, 1000, 10**9)}
        assert 50 <= len(found) < 60
        assert inbox.append("traces", b"goes on", 1).result() == 61
        assert [batch.body for batch in inbox.read(60, 10, 10**6)] == [b"goes on"]


@given(st.lists(st.binary(max_size=300), max_size=12), st.integers(1, 4), st.integers(1, 400))
@settings(deadline=None)
def test_reading_in_any_portions_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], max_batches: int, max_bytes: int
) -> None:
    """Whatever the bounds of a read, following the numbers meets each batch once, in order."""
    with opened(tmp_path_factory.mktemp("inbox") / "inbox.sqlite") as inbox:
        futures = [inbox.append("logs", body, 1) for body in bodies]
        for future in futures:
            future.result()
        found: list[bytes] = []
        after = 0
        while portion := inbox.read(after, max_batches, max_bytes):
            found += [batch.body for batch in portion]
            after = portion[-1].seq
    assert found == bodies
