"""Keeps what goes wrong in here away from the agent: it is logged, once aloud, and swallowed."""

from __future__ import annotations

import itertools
import logging
from types import TracebackType

log = logging.getLogger("causewatch.instrument")
_failures = itertools.count()


class Guarded:
    """A context manager out of which no exception comes; programs that end still end."""

    __slots__ = ("_doing",)

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> bool:
        """Log an exception by its type: its message may hold what was handed over."""
        if kind is None or not issubclass(kind, Exception):
            return False
        level = logging.DEBUG if next(_failures) else logging.WARNING
        log.log(level, "%s failed with %s; the handoff is not recorded", self._doing, kind.__name__)
        return True
