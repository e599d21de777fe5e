"""Offering runs: what is wanted is durable, what is not is counted, nothing stops judging."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import msgspec
import pytest

from causewatch.forward.destination import Destination, Filter
from causewatch.forward.forwarding import Forwarding, queue_file
from causewatch.forward.outcome import TryLater
from causewatch.forward.wanted import withheld
from causewatch.telemetry.metrics import Metrics
from forward_fixtures import (
    DROPPED,
    KEPT,
    LOCAL,
    T0_NS,
    ScriptedExporter,
    plain_run,
    spans_of,
)


class Office:
    """Forwarding to destinations that keep what they get; sent by hand, without threads."""

    def __init__(self, folder: Path, *destinations: Destination) -> None:
        self.metrics = Metrics()
        self.exporters: dict[str, ScriptedExporter] = {}
        self.forwarding = Forwarding(
            destinations or (LOCAL,),
            folder,
            metrics=self.metrics,
            now_ns=lambda: T0_NS,
            connect=lambda destination, _now_ns: self.exporters.setdefault(
                destination.name, ScriptedExporter()
            ),
        )

    def names(self, destination: str = "local") -> list[str]:
        """Make durable and send all that waits; return the spans that arrived so far."""
        self.forwarding.flush()
        for lane in self.forwarding._lanes:
            while lane.sender.pump() is not None:
                pass
        return [span.name for span in spans_of(*self.exporters[destination].taken)]

    def metric(self, name: str, **labels: str) -> float:
        """Return a sample, 0 where there is none."""
        return self.metrics.registry.get_sample_value(f"causewatch_{name}", labels) or 0.0


def test_a_run_reaches_every_destination(tmp_path: Path) -> None:
    """Each has its own queue, file and sender."""
    other = msgspec.structs.replace(LOCAL, name="other")
    office = Office(tmp_path, LOCAL, other)
    office.forwarding.offer(plain_run(2))
    assert office.names() == office.names("other") == ["step 0", "step 1"]
    assert {path.name for path in tmp_path.glob("*.db")} == {
        queue_file("local"), queue_file("other"),
    }  # fmt: skip


def test_what_is_flushed_survives(tmp_path: Path) -> None:
    """Another process sends it; what was only offered is offered again by the pipeline."""
    Office(tmp_path).forwarding.flush()
    first = Office(tmp_path)
    first.forwarding.offer(plain_run(2))
    first.forwarding.flush()
    assert Office(tmp_path).names() == ["step 0", "step 1"]


def test_a_run_that_comes_again_is_sent_once(tmp_path: Path) -> None:
    """After a restart the pipeline judges runs again whose batches it had not passed."""
    office = Office(tmp_path)
    office.forwarding.offer(plain_run(2))
    office.forwarding.offer(plain_run(2))
    assert office.names() == ["step 0", "step 1"]
    again = Office(tmp_path)
    again.forwarding.offer(plain_run(2))
    assert again.names() == []


def test_late_spans_go_alone(tmp_path: Path) -> None:
    """What came before is not sent a second time, also under an id that the run had before."""
    office = Office(tmp_path)
    office.forwarding.offer(plain_run(2))
    assert office.names() == ["step 0", "step 1"]
    office.forwarding.offer(plain_run(3))
    assert office.names() == ["step 0", "step 1", "step 2"]
    office.forwarding.offer(plain_run(4, run_id="merged", aliases=("run-1",)))
    assert office.names() == ["step 0", "step 1", "step 2", "step 3"]


def test_late_spans_before_the_commit_go_once_too(tmp_path: Path) -> None:
    """Two revisions of a run between two commits are all of it, once."""
    office = Office(tmp_path)
    office.forwarding.offer(plain_run(2))
    office.forwarding.offer(plain_run(3))
    assert office.names() == ["step 0", "step 1", "step 2"]


def test_a_run_that_turns_bad_late_is_sent_whole(tmp_path: Path) -> None:
    """A destination for corrupted runs gets all of one that a late span showed to be."""
    only = msgspec.structs.replace(LOCAL, filter=Filter(verdicts=("corrupted",)))
    office = Office(tmp_path, only)
    office.forwarding.offer(plain_run(2))
    assert office.names() == []
    assert office.metric("forward_withheld_spans_total", destination="local", reason="filter") == 2
    office.forwarding.offer(plain_run(3, verdict="corrupted"))
    assert office.names() == ["step 0", "step 1", "step 2"]


def noise(seed: int, size_bytes: int) -> str:
    """Return text that takes about so much even when packed."""
    return random.Random(seed).randbytes(size_bytes).hex()


def test_a_full_queue_drops_the_oldest(tmp_path: Path) -> None:
    """Judging does not wait; the drop has a counter and a reason."""
    office = Office(tmp_path, msgspec.structs.replace(LOCAL, queue_mib=1))
    office.exporters["local"].outcomes = [TryLater(message="away")]
    for index in range(5):
        run = plain_run(1, run_id=f"run-{index}", first=index, text=noise(index, 300_000))
        office.forwarding.offer(run)
        office.forwarding.flush()
    office.forwarding._lanes[0].sender.pump()
    assert office.names() == ["step 2", "step 3", "step 4"]
    assert (
        office.metric("forward_dropped_spans_total", destination="local", reason="queue_full") == 2
    )


def test_what_waits_in_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past so many bytes it is committed without being asked."""
    monkeypatch.setattr("causewatch.forward.forwarding.MAX_PENDING_BYTES", 1_000)
    office = Office(tmp_path)
    office.forwarding.offer(plain_run(1, text="x" * 2_000))
    assert office.forwarding._lanes[0].queue.waiting_bytes > 0


def test_a_disk_that_is_full_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The spans are counted as not stored."""
    office = Office(tmp_path)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(office.forwarding._lanes[0].queue, "append", full)
    office.forwarding.offer(plain_run(2))
    office.forwarding.flush()
    assert (
        office.metric("forward_dropped_spans_total", destination="local", reason="not_stored") == 2
    )


def test_a_run_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours in one run is counted; the next one is sent."""
    office = Office(tmp_path)

    def broken(_run: object) -> object:
        raise ValueError("a mistake")

    with monkeypatch.context() as patch:
        patch.setattr("causewatch.forward.forwarding.annotated", broken)
        office.forwarding.offer(plain_run(2))
    office.forwarding.offer(plain_run(1, run_id="run-2", first=7))
    assert office.names() == ["step 7"]
    assert (
        office.metric("forward_dropped_spans_total", destination="local", reason="unwritable") == 2
    )


def test_no_destination_costs_nothing(tmp_path: Path) -> None:
    """No file, no thread."""
    forwarding = Forwarding((), tmp_path, metrics=Metrics(), now_ns=lambda: T0_NS)
    forwarding.start()
    forwarding.offer(plain_run(2))
    forwarding.stop()
    assert list(tmp_path.iterdir()) == []


def test_what_is_offered_before_a_stop_is_kept(tmp_path: Path) -> None:
    """The next start sends it."""
    office = Office(tmp_path)
    office.forwarding.offer(plain_run(2))
    office.forwarding.stop()
    assert Office(tmp_path).names() == ["step 0", "step 1"]


def only(**wanted: tuple[str, ...]) -> Destination:
    """Return a destination with a filter."""
    return msgspec.structs.replace(LOCAL, filter=msgspec.convert(wanted, Filter))


@pytest.mark.parametrize(
    ("destination", "passes"),
    [
        (LOCAL, True),
        (only(verdicts=("corrupted", "healthy")), True),
        (only(verdicts=("corrupted",)), False),
        (only(workflows=("d*k",)), True),
        (only(workflows=("Desk", "bench*")), False),
        (only(services=("desk",)), True),
        (only(services=("des",)), False),
        (only(verdicts=("healthy",), services=("other",)), False),
    ],
)
def test_a_filter_takes_what_fits_all_of_it(destination: Destination, *, passes: bool) -> None:
    """Each entry that is given must fit: a verdict, one of the globs."""
    assert withheld(plain_run(1), destination) == (None if passes else "filter")


def test_a_run_that_could_not_be_judged_fits_no_verdict() -> None:
    """Nobody knows what it is; without a filter it goes on."""
    run = plain_run(1, verdict=None)
    assert withheld(run, only(verdicts=("healthy", "corrupted", "unverifiable"))) == "filter"
    assert withheld(run, LOCAL) is None


def test_sampling_is_followed_unless_switched_off() -> None:
    """A destination may want every run, whatever sampling says."""
    everything = msgspec.structs.replace(LOCAL, sampled=False)
    assert withheld(plain_run(1, decision=DROPPED), LOCAL) == "sampling"
    assert withheld(plain_run(1, decision=KEPT), LOCAL) is None
    assert withheld(plain_run(1, decision=DROPPED), everything) is None


def test_a_destination_follows_the_decision_that_is_its_own(tmp_path: Path) -> None:
    """And the shared one where there is none."""
    office = Office(tmp_path, LOCAL, msgspec.structs.replace(LOCAL, name="other"))
    run = msgspec.structs.replace(plain_run(2, decision=KEPT), decisions={"other": DROPPED})
    office.forwarding.offer(run)
    assert (office.names(), office.names("other")) == (["step 0", "step 1"], [])
    labels = {"destination": "other", "reason": "sampling"}
    assert office.metric("forward_withheld_spans_total", **labels) == 2


def test_a_run_that_nobody_is_to_get_need_not_be_read(tmp_path: Path) -> None:
    """Its spans are counted all the same; a destination without sampling wants every run."""
    office = Office(tmp_path)
    assert office.forwarding.wants({}, 5)
    assert office.forwarding.wants({"local": KEPT}, 5)
    assert not office.forwarding.wants({"local": DROPPED}, 5)
    labels = {"destination": "local", "reason": "sampling"}
    assert office.metric("forward_withheld_spans_total", **labels) == 5
    free = msgspec.structs.replace(LOCAL, name="free", sampled=False)
    (tmp_path / "b").mkdir()
    assert Office(tmp_path / "b", LOCAL, free).forwarding.wants({"local": DROPPED}, 5)


def test_what_was_sent_is_known_by_any_id_of_a_run(tmp_path: Path) -> None:
    """Also after a restart, but only where it was sent to."""
    office = Office(tmp_path)
    office.forwarding.offer(plain_run(2))
    office.names()
    office.forwarding.stop()
    again = Office(tmp_path).forwarding
    assert again.has_sent(("merged", "run-1"), ["local"])
    assert not again.has_sent(("merged", "run-1"), ["other"])
    assert not again.has_sent(("run-2",), ["local"])
