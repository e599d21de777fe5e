"""The runs in memory, in order of time, by what may be done with them when memory is short."""

from __future__ import annotations

from causewatch.graph.gathered import GatheredRun

_Runs = dict[str, GatheredRun]


class Shelf:
    """All runs by id, and which of them are live, resting, in memory or changed; oldest first."""

    def __init__(self) -> None:
        self.runs: _Runs = {}
        self.live: _Runs = {}
        self.held: _Runs = {}
        """Live runs with spans in memory."""
        self.resting: _Runs = {}
        self.loaded: _Runs = {}
        """Resting runs with spans in memory."""
        self.changed: _Runs = {}
        """Live runs that grew and were not offered for early evaluation since."""

        self.to_read: dict[str, None] = {}
        """Spilled runs that are due."""

    def ask(self, max_bytes: int) -> list[str]:
        """Return which spilled runs to read again next: so many bytes, but at least one run."""
        found: list[str] = []
        asked_bytes = 0
        while self.to_read and asked_bytes < max_bytes:
            run_id = next(iter(self.to_read))
            del self.to_read[run_id]
            run = self.runs.get(run_id)
            if run is not None and run.missing_batches:
                found.append(run_id)
                asked_bytes += run.spilled_bytes
        return found

    def wake(self, run: GatheredRun) -> None:
        """Note that a run is live."""
        self.resting.pop(run.run_id, None)
        self.loaded.pop(run.run_id, None)
        self.runs[run.run_id] = self.live[run.run_id] = self.changed[run.run_id] = run
        if run.bytes:
            self.held[run.run_id] = run

    def rest(self, run: GatheredRun, now_ns: int) -> None:
        """Note that a run was judged."""
        run.rest(now_ns)
        for runs in (self.live, self.held, self.changed):
            runs.pop(run.run_id, None)
        self.runs[run.run_id] = self.resting[run.run_id] = self.loaded[run.run_id] = run

    def drop(self, run: GatheredRun) -> None:
        """Take a run out."""
        for runs in (
            self.runs, self.live, self.held, self.resting, self.loaded, self.changed
        ):  # fmt: skip
            runs.pop(run.run_id, None)
        self.to_read.pop(run.run_id, None)
