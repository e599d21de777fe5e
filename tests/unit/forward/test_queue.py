"""The queue of one destination: durable, bounded, oldest first."""

from __future__ import annotations

import random
import sqlite3
import stat
from pathlib import Path

import pytest
import zstandard
from msgspec.structs import replace

from causewatch.errors import UserError
from causewatch.forward.queue import ForwardQueue, Offer, digest_of, purge_queue
from causewatch.forward.request import Piece
from causewatch.otlp.decode import decode_traces
from causewatch.otlp.encode import encode_traces
from forward_fixtures import T0_NS, S, piece, queue_in
from otlp_fixtures import span

RAW = len(piece(0).body)


def held(*indexes: int) -> int:
    """Return what these runs take on disk, each by itself."""
    pack = zstandard.ZstdCompressor(level=1).compress
    return sum(len(pack(piece(index).body)) for index in indexes)


ONE = max(map(held, range(10)))
"""Room for a run; they differ by a few bytes."""


def offer(index: int, count: int = 1) -> Offer:
    """Return a run of one request."""
    return Offer(
        run_id=f"run-{index}",
        pieces=(piece(index, count),),
        sent=frozenset({digest_of(("t", str(index)))}),
    )


def filled(queue: ForwardQueue, count: int, *, now_ns: int = T0_NS) -> None:
    """Append so many runs, one after the other."""
    for index in range(count):
        queue.append([offer(index)], now_ns)


def test_what_waits_is_taken_in_order(tmp_path: Path) -> None:
    """Oldest first, as many as fit into a request, at least one."""
    queue = queue_in(tmp_path)
    filled(queue, 5)
    assert queue.waiting_bytes == held(*range(5))
    assert [item.body for item in queue.take(2 * RAW, T0_NS)] == [piece(0).body, piece(1).body]
    assert [item.body for item in queue.take(1, T0_NS)] == [piece(0).body]


def test_what_is_settled_is_gone(tmp_path: Path) -> None:
    """And what is not is taken again."""
    queue = queue_in(tmp_path)
    filled(queue, 3)
    queue.settle(queue.take(2 * RAW, T0_NS))
    assert [item.body for item in queue.take(10 * RAW, T0_NS)] == [piece(2).body]
    assert queue.waiting_bytes == held(2)


def test_it_survives_the_process(tmp_path: Path) -> None:
    """A second process that opens the file without the first closing it finds all of it."""
    queue = queue_in(tmp_path)
    filled(queue, 3)
    queue.take(RAW, T0_NS)
    again = queue_in(tmp_path)
    assert len(again.take(10 * RAW, T0_NS)) == 3
    assert again.waiting_bytes == held(0, 1, 2)
    assert again.sent_of(["run-1"]) == {digest_of(("t", "1"))}


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Spans have payloads: the file, and SQLite's files beside it, are private."""
    queue = queue_in(tmp_path)
    filled(queue, 1)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}
    assert "forward-local.db-wal" in modes
    queue.close()


def test_the_oldest_make_room(tmp_path: Path) -> None:
    """Past its limit it drops from the front, and tells how many spans and why."""
    dropped: list[tuple[str, int]] = []
    queue = queue_in(tmp_path, max_bytes=3 * ONE, on_drop=lambda *drop: dropped.append(drop))
    filled(queue, 5)
    assert [item.body for item in queue.take(9 * RAW, T0_NS)] == [
        piece(index).body for index in (2, 3, 4)
    ]
    assert dropped == [("queue_full", 1)] * 2
    assert queue.waiting_bytes == held(2, 3, 4)


def test_what_is_being_sent_makes_no_room(tmp_path: Path) -> None:
    """It would be counted as dropped, and arrive; after a failed try it may go."""
    dropped: list[tuple[str, int]] = []
    queue = queue_in(tmp_path, max_bytes=2 * ONE, on_drop=lambda *drop: dropped.append(drop))
    filled(queue, 2)
    (first,) = queue.take(RAW, T0_NS)
    queue.append([offer(2)], T0_NS)
    assert queue.take(RAW, T0_NS) == (first,)
    assert dropped == [("queue_full", 1)]
    queue.release()
    queue.append([offer(3)], T0_NS)
    assert queue.take(RAW, T0_NS)[0].body == piece(2).body


def test_a_run_that_is_larger_than_the_queue_is_dropped(tmp_path: Path) -> None:
    """The bound holds whatever comes."""
    dropped: list[tuple[str, int]] = []
    queue = queue_in(tmp_path, max_bytes=ONE, on_drop=lambda *drop: dropped.append(drop))
    queue.append([offer(0, count=100)], T0_NS)
    assert (queue.waiting_bytes, dropped) == (0, [("queue_full", 100)])


def test_what_waited_too_long_is_dropped(tmp_path: Path) -> None:
    """With its reason; what is younger stays."""
    dropped: list[tuple[str, int]] = []
    queue = queue_in(tmp_path, max_age_s=60, on_drop=lambda *drop: dropped.append(drop))
    filled(queue, 2)
    queue.append([offer(2)], T0_NS + 50 * S)
    (left,) = queue.take(9 * RAW, T0_NS + 61 * S)
    assert left.body == piece(2).body
    assert dropped == [("expired", 2)]
    assert queue.waiting_bytes == held(2)


def test_it_remembers_what_was_taken_of_a_run(tmp_path: Path) -> None:
    """Under its id and those that it had before; what nobody knows has nothing."""
    queue = queue_in(tmp_path)
    filled(queue, 2)
    queue.settle(queue.take(9 * RAW, T0_NS))
    assert queue.sent_of(["run-0", "run-1"]) == {digest_of(("t", "0")), digest_of(("t", "1"))}
    assert queue.sent_of(["run-9"]) == frozenset()


def test_what_it_remembers_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest runs are forgotten first."""
    monkeypatch.setattr("causewatch.forward.queue.MAX_OFFERED_COUNT", 2)
    queue = queue_in(tmp_path)
    filled(queue, 4)
    assert [bool(queue.sent_of([f"run-{index}"])) for index in range(4)] == [
        False, False, True, True,
    ]  # fmt: skip


def test_a_failed_append_leaves_it_as_it_was(tmp_path: Path) -> None:
    """A full disk takes nothing in, and the next append is as if nothing had been."""
    queue = queue_in(tmp_path)
    filled(queue, 1)
    queue._connection.execute("PRAGMA max_page_count=1")
    noise = Piece(1, random.Random(1).randbytes(100_000))
    large = Offer(run_id="large", pieces=(noise,), sent=frozenset())
    with pytest.raises(sqlite3.OperationalError):
        queue.append([large], T0_NS)
    assert queue.waiting_bytes == held(0)
    queue._connection.execute("PRAGMA max_page_count=1000000")
    queue.append([offer(2)], T0_NS)
    assert [item.body for item in queue.take(9 * RAW, T0_NS)] == [piece(0).body, piece(2).body]


@pytest.mark.parametrize("content", [b"no database" * 100, b"\0" * 4096])
def test_a_file_that_is_none_of_ours_is_named(tmp_path: Path, content: bytes) -> None:
    """With what to do about it."""
    (tmp_path / "forward-local.db").write_bytes(content)
    with pytest.raises(UserError, match=r"forward-local\.db: not a usable queue.*move it away"):
        queue_in(tmp_path)


def test_a_later_format_is_not_touched(tmp_path: Path) -> None:
    """A downgrade says so."""
    queue = queue_in(tmp_path)
    queue._connection.execute("PRAGMA user_version=99")
    queue.close()
    with pytest.raises(UserError, match="later causewatch"):
        queue_in(tmp_path)


def test_a_row_that_went_bad_is_dropped(tmp_path: Path) -> None:
    """It holds up nobody else."""
    dropped: list[tuple[str, int]] = []
    queue = queue_in(tmp_path, on_drop=lambda *drop: dropped.append(drop))
    filled(queue, 3)
    queue._connection.execute("UPDATE item SET body = x'00' WHERE seq = 2")
    assert [item.body for item in queue.take(9 * RAW, T0_NS)] == [piece(0).body, piece(2).body]
    assert dropped == [("unreadable", 1)]
    assert queue.waiting_bytes == held(0, 2)


def test_runs_that_come_together_share_a_row(tmp_path: Path) -> None:
    """Up to a size: a row costs more than what is in it."""
    queue = queue_in(tmp_path)
    queue.append([offer(index) for index in range(3)], T0_NS)
    (item,) = queue.take(RAW, T0_NS)
    assert (item.spans, item.body) == (3, b"".join(piece(index).body for index in range(3)))


def named(queue: ForwardQueue, number: int, *traces: str) -> None:
    """Append a run with a span of each of some traces."""
    spans = [replace(span(number), trace_id=each) for each in traces]
    waiting = Piece(len(spans), encode_traces(spans))
    sent = frozenset({digest_of((traces[0], str(number)))})
    queue.append([Offer(run_id=traces[0], pieces=(waiting,), sent=sent)], T0_NS + number * S)


def test_spans_of_a_trace_are_taken_out(tmp_path: Path) -> None:
    """Whole rows go, others are written anew, and what was sent of the trace is forgotten."""
    one, other = "a" * 32, "b" * 32
    queue = queue_in(tmp_path)
    named(queue, 1, one)
    named(queue, 2, other, one)
    named(queue, 3, other)
    assert queue.purge(lambda trace_id: trace_id != one, 0) == 2
    items = queue.take(10**6, T0_NS + 4 * S)
    assert [item.spans for item in items] == [1, 1]
    found = [each.trace_id for item in items for each in decode_traces(item.body).spans]
    assert found == [other, other]
    assert queue.waiting_bytes == sum(
        len(body) for (body,) in queue._connection.execute("SELECT body FROM item")
    )
    assert queue.sent_of([one]) == frozenset()
    assert queue.sent_of([other]) != frozenset()
    assert queue.purge(lambda trace_id: trace_id != one, 0) == 0


def test_what_waits_for_longer_goes_as_a_whole(tmp_path: Path) -> None:
    """By the time at which it was appended; a row that cannot be read as well."""
    queue = queue_in(tmp_path)
    for number in range(4):
        named(queue, number, "a" * 32)
    queue._connection.execute("UPDATE item SET body = x'00' WHERE seq = 4")
    assert queue.purge(lambda _trace_id: True, T0_NS + 2 * S) == 3
    assert [item.seq for item in queue.take(10**6, T0_NS)] == [3]


def test_a_queue_that_nobody_has_open_can_be_purged(tmp_path: Path) -> None:
    """Its bounds are not looked at: nothing else is dropped from it."""
    queue = queue_in(tmp_path)
    named(queue, 1, "a" * 32)
    named(queue, 2, "b" * 32)
    queue.close()
    assert purge_queue(tmp_path / "forward-local.db", lambda t: t != "a" * 32, 0) == 1
    assert [item.seq for item in queue_in(tmp_path).take(10**6, T0_NS)] == [2]
