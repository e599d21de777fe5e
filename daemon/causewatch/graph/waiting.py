"""Span links to traces that have not arrived yet."""

from __future__ import annotations

MAX_TRACES_PER_RUN_COUNT = 1_000
MAX_WAITING_LINKS_COUNT = 10_000


class WaitingLinks:
    """By the trace that is waited for, the traces that link to it; one caller at a time."""

    def __init__(self) -> None:
        self._by_trace: dict[str, dict[str, None]] = {}

    def put(self, trace_id: str, linked_id: str) -> bool:
        """Let a trace wait for the one it links to; ``False`` where too many do.

        The run that they would make would be refused as well.
        """
        waiting = self._by_trace.setdefault(linked_id, {})
        if len(waiting) >= MAX_TRACES_PER_RUN_COUNT:
            return False
        waiting[trace_id] = None
        while len(self._by_trace) > MAX_WAITING_LINKS_COUNT:
            del self._by_trace[next(iter(self._by_trace))]
        return True

    def pop(self, trace_id: str) -> tuple[str, ...]:
        """Return which traces waited for one, which from now on is waited for no more."""
        return tuple(self._by_trace.pop(trace_id, ()))

    def count(self, trace_id: str) -> int:
        """Return how many traces wait for one."""
        return len(self._by_trace.get(trace_id, ()))
