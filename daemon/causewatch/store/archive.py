"""Reads what a store knew, without owning it: beside a running daemon, or long after."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import msgspec

from causewatch.errors import InputError
from causewatch.faults.history import NO_HISTORY, History, ToolHistory
from causewatch.model.expectation import Novel
from causewatch.novelty.baseline import Baseline
from causewatch.store.record import ShortRun

_T = TypeVar("_T")


class _Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a stored run."""

    trace_ids: tuple[str, ...]
    history: History = NO_HISTORY
    novel: tuple[Novel, ...] = ()


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A stored run in which something was told as new."""

    run_id: str
    workflow: str = ""
    verdict: str = "healthy"
    ended_at_ns: int = 0
    novel: tuple[Novel, ...] = ()


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What a store knew of tools when it judged each run, by trace id, and what it knows now."""

    judged: dict[str, History] = {}
    now: History = NO_HISTORY
    told: dict[str, tuple[Novel, ...]] = {}
    """What was told as new in each run, by trace id."""
    baselines: dict[str, Baseline] = {}
    """What each workflow had so far."""
    is_reference: bool = False
    """Whether people named the good runs all this comes from: nothing more is to be learned."""

    def of(self, trace_ids: tuple[str, ...]) -> History:
        """Return what the run with these traces was judged with: the same again, or what is now."""
        return next((self.judged[t] for t in trace_ids if t in self.judged), self.now)


NOTHING_REMEMBERED = Remembered()


def remembered(path: Path) -> Remembered:
    """Read what the store at ``path`` knows; nothing where there is no store yet.

    Raises:
        InputError: when it cannot be read.
    """
    if not path.is_file():
        return NOTHING_REMEMBERED
    try:
        with closing(_connected(path)) as connection:
            runs = {
                trace_id: run
                for (value,) in connection.execute("SELECT value FROM runs")
                for run in (msgspec.json.decode(value, type=_Judged),)
                for trace_id in run.trace_ids
            }
            short = _short_run_ids(connection)
            tools = _table(connection, "tool_history", "tool", ToolHistory)
            baselines = _table(connection, "novelty_baselines", "workflow", Baseline)
    except (sqlite3.Error, msgspec.DecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    return Remembered(
        # What was passed over had nothing to tell: its results did not surprise.
        judged=dict.fromkeys(short, NO_HISTORY)
        | {trace_id: run.history for trace_id, run in runs.items()},
        now=History(tools=tools),
        told={trace_id: run.novel for trace_id, run in runs.items()},
        baselines=baselines,
    )


def told_runs(path: Path) -> tuple[Told, ...]:
    """Return the runs in which the store at ``path`` told something as new, oldest first.

    Raises:
        InputError: when it cannot be read.
    """
    if not path.is_file():
        return ()
    try:
        with closing(_connected(path)) as connection:
            rows = connection.execute("SELECT value FROM runs ORDER BY updated_at_ns, run_id")
            runs = [msgspec.json.decode(value, type=Told) for (value,) in rows]
    except (sqlite3.Error, msgspec.DecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    return tuple(run for run in runs if run.novel)


def _short_run_ids(connection: sqlite3.Connection) -> list[str]:
    """Return the runs that were not judged in full, each the one trace it is."""
    if not _has(connection, "short_runs"):
        return []
    rows = connection.execute("SELECT value FROM short_runs")
    return [msgspec.msgpack.decode(value, type=ShortRun).run_id for (value,) in rows]


def _has(connection: sqlite3.Connection, table: str) -> bool:
    """Tell whether the store is no older than a table."""
    sql = "SELECT 1 FROM sqlite_master WHERE name = ?"
    return connection.execute(sql, (table,)).fetchone() is not None


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _table(connection: sqlite3.Connection, table: str, key: str, kind: type[_T]) -> dict[str, _T]:
    """Return the values of a table by key; none where the store is older than the table."""
    sql = f"SELECT {key}, value FROM {table}"  # noqa: S608  # constants above
    rows = connection.execute(sql) if _has(connection, table) else ()
    return {name: msgspec.json.decode(value, type=kind) for name, value in rows}
