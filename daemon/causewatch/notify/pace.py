"""How fast a channel may be talked to: a least gap between messages, and enforced pauses.

Threads share it. A clock that steps back ends every pause, rather than lengthening it.
"""

from __future__ import annotations

import threading

NS_PER_S = 1_000_000_000


class Pace:
    """When each channel may be used next, by key. Times are Unix ns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[int, int]] = {}

    def take(self, key: str, now_ns: int, min_gap_s: float) -> int:
        """Take the turn to send now and return 0, or return how many ns to wait for it."""
        with self._lock:
            since_ns, until_ns = self._held.get(key, (0, 0))
            if since_ns <= now_ns < until_ns:
                return until_ns - now_ns
            self._held[key] = (now_ns, now_ns + int(min_gap_s * NS_PER_S))
            return 0

    def hold(self, key: str, now_ns: int, wait_s: float) -> None:
        """Let nothing through for ``wait_s``; a longer pause that is in force stays."""
        with self._lock:
            since_ns, until_ns = self._held.get(key, (0, 0))
            if since_ns > now_ns:
                until_ns = 0
            self._held[key] = (now_ns, max(until_ns, now_ns + int(wait_s * NS_PER_S)))
