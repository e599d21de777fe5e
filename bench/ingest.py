"""The first half of the daemon alone: receive, commit durably, acknowledge; nothing reads it.

``--refuse-first N`` answers the first N requests with "full, try again", as an overloaded daemon
does. Runs until SIGTERM.

Usage: python -m bench.ingest --folder DIR --grpc 127.0.0.1:4317 --http 127.0.0.1:4318
"""

from __future__ import annotations

import argparse
import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

from causewatch.app.allocator import share_memory
from causewatch.app.clock import now_ns
from causewatch.errors import FullError, InputError
from causewatch.inbox.archive import stored_batches
from causewatch.inbox.batch import Signal
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.receive.handler import Handler
from causewatch.receive.limits import Listen, ReceiveLimits
from causewatch.receive.serve import Receivers
from causewatch.telemetry.metrics import Metrics

INBOX_NAME = "inbox.db"
_REFUSED_FOR_S = 1.0
_GRACE_S = 5.0


class Reluctant:
    """An inbox that is full for the first ``refuse_first`` requests."""

    def __init__(self, inbox: SqliteInbox, refuse_first: int) -> None:
        self._inbox = inbox
        self._left = refuse_first

    def append(self, signal: Signal, body: bytes, items: int) -> Future[int]:
        """Refuse, or store as the inbox does."""
        if self._left > 0:
            self._left -= 1
            raise FullError("full for the first requests", retry_after_s=_REFUSED_FOR_S)
        return self._inbox.append(signal, body, items)


def stored(folder: Path) -> Iterator[bytes]:
    """Yield the bodies that an ingest in this folder has committed, also while it runs.

    Raises:
        ValueError: a stored body is damaged.
    """
    errors: list[InputError] = []
    for batch in stored_batches(folder / INBOX_NAME, errors=errors):
        yield batch.body
    if errors:
        raise ValueError("; ".join(map(str, errors)))


def stored_items(folder: Path) -> int:
    """Return how many spans and records are committed, also while the ingest runs."""
    path = folder / INBOX_NAME
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT coalesce(sum(items), 0) FROM batch").fetchone()[0])


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--grpc", required=True)
    parser.add_argument("--http", required=True)
    parser.add_argument("--refuse-first", type=int, default=0)
    given = parser.parse_args()
    # Taken by sigwait below: no other thread may be interrupted by it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    # As the daemon does.
    share_memory()
    metrics = Metrics()
    with closing(SqliteInbox(given.folder / INBOX_NAME, now_ns=now_ns, metrics=metrics)) as inbox:
        handler = Handler(
            Reluctant(inbox, given.refuse_first), limits=ReceiveLimits(), metrics=metrics
        )
        receivers = Receivers(
            handler, grpc=Listen(address=given.grpc), http=Listen(address=given.http)
        )
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        receivers.stop(_GRACE_S)


if __name__ == "__main__":
    main()
