"""What is kept of runs and their spans, for how long, and within how much room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from app_fixtures import T0_NS, S
from causewatch.app.retention import (
    FIRST_COUNT,
    LOW_SHARE,
    MAX_COUNT,
    STEP_S,
    SWEPT,
    Retention,
    RetentionLimits,
    Stride,
)
from causewatch.inbox.batch import MIB_BYTES, InboxLimits
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.otlp.decode import decode_traces
from causewatch.otlp.encode import encode_traces
from causewatch.store.record import ShortRun, StoredRun
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics
from notify_fixtures import an_alert, opened, resolved, then
from otlp_fixtures import TRACE_ID, logs_body, span

DAY_NS = 86_400 * S
READER = "reader"


class House:
    """An inbox and a store in a folder, and what keeps them in bounds."""

    def __init__(self, folder: Path, limits: RetentionLimits) -> None:
        self.now_ns = T0_NS
        self.metrics = Metrics()
        self.inbox = SqliteInbox(
            folder / "inbox.db",
            limits=InboxLimits(max_size_mib=limits.inbox_mib),
            now_ns=lambda: self.now_ns,
            metrics=self.metrics,
        )
        self.store = SqliteStore(folder / "state.db")
        self.retention = Retention(
            limits,
            inbox=self.inbox,
            store=self.store,
            metrics=self.metrics,
            now_ns=lambda: self.now_ns,
            reader=READER,
        )

    def send(self, *traces: int, text: str = "x", is_read: bool = True) -> int:
        """Store one request with a span of each trace; return its number."""
        plain = span(text=text)
        body = encode_traces([replace(plain, trace_id=trace_id(trace)) for trace in traces])
        seq = self.inbox.append("traces", body, len(traces)).result()
        if is_read:
            self.inbox.advance(READER, seq)
        return seq

    def judge(self, trace: int, verdict: str, *batches: int) -> None:
        """Keep a judged run of one trace."""
        run = StoredRun(
            run_id=trace_id(trace),
            trace_ids=(trace_id(trace),),
            verdict=verdict,
            batches=batches,
            updated_at_ns=self.now_ns,
        )
        self.store.put_run(run)

    def sweep(self, *, after_days: float = 0.0) -> int:
        """Let time pass and do all that is due; return in how many steps."""
        self.now_ns += int(after_days * DAY_NS)
        return sum(1 for _ in self.retention.steps())

    def traces(self) -> list[list[int]]:
        """Return the traces of each batch that is stored."""
        batches = self.inbox.read(0, 1_000, 10**9)
        return [
            sorted(int(span.trace_id, 16) for span in decode_traces(batch.body).spans)
            for batch in batches
        ]

    def deleted(self, what: str) -> float:
        """Return how much of something was deleted so far."""
        name = "causewatch_retention_deleted_total"
        return self.metrics.registry.get_sample_value(name, {"what": what}) or 0.0


def trace_id(number: int) -> str:
    """Return a trace id."""
    return f"{number:032x}"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Return a house that keeps a day, and ten of what is worth more."""
    limits = RetentionLimits(
        age_s=86_400.0, anomalous_age_s=10 * 86_400.0, inbox_mib=8, state_mib=4
    )
    found = House(tmp_path, limits)
    yield found
    found.inbox.close()
    found.store.close()


def test_old_runs_and_their_spans_go(house: House) -> None:
    """Past the age neither a healthy run nor its spans are kept; what is younger is."""
    house.judge(1, "healthy", house.send(1))
    house.store.put_short_runs([short_run(3, house.now_ns)])
    house.now_ns += DAY_NS
    house.judge(2, "healthy", house.send(2))
    house.sweep(after_days=0.5)
    assert house.traces() == [[2]]
    assert [run.run_id for run in house.store.recent_runs()] == [trace_id(2)]
    assert (house.deleted("batches"), house.deleted("runs")) == (1, 2)


def test_what_nobody_has_read_stays_whatever_its_age(house: House) -> None:
    """Age deletes nothing that is not judged yet."""
    house.send(1)
    house.send(2, is_read=False)
    house.sweep(after_days=400)
    assert house.traces() == [[2]]


def test_of_an_old_batch_only_anomalous_runs_are_kept(house: House) -> None:
    """The spans that explain a corrupted run stay with it, without those of all others around."""
    first, second = house.send(1, 2, 3, text="x" * 1_000), house.send(2, 4)
    for trace in (1, 3, 4):
        house.judge(trace, "healthy", first, second)
    house.judge(2, "corrupted", first, second)
    house.sweep(after_days=2)
    assert house.traces() == [[2], [2]]
    assert [run.run_id for run in house.store.recent_runs()] == [trace_id(2)]
    house.sweep()
    assert house.traces() == [[2], [2]]
    name = "causewatch_retention_compacted_bytes_total"
    assert (house.metrics.registry.get_sample_value(name) or 0) > 2_000
    house.sweep(after_days=9)
    assert house.traces() == []
    assert house.store.recent_runs() == ()


def test_an_open_incident_keeps_its_runs(house: House) -> None:
    """Whatever their verdict and age; once it is resolved they go as others do."""
    seq = house.send(1, 2)
    house.judge(1, "healthy", seq)
    house.judge(2, "healthy", seq)
    incident = opened(an_alert(run_ids=(trace_id(1),))).incident
    house.store.put_incidents([incident])
    house.sweep(after_days=40)
    assert house.traces() == [[1]]
    assert [run.run_id for run in house.store.recent_runs()] == [trace_id(1)]
    over = then(incident, resolved(an_alert(run_ids=(trace_id(1),)))).incident
    house.store.put_incidents([over])
    house.sweep()
    assert house.traces() == []
    assert house.store.recent_runs() == ()


def test_a_passed_over_run_that_an_incident_is_about_stays(house: House) -> None:
    """It is kept in short, among many that go."""
    house.store.put_short_runs([short_run(number, house.now_ns) for number in range(1, 9)])
    incident = opened(an_alert(run_ids=(trace_id(3),))).incident
    house.store.put_incidents([incident])
    house.sweep(after_days=40)
    assert [run.run_id for run in house.store.recent_runs()] == [trace_id(3)]


def test_a_run_that_turned_out_healthy_is_worth_no_more_than_others(house: House) -> None:
    """Late spans may change a verdict; the newest one counts."""
    seq = house.send(1, 2)
    house.judge(1, "corrupted", seq)
    house.judge(1, "healthy", seq)
    house.sweep(after_days=2)
    assert house.traces() == []


def test_a_nearly_full_inbox_makes_room_oldest_first(house: House) -> None:
    """New requests are not refused for the sake of old ones, and anomalous runs outlast others."""
    text = os.urandom(64 * 1024).hex()
    seqs = [house.send(number, text=text) for number in range(1, 59)]
    for number, seq in enumerate(seqs, start=1):
        house.judge(number, "corrupted" if number < 5 else "healthy", seq)
    house.sweep()
    kept = [numbers[0] for numbers in house.traces()]
    assert house.inbox.stored_bytes() <= 8 * MIB_BYTES * LOW_SHARE
    assert kept[:4] == [1, 2, 3, 4]
    assert kept[4:] == list(range(59 - len(kept[4:]), 59))
    assert len(kept) > 30


def test_anomalous_spans_go_before_new_ones_are_refused(house: House) -> None:
    """When nothing else is left to delete they go too, those of open incidents last."""
    text = os.urandom(64 * 1024).hex()
    seqs = [house.send(number, text=text) for number in range(1, 59)]
    for number, seq in enumerate(seqs, start=1):
        house.judge(number, "corrupted", seq)
    house.store.put_incidents([opened(an_alert(run_ids=(trace_id(1),))).incident])
    house.sweep()
    kept = [numbers[0] for numbers in house.traces()]
    assert house.inbox.stored_bytes() <= 8 * MIB_BYTES * LOW_SHARE
    assert kept == [1, *range(60 - len(kept), 59)]
    assert len(kept) > 30


def test_a_nearly_full_store_forgets_healthy_runs_first(house: House) -> None:
    """Its permitted age shrinks until it fits; what is anomalous or in an incident stays."""
    for number in range(1, 200):
        run = StoredRun(
            run_id=trace_id(number),
            trace_ids=(trace_id(number),),
            verdict="corrupted" if number % 50 == 1 else "healthy",
            explanation=os.urandom(10_000).hex(),
            updated_at_ns=house.now_ns + number,
        )
        house.store.put_run(run)
    house.store.put_incidents([opened(an_alert(run_ids=(trace_id(2),))).incident])
    assert house.retention.is_short_of_room()
    before = house.store.size_bytes()
    house.now_ns += 1_000
    house.sweep()
    assert house.store.size_bytes() <= 4 * MIB_BYTES * LOW_SHARE < before
    kept = sorted(int(run.run_id, 16) for run in house.store.recent_runs(limit=500))
    assert {1, 2, 51, 101, 151} <= set(kept)
    assert kept[-60:] == list(range(140, 200))
    assert not house.retention.is_short_of_room()


def test_the_files_shrink(house: House, tmp_path: Path) -> None:
    """What was deleted does not keep its room on disk."""
    for number in range(1, 60):
        house.judge(number, "healthy", house.send(number, text=os.urandom(20_000).hex()))
    large = run_with(os.urandom(4_000_000).hex(), house.now_ns)
    house.store.put_run(large)
    house.sweep(after_days=2)
    house.inbox.close()
    house.store.close()
    assert (tmp_path / "inbox.db").stat().st_size < 1_000_000
    assert (tmp_path / "state.db").stat().st_size < 500_000


def test_records_of_logs_are_kept_with_their_run(house: House) -> None:
    """A run's log records are evidence as its spans are."""
    body = logs_body(2)
    seq = house.inbox.append("logs", body, 2).result()
    house.inbox.advance(READER, seq)
    house.judge(int(TRACE_ID, 16), "corrupted", seq)
    house.sweep(after_days=2)
    (batch,) = house.inbox.read(0, 10, 10**9)
    assert (batch.signal, batch.body) == ("logs", body)


def test_stopping_in_between_loses_nothing(house: House) -> None:
    """Each step leaves what the next start goes on from."""
    seqs = [house.send(number, number + 100) for number in range(1, 40)]
    for number, seq in enumerate(seqs, start=1):
        house.judge(number, "corrupted", seq)
    house.now_ns += 2 * DAY_NS
    rounds = 0
    while house.inbox.cursor(SWEPT) < seqs[-1]:
        for count, _ in enumerate(house.retention.steps()):
            if count == rounds + 5:
                break
        rounds += 1
    assert rounds > 2
    assert house.traces() == [[number] for number in range(1, 40)]


def test_steps_are_as_large_as_time_permits() -> None:
    """Fast ones grow, slow ones shrink, and there is always something done."""
    stride = Stride()
    for _ in range(20):
        stride.took(STEP_S / 100)
    assert stride.count == MAX_COUNT
    for _ in range(30):
        stride.took(STEP_S * 2)
    assert stride.count == 1
    stride = Stride()
    stride.took(STEP_S * 0.75)
    assert stride.count == FIRST_COUNT


def short_run(number: int, at_ns: int) -> ShortRun:
    """Return a run that was not judged in full."""
    return ShortRun(
        run_id=trace_id(number),
        workflow="",
        verdict="healthy",
        batches=(1,),
        started_at_ns=at_ns,
        ended_at_ns=at_ns,
        updated_at_ns=at_ns,
    )


def run_with(explanation: str, at_ns: int) -> StoredRun:
    """Return a run of which much is told."""
    return StoredRun(
        run_id="large", trace_ids=("large",), explanation=explanation, updated_at_ns=at_ns
    )
