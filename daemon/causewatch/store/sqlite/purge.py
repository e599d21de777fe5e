"""Forgets runs wherever the store knows of them, overwriting what was there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator

import msgspec
from msgspec.structs import replace

from causewatch.incidents.forget import forgotten_in_alert, forgotten_in_incident
from causewatch.model.finding import Alert
from causewatch.model.incident import Incident
from causewatch.novelty.watch import Spent
from causewatch.store.record import OutboxRow, RunHead, ShortRun, StoredRun
from causewatch.store.sqlite.database import Database
from causewatch.store.sqlite.runs import labels_key, number_of

_PAGE_ROWS = 500
Mask = Callable[[str], str]


class PurgeTables(Database):
    """The parts of ``Store`` that forget runs, on SQLite."""

    def run_heads(self) -> Iterator[RunHead]:
        """See ``Store.run_heads``."""
        after = -1
        while rows := self._read(
            "SELECT rowid, value FROM runs WHERE rowid > ? ORDER BY rowid LIMIT ?",
            (after, _PAGE_ROWS),
        ):
            after = rows[-1][0]
            for _, value in rows:
                yield msgspec.json.decode(value, type=RunHead)
        after = -1
        while rows := self._read(
            "SELECT seq, value FROM short_runs WHERE seq > ? ORDER BY seq LIMIT ?",
            (after, _PAGE_ROWS),
        ):
            after = rows[-1][0]
            for _, value in rows:
                short = msgspec.msgpack.decode(value, type=ShortRun)
                yield RunHead(
                    run_id=short.run_id,
                    trace_ids=(short.run_id,),
                    batches=short.batches,
                    updated_at_ns=short.updated_at_ns,
                )

    def purge(
        self,
        *,
        runs: Collection[str],
        traces: Collection[str],
        before_ns: int = 0,
        mask: Mask,
    ) -> dict[str, int]:
        """See ``Store.purge``."""
        self._overwrite_all(on=True)
        try:
            with self.transaction():
                counts = Counter(self._purge_runs(runs, traces))
                counts += Counter(self._purge_incidents(runs, traces, mask))
                for table in ("tool_history", "novelty_baselines"):
                    sql = f"DELETE FROM {table} WHERE changed_at_ns < ?"  # noqa: S608  # constants
                    self._write(sql, (before_ns,))
        finally:
            self._overwrite_all(on=False)
        return dict(counts)

    def scrub(self) -> bool:
        """See ``Store.scrub``."""
        with self._lock:
            # Pages are split and joined as rows come and go, and keep what was moved away: only a
            # file that is written anew holds nothing but what is in it.
            self._connection.execute("VACUUM")
            (busy, _, _) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return bool(busy == 0)

    def _overwrite_all(self, *, on: bool) -> None:
        with self._lock:
            self._connection.execute(f"PRAGMA secure_delete = {'ON' if on else 'FAST'}")

    def _purge_runs(self, runs: Collection[str], traces: Collection[str]) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for run_id in runs:
            run = self._value(StoredRun, "SELECT value FROM runs WHERE run_id = ?", (run_id,))
            if run is not None:
                self._unspend(run)
            for table in ("runs", "run_batches", "run_traces", "findings"):
                sql = f"DELETE FROM {table} WHERE run_id = ?"  # noqa: S608  # constants above
                count = self._write(sql, (run_id,)).rowcount
                counts[table] += count
        for trace_id in {*traces, *runs}:
            self._write("DELETE FROM run_traces WHERE trace_id = ?", (trace_id,))
            found = self._read(
                "SELECT seq, value FROM short_runs WHERE trace = ?", (number_of(trace_id),)
            )
            for seq, value in found:
                if msgspec.msgpack.decode(value, type=ShortRun).run_id == trace_id:
                    counts["runs"] += self._write(
                        "DELETE FROM short_runs WHERE seq = ?", (seq,)
                    ).rowcount
        return {name: counts[name] for name in ("runs", "findings")}

    def _unspend(self, run: StoredRun) -> None:
        """Forget what was told as new in a run, as if it had cost nothing of a day's budget."""
        items = {f"{run.workflow}: {novel.edge or novel.fingerprint}" for novel in run.novel}
        for rule_id, value in self._read("SELECT rule_id, value FROM novelty_budgets"):
            spent = msgspec.json.decode(value, type=Spent)
            if items & spent.items:
                left = replace(spent, items=spent.items - items)
                self._write(
                    "UPDATE novelty_budgets SET value = ? WHERE rule_id = ?",
                    (msgspec.json.encode(left, order="sorted"), rule_id),
                )

    def _purge_incidents(
        self, runs: Collection[str], traces: Collection[str], mask: Mask
    ) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for alert in self._values(Alert, "SELECT value FROM alerts"):
            left = forgotten_in_alert(alert, runs=runs, traces=traces, mask=mask)
            if left is alert:
                continue
            key = (alert.rule_id, labels_key(alert.labels))
            counts["alerts"] += 1
            if left is None:
                self._write("DELETE FROM alerts WHERE rule_id = ? AND labels = ?", key)
            else:
                self._write(
                    "UPDATE alerts SET value = ? WHERE rule_id = ? AND labels = ?",
                    (msgspec.json.encode(left), *key),
                )
        for incident in self._values(Incident, "SELECT value FROM incidents"):
            rest = forgotten_in_incident(incident, runs=runs, traces=traces, mask=mask)
            if rest is incident:
                continue
            counts["incidents"] += 1
            if rest is None:
                self._write("DELETE FROM told WHERE incident_id = ?", (incident.id,))
                self._write("DELETE FROM incidents WHERE id = ?", (incident.id,))
            else:
                self._write(
                    "UPDATE incidents SET value = ? WHERE id = ?",
                    (msgspec.json.encode(rest), incident.id),
                )
        counts["messages"] = self._purge_outbox(runs, traces, mask)
        return counts

    def _purge_outbox(self, runs: Collection[str], traces: Collection[str], mask: Mask) -> int:
        count = 0
        for row in self._values(OutboxRow, "SELECT value FROM outbox ORDER BY seq"):
            rest = forgotten_in_incident(row.incident, runs=runs, traces=traces, mask=mask)
            if rest is row.incident:
                continue
            count += 1
            if rest is None:
                self._write("DELETE FROM outbox WHERE seq = ?", (row.seq,))
                continue
            left = replace(row, incident=rest, notes=tuple(map(mask, row.notes)))
            self._write(
                "UPDATE outbox SET value = ? WHERE seq = ?", (msgspec.json.encode(left), row.seq)
            )
        return count
