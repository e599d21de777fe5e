"""What tools return is learned from good runs, kept, and used: by the daemon and by commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app_fixtures import LOST, T0_NS, S, loaded
from causewatch.app.assess import INBOX_FILE, STATE_FILE, assess_files
from causewatch.app.groups import Groups
from causewatch.app.pipeline import Pipeline
from causewatch.faults.tuning import Tuning
from causewatch.graph.assemble import RunAssembler
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.model.limits import RunLimits
from causewatch.store.record import StoredRun
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics
from history_fixtures import PART, WHOLE, body, files


class Pier:
    """A pipeline over a store folder; each run that is sent is judged at once."""

    def __init__(self, folder: Path, tuning: Tuning | None = None) -> None:
        self.folder = folder
        self.tuning = tuning or Tuning()
        self.now_ns = T0_NS
        self.open()

    def open(self) -> None:
        """Start, also after a stop."""
        metrics = Metrics()
        self.inbox = SqliteInbox(
            self.folder / INBOX_FILE, now_ns=lambda: self.now_ns, metrics=metrics
        )
        self.store = SqliteStore(self.folder / STATE_FILE)
        groups = Groups(
            loaded(LOST), store=self.store, metrics=metrics, tell=lambda _changes, _slot_ns: None
        )
        self.pipeline = Pipeline(
            inbox=self.inbox,
            assembler=RunAssembler(RunLimits(quiet_s=1)),
            groups=groups,
            store=self.store,
            metrics=metrics,
            now_ns=lambda: self.now_ns,
            tuning=self.tuning,
        )

    def close(self) -> None:
        """Give the files back."""
        self.inbox.close()
        self.store.close()

    def run(self, number: int, result: str = WHOLE) -> StoredRun:
        """Let one run come in and be judged."""
        self.inbox.append("traces", body(number, result), 1).result()
        self.pipeline.turn()
        self.now_ns += 2 * S
        self.pipeline.turn()
        return self.store.recent_runs(limit=1)[0]


@pytest.fixture
def pier(tmp_path: Path) -> Pier:
    """Return a pier with nothing learned."""
    return Pier(tmp_path)


def told(run: StoredRun) -> tuple[str, str | None]:
    """Return verdict and category of a stored run."""
    summary = json.loads(run.summary)
    return summary["verdict"], summary["category"]


def test_a_silent_part_is_seen_once_five_good_runs_were(pier: Pier) -> None:
    """The first part comes too early; after five whole results the next one is corruption."""
    assert told(pier.run(0, PART)) == ("healthy", None)
    pier.close()
    pier.folder = pier.folder / "second"
    pier.open()
    for number in range(1, 6):
        assert told(pier.run(number)) == ("healthy", None)
    run = pier.run(6, PART)
    assert told(run) == ("corrupted", "truncation")
    assert "all 5 earlier results had" in run.explanation
    pier.close()


def test_a_corrupted_run_is_not_learned_from(pier: Pier) -> None:
    """Otherwise the second part would be taken for good."""
    for number in range(5):
        pier.run(number)
    for number in range(5, 8):
        assert told(pier.run(number, PART)) == ("corrupted", "truncation")
    pier.close()


def test_what_was_learned_outlives_a_restart(pier: Pier) -> None:
    """It is in the store; batches that are read again are not learned from twice."""
    for number in range(5):
        pier.run(number)
    pier.close()
    pier.open()
    pier.pipeline.turn()
    assert pier.store.history().tools["find_berth"].results_count == 5
    pier.run(9, PART)
    assert sorted(run.verdict for run in pier.store.recent_runs()) == ["corrupted"] + 5 * [
        "healthy"
    ]
    assert pier.store.history().tools["find_berth"].results_count == 5
    pier.close()


def test_explain_answers_later_as_the_daemon_did(pier: Pier) -> None:
    """What was learned after a run does not change what is said of it."""
    early = pier.run(0, PART)
    for number in range(1, 7):
        pier.run(number, WHOLE if number < 6 else PART)
    found = {
        assessment.graph.run_id: assessment.blame.verdict
        for assessment in assess_files([], store=pier.folder).assessments
    }
    stored = {run.run_id: run.verdict for run in pier.store.recent_runs()}
    assert found == stored
    assert stored[early.run_id] == "healthy"
    assert list(stored.values()).count("corrupted") == 0
    pier.close()


def test_explain_keeps_a_verdict_that_later_runs_would_undo(pier: Pier) -> None:
    """A healthy part teaches that the rest is optional; runs judged before that stay as told."""
    for number in range(5):
        pier.run(number)
    before = pier.run(5, PART)
    pier.close()
    pier.tuning = Tuning(off=frozenset({"missing_shape"}))
    pier.open()
    after = pier.run(6, PART)
    assert (before.verdict, after.verdict) == ("corrupted", "healthy")
    assert "/depth" not in pier.store.history().tools["find_berth"].always
    found = {
        assessment.graph.run_id: assessment.blame.verdict
        for assessment in assess_files([], store=pier.folder).assessments
    }
    assert found == {run.run_id: run.verdict for run in pier.store.recent_runs()}
    pier.close()


def test_a_baseline_of_files(tmp_path: Path) -> None:
    """Good runs in files do what the store's do; a corrupted one among them is left out."""
    good = [str(path) for path in files(tmp_path, 5)]
    (part,) = files(tmp_path, 1, PART, first=7)
    (assessment,) = assess_files([str(part)]).assessments
    assert assessment.blame.verdict == "healthy"
    (assessment,) = assess_files([str(part)], baseline=good).assessments
    assert (assessment.blame.verdict, assessment.blame.category) == ("corrupted", "truncation")
    (failed,) = files(tmp_path, 1, '{"error": "gone", "berth": "BE-4410"}', first=8)
    (assessment,) = assess_files([str(part)], baseline=[*good, str(failed)]).assessments
    assert assessment.blame.verdict == "corrupted"


def test_a_baseline_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """As for every other input."""
    (part,) = files(tmp_path, 1, PART)
    found = assess_files([str(part)], baseline=[str(tmp_path / "gone.pb")])
    assert [assessment.blame.verdict for assessment in found.assessments] == ["healthy"]
    assert len(found.errors) == 1


def test_a_store_without_a_database_remembers_nothing(pier: Pier) -> None:
    """An inbox alone can be explained; a damaged database is an error, and the rest is told."""
    pier.run(0)
    pier.close()
    (pier.folder / STATE_FILE).write_bytes(b"no database" * 100)
    for side in ("-wal", "-shm"):
        (pier.folder / f"{STATE_FILE}{side}").unlink(missing_ok=True)
    found = assess_files([], store=pier.folder)
    assert [assessment.blame.verdict for assessment in found.assessments] == ["healthy"]
    assert STATE_FILE in str(found.errors[0])
    (pier.folder / STATE_FILE).unlink()
    assert not assess_files([], store=pier.folder).errors
