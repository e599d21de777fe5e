"""Messages that were given up: shown, and sent again when somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from causewatch.notify.outbox import replay
from causewatch.notify.sender import Sender
from causewatch.store.port import Store
from causewatch.store.record import OutboxRow

MAX_REPLAYED_COUNT = 1_000
"""At one time; the next ones with the next request."""

log = structlog.get_logger("causewatch.notify")


class Letters:
    """The dead letters of a store; ``sender`` is the one at work, another one after a reload."""

    def __init__(
        self, store: Store, *, now_ns: Callable[[], int], sender: Callable[[], Sender]
    ) -> None:
        self._store = store
        self._now_ns = now_ns
        self._sender = sender

    def dead(self, *, target: str, limit: int) -> tuple[OutboxRow, ...]:
        """Return messages that were given up, newest first; of one target where it is told."""
        return self._store.dead_letters(target=target, limit=limit)

    def replay(self, numbers: Sequence[int], *, target: str, with_all: bool) -> tuple[int, ...]:
        """Queue some again, or all of a target, or all; return the numbers of those that are.

        They keep their message ids, so a receiver that heeds these takes none for a second one.
        """
        now_ns = self._now_ns()
        with self._store.transaction():
            if numbers:
                found = [self._store.outbox_row(number) for number in numbers]
            elif target or with_all:
                rows = self._store.dead_letters(target=target, limit=MAX_REPLAYED_COUNT)
                found = list(reversed(rows))
            else:
                found = []
            dead = [row for row in found if row is not None and row.state == "dead"]
            for row in dead[:MAX_REPLAYED_COUNT]:
                self._store.put_outbox(replay(row, now_ns=now_ns))
        for name in sorted({row.target for row in dead}):
            self._sender().enable(name)
        log.info("dead letters queued again", count=len(dead), target=target)
        self._sender().wake()
        return tuple(row.seq for row in dead)
