"""Who had which content first: fingerprints and values, by the steps that gave them."""

from __future__ import annotations

from collections.abc import Iterable

Key = int | str
"""A fingerprint or a value."""

OUTSIDE = -1
"""The step that stands for what came into a run from outside: prompts, instructions."""
MAX_HOLDERS_COUNT = 8
"""Of more outputs with the same content the earliest are remembered, so that a text that a run
repeats a hundred thousand times is looked up in the same time as any other."""


class Ledger:
    """Contents by who gave them, the earliest first."""

    def __init__(self) -> None:
        self._times: list[int] = []
        self._steps: list[int] = []
        self._held: dict[Key, int | tuple[int, ...]] = {}
        self.dropped_count = 0
        """Holders that were not remembered, as earlier ones had the same content."""

    def add(self, keys: Iterable[Key], step: int, time_ns: int) -> None:
        """Note that ``step`` gave ``keys``, and that they were there from ``time_ns`` on."""
        event = len(self._times)
        self._times.append(time_ns)
        self._steps.append(step)
        for key in keys:
            before = self._held.get(key)
            if before is None:
                self._held[key] = event
            else:
                self._held[key] = self._with(
                    (before,) if isinstance(before, int) else before, event
                )

    def _with(self, held: tuple[int, ...], event: int) -> tuple[int, ...]:
        """Return ``held`` with one more event, in the order of their times."""
        time_ns = self._times[event]
        if len(held) == MAX_HOLDERS_COUNT and self._times[held[-1]] <= time_ns:
            self.dropped_count += 1
            return held
        found = sorted((*held, event), key=lambda each: (self._times[each], each))
        self.dropped_count += len(found) > MAX_HOLDERS_COUNT
        return tuple(found[:MAX_HOLDERS_COUNT])

    def knew(self, key: Key, time_ns: int) -> bool:
        """Tell whether anybody had ``key`` at ``time_ns``."""
        held = self._held.get(key)
        if held is None:
            return False
        return self._times[held if isinstance(held, int) else held[0]] <= time_ns

    def holders(self, key: Key) -> tuple[int, ...]:
        """Return the steps that gave ``key``, the earliest first; ``OUTSIDE`` stands for none."""
        held = self._held.get(key)
        if held is None:
            return ()
        if isinstance(held, int):
            return (self._steps[held],)
        return tuple(self._steps[event] for event in held)
