"""Whether one step's output was there when another took its input in."""

from __future__ import annotations

from collections.abc import Sequence

from causewatch.graph.tree import SKEW_NS, Tree
from causewatch.model.span import Resource
from causewatch.model.step import Step

CLOCK_GRAIN_MS = 1
"""Some SDKs cut the beginning of a span to whole milliseconds: there an end before it may seem
later by so much on one clock."""
CLOCK_GRAIN_NS = CLOCK_GRAIN_MS * 1_000_000
_HOST_KEYS = ("host.id", "host.name")


class Clocks:
    """Outputs exist from the end of their step on, inputs from its start.

    The skew allowance holds between clocks. Spans of one resource or host were stamped by one
    clock: there it would let a result flow back into the prompt that asked for it.
    """

    def __init__(self, tree: Tree) -> None:
        self._steps = tree.steps
        self._clock = _clocks(tree.steps)
        self._before = [0] * len(tree.steps)
        self._size = [1] * len(tree.steps)
        for place, i in enumerate(tree.downward):
            self._before[i] = place
        for i in reversed(tree.downward):
            if tree.parent[i] >= 0:
                self._size[tree.parent[i]] += self._size[i]

    def may_flow(self, source: int, target: int) -> bool:
        """Tell whether the output of ``source`` can be in the input of ``target``.

        Never from a step to one that it holds: that one's input came first.
        """
        if source == target or self._holds(source, target):
            return False
        one, other = self._steps[source].span, self._steps[target].span
        if self._clock[source] != self._clock[target]:
            return one.end_ns <= other.start_ns + SKEW_NS
        return may_follow(one.end_ns, other.start_ns) and one.start_ns <= other.start_ns

    def _holds(self, outer: int, inner: int) -> bool:
        return 0 < self._before[inner] - self._before[outer] < self._size[outer]


def may_follow(end_ns: int, start_ns: int) -> bool:
    """Tell whether a span that began then may have begun after this end, on one clock.

    The SDK for JavaScript cuts the beginning of each span to milliseconds, and adds to it how long
    the span took to the nanosecond: one that began at once after another seems to overlap it.
    """
    allowed_ns = 0 if start_ns % CLOCK_GRAIN_NS else CLOCK_GRAIN_NS
    return end_ns <= start_ns + allowed_ns


def _clocks(steps: Sequence[Step]) -> list[int]:
    """Return a number for each step, the same for steps whose spans one clock stamped."""
    numbers: dict[str, int] = {}
    by_resource: dict[int, int] = {}
    found: list[int] = []
    for step in steps:
        resource = step.span.resource
        number = by_resource.get(id(resource))
        if number is None:
            number = numbers.setdefault(_name_of(resource), len(numbers))
            by_resource[id(resource)] = number
        found.append(number)
    return found


def _name_of(resource: Resource) -> str:
    for key in _HOST_KEYS:
        if host := resource.attributes.get(key):
            return f"{key} {host!r}"
    return repr(sorted((key, repr(value)) for key, value in resource.attributes.items()))
