"""A budget: never more than so much within any span of time of its length."""

from __future__ import annotations

from collections import deque


class Budget:
    """What may still be spent; ``amount`` within any ``interval_ns``, wherever that begins.

    Holds one entry for each spending of the last interval, so at most ``amount`` of them.
    """

    def __init__(self, amount: int, interval_ns: int) -> None:
        self._amount = amount
        self._interval_ns = interval_ns
        self._spent: deque[tuple[int, int]] = deque()
        self._sum = 0
        self._now_ns = 0

    def take(self, cost: int, now_ns: int) -> bool:
        """Spend ``cost``, at least 1, if that much is left; a clock that goes back stands still."""
        self._now_ns = max(now_ns, self._now_ns)
        while self._spent and self._spent[0][0] <= self._now_ns - self._interval_ns:
            self._sum -= self._spent.popleft()[1]
        cost = max(cost, 1)
        if self._sum + cost > self._amount:
            return False
        self._spent.append((self._now_ns, cost))
        self._sum += cost
        return True
