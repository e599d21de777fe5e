"""What a daemon made of a load whose truth is known: what it found, when, and what it alarmed."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from bench.recorded_load import Truth
from bench.servers import STATE_FILE
from causewatch.app.assess import INBOX_FILE
from causewatch.app.rulefiles import load_bundle
from causewatch.resources import shipped
from causewatch.store.record import ShortRun

NS_PER_S = 1_000_000_000
OWN_GROUPS = "bench-"
"""How the groups of the fifty rules are called; the others are those of the shipped rules."""
_LOOK_EVERY_S = 0.02


class Watch:
    """Looks at a daemon's findings while it runs, and notes when each run's first one was there.

    Findings, alerts and outbox rows are written in one transaction: what is seen here is when the
    outbox row was there, whether it was a new message or one more run of an open incident.
    """

    def __init__(self, store: Path, now_ns: Callable[[], int]) -> None:
        self._path = store / STATE_FILE
        self._now_ns = now_ns
        self._monotone = monotone_rules()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.seen_ns: dict[str, int] = {}
        """By run."""
        self.monotone_ns: dict[str, int] = {}
        """The same of rules that are judged before a run is complete."""

    def start(self) -> Watch:
        """Begin to look."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        with closing(_connected(self._path)) as connection:
            last = 0
            while not self._stop.wait(_LOOK_EVERY_S):
                rows = connection.execute(
                    "SELECT id, run_id, rule_id FROM findings WHERE id > ? AND rule_id NOT LIKE ?",
                    (last, f"{OWN_GROUPS}%"),
                ).fetchall()
                now_ns = self._now_ns()
                for number, run_id, rule_id in rows:
                    last = max(last, number)
                    self.seen_ns.setdefault(run_id, now_ns)
                    if rule_id in self._monotone:
                        self.monotone_ns.setdefault(run_id, now_ns)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one load."""

    planted: int
    found: int
    missed: tuple[str, ...]
    """Recordings and traces of planted incidents that were not found."""
    healthy: int
    alarmed: int
    alarms: tuple[str, ...]
    """Of each of them: the recording, the rules, and what was said."""
    matched: dict[str, int]
    """How many healthy runs matched, for each of the fifty rules that some did."""
    passed_over: dict[str, float]
    """By recording: the share of its runs that were not judged in full."""
    detected_s: tuple[float, ...]
    """Of each planted incident: from the commit of its last span until its outbox row was there."""
    detected_by_monotone_s: tuple[float, ...] = ()
    """The same of those that a monotone rule found: one that need not wait for the run's end."""


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a stored run."""

    run_id: str
    verdict: str
    batches: tuple[int, ...]
    explanation: str = ""


def monotone_rules() -> frozenset[str]:
    """Return the ids of the shipped rules that more spans can never take back: they match early."""
    groups = load_bundle([shipped("rules")]).bundle.groups
    return frozenset(
        rule.rule_id for group in groups for rule in group.rules if rule.signature.monotone
    )


def found_in(
    store: Path,
    truths: Sequence[Truth],
    seen_ns: Mapping[str, int],
    monotone_ns: Mapping[str, int] = {},
) -> Found:
    """Compare a store, and when its findings were seen, with what was planted."""
    runs, rules = _runs(store), _rules(store)
    received_ns = _received(store)
    missed: list[str] = []
    alarms: list[str] = []
    matched: Counter[str] = Counter()
    passed: dict[str, list[bool]] = defaultdict(list)
    detected_s: list[float] = []
    by_monotone_s: list[float] = []
    for truth in truths:
        own = {runs[trace].run_id: runs[trace] for trace in truth.trace_ids if trace in runs}
        shipped = [run for run in own if any(not r.startswith(OWN_GROUPS) for r in rules[run])]
        if truth.fault == "none":
            alarms += [_said(truth, own[run], rules[run]) for run in shipped[:1]]
            matched.update(r for run in own for r in rules[run] if r.startswith(OWN_GROUPS))
            passed[truth.recording].append(
                bool(own) and all("Passed over" in run.explanation for run in own.values())
            )
        elif not shipped or all(run.verdict != "corrupted" for run in own.values()):
            missed.append(f"{truth.recording} {truth.trace_ids[0]}")
        else:
            committed_ns = max(
                received_ns.get(seq, 0) for run in shipped for seq in own[run].batches
            )
            detected_s.append(_waited_s(shipped, seen_ns, committed_ns) or 0.0)
            if (waited_s := _waited_s(shipped, monotone_ns, committed_ns)) is not None:
                by_monotone_s.append(waited_s)
    healthy = sum(truth.fault == "none" for truth in truths)
    return Found(
        planted=len(truths) - healthy,
        found=len(detected_s),
        missed=tuple(missed),
        healthy=healthy,
        alarmed=len(alarms),
        alarms=tuple(alarms),
        matched=dict(matched),
        passed_over={name: sum(one) / len(one) for name, one in sorted(passed.items())},
        detected_s=tuple(detected_s),
        detected_by_monotone_s=tuple(by_monotone_s),
    )


def _waited_s(runs: Sequence[str], seen_ns: Mapping[str, int], committed_ns: int) -> float | None:
    """Return how long after its last span the first of some runs was seen, if one was."""
    seen = [seen_ns[run] for run in runs if run in seen_ns]
    return max(0, min(seen) - committed_ns) / NS_PER_S if seen else None


def _said(truth: Truth, run: _Stored, rules: set[str]) -> str:
    fired = ", ".join(sorted(rule for rule in rules if not rule.startswith(OWN_GROUPS)))
    return f"{truth.recording} {truth.trace_ids[0]}: {fired}: {run.explanation}"


def all_seen(store: Path, truths: Iterable[Truth], seen_ns: dict[str, int]) -> bool:
    """Tell whether a finding was seen for every planted incident."""
    planted = [truth for truth in truths if truth.fault != "none"]
    with closing(_connected(store / STATE_FILE)) as connection:
        for truth in planted:
            marks = ",".join("?" * len(truth.trace_ids))
            rows = connection.execute(
                f"SELECT run_id FROM run_traces WHERE trace_id IN ({marks})",  # noqa: S608  # marks
                truth.trace_ids,
            )
            if not any(run_id in seen_ns for (run_id,) in rows):
                return False
    return True


def traces_in(store: Path) -> int:
    """Return of how many traces the runs are judged."""
    with closing(_connected(store / STATE_FILE)) as connection:
        (count,) = connection.execute(
            "SELECT (SELECT count(*) FROM run_traces) + (SELECT count(*) FROM short_runs)"
        ).fetchone()
    return int(count)


def _runs(store: Path) -> dict[str, _Stored]:
    """Return the stored runs by trace id."""
    with closing(_connected(store / STATE_FILE)) as connection:
        runs = {
            run_id: msgspec.json.decode(value, type=_Stored)
            for run_id, value in connection.execute("SELECT run_id, value FROM runs")
        }
        links = connection.execute("SELECT trace_id, run_id FROM run_traces").fetchall()
        for (value,) in connection.execute("SELECT value FROM short_runs"):
            run = msgspec.msgpack.decode(value, type=ShortRun)
            runs.setdefault(run.run_id, _short(run))
            links.append((run.run_id, run.run_id))
    return {trace_id: runs[run_id] for trace_id, run_id in links if run_id in runs}


def _short(run: ShortRun) -> _Stored:
    told = run.told()
    return _Stored(
        run_id=run.run_id, verdict=run.verdict, batches=run.batches, explanation=told.explanation
    )


def _rules(store: Path) -> dict[str, set[str]]:
    """Return the rules that matched, by run."""
    found: dict[str, set[str]] = defaultdict(set)
    with closing(_connected(store / STATE_FILE)) as connection:
        for rule_id, run_id in connection.execute("SELECT rule_id, run_id FROM findings"):
            found[run_id].add(rule_id)
    return found


def _received(store: Path) -> dict[int, int]:
    """Return when each stored batch was received, just before it was committed."""
    with closing(_connected(store / INBOX_FILE)) as connection:
        return dict(connection.execute("SELECT seq, received_ns FROM batch").fetchall())


def _connected(path: Path) -> sqlite3.Connection:
    deadline = time.monotonic() + 30
    while True:
        try:
            return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_EVERY_S)
