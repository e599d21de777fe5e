from __future__ import annotations

import random
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from causewatch.inbox.batch import NotStoredError
from causewatch.telemetry.metrics import Metrics
from inbox_fixtures import opened

WAL_HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
FRAME_BYTES = FRAME_HEADER_BYTES + 16 * 1024


def wal_of(path: Path) -> Path:
    """Return the write-ahead log of a database."""
    return path.with_name(path.name + "-wal")


def recorded_acks(path: Path, frozen: Path) -> list[tuple[int, bytes]]:
    """Append, and freeze the files as a power failure would find them.

    Returns, for each acknowledged batch, the size that the log had when it was acknowledged, in
    bytes: up to there the disk was synced, past it nothing is promised. ``frozen`` gets the files
    as they are with the inbox still open.
    """
    chance = random.Random(7)
    acks = []
    with opened(path) as inbox:
        for index in range(12):
            body = b"%d:" % index + chance.randbytes(chance.choice([10, 5_000, 60_000]))
            inbox.append("traces", body, 1).result()
            acks.append((wal_of(path).stat().st_size, body))
        frozen.mkdir()
        for each in (path, wal_of(path)):
            shutil.copy(each, frozen / each.name)
    return acks


def recovered(frozen: Path, case: Path, wal: bytes) -> list[bytes]:
    """Return the bodies found by an inbox that opens the frozen files with this log."""
    case.mkdir()
    shutil.copy(frozen / "inbox.sqlite", case / "inbox.sqlite")
    wal_of(case / "inbox.sqlite").write_bytes(wal)
    with opened(case / "inbox.sqlite") as inbox:
        found = [batch.body for batch in inbox.read(0, 1000, 10**9)]
        # What was recovered is written to as before.
        inbox.append("traces", b"goes on", 1).result()
        assert [batch.body for batch in inbox.read(0, 1000, 10**9)] == [*found, b"goes on"]
    return found


def cut_points(acks: list[tuple[int, bytes]], end_bytes: int) -> Iterator[int]:
    """Yield sizes of the log: at each ack, and at odd places inside of the frames after it."""
    for size_bytes, _ in acks:
        for more_bytes in (0, 1, FRAME_HEADER_BYTES, FRAME_BYTES - 1, FRAME_BYTES):
            yield min(size_bytes + more_bytes, end_bytes)


def test_a_log_cut_past_an_ack_still_has_what_was_acknowledged(tmp_path: Path) -> None:
    """Losing any tail that was not synced at the ack loses no acknowledged batch.

    The batches found are always a beginning of those sent, with nothing torn among them.
    """
    acks = recorded_acks(tmp_path / "live" / "inbox.sqlite", tmp_path / "frozen")
    wal = wal_of(tmp_path / "frozen" / "inbox.sqlite").read_bytes()
    assert acks[-1][0] == len(wal) > WAL_HEADER_BYTES
    bodies = [body for _, body in acks]
    for number, cut_bytes in enumerate(sorted(set(cut_points(acks, len(wal))))):
        found = recovered(tmp_path / "frozen", tmp_path / f"cut{number}", wal[:cut_bytes])
        promised_count = sum(1 for size_bytes, _ in acks if size_bytes <= cut_bytes)
        assert found == bodies[:promised_count]


def test_garbage_past_an_ack_is_not_taken_for_batches(tmp_path: Path) -> None:
    """Sectors that were written in part, or with old content, end the log; they add nothing."""
    acks = recorded_acks(tmp_path / "live" / "inbox.sqlite", tmp_path / "frozen")
    wal = wal_of(tmp_path / "frozen" / "inbox.sqlite").read_bytes()
    chance = random.Random(11)
    bodies = [body for _, body in acks]
    for number, (size_bytes, _) in enumerate(acks[:-1]):
        tail = bytearray(wal[size_bytes:])
        # The first frame after the ack is torn: its second half never reached the disk.
        half = FRAME_BYTES // 2
        tail[half:FRAME_BYTES] = chance.randbytes(FRAME_BYTES - half)
        torn = wal[:size_bytes] + bytes(tail)
        found = recovered(tmp_path / "frozen", tmp_path / f"torn{number}", torn)
        assert found == bodies[: number + 1]


def test_cutting_before_an_ack_does_lose_it(tmp_path: Path) -> None:
    """The measure of the tests above: what they cut is where the batches are."""
    acks = recorded_acks(tmp_path / "live" / "inbox.sqlite", tmp_path / "frozen")
    wal = wal_of(tmp_path / "frozen" / "inbox.sqlite").read_bytes()
    found = recovered(tmp_path / "frozen", tmp_path / "cut", wal[: acks[5][0] - 1])
    assert found == [body for _, body in acks[:5]]


@contextmanager
def file_size_limited(max_bytes: int) -> Iterator[None]:
    """Make each write past a size fail in this process, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_failed_commit_is_told_and_survived(tmp_path: Path) -> None:
    """A disk that takes no more fails the batches at hand, and only those."""
    path = tmp_path / "inbox.sqlite"
    metrics = Metrics()
    chance = random.Random(3)
    with opened(path, metrics=metrics) as inbox:
        kept = [chance.randbytes(1_000) for _ in range(3)]
        for body in kept:
            inbox.append("traces", body, 1).result()
        with file_size_limited(wal_of(path).stat().st_size + 10_000):
            for _ in range(3):
                failing = inbox.append("traces", chance.randbytes(500_000), 1)
                with pytest.raises(NotStoredError, match="not stored"):
                    failing.result()
            assert [batch.body for batch in inbox.read(0, 10, 10**6)] == kept
        after = chance.randbytes(500_000)
        inbox.append("traces", after, 1).result()
        assert [batch.body for batch in inbox.read(0, 10, 10**7)] == [*kept, after]
    failures = metrics.registry.get_sample_value("causewatch_inbox_failed_commits_total")
    assert failures == 3
    with opened(path) as inbox:
        assert [batch.body for batch in inbox.read(0, 10, 10**7)] == [*kept, after]


def test_a_cursor_that_cannot_be_stored_is_told(tmp_path: Path) -> None:
    """A reader learns that its progress is not durable, instead of skipping after a restart."""
    path = tmp_path / "inbox.sqlite"
    with opened(path) as inbox:
        inbox.append("traces", b"x", 1).result()
        with file_size_limited(1), pytest.raises(NotStoredError):
            inbox.advance("pipeline", 1)
        assert inbox.cursor("pipeline") == 0
        inbox.advance("pipeline", 1)
        assert inbox.cursor("pipeline") == 1
