"""What is forgotten is in no file any more; all else is as it was."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from causewatch.app.purge import NOTE, Purge
from causewatch.app.purge_scope import Wanted, checked
from causewatch.dialects.tables import SHIPPED
from causewatch.errors import UserError
from causewatch.otlp.decode import decode_traces
from purge_fixtures import T0_NS, Estate, S, pieces_left, spans_of, trace_id, words


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Return an empty one."""
    found = Estate(tmp_path)
    yield found
    found.close()


def furnished(estate: Estate, *, forgotten: int = 1, kept: int = 2) -> None:
    """Let two traces be known wherever a daemon knows of them, together and each by itself."""
    both = estate.send(forgotten, kept)
    alone = estate.send(forgotten)
    estate.send(kept)
    estate.log(forgotten, kept)
    estate.judge(forgotten, batches=(both, alone))
    estate.judge(kept, batches=(both,))
    estate.pass_over(forgotten)
    estate.pass_over(kept)
    estate.tell("one", forgotten)
    estate.tell("two", kept)
    estate.tell("both", forgotten, kept)
    estate.forward(forgotten, kept)
    estate.forward(kept, forgotten, to="vanished")


EVERYWHERE = ["forward-local.db", "forward-vanished.db", "inbox.db-wal", "state.db-wal"]


@pytest.mark.parametrize("beside", [False, True])
def test_nothing_of_a_trace_is_left_in_any_file(estate: Estate, *, beside: bool) -> None:
    """Not in a table, the log, or a free page, whether requests come in meanwhile or not."""
    furnished(estate)
    assert pieces_left(estate.folder, 1) == EVERYWHERE
    purged = estate.purge(1, beside=beside)
    assert purged.is_done
    assert pieces_left(estate.folder, 1) == []
    assert (purged.spans, purged.log_records, purged.batches) == (4, 1, 3)
    assert (purged.runs, purged.findings, purged.forward_spans) == (2, 1, 4)
    assert (purged.alerts, purged.incidents, purged.messages) == (2, 2, 2)


@pytest.mark.parametrize("beside", [False, True])
def test_all_else_is_kept(estate: Estate, *, beside: bool) -> None:
    """The other trace has its spans, byte by byte, its run, findings, incident and messages."""
    furnished(estate)
    estate.purge(1, beside=beside)
    other = {trace_id(2)}
    assert estate.traces() == [other, other, other]
    (first, *_) = estate.inbox.read(0, 10, 10**9)
    assert decode_traces(first.body).spans == tuple(spans_of(2))
    run = estate.store.run(trace_id(2))
    assert run is not None
    assert words(2) in run.explanation
    assert estate.store.run(trace_id(1)) is None
    assert estate.store.trace(trace_id(1)) is None
    assert [f.run_id for f in estate.store.findings("group/ToolFailed", since_ns=0)] == [*other]
    found = {i.alerts[0].alertname: i for i in estate.store.incidents()}
    assert set(found) == {"two", "both"}
    assert words(2) in found["two"].alerts[0].evidence[0]
    assert found["both"].run_ids == (trace_id(2),)
    queued = {row.message_id for row in estate.store.unfinished()}
    assert queued == {"message-two", "message-both"}
    estate.close()
    assert {"forward-local.db", "forward-vanished.db", "inbox.db", "state.db"} == set(
        pieces_left(estate.folder, 2)
    )
    estate.open()


def test_a_purge_of_nothing_changes_nothing(estate: Estate) -> None:
    """A trace that nobody knows: counts of zero, and all is still there."""
    furnished(estate)
    purged = estate.purge(77)
    assert (purged.spans, purged.runs, purged.incidents, purged.forward_spans) == (0, 0, 0, 0)
    assert len(estate.traces()) == 4
    assert len(estate.store.incidents()) == 3


def test_a_session_takes_all_its_traces(estate: Estate) -> None:
    """Also spans that do not name it, records, and the sub-agents' traces of the same run."""
    named = estate.send(1, session="conversation-9")
    hidden = estate.send(3, 4)
    estate.log(5, session="conversation-9")
    estate.send(2, session="conversation-90")
    estate.judge(1, 3, batches=(named, hidden))
    purge = Purge(inbox=estate.inbox, store=estate.store, folder=estate.folder, dialects=SHIPPED)
    found = purge.find(Wanted(sessions=frozenset({"conversation-9"})))
    assert found.traces == {trace_id(1), trace_id(3), trace_id(5)}
    purge.apply(found)
    assert estate.traces() == [{trace_id(4)}, {trace_id(2)}]
    assert [pieces_left(estate.folder, n) for n in (1, 3, 5)] == [[], [], []]


def test_all_before_a_time_goes(estate: Estate) -> None:
    """Batches, runs with any older batch, incidents and queues; what is younger stays."""
    old = estate.send(1)
    estate.judge(1, batches=(old,))
    estate.pass_over(6)
    estate.tell("one", 1)
    estate.forward(1)
    estate.now_ns = T0_NS + 100 * S
    young = estate.send(2)
    estate.judge(2, batches=(young,))
    estate.judge(3, batches=(old, young))
    estate.tell("two", 2)
    estate.forward(2)
    purged = estate.purge(before_ns=T0_NS + 50 * S)
    assert estate.traces() == [{trace_id(2)}]
    known = [number for number in (1, 2, 3, 6) if estate.store.run(trace_id(number))]
    assert known == [2]
    assert [i.alerts[0].alertname for i in estate.store.incidents()] == ["two"]
    assert (purged.runs, purged.batches, purged.forward_spans) == (3, 1, 2)
    assert pieces_left(estate.folder, 1) == pieces_left(estate.folder, 3) == []
    assert "state.db" in pieces_left(estate.folder, 2)


def test_a_dry_run_only_counts(estate: Estate) -> None:
    """It says as many spans and runs as the purge itself, and nothing is changed by it."""
    furnished(estate)
    purge = Purge(inbox=estate.inbox, store=estate.store, folder=estate.folder, dialects=())
    found = purge.find(Wanted(traces=frozenset({trace_id(1)})))
    counted = purge.count(found)
    assert pieces_left(estate.folder, 1) == EVERYWHERE
    assert not counted.is_done
    purged = purge.apply(found)
    assert (counted.spans, counted.log_records) == (purged.spans, purged.log_records)
    assert counted.batches == purged.batches


def test_what_came_after_the_search_goes_too(estate: Estate) -> None:
    """The search runs beside the daemon: what is stored or judged meanwhile is found again."""
    estate.send(1, 2, session="talk")
    purge = Purge(inbox=estate.inbox, store=estate.store, folder=estate.folder, dialects=SHIPPED)
    wanted = Wanted(sessions=frozenset({"talk"}))
    known = purge.find(Wanted(sessions=frozenset({"talk"})))
    late = estate.send(3)
    estate.send(1, 4)
    estate.judge(1, 3, batches=(1, late))
    found = purge.find(wanted, known)
    assert found.traces == {trace_id(1), trace_id(2), trace_id(3)}
    purge.apply(found)
    assert estate.traces() == [{trace_id(4)}]


STEPS = [
    "searching",
    "rewriting batches",
    "forgetting runs",
    "looking through queues",
    "giving space back",
    "writing the store anew",
]


@pytest.mark.parametrize("broken_at", STEPS)
def test_a_purge_that_is_cut_short_is_finished_by_the_next(estate: Estate, broken_at: str) -> None:
    """At whatever step, and although the spans that named the session may be gone by then."""
    furnished(estate)
    estate.send(1, 9, session="talk")

    def on_step(what: str, _done: int, _total: int) -> None:
        if what == broken_at:
            raise UserError("cut short")

    def purge(*, breaks: bool) -> Purge:
        return Purge(
            inbox=estate.inbox,
            store=estate.store,
            folder=estate.folder,
            dialects=SHIPPED,
            on_step=on_step if breaks else lambda _what, _done, _total: None,
        )

    wanted = Wanted(sessions=frozenset({"talk"}))
    with pytest.raises(UserError, match="cut short"):
        purge(breaks=True).apply(purge(breaks=broken_at == "searching").find(wanted))
    estate.close()
    estate.open()
    second = purge(breaks=False)
    assert second.apply(second.find(wanted)).is_done
    assert pieces_left(estate.folder, 1) == []
    assert [each for each in estate.traces() if trace_id(1) in each] == []
    assert estate.store.meta(NOTE) == ""
    assert trace_id(2) in set().union(*estate.traces())


def test_a_reader_that_keeps_a_copy_alive_is_told(estate: Estate) -> None:
    """Somebody reads the store meanwhile: it is not done, and done again once he is away."""
    furnished(estate)
    reader = sqlite3.connect(estate.folder / "state.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM runs").fetchone()
    estate.store._connection.execute("PRAGMA busy_timeout = 1")
    assert not estate.purge(1, beside=True).is_done
    reader.execute("COMMIT")
    reader.close()
    assert estate.purge(1, beside=True).is_done
    assert pieces_left(estate.folder, 1) == []


@pytest.mark.parametrize("beside", [False, True])
def test_small_batches_that_moved_leave_nothing(estate: Estate, *, beside: bool) -> None:
    """Many to a page, after others were deleted and written anew: pages were joined and split."""
    chance = random.Random(5)
    seqs = [estate.send(number, number + 1000) for number in range(60)]
    estate.inbox.delete(chance.sample(seqs, 20))
    for number in range(200, 215):
        estate.send(number)
    stored = set().union(*estate.traces())
    left = [n for n in range(60) if trace_id(n) in stored]
    forgotten = chance.sample(left, 15)
    kept = [n for n in left if n not in forgotten]
    estate.purge(*forgotten, beside=beside)
    assert [n for n in forgotten if pieces_left(estate.folder, n)] == []
    present = set().union(*estate.traces())
    assert [n for n in kept if trace_id(n) not in present] == []
    assert [n for n in forgotten if trace_id(n + 1000) not in present] == []


def test_more_traces_than_are_searched_for_one_by_one(estate: Estate) -> None:
    """They go all the same."""
    for number in range(0, 200, 2):
        estate.send(number, number + 1)
    purged = estate.purge(*range(0, 200, 2))
    assert purged.spans == 200
    assert set().union(*estate.traces()) == {trace_id(n) for n in range(1, 200, 2)}


def test_damaged_batches_are_counted(estate: Estate) -> None:
    """Nobody knows whose spans are in them: it is said, and the rest is done."""
    estate.send(1)
    damaged = estate.send(2)
    estate.close()
    connection = sqlite3.connect(estate.folder / "inbox.db")
    with connection:
        connection.execute("UPDATE batch SET body = x'00' WHERE seq = ?", (damaged,))
    connection.close()
    estate.open()
    assert estate.purge(1).unreadable_batches == 1
    assert estate.purge(before_ns=T0_NS + S).batches == 1


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(traces=frozenset({"abc"})),
        Wanted(traces=frozenset({trace_id(1), "x" * 32})),
        Wanted(sessions=frozenset({""})),
        Wanted(before_ns=-1),
    ],
)
def test_what_nobody_can_mean_is_refused(wanted: Wanted) -> None:
    """Nothing at all, or what is no trace id."""
    with pytest.raises(UserError):
        checked(wanted)


def test_trace_ids_are_taken_as_people_write_them() -> None:
    """In upper case, or with a space from copying."""
    wanted = Wanted(traces=frozenset({f" {trace_id(1).upper()}"}))
    assert checked(wanted).traces == {trace_id(1)}
