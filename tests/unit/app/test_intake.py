"""Intake: traces held as bytes come to the same runs as spans gathered one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from bench.recorded_load import Truth, bodies

from app_fixtures import LOST, S, loaded
from causewatch.app import intake
from causewatch.app.groups import Groups
from causewatch.app.pipeline import CURSOR, Pipeline
from causewatch.app.purge import Purge
from causewatch.app.purge_scope import Wanted
from causewatch.graph.assemble import RunAssembler
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.likeness.native import native_reader
from causewatch.model.limits import RunLimits
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics

T0_NS = 1_790_000_000 * S
STEP_NS = S // 50


class Stored(NamedTuple):
    """What is stored of a run that tells it from others."""

    trace_ids: frozenset[str]
    verdict: str
    state: str
    started_at_ns: int
    ended_at_ns: int
    workflow: str


Known = dict[str, Stored]


class Desk:
    """A pipeline over a real inbox and store, fed with requests, a clock in the test's hand."""

    def __init__(self, folder: Path, limits: RunLimits) -> None:
        folder.mkdir()
        self.folder = folder
        self.limits = limits
        self.now_ns = T0_NS
        self.open()

    def open(self) -> None:
        """Start, also again."""
        self.metrics = Metrics()
        self.inbox = SqliteInbox(
            self.folder / "inbox.db", now_ns=lambda: self.now_ns, metrics=self.metrics
        )
        self.store = SqliteStore(self.folder / "state.db")
        self.groups = Groups(
            loaded(LOST), store=self.store, metrics=self.metrics, tell=lambda _c, _s: None
        )
        self.pipeline = Pipeline(
            inbox=self.inbox,
            assembler=RunAssembler(self.limits),
            groups=self.groups,
            store=self.store,
            metrics=self.metrics,
            now_ns=lambda: self.now_ns,
        )

    def close(self) -> None:
        """Give the files back."""
        self.inbox.close()
        self.store.close()

    def send(self, request: bytes) -> None:
        """Store a request and do a round."""
        self.inbox.append("traces", request, 1).result()
        self.turn(STEP_NS)

    def turn(self, after_ns: int) -> None:
        """Let time pass, then do a round and let the rules look."""
        self.now_ns += after_ns
        self.pipeline.turn()
        self.groups.evaluate("silent", self.now_ns)

    def settle(self) -> None:
        """Let everything become complete and be judged."""
        for _ in range(60):
            self.turn(2 * S)

    def known(self) -> Known:
        """Return what is stored of all runs."""
        return {
            run.run_id: Stored(
                frozenset(run.trace_ids),
                run.verdict,
                run.state,
                run.started_at_ns,
                run.ended_at_ns,
                run.workflow,
            )
            for run in self.store.recent_runs(limit=100_000)
        }

    def count(self, outcome: str) -> float:
        """Return how many runs the first pass let be, or not."""
        found = self.metrics.registry.get_sample_value(
            "causewatch_first_pass_runs_total", {"outcome": outcome}
        )
        return found or 0.0


Story = Callable[[Desk, Sequence[bytes]], None]


def as_it_comes(desk: Desk, requests: Sequence[bytes]) -> None:
    """Send one request after the other."""
    for request in requests:
        desk.send(request)


def twice(desk: Desk, requests: Sequence[bytes]) -> None:
    """Send some requests again, as a sender does whose answer was lost."""
    for number, request in enumerate(requests):
        desk.send(request)
        if number % 3 == 0:
            desk.send(request)


def late(desk: Desk, requests: Sequence[bytes]) -> None:
    """Hold some requests back until their runs are judged."""
    for number, request in enumerate(requests):
        if number % 4:
            desk.send(request)
    desk.settle()
    for request in requests[::4]:
        desk.send(request)


def restarted(desk: Desk, requests: Sequence[bytes]) -> None:
    """Stop and start in the middle."""
    for number, request in enumerate(requests):
        desk.send(request)
        if number == len(requests) // 2:
            desk.close()
            desk.open()


def told(folder: Path, limits: RunLimits, story: Story, requests: Sequence[bytes]) -> Desk:
    """Tell a story to a new desk, to its end."""
    desk = Desk(folder, limits)
    story(desk, requests)
    desk.settle()
    return desk


def both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, story: Story, max_live_mib: int
) -> tuple[Known, Known, list[Truth]]:
    """Tell a story with compiled code and without; return what is known of it, and the truth."""
    assert native_reader(()) is not None
    limits = RunLimits(quiet_s=1, quiet_without_root_s=5, max_live_mib=max_live_mib)
    requests, truth = bodies(spans=4_000, seed=11, start_ns=T0_NS, corrupted=0.05)
    fast = told(tmp_path / "fast", limits, story, requests)
    monkeypatch.setattr(intake, "native_reader", lambda _naming: None)
    slow = told(tmp_path / "slow", limits, story, requests)
    assert fast.count("quiet") > 0
    assert fast.inbox.cursor(CURSOR) == slow.inbox.cursor(CURSOR) == fast.inbox.last_seq()
    known = fast.known(), slow.known()
    fast.close()
    slow.close()
    return known[0], known[1], truth


@pytest.mark.slow
@pytest.mark.parametrize("story", [as_it_comes, twice, restarted])
def test_the_outcome_is_that_of_runs_gathered_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, story: Story
) -> None:
    """Bytes or spans, one by one, twice, after a stop: the same runs."""
    fast, slow, truth = both(tmp_path, monkeypatch, story, 512)
    assert fast == slow
    assert {trace_id for run in fast.values() for trace_id in run.trace_ids} == {
        trace_id for run in truth for trace_id in run.trace_ids
    }


@pytest.mark.slow
@pytest.mark.parametrize("story", [as_it_comes, twice, late, restarted])
def test_what_was_spilled_comes_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, story: Story
) -> None:
    """In 1 MiB: what had to leave memory is read again. Which parts are seen first may differ."""
    fast, slow, truth = both(tmp_path, monkeypatch, story, 1)
    lone = {run.trace_ids[0] for run in truth if len(run.trace_ids) == 1}
    assert len(lone) > 50
    assert {run_id: fast[run_id] for run_id in lone} == {run_id: slow[run_id] for run_id in lone}


@pytest.mark.slow
@pytest.mark.parametrize("is_native", [True, False])
def test_what_is_purged_under_a_run_that_waits_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_native: bool
) -> None:
    """Its batches are wanted back in vain: no error, and all others come out the same."""
    if not is_native:
        monkeypatch.setattr(intake, "native_reader", lambda _naming: None)
    limits = RunLimits(quiet_s=1, quiet_without_root_s=5, max_live_mib=1, max_age_s=100)
    requests, truth = bodies(spans=1_500, seed=11, start_ns=T0_NS, corrupted=0.05)
    lone = sorted(run.trace_ids[0] for run in truth if len(run.trace_ids) == 1)
    forgotten, kept = frozenset(lone[::2]), lone[1::2]

    def purged(desk: Desk, requests: Sequence[bytes]) -> None:
        middle = len(requests) // 2
        as_it_comes(desk, requests[:middle])
        purge = Purge(inbox=desk.inbox, store=desk.store, folder=desk.folder, dialects=())
        assert purge.apply(purge.find(Wanted(traces=forgotten))).spans > 0
        as_it_comes(desk, requests[middle:])

    plain = told(tmp_path / "plain", limits, as_it_comes, requests)
    desk = told(tmp_path / "purged", limits, purged, requests)
    assert desk.pipeline._assembler.dropped.spilled_runs > 0
    known, left = plain.known(), desk.known()
    assert {run_id: left[run_id] for run_id in kept} == {run_id: known[run_id] for run_id in kept}
    assert desk.inbox.cursor(CURSOR) == desk.inbox.last_seq()
    plain.close()
    desk.close()
