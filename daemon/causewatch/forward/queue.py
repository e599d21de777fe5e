"""What waits for one destination: durable, bounded, oldest first.

Theory of operation. Each row is a whole request for the spans of some runs, or of a part of a large
one. The pipeline appends, the sender takes from the front and removes what is settled; both use
one connection under a lock, in short transactions. A commit is one fsync of the log
(``synchronous=FULL``), so what was appended survives a crash of the process or the machine; what
was sent but not yet removed is sent again. What is too much, or too old, goes from the front and
is counted, but for what is being sent at that moment. ``offered`` remembers which spans of a run
were taken already, in the same transaction: a run that is judged again, after a restart or because
of a late span, sends only what is new.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec
import zstandard

from causewatch.errors import UserError
from causewatch.forward.request import Piece
from causewatch.otlp.sift import sift

NS_PER_S = 1_000_000_000
MAX_OFFERED_COUNT = 200_000
"""Runs whose spans are remembered; a later one that comes again is sent whole."""
ROW_BYTES = 128 * 1024
"""Requests of several runs that are committed together share a row up to this size."""
_ZSTD_LEVEL = 1
"""Packing costs less than writing what it saves."""
_FILE_MODE = 0o600
_PAGE_BYTES = 16 * 1024
"""Rows are large: larger pages mean shorter overflow chains than SQLite's 4 KiB."""
_BUSY_TIMEOUT_S = 10.0
_KEPT_JOURNAL_BYTES = 16 * 1024 * 1024
_VACUUM_PAGES = 2_000
_DIGEST_BYTES = 8
_VERSION = 1
_SCHEMA = f"""
CREATE TABLE item (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ns INTEGER NOT NULL,
  spans INTEGER NOT NULL,
  size INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE TABLE offered (
  run TEXT PRIMARY KEY,
  spans BLOB NOT NULL,
  number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX offered_number ON offered (number);
PRAGMA user_version={_VERSION};
"""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One request that waits."""

    seq: int
    spans: int
    body: bytes


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What is appended of one run: requests, and the digests of all spans it then has sent."""

    run_id: str
    pieces: tuple[Piece, ...]
    sent: frozenset[bytes]


def digest_of(key: tuple[str, str]) -> bytes:
    """Return what is remembered of a span that was taken."""
    return blake2b("".join(key).encode(), digest_size=_DIGEST_BYTES).digest()


class ForwardQueue:
    """The queue of one destination, in a file that only its owner can read.

    Args:
        path: the file; made where there is none.
        max_bytes: how much may wait, packed.
        max_age_s: how long something may wait.
        on_drop: told of each drop: ``queue_full``, ``expired`` or ``unreadable`` (a row that went
            bad on disk), and how many spans.

    Raises:
        UserError: when the file cannot be used.
    """

    def __init__(
        self, path: Path, *, max_bytes: int, max_age_s: float, on_drop: Callable[[str, int], None]
    ) -> None:
        self._max_bytes = max_bytes
        self._max_age_ns = int(max_age_s * NS_PER_S)
        self._on_drop = on_drop
        self._lock = threading.Lock()
        self._packer = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
        self._unpacker = zstandard.ZstdDecompressor()
        self._in_flight = 0
        """The last row that is being sent: it and those before it are not dropped."""
        try:
            self._connection = _open(path)
            (self._bytes,) = self._one("SELECT coalesce(sum(size), 0) FROM item")
            (self._offered_number,) = self._one("SELECT coalesce(max(number), 0) FROM offered")
        except (OSError, sqlite3.Error) as error:
            raise UserError(f"{path}: not a usable queue ({error}); move it away") from error

    @property
    def waiting_bytes(self) -> int:
        """Return how much waits, in bytes, packed as it is on disk."""
        return self._bytes

    def sent_of(self, run_ids: Sequence[str]) -> frozenset[bytes]:
        """Return the digests of the spans that were taken of a run under any of these ids."""
        found: set[bytes] = set()
        with self._lock:
            for run_id in run_ids:
                row = self._connection.execute(
                    "SELECT spans FROM offered WHERE run = ?", (run_id,)
                ).fetchone()
                if row is not None:
                    blob = row[0]
                    found.update(
                        blob[at : at + _DIGEST_BYTES] for at in range(0, len(blob), _DIGEST_BYTES)
                    )
        return frozenset(found)

    def append(self, offers: Sequence[Offer], now_ns: int) -> None:
        """Take runs in, durably, and drop the oldest of what is then too much.

        Raises:
            sqlite3.Error: nothing was taken in.
        """
        dropped = 0
        with self._lock:
            with self._transaction():
                added = self._put_pieces([p for offer in offers for p in offer.pieces], now_ns)
                self._remember(offers)
                freed, dropped = self._make_room(self._bytes + added - self._max_bytes)
                self._forget_offered()
            self._bytes += added - freed
        if dropped:
            self._on_drop("queue_full", dropped)

    def take(self, max_bytes: int, now_ns: int) -> tuple[Item, ...]:
        """Return what is to be sent next, none when empty: about ``max_bytes``, or one item."""
        self._expire(now_ns)
        found: list[Item] = []
        broken: list[tuple[int, int, int]] = []
        size_bytes = 0
        with self._lock:
            rows = self._connection.execute("SELECT seq, spans, size, body FROM item ORDER BY seq")
            for seq, spans, size, body in rows:
                if found and size_bytes + size > max_bytes:
                    break
                try:
                    unpacked = self._unpacker.decompress(body)
                except zstandard.ZstdError:
                    broken.append((seq, spans, size))
                    continue
                found.append(Item(seq=seq, spans=spans, body=unpacked))
                size_bytes += len(unpacked)
            rows.close()
            self._in_flight = found[-1].seq if found else 0
            if broken:
                with self._transaction():
                    self._connection.executemany(
                        "DELETE FROM item WHERE seq = ?", [(seq,) for seq, _, _ in broken]
                    )
                self._bytes -= sum(size for _, _, size in broken)
        if broken:
            self._on_drop("unreadable", sum(spans for _, spans, _ in broken))
        return tuple(found)

    def settle(self, items: Sequence[Item]) -> None:
        """Remove what was delivered, or will never be: items that were taken together."""
        with self._lock:
            first, last = items[0].seq, items[-1].seq
            with self._transaction():
                (freed,) = self._one(
                    "SELECT coalesce(sum(size), 0) FROM item WHERE seq BETWEEN ? AND ?", first, last
                )
                self._connection.execute(
                    "DELETE FROM item WHERE seq BETWEEN ? AND ?", (first, last)
                )
            self._bytes -= freed
            if not self._bytes:
                # Pages of a queue that was long are given back when there is time.
                self._connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()

    def purge(self, keep: Callable[[str], bool], before_ns: int) -> int:
        """Take spans out of what waits, and write the file anew; return how many.

        Args:
            keep: told the id of a trace, whether it stays.
            before_ns: what was appended earlier goes as a whole.

        Raises:
            sqlite3.Error: some of it is still there.
        """
        removed = 0
        with self._lock:
            for (seq,) in self._connection.execute("SELECT seq FROM item ORDER BY seq").fetchall():
                with self._transaction():
                    removed += self._purge_row(seq, keep, before_ns)
            runs = self._connection.execute("SELECT run FROM offered").fetchall()
            with self._transaction():
                self._connection.executemany(
                    "DELETE FROM offered WHERE run = ?", [row for row in runs if not keep(row[0])]
                )
            (self._bytes,) = self._one("SELECT coalesce(sum(size), 0) FROM item")
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return removed

    def _purge_row(self, seq: int, keep: Callable[[str], bool], before_ns: int) -> int:
        at_ns, spans, packed = self._connection.execute(
            "SELECT at_ns, spans, body FROM item WHERE seq = ?", (seq,)
        ).fetchone()
        try:
            body = self._unpacker.decompress(packed) if at_ns >= before_ns else b""
        except zstandard.ZstdError:
            body = b""
        left, count = sift("traces", body, keep)
        if not count:
            self._connection.execute("DELETE FROM item WHERE seq = ?", (seq,))
        elif count < spans:
            packed = self._packer.compress(left)
            self._connection.execute(
                "UPDATE item SET spans = ?, size = ?, body = ? WHERE seq = ?",
                (count, len(packed), packed, seq),
            )
        return int(spans) - count

    def release(self) -> None:
        """Note that nothing is being sent: what waits may be dropped again."""
        with self._lock:
            self._in_flight = 0

    def close(self) -> None:
        """Close the file; what waits is there at the next start."""
        with self._lock:
            self._connection.close()

    def _put_pieces(self, pieces: Sequence[Piece], now_ns: int) -> int:
        """Add requests, small ones together: a large row costs little more than a small one."""
        rows: list[list[Piece]] = []
        size_bytes = ROW_BYTES
        for piece in pieces:
            if size_bytes + len(piece.body) > ROW_BYTES:
                rows.append([])
                size_bytes = 0
            rows[-1].append(piece)
            size_bytes += len(piece.body)
        pack = self._packer.compress
        bodies = [pack(b"".join(piece.body for piece in row)) for row in rows]
        self._connection.executemany(
            "INSERT INTO item (at_ns, spans, size, body) VALUES (?, ?, ?, ?)",
            [
                (now_ns, sum(piece.spans for piece in row), len(body), body)
                for row, body in zip(rows, bodies, strict=True)
            ],
        )
        return sum(map(len, bodies))

    def _remember(self, offers: Sequence[Offer]) -> None:
        first = self._offered_number + 1
        self._connection.executemany(
            "INSERT OR REPLACE INTO offered (run, spans, number) VALUES (?, ?, ?)",
            [
                (offer.run_id, b"".join(offer.sent), number)
                for number, offer in enumerate(offers, start=first)
            ],
        )
        self._offered_number += len(offers)

    def _make_room(self, excess_bytes: int) -> tuple[int, int]:
        """Delete the oldest rows; return how many bytes and spans went."""
        if excess_bytes <= 0:
            return 0, 0
        freed = spans = last = 0
        for seq, count, size in self._connection.execute(
            "SELECT seq, spans, size FROM item WHERE seq > ? ORDER BY seq", (self._in_flight,)
        ):
            freed, spans, last = freed + size, spans + count, seq
            if freed >= excess_bytes:
                break
        self._connection.execute(
            "DELETE FROM item WHERE seq > ? AND seq <= ?", (self._in_flight, last)
        )
        return freed, spans

    def _expire(self, now_ns: int) -> None:
        oldest_ns = now_ns - self._max_age_ns
        with self._lock:
            freed, spans = self._one(
                "SELECT coalesce(sum(size), 0), coalesce(sum(spans), 0) FROM item WHERE seq <= ?",
                self._last_before(oldest_ns),
            )
            if spans:
                with self._transaction():
                    last = self._last_before(oldest_ns)
                    self._connection.execute("DELETE FROM item WHERE seq <= ?", (last,))
                self._bytes -= freed
        if spans:
            self._on_drop("expired", spans)

    def _last_before(self, oldest_ns: int) -> int:
        """Return the last of the rows at the front that are too old: rows are in order of time."""
        last = 0
        rows = self._connection.execute("SELECT seq, at_ns FROM item ORDER BY seq")
        for seq, at_ns in rows:
            if at_ns >= oldest_ns:
                break
            last = seq
        rows.close()
        return last

    def _forget_offered(self) -> None:
        self._connection.execute(
            "DELETE FROM offered WHERE number <= ?", (self._offered_number - MAX_OFFERED_COUNT,)
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            # A full disk: what is open is undone, so that the next one can begin.
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _one(self, query: str, *values: int) -> tuple[int, ...]:
        row: tuple[int, ...] = self._connection.execute(query, values).fetchone()
        return row


def purge_queue(path: Path, keep: Callable[[str], bool], before_ns: int) -> int:
    """Take spans out of a queue that nobody has open; see ``ForwardQueue.purge``.

    Raises:
        UserError: when the file cannot be used.
        sqlite3.Error: some of it is still there.
    """
    queue = ForwardQueue(path, max_bytes=0, max_age_s=0.0, on_drop=lambda _reason, _spans: None)
    try:
        return queue.purge(keep, before_ns)
    finally:
        queue.close()


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE))
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    # Both take effect only before the first table exists.
    connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA journal_size_limit={_KEPT_JOURNAL_BYTES}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise sqlite3.DatabaseError("written by a later causewatch")
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
    return connection
