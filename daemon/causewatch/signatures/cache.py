"""What is computed once per subject, however many signatures are evaluated against it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

Computed = TypeVar("Computed")


class SubjectCache:
    """A bounded memory; when it is full, new things are computed and not kept."""

    def __init__(self, *, max_entries: int = 20_000) -> None:
        self._entries: dict[Hashable, object] = {}
        self._max_entries = max_entries
        self.known: Callable[[Hashable], Any] = self._entries.get
        """What is remembered under a key, else ``None``: for readers that cannot spare a call."""

    def get(self, key: Hashable, compute: Callable[[], Computed]) -> Computed:
        """Return what ``compute`` gave for ``key``, computing it the first time.

        A key belongs to one type of thing: callers put their own name first.
        """
        found = self._entries.get(key)
        if found is not None:
            return cast("Computed", found)
        computed = compute()
        if len(self._entries) < self._max_entries:
            self._entries[key] = computed
        return computed
