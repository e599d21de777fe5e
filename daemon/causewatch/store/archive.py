"""Reads what a store knew of tools, without owning it: beside a running daemon, or long after."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from causewatch.errors import InputError
from causewatch.faults.history import NO_HISTORY, History, ToolHistory


class _Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a stored run."""

    trace_ids: tuple[str, ...]
    history: History = NO_HISTORY


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What a store knew of tools when it judged each run, by trace id, and what it knows now."""

    judged: dict[str, History] = {}
    now: History = NO_HISTORY

    def of(self, trace_ids: tuple[str, ...]) -> History:
        """Return what the run with these traces was judged with: the same again, or what is now."""
        return next((self.judged[t] for t in trace_ids if t in self.judged), self.now)


NOTHING_REMEMBERED = Remembered()


def remembered(path: Path) -> Remembered:
    """Read what the store at ``path`` knows of tools; nothing where there is no store yet.

    Raises:
        InputError: when it cannot be read.
    """
    if not path.is_file():
        return NOTHING_REMEMBERED
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            judged = {
                trace_id: run.history
                for (value,) in connection.execute("SELECT value FROM runs")
                for run in (msgspec.json.decode(value, type=_Judged),)
                for trace_id in run.trace_ids
            }
            has_history = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'tool_history'"
            ).fetchone()
            rows = connection.execute("SELECT tool, value FROM tool_history") if has_history else ()
            tools = {name: msgspec.json.decode(value, type=ToolHistory) for name, value in rows}
        finally:
            connection.close()
    except (sqlite3.Error, msgspec.DecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    return Remembered(judged=judged, now=History(tools=tools))
