"""How long an acknowledgement waits while old batches are deleted, compacted and given back.

``python -m bench.retention --mib 500`` fills an inbox and a store, then appends at a steady rate:
first with nothing else going on, then while everything old is deleted but for the runs that are
worth more, until the files have shrunk. Prints the waits of both, and how the files shrank. With
``--by traces`` some traces are purged instead, with ``--by before`` all that is old.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec
from msgspec.structs import replace

from causewatch.app.clock import now_ns
from causewatch.app.purge import Purge
from causewatch.app.purge_scope import Wanted
from causewatch.app.retention import Retention, RetentionLimits
from causewatch.dialects.tables import SHIPPED
from causewatch.inbox.batch import MIB_BYTES, InboxLimits
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.model.span import Span
from causewatch.otlp.encode import encode_traces
from causewatch.store.record import ShortRun, StoredRun
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics

READER = "bench"
SPANS_PER_BATCH, SPANS_PER_TRACE = 480, 24
TEXT_BYTES = 1_000
DAY_NS = 86_400 * 1_000_000_000
ANOMALOUS_SHARE = 0.01
OLD_NS = 30 * DAY_NS
PURGED_COUNT = 50
"""Traces that are purged by id, at equal distances."""
QUIET_S = 10.0
Waits = list[float]


class Load:
    """Makes batches of which each span has a text of its own, and appends them."""

    def __init__(self, inbox: SqliteInbox, store: SqliteStore, seed: int) -> None:
        self._inbox = inbox
        self._store = store
        self._chance = random.Random(seed)
        self._traces = 0

    @property
    def count(self) -> int:
        """Return how many traces there are so far."""
        return self._traces

    def body(self) -> tuple[bytes, list[str]]:
        """Return a request, and the traces in it."""
        spans: list[Span] = []
        traces = []
        for _ in range(SPANS_PER_BATCH // SPANS_PER_TRACE):
            self._traces += 1
            traces.append(f"{self._traces:032x}")
            for number in range(SPANS_PER_TRACE):
                text = self._chance.randbytes(TEXT_BYTES // 2).hex()
                span = Span(trace_id=traces[-1], span_id=f"{number + 1:016x}", name="step")
                spans.append(replace(span, attributes={"text": text}))
        return encode_traces(spans), traces

    def fill(self, size_bytes: int, at_ns: int) -> None:
        """Store batches with their judged runs until the inbox holds so much."""
        while self._inbox.stored_bytes() < size_bytes:
            body, traces = self.body()
            seq = self._inbox.append("traces", body, SPANS_PER_BATCH).result()
            short = []
            with self._store.transaction():
                for trace_id in traces:
                    if self._chance.random() < ANOMALOUS_SHARE:
                        self._store.put_run(_anomalous(trace_id, seq, at_ns))
                    else:
                        short.append(_quiet(trace_id, seq, at_ns))
                self._store.put_short_runs(short)
            self._inbox.advance(READER, seq)


def _anomalous(trace_id: str, seq: int, at_ns: int) -> StoredRun:
    return StoredRun(
        run_id=trace_id,
        trace_ids=(trace_id,),
        verdict="corrupted",
        explanation="x" * 3_000,
        batches=(seq,),
        updated_at_ns=at_ns,
    )


def _quiet(trace_id: str, seq: int, at_ns: int) -> ShortRun:
    return ShortRun(
        run_id=trace_id,
        workflow="bench",
        verdict="healthy",
        batches=(seq,),
        started_at_ns=at_ns,
        ended_at_ns=at_ns,
        updated_at_ns=at_ns,
    )


def waits(inbox: SqliteInbox, body: bytes, per_s: float, until: threading.Event) -> Waits:
    """Append at a steady rate until told to end; return how long each acknowledgement took."""
    found: Waits = []
    due_s = time.monotonic()
    while not until.is_set():
        due_s += 1 / per_s
        time.sleep(max(0.0, due_s - time.monotonic()))
        began_s = time.monotonic()
        inbox.append("traces", body, SPANS_PER_BATCH).result()
        found.append(time.monotonic() - began_s)
    return found


def told(found: Waits) -> dict[str, float]:
    """Return the longest and other waits in milliseconds."""
    ordered = sorted(found)
    at = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
    ms = {name: ordered[min(len(ordered) - 1, int(len(ordered) * q))] for name, q in at.items()}
    return {name: round(wait_s * 1e3, 1) for name, wait_s in {**ms, "max": ordered[-1]}.items()}


class House(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured."""

    folder: Path
    inbox: SqliteInbox
    store: SqliteStore
    metrics: Metrics
    limits: RetentionLimits
    at_ns: int
    """Now; all that was filled in is older by ``OLD_NS``."""

    def prune(self) -> None:
        """Delete by age, and give the space back."""
        retention = Retention(
            self.limits,
            inbox=self.inbox,
            store=self.store,
            metrics=self.metrics,
            now_ns=lambda: self.at_ns,
            reader=READER,
        )
        retention.walk(threading.Event())

    def purge(self, wanted: Wanted) -> None:
        """Forget, as a daemon does it."""
        purge = Purge(
            inbox=self.inbox,
            store=self.store,
            folder=self.folder,
            dialects=SHIPPED,
            pause=threading.Event().wait,
        )
        purge.apply(purge.find(wanted, purge.find(wanted)))


def measured(
    folder: Path, size_mib: int, per_s: float, seed: int, by: str = "prune"
) -> dict[str, object]:
    """Return the waits without and with deleting, and the sizes of the files."""
    clock = [now_ns() - OLD_NS]
    metrics = Metrics()
    limits = RetentionLimits(inbox_mib=size_mib * 4, state_mib=size_mib * 4)
    inbox = SqliteInbox(
        folder / "inbox.db",
        limits=InboxLimits(max_size_mib=limits.inbox_mib),
        now_ns=lambda: clock[0],
        metrics=metrics,
    )
    store = SqliteStore(folder / "state.db")
    load = Load(inbox, store, seed)
    load.fill(size_mib * MIB_BYTES, clock[0])
    clock[0] = now_ns()
    body, _ = load.body()
    enough = threading.Event()
    threading.Timer(QUIET_S, enough.set).start()
    quiet = waits(inbox, body, per_s, enough)
    before = _sizes(folder)
    house = House(
        folder=folder, inbox=inbox, store=store, metrics=metrics, limits=limits, at_ns=clock[0]
    )
    done = threading.Event()
    worker = threading.Thread(target=_work, args=(house, by, load.count, done))
    began_s = time.monotonic()
    worker.start()
    pruning = waits(inbox, body, per_s, done)
    took_s = time.monotonic() - began_s
    worker.join()
    inbox.close()
    store.close()
    return {
        "by": by,
        "appends_per_s": per_s,
        "batch_bytes": len(body),
        "quiet_ms": told(quiet),
        "pruning_ms": told(pruning),
        "pruning_s": round(took_s, 1),
        "appends_while_pruning": len(pruning),
        "before_mib": before,
        "after_mib": _sizes(folder),
    }


def _work(house: House, by: str, traces_count: int, done: threading.Event) -> None:
    try:
        if by == "prune":
            house.prune()
        elif by == "before":
            house.purge(Wanted(before_ns=house.at_ns - OLD_NS // 2))
        else:
            step = max(1, traces_count // PURGED_COUNT)
            numbers = range(1, traces_count + 1, step)
            house.purge(Wanted(traces=frozenset(f"{number:032x}" for number in numbers)))
    finally:
        done.set()


def _sizes(folder: Path) -> dict[str, float]:
    found = sorted(path for path in folder.iterdir() if path.stat().st_size)
    return {path.name: round(path.stat().st_size / MIB_BYTES, 1) for path in found}


def main() -> None:
    """Measure once and print it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.retention", description=__doc__)
    parser.add_argument("--mib", type=int, default=500, help="size of the inbox (500)")
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second (20)")
    parser.add_argument("--by", choices=("prune", "traces", "before"), default="prune")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to put the files (a temporary one)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        found = measured(Path(name), args.mib, args.rate, args.seed, args.by)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
