"""How far a daemon is with what it was sent, by its metrics."""

from __future__ import annotations

import httpx

from causewatch.app.clock import now_ns

_POLL_LIMIT_S = 10


class Progress:
    """How far a daemon is, by its metrics."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._judged_at_s = 0.0

    def is_done(self, runs: int, *, by_rules_too: bool) -> bool:
        """Tell whether so many runs are judged and nothing waits, and rules have seen them."""
        try:
            text = httpx.get(self._url, timeout=_POLL_LIMIT_S, trust_env=False).text
        except httpx.HTTPError:
            return False
        samples = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        found = [(series.partition("{")[0], float(value)) for series, _, value in samples]

        def values(name: str) -> list[float]:
            return [value for series, value in found if series == name]

        waiting = values("causewatch_inbox_lag_batches") + values("causewatch_live_runs")
        if sum(values("causewatch_runs_total")) < runs or any(waiting):
            self._judged_at_s = 0.0
            return False
        self._judged_at_s = self._judged_at_s or now_ns() / 1e9
        evaluated = values("causewatch_rule_group_last_evaluation_timestamp_seconds")
        return not by_rules_too or all(at > self._judged_at_s for at in evaluated)
