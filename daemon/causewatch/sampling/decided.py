"""The decisions of the last runs: late spans follow the one on their run."""

from __future__ import annotations

from collections.abc import Iterable

from causewatch.sampling.decision import Decision

MAX_DECISIONS_COUNT = 50_000
"""About 20 MiB."""


class Decided:
    """Decisions by run id; what was put first is forgotten first."""

    def __init__(self, max_count: int = MAX_DECISIONS_COUNT) -> None:
        self._max = max_count
        self._known: dict[str, Decision] = {}

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._known)

    def put(self, run_id: str, decision: Decision) -> None:
        """Remember a decision, in the place of an older one on the same run."""
        known = self._known
        if run_id in known:
            del known[run_id]
        known[run_id] = decision
        if len(known) > self._max:
            del known[next(iter(known))]

    def of(self, run_ids: Iterable[str]) -> Decision | None:
        """Return the decision on a run by any id that it, or a part of it, had; keeps go first."""
        found: Decision | None = None
        for run_id in run_ids:
            one = self._known.get(run_id)
            if one is not None and (found is None or not found.keep):
                found = one
        return found
