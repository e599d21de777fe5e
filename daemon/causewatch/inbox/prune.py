"""Deleting and rewriting stored batches: the statements, each for one short transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from causewatch.inbox.batch import Signal
from causewatch.inbox.schema import connect

SPARE_SHARE = 1 / 16
"""Of the file, what may be free: new batches use it, and nothing needs to be moved."""
SCRUB_WAIT_MS = 20
"""How long readers are waited for: nobody can append meanwhile."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a stored batch without reading it; ``size_bytes`` is uncompressed."""

    seq: int
    signal: Signal
    received_ns: int
    items: int
    size_bytes: int


def heads_after(connection: sqlite3.Connection, after: int, max_count: int) -> list[Head]:
    """Return the batches that follow a sequence number, in order."""
    rows = connection.execute(
        "SELECT seq, signal, received_ns, items, raw_bytes FROM batch"
        " WHERE seq > ? ORDER BY seq LIMIT ?",
        (after, max_count),
    )
    return [
        Head(seq=seq, signal=signal, received_ns=at_ns, items=items, size_bytes=size)
        for seq, signal, at_ns, items, size in rows
    ]


def overwrite(connection: sqlite3.Connection, *, everything: bool) -> None:
    """Say whether what is deleted from now on is overwritten, also where that costs a write."""
    connection.execute(f"PRAGMA secure_delete={'ON' if everything else 'FAST'}")


def delete_rows(connection: sqlite3.Connection, seqs: Sequence[int]) -> int:
    """Delete batches; return how many there were."""
    return connection.executemany("DELETE FROM batch WHERE seq = ?", [(s,) for s in seqs]).rowcount


def replace_body(
    connection: sqlite3.Connection, seq: int, items: int, raw_bytes: int, packed: tuple[bytes, int]
) -> bool:
    """Put another body in a batch's place; false where it is gone."""
    body, checksum = packed
    changed = connection.execute(
        "UPDATE batch SET items = ?, raw_bytes = ?, crc32 = ?, body = ? WHERE seq = ?",
        (items, raw_bytes, checksum, body, seq),
    )
    return changed.rowcount == 1


def vacuum_some(connection: sqlite3.Connection, max_pages: int, spare_share: float) -> bool:
    """Move some pages into free ones and cut the end of the file off; false when few are free."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    if free <= pages * spare_share:
        return False
    connection.execute(f"PRAGMA incremental_vacuum({max_pages})").fetchall()
    return True


def scrub(path: Path, *, anew: bool) -> bool:
    """See ``SqliteInbox.scrub``."""
    with closing(connect(path)) as connection:
        if anew:
            connection.execute("VACUUM")
        # What is done without holding up anybody comes first.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        connection.execute(f"PRAGMA busy_timeout={SCRUB_WAIT_MS}")
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return bool(busy == 0)
