"""An inbox to open and to damage."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from causewatch.inbox.batch import InboxLimits
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.telemetry.metrics import Metrics


class Clock:
    """A clock that moves by 1 ns each time it is read."""

    def __init__(self, start_ns: int = 0) -> None:
        self.time_ns = start_ns

    def __call__(self) -> int:
        """Return the next time."""
        self.time_ns += 1
        return self.time_ns


@contextlib.contextmanager
def opened(
    path: Path,
    *,
    limits: InboxLimits | None = None,
    metrics: Metrics | None = None,
    clock: Clock | None = None,
) -> Iterator[SqliteInbox]:
    """Open an inbox for the length of a block."""
    inbox = SqliteInbox(path, limits=limits, now_ns=clock or Clock(), metrics=metrics or Metrics())
    try:
        yield inbox
    finally:
        inbox.close()


def corrupt_rows(path: Path, change: str, seqs: Sequence[int]) -> None:
    """Change stored rows behind the back of a closed inbox."""
    connection = sqlite3.connect(path)
    marks = ", ".join("?" * len(seqs))
    with connection:
        connection.execute(f"UPDATE batch SET {change} WHERE seq IN ({marks})", tuple(seqs))  # noqa: S608  # the tests' own text
    connection.close()
