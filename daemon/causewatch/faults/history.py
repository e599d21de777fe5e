"""What tools used to return: the shapes of their earlier results."""

from __future__ import annotations

import msgspec


class ToolHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The shape of the results that one tool has returned so far."""

    results_count: int = 0
    paths: dict[str, int] = {}
    """How many of the results had a value at each key path."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of earlier runs."""

    tools: dict[str, ToolHistory] = {}


NO_HISTORY = History()
