"""Runs that wait for what the rules say of others like them, rather than be judged in full.

When many runs of one kind come at one time, the first few are judged; all others would be, too,
before any rule group has looked at these.
"""

from __future__ import annotations

from collections.abc import Callable

from causewatch.graph.gathered import RunSnapshot

MAX_WAITING_COUNT = 2_000
"""What waits is held in memory."""


class Patient:
    """The runs that wait, each once and not for ever. One caller at a time."""

    def __init__(self, *, patience_ns: int) -> None:
        self._patience_ns = patience_ns
        self._waiting: dict[str, tuple[int, RunSnapshot]] = {}
        self._waited: dict[str, int] = {}
        """The revisions that are not to wait again."""

    def put(self, snapshot: RunSnapshot, now_ns: int) -> bool:
        """Let a run wait, unless it did before; tell whether it does."""
        run_id = snapshot.run_id
        if self._waited.pop(run_id, 0) == snapshot.revision:
            return False
        if len(self._waiting) >= MAX_WAITING_COUNT:
            return False
        self._waiting[run_id] = now_ns + self._patience_ns, snapshot
        return True

    def drop(self, snapshot: RunSnapshot) -> None:
        """Forget what waits of a run of which there is more now, or of its parts."""
        for run_id in (snapshot.run_id, *snapshot.aliases):
            known = self._waiting.get(run_id)
            if known is not None and known[1] is not snapshot:
                del self._waiting[run_id]

    def ripe(self, now_ns: int, *, waits: Callable[[RunSnapshot], bool]) -> list[RunSnapshot]:
        """Return the runs that need not wait any more, or waited long enough."""
        found = [
            snapshot
            for until_ns, snapshot in self._waiting.values()
            if until_ns <= now_ns or not waits(snapshot)
        ]
        for snapshot in found:
            del self._waiting[snapshot.run_id]
            self._waited[snapshot.run_id] = snapshot.revision
        while len(self._waited) > MAX_WAITING_COUNT:
            del self._waited[next(iter(self._waited))]
        return found

    def low_watermark(self) -> int | None:
        """Return the smallest batch number that a waiting run needs, ``None`` where none waits."""
        batches = (batch for _, one in self._waiting.values() for batch in one.batches[:1])
        return min(batches, default=None)
