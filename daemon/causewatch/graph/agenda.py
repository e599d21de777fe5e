"""Which live run is due next, and which batch is still needed: kept in heaps, not searched for.

A busy daemon has tens of thousands of live runs. Each has one entry for the time it may be due; a
run that grew meanwhile is put back when its entry comes up, so that growing costs nothing here.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

from causewatch.graph.gathered import GatheredRun


class Agenda:
    """The times of live runs, and the oldest batches they need. One caller at a time.

    Args:
        runs: all runs in memory by id; entries of runs that left it are ignored.
        due_ns: when a live run is due as things are.
    """

    def __init__(
        self, runs: Mapping[str, GatheredRun], due_ns: Callable[[GatheredRun], int]
    ) -> None:
        self._runs = runs
        self._due_ns = due_ns
        self._times: list[tuple[int, int, str]] = []
        self._batches: list[tuple[int, int, str]] = []

    def put(self, run: GatheredRun) -> None:
        """Note a run that became live, or that may be due earlier than before."""
        heapq.heappush(self._times, (self._due_ns(run), run.number, run.run_id))
        self.need(run)

    def need(self, run: GatheredRun) -> None:
        """Note the oldest batch that a live run needs, where that changed."""
        if run.fresh_batches:
            heapq.heappush(self._batches, (min(run.fresh_batches), run.number, run.run_id))

    def ready(self, now_ns: int) -> list[GatheredRun]:
        """Return the live runs that are due, each once, in the order they were first seen.

        Whoever takes one and does not judge it puts it back.
        """
        found: dict[str, GatheredRun] = {}
        while self._times and self._times[0][0] <= now_ns:
            _, _, run_id = heapq.heappop(self._times)
            run = self._runs.get(run_id)
            if run is None or run.phase != "live" or run_id in found:
                continue
            due_ns = self._due_ns(run)
            if due_ns > now_ns:
                heapq.heappush(self._times, (due_ns, run.number, run_id))
            else:
                found[run_id] = run
        return sorted(found.values(), key=lambda run: run.number)

    def low_watermark(self) -> int | None:
        """Return the smallest batch number that a live run needs, ``None`` where none does."""
        while self._batches:
            batch, _, run_id = self._batches[0]
            run = self._runs.get(run_id)
            if run is not None and run.phase == "live" and batch in run.fresh_batches:
                return batch
            heapq.heappop(self._batches)
        return None
