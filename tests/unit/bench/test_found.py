from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from bench.found import Watch, all_seen, found_in, monotone_rules, traces_in
from bench.recorded_load import Truth
from bench.servers import STATE_FILE

from causewatch.app.assess import INBOX_FILE
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.model.finding import Cause, Finding
from causewatch.store.record import StoredRun
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics

S = 1_000_000_000


def truth(trace: str, fault: str = "none") -> Truth:
    """Return what is known of a run of one trace."""
    return Truth(
        trace_ids=(trace,), recording="desk", fault=fault, spans=3, first_request=0, last_request=0
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return the folder of a daemon that judged four runs, with one batch that came at second 5.

    Runs a and b are corrupted, and an alert of a shipped rule fired for a; c and d are healthy, c
    was passed over, and d matched one of the bench's own rules.
    """
    with closing(
        SqliteInbox(tmp_path / INBOX_FILE, now_ns=lambda: 5 * S, metrics=Metrics())
    ) as inbox:
        inbox.append("traces", b"", 12).result(10)
    verdicts = {"a": "corrupted", "b": "corrupted", "c": "healthy", "d": "healthy"}
    with closing(SqliteStore(tmp_path / STATE_FILE)) as state:
        for name, verdict in verdicts.items():
            state.put_run(
                StoredRun(
                    run_id=f"run {name}",
                    trace_ids=(name,),
                    verdict=verdict,
                    batches=(1,),
                    explanation="Passed over: nothing." if name == "c" else "Judged.",
                )
            )
        state.add_findings([finding("silent-failures/Lost", "a"), finding("bench-x/Slow", "d")])
    return tmp_path


def finding(rule_id: str, name: str) -> Finding:
    """Return what a rule found in a run."""
    return Finding(
        rule_id=rule_id,
        rule_version="1",
        run_id=f"run {name}",
        trace_ids=(name,),
        labels={},
        at_ns=6 * S,
        cause=Cause(),
    )


def test_an_incident_is_found_when_the_run_is_corrupted_and_an_alert_fired(store: Path) -> None:
    """A verdict that nobody is told of is a miss; so is a run that is not there."""
    truths = [truth("a", "loop"), truth("b", "loop"), truth("z", "loop")]
    found = found_in(store, truths, {"run a": 7 * S})
    assert (found.planted, found.found) == (3, 1)
    assert found.missed == ("desk b", "desk z")
    assert found.detected_s == (2.0,)
    assert found.detected_by_monotone_s == ()


def test_what_need_not_wait_for_the_end_of_a_run_is_timed_by_itself(store: Path) -> None:
    """An incident may be found by a monotone rule, and sooner or later by another one."""
    found = found_in(store, [truth("a", "loop")], {"run a": 7 * S}, {"run a": 9 * S, "run z": S})
    assert (found.detected_s, found.detected_by_monotone_s) == ((2.0,), (4.0,))


def test_the_shipped_rules_go_by_what_no_later_span_takes_back() -> None:
    """All that speak of a cause are monotone."""
    assert {"silent-failures/ContentLost", "silent-failures/AgentLoop"} <= monotone_rules()


def test_a_healthy_run_is_alarmed_by_the_shipped_rules_only(store: Path) -> None:
    """A user's rule may match what is healthy; it is counted, and by itself."""
    found = found_in(store, [truth("a"), truth("c"), truth("d")], {})
    assert (found.healthy, found.alarmed) == (3, 1)
    (alarm,) = found.alarms
    assert alarm == "desk a: silent-failures/Lost: Judged."
    assert found.matched == {"bench-x/Slow": 1}
    assert found.passed_over == {"desk": pytest.approx(1 / 3)}


def test_it_tells_what_is_judged_and_seen(store: Path) -> None:
    """By these a measurement ends."""
    assert traces_in(store) == 4
    assert all_seen(store, [truth("a", "loop"), truth("c")], {"run a": 1})
    assert not all_seen(store, [truth("a", "loop"), truth("b", "loop")], {"run a": 1})


def test_the_watch_notes_when_a_finding_was_there(store: Path) -> None:
    """Also of one that comes while it looks; the bench's own rules are no detection."""
    watch = Watch(store, lambda: 42).start()
    with closing(SqliteStore(store / STATE_FILE)) as state:
        state.add_findings([finding("silent-failures/AgentLoop", "b")])
    until = time.monotonic() + 10
    while len(watch.seen_ns) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    watch.stop()
    assert watch.seen_ns == {"run a": 42, "run b": 42}
    assert watch.monotone_ns == {"run b": 42}


def test_a_store_that_is_looked_at_is_not_written(store: Path) -> None:
    """The watch is beside a running daemon."""
    before = (store / STATE_FILE).read_bytes()
    found_in(store, [truth("a", "loop")], {})
    assert (store / STATE_FILE).read_bytes() == before
    with closing(sqlite3.connect(store / STATE_FILE)) as connection:
        (value,) = connection.execute("SELECT value FROM runs WHERE run_id = 'run a'").fetchone()
    assert msgspec.json.decode(value)["verdict"] == "corrupted"
