"""Whether the children of a node are what its content model allows, in some order that can be.

Children that overlap in time have no order: a parallel fan-out is right if one of the orders it can
be read in is. Only orders that differ for the model are tried: of two children that could come next
and fit the same names, the one that ended first goes first, since whatever must follow the other
must follow it as well; so a fan-out of a hundred calls of one tool is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from causewatch.paths.derive import Fits, State, after, may_end
from causewatch.paths.limits import MAX_ALTERNATIVES_COUNT, MAX_TRIES_COUNT

MAX_PERMUTED_COUNT = 200
MAX_PERMUTED_ALTERNATIVES_COUNT = 100
"""Less than for a verdict: that an order would help is only how a deviation is told."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One child as matching needs it. ``number`` is its place among the children."""

    number: int
    fits: Fits
    start_ns: int
    end_ns: int


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """Where matching came to: the furthest that any order leads.

    ``state`` is what may still come there, ``left`` the children that were not read yet, in order
    of start; ``is_right`` that none are left and none are missing. ``is_open`` says that a limit
    was met, so that nothing may be concluded.
    """

    state: State
    left: tuple[Event, ...]
    is_right: bool
    is_open: bool = False


def match(state: State, events: Sequence[Event]) -> Halt:
    """Return how far the children can be read, starting from ``state``.

    ``events`` are in order of start, which is tried first: it is right nearly always.
    """
    halt = _in_line(state, events)
    if halt.is_right or not _overlap(events):
        return halt
    return _Search(events).run(state)


def permuted(state: State, events: Sequence[Event]) -> bool:
    """Tell whether the children would be right in any other order; of many it is not asked."""
    if len(events) > MAX_PERMUTED_COUNT:
        return False
    longest_ns = max((event.end_ns for event in events), default=0) + 1
    loose = [
        msgspec.structs.replace(event, start_ns=0, end_ns=longest_ns, number=i)
        for i, event in enumerate(events)
    ]
    halt = _Search(loose, MAX_PERMUTED_ALTERNATIVES_COUNT).run(state)
    return halt.is_right and not halt.is_open


def _overlap(events: Sequence[Event]) -> bool:
    """Tell whether two children overlap; without that the order of start is the only one."""
    return any(not is_before(a, b) for a, b in pairwise(events))


def is_before(event: Event, other: Event) -> bool:
    """Tell whether a child had ended when another began; two at one instant have no order."""
    if (event.start_ns, event.end_ns) == (other.start_ns, other.end_ns):
        return False
    return event.end_ns <= other.start_ns


def _in_line(state: State, events: Sequence[Event]) -> Halt:
    for position, event in enumerate(events):
        following = after(state, event.fits)
        if not following:
            return Halt(state=state, left=tuple(events[position:]), is_right=False)
        if len(following) > MAX_ALTERNATIVES_COUNT:
            return Halt(state=state, left=(), is_right=False, is_open=True)
        state = following
    return Halt(state=state, left=(), is_right=may_end(state))


class _Search:
    """All orders of some children side by side: which are read, and what may come then."""

    def __init__(
        self, events: Sequence[Event], alternatives_count: int = MAX_ALTERNATIVES_COUNT
    ) -> None:
        self._events = events
        self._alternatives_count = alternatives_count
        self._tries_count = 0

    def run(self, state: State) -> Halt:
        # A reading is the set of children read so far, as the bits of a number.
        readings: dict[int, State] = {0: state}
        for _ in self._events:
            following = self._one_more(readings)
            if self._tries_count > MAX_TRIES_COUNT or _width(following) > self._alternatives_count:
                return Halt(state=state, left=(), is_right=False, is_open=True)
            if not following:
                return self._stuck(readings)
            readings = following
        final = frozenset(model for state in readings.values() for model in state)
        return Halt(state=final, left=(), is_right=may_end(final))

    def _one_more(self, readings: dict[int, State]) -> dict[int, State]:
        """Return all readings with one child more."""
        following: dict[int, State] = {}
        for read, state in readings.items():
            for position in self._candidates(read):
                left = after(state, self._events[position].fits)
                if left:
                    key = read | 1 << position
                    following[key] = following.get(key, frozenset()) | left
        return following

    def _candidates(self, read: int) -> list[int]:
        """Return the children that can come next, one for each set of names that they fit."""
        # The lowest bit that is not set: all children before it are read.
        first = (~read & (read + 1)).bit_length() - 1
        unread: list[int] = []
        earliest: tuple[int, int] | None = None
        for position in range(first, len(self._events)):
            event = self._events[position]
            self._tries_count += 1
            if earliest is not None and event.start_ns > earliest[0]:
                break  # this one and all later ones began after some unread child had ended
            if not read >> position & 1:
                unread.append(position)
                end = event.end_ns, event.start_ns
                earliest = end if earliest is None else min(earliest, end)
        best: dict[Fits, int] = {}
        for position in unread:
            event = self._events[position]
            if earliest is not None and _is_blocked(event, earliest):
                continue
            known = best.setdefault(event.fits, position)
            if event.end_ns < self._events[known].end_ns:
                best[event.fits] = position
        return list(best.values())

    def _stuck(self, readings: dict[int, State]) -> Halt:
        """Return where no order leads further: the reading that left the latest child behind."""
        read, state = max(readings.items(), key=lambda item: (~item[0] & (item[0] + 1), item[0]))
        left = tuple(e for i, e in enumerate(self._events) if not read >> i & 1)
        return Halt(state=state, left=left, is_right=False)


def _is_blocked(event: Event, earliest: tuple[int, int]) -> bool:
    """Tell whether some child, of which ``earliest`` has end and start, must come before this."""
    start_ns = event.start_ns
    had_ended = earliest[0] == start_ns and start_ns < event.end_ns
    return had_ended or earliest < (start_ns, start_ns)


def _width(readings: dict[int, State]) -> int:
    return sum(map(len, readings.values()))
