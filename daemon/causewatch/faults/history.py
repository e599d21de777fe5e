"""What tools used to return: the shapes of their earlier results.

Names of members are kept, never a value.
"""

from __future__ import annotations

import msgspec

NO_PATHS: frozenset[str] = frozenset()


class ToolHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The shapes of the results that one tool has returned so far, as sets of key paths."""

    results_count: int = 0
    """How many results these are, counted up to a limit."""
    always: frozenset[str] = NO_PATHS
    """The key paths that every result had."""
    ever: frozenset[str] = NO_PATHS
    """The key paths that any result had; empty where they were too many to tell a shape."""
    asked: frozenset[str] = NO_PATHS
    """The names of arguments that any call had."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of earlier runs, by the tool's name."""

    tools: dict[str, ToolHistory] = {}


NO_HISTORY = History()
