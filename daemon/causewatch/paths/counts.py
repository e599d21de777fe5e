"""How many of a child to allow, from how many good runs showed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

MIN_BOUNDED_COUNT = 10
"""From fewer activations no most is learned: what was never seen is not yet unlikely."""
MIN_DOUBLED_COUNT = 30
"""From so many on, twice the most that was seen is a most."""
MIN_AT_MOST_COUNT = 3
FALLING_OFF = 0.5
"""Where less than this share of those with one fewer reach the most, more may come (retries)."""


def bounds(counts: Sequence[int]) -> tuple[int, int | None]:
    """Return the least and the most that ``counts`` of one child, or round, speak for.

    One is one, and none or one is optional. Beyond that the most is what was seen where that is a
    plateau (so many runs reach it that another step would show), twice of it where the numbers fall
    off as retries do and there are enough of them, else without end.
    """
    least, most = min(counts), max(counts)
    if most <= 1:
        return least, most
    seen = Counter(counts)
    if least > 1 and not _is_plateau(seen, least, len(counts)):
        least = 1
    if _is_plateau(seen, most, len(counts)) and seen[most] >= FALLING_OFF * seen[most - 1]:
        return least, most
    return least, 2 * most if len(counts) >= MIN_DOUBLED_COUNT else None


def _is_plateau(seen: Counter[int], value: int, total: int) -> bool:
    return total >= MIN_BOUNDED_COUNT and seen[value] >= MIN_AT_MOST_COUNT
