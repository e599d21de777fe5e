"""The tables of runs, traces and findings."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from causewatch.model.finding import Finding, Labels
from causewatch.store.record import ShortRun, StoredRun, TraceLink
from causewatch.store.sqlite.database import Database


class _Traces(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a run to know which traces it is."""

    trace_ids: tuple[str, ...]


def labels_key(labels: Labels) -> str:
    """Return labels as text that is equal exactly where the labels are."""
    return msgspec.json.encode(dict(labels), order="sorted").decode()


class RunTables(Database):
    """``RunStore`` on SQLite."""

    def put_run(self, run: StoredRun) -> None:
        """See ``RunStore.put_run``."""
        with self.transaction():
            self._write(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)",
                (run.run_id, run.verdict, run.updated_at_ns, msgspec.json.encode(run)),
            )
            self._write("DELETE FROM run_batches WHERE run_id = ?", (run.run_id,))
            if run.verdict != "healthy":
                self._connection.executemany(
                    "INSERT OR IGNORE INTO run_batches VALUES (?, ?)",
                    [(batch, run.run_id) for batch in run.batches],
                )
            for trace_id in run.trace_ids:
                self.link_trace(TraceLink(trace_id=trace_id, run_id=run.run_id))

    def put_short_runs(self, runs: Sequence[ShortRun]) -> None:
        """See ``RunStore.put_short_runs``."""
        encode = msgspec.msgpack.encode
        rows = [
            (number_of(run.run_id), run.updated_at_ns, run.verdict, encode(run)) for run in runs
        ]
        with self.transaction():
            self._connection.executemany(
                "INSERT INTO short_runs (trace, updated_at_ns, verdict, value) VALUES (?, ?, ?, ?)",
                rows,
            )

    def run(self, run_id: str) -> StoredRun | None:
        """See ``RunStore.run``."""
        found = self._value(StoredRun, "SELECT value FROM runs WHERE run_id = ?", (run_id,))
        if found is None and (short := self._short_run(run_id)) is not None:
            found = short.told()
        return found

    def recent_runs(self, *, limit: int = 100, verdict: str = "") -> tuple[StoredRun, ...]:
        """See ``RunStore.recent_runs``."""
        whole = self._values(
            StoredRun,
            "SELECT value FROM runs WHERE ? IN ('', verdict)"
            " ORDER BY updated_at_ns DESC, run_id LIMIT ?",
            (verdict, limit),
        )
        if verdict == "corrupted":
            return whole
        rows = self._read(
            "SELECT value FROM short_runs WHERE ? IN ('', verdict) ORDER BY seq DESC LIMIT ?",
            (verdict, limit),
        )
        short = {run.run_id: run for run in map(_short, reversed(rows))}
        for run_id in list(short):
            if self._read("SELECT 1 FROM runs WHERE run_id = ?", (run_id,)):
                del short[run_id]
        found: list[StoredRun] = [*whole, *(run.told() for run in short.values())]
        return tuple(sorted(found, key=lambda run: (-run.updated_at_ns, run.run_id))[:limit])

    def link_trace(self, link: TraceLink) -> None:
        """See ``RunStore.link_trace``."""
        if not link.batches:
            self._write(
                "INSERT INTO run_traces VALUES (?, ?, '[]')"
                " ON CONFLICT (trace_id) DO UPDATE SET run_id = excluded.run_id",
                (link.trace_id, link.run_id),
            )
            return
        with self.transaction():
            known = self.trace(link.trace_id)
            batches = sorted({*link.batches, *(known.batches if known else ())})
            self._write(
                "INSERT OR REPLACE INTO run_traces VALUES (?, ?, ?)",
                (link.trace_id, link.run_id, msgspec.json.encode(batches)),
            )

    def trace(self, trace_id: str) -> TraceLink | None:
        """See ``RunStore.trace``."""
        rows = self._read("SELECT run_id, batches FROM run_traces WHERE trace_id = ?", (trace_id,))
        for run_id, batches in rows:
            numbers = msgspec.json.decode(batches, type=tuple[int, ...])
            return TraceLink(trace_id=trace_id, run_id=run_id, batches=numbers)
        short = self._short_run(trace_id)
        return None if short is None else TraceLink(trace_id=trace_id, run_id=short.run_id)

    def stored_traces(self, trace_ids: Sequence[str]) -> frozenset[str]:
        """See ``RunStore.stored_traces``."""
        numbers = {number_of(trace_id): trace_id for trace_id in trace_ids}
        whole = self._read(
            "SELECT trace_id FROM run_traces WHERE trace_id IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(trace_ids).decode(),),
        )
        short = self._read(
            "SELECT trace FROM short_runs WHERE trace IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(list(numbers)).decode(),),
        )
        return frozenset(each for (each,) in whole) | {numbers[number] for (number,) in short}

    def anomalous_traces(self, first_batch: int, last_batch: int) -> dict[int, frozenset[str]]:
        """See ``RunStore.anomalous_traces``."""
        rows = self._read(
            "SELECT batch, value FROM run_batches JOIN runs USING (run_id)"
            " WHERE batch BETWEEN ? AND ?",
            (first_batch, last_batch),
        )
        found: dict[int, frozenset[str]] = {}
        for batch, value in rows:
            trace_ids = msgspec.json.decode(value, type=_Traces).trace_ids
            found[batch] = found.get(batch, frozenset()).union(trace_ids)
        return found

    def _short_run(self, run_id: str) -> ShortRun | None:
        """Return the newest of that id: one whose batches were read again is there twice."""
        rows = self._read(
            "SELECT value FROM short_runs WHERE trace = ? ORDER BY seq DESC", (number_of(run_id),)
        )
        return next((run for run in map(_short, rows) if run.run_id == run_id), None)

    def add_findings(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """See ``RunStore.add_findings``."""
        with self.transaction():
            return tuple(finding for finding in findings if self._add(finding))

    def _add(self, finding: Finding) -> bool:
        cursor = self._write(
            "INSERT OR IGNORE INTO findings"
            " (rule_id, rule_version, run_id, labels, at_ns, value) VALUES (?, ?, ?, ?, ?, ?)",
            (
                finding.rule_id,
                finding.rule_version,
                finding.run_id,
                labels_key(finding.labels),
                finding.at_ns,
                msgspec.json.encode(finding),
            ),
        )
        return cursor.rowcount == 1

    def findings(
        self, rule_id: str, *, since_ns: int, rule_version: str = ""
    ) -> tuple[Finding, ...]:
        """See ``RunStore.findings``."""
        return self._values(
            Finding,
            "SELECT value FROM findings WHERE rule_id = ? AND at_ns >= ?"
            " AND ? IN ('', rule_version) ORDER BY at_ns, id",
            (rule_id, since_ns, rule_version),
        )


def number_of(trace_id: str) -> int:
    """Return the number by which a trace is found among many, signed, of 64 bits.

    A digest and no part of the id: ids of 64 bits come with zeros before them, other tracers begin
    all ids of a day alike, and each look-up would then read every run.
    """
    return int.from_bytes(blake2b(trace_id.encode(), digest_size=8).digest(), signed=True)


def _short(row: tuple[Any, ...]) -> ShortRun:
    return msgspec.msgpack.decode(row[0], type=ShortRun)
