"""The values of a column in order: a comparison with a constant is one binary search."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any, Literal

from causewatch.signatures.columns import Index

Ordering = Literal["<", "<=", ">", ">="]
_ORDERED_TAGS = frozenset({"number", "string"})


class Ladder:
    """The distinct values of one tag, ascending, with the masks of the nodes below and above.

    Values that are in no order with others (a NaN) are on no rung: no comparison with them holds.
    """

    def __init__(self, index: Index, tag: str) -> None:
        # The index keeps tags apart: all values here are numbers, or all are texts.
        masks: dict[Any, int] = {
            value: nodes
            for (other, value), nodes in index.nodes.items()
            if other == tag and tag in _ORDERED_TAGS and value == value  # noqa: PLR0124 -- NaN
        }
        self._rungs: list[Any] = sorted(masks)
        self._below = [0]
        for value in self._rungs:
            self._below.append(self._below[-1] | masks[value])
        self._above = [0]
        for value in reversed(self._rungs):
            self._above.append(self._above[-1] | masks[value])
        self._above.reverse()

    def compared(self, operator: Ordering, value: Any) -> int:
        """Return the nodes with some value for which ``its value OPERATOR value`` holds."""
        if value != value:  # noqa: PLR0124 -- NaN
            return 0
        match operator:
            case "<":
                return self._below[bisect_left(self._rungs, value)]
            case "<=":
                return self._below[bisect_right(self._rungs, value)]
            case ">":
                return self._above[bisect_right(self._rungs, value)]
            case ">=":
                return self._above[bisect_left(self._rungs, value)]
