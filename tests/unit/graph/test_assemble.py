from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from causewatch.graph.assemble import (
    MAX_FORGOTTEN_TRACES_COUNT,
    RunAssembler,
)
from causewatch.graph.dropped import Need
from causewatch.graph.gathered import RunSnapshot
from causewatch.graph.waiting import MAX_TRACES_PER_RUN_COUNT
from causewatch.model.limits import RunLimits
from causewatch.model.span import LogRecord, Span
from graph_fixtures import BASE_NS, SECOND_NS, TRACE, span

A, B, C = ("a" * 32, "b" * 32, "c" * 32)
LIMITS = RunLimits(quiet_s=10, quiet_without_root_s=60, max_age_s=300, late_s=1_000)


def at(seconds: float) -> int:
    """Return the time that many seconds after the start."""
    return BASE_NS + int(seconds * SECOND_NS)


class Bench:
    """An assembler under test, with a clock and batch numbers of its own."""

    def __init__(self, **limits: float) -> None:
        self.assembler = RunAssembler(msgspec.structs.replace(LIMITS, **limits))
        self.batch = 0

    def add(
        self, seconds: float, *spans: Span, logs: Sequence[LogRecord] = (), batch: int = 0
    ) -> None:
        """Add spans as one batch, that many seconds after the start."""
        self.batch += 1
        self.assembler.add(spans, logs, batch=batch or self.batch, now_ns=at(seconds))

    def due(self, seconds: float) -> list[RunSnapshot]:
        """Return what is due at that time."""
        return self.assembler.due(at(seconds))

    def only(self, seconds: float) -> RunSnapshot:
        """Return the one run that is due at that time."""
        (found,) = self.due(seconds)
        return found


def ids(snapshot: RunSnapshot) -> list[int]:
    """Return the numbers of the spans of a snapshot."""
    return sorted(int(each.span_id, 16) for each in snapshot.spans)


def big(number: int, trace: str, kib: int = 300) -> Span:
    """Return a root span of about that size."""
    return span(number, trace=trace, text="x" * kib * 1024)


@pytest.mark.parametrize(
    ("spans", "complete_after_s"),
    [
        pytest.param([span(0), span(1, 0)], 10, id="with its root"),
        pytest.param([span(1, 0)], 60, id="without a root"),
        pytest.param([span(0), span(1, trace=B, links=[(A, 0)])], 10, id="two traces with roots"),
        pytest.param(
            [span(0), span(1, 7, trace=B, links=[(A, 0)])], 60, id="one of two without a root"
        ),
    ],
)
def test_a_run_is_complete_after_a_quiet_time(spans: list[Span], complete_after_s: int) -> None:
    """Nothing new for a while, a short one with all roots and a long one without."""
    bench = Bench()
    bench.add(0, *spans)
    assert bench.due(complete_after_s - 1) == []
    found = bench.only(complete_after_s)
    assert (found.state, found.revision) == ("complete", 1)
    assert len(found.spans) == len(spans)
    assert bench.due(complete_after_s + 1) == []


def test_new_spans_prolong_the_wait() -> None:
    """The quiet time counts from the last new span, and duplicates are not new."""
    bench = Bench()
    bench.add(0, span(0))
    bench.add(8, span(1, 0))
    bench.add(16, span(1, 0))
    assert bench.due(17) == []
    assert ids(bench.only(18)) == [0, 1]


def test_a_run_that_never_rests_is_judged_at_its_greatest_age() -> None:
    """A run that goes on for ever is judged with what there is, and goes on."""
    bench = Bench()
    for second in range(0, 301, 5):
        bench.add(second, span(second, 999))
    assert bench.only(300).state == "complete"
    bench.add(301, span(301, 999))
    assert bench.due(310) == []
    assert bench.only(361).state == "late"


def test_late_spans_reopen_a_run() -> None:
    """What comes after completion makes a later revision, with all spans, old and new."""
    bench = Bench()
    bench.add(0, span(0), span(1, 0))
    bench.due(10)
    bench.add(20, span(2, 1))
    assert bench.due(25) == []
    found = bench.only(30)
    assert (found.state, found.revision, ids(found)) == ("late", 2, [0, 1, 2])
    assert found.batches == (1, 2)


def test_spans_that_are_too_late_are_dropped_and_counted() -> None:
    """After the late time a straggler does not pass for a run of its own."""
    bench = Bench()
    bench.add(0, span(0))
    bench.due(10)
    bench.due(1_010)
    bench.add(1_011, span(1, 0), logs=[LogRecord(trace_id=A, body="x")])
    assert bench.due(9_999) == []
    assert bench.assembler.dropped.too_late == 2


def test_forgotten_traces_are_remembered_up_to_a_limit() -> None:
    """The memory of forgotten traces is bounded; the oldest is given up first."""
    bench = Bench()
    assembler = bench.assembler
    for i in range(MAX_FORGOTTEN_TRACES_COUNT + 1):
        assembler.add([span(0, trace=f"{i:032x}")], [], batch=1, now_ns=at(0))
        assembler.forget(f"{i:032x}")
    bench.add(1, span(1, trace=f"{0:032x}"), span(1, trace=f"{1:032x}"))
    assert assembler.dropped.too_late == 1
    assert assembler.live_count == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_links_join_traces_in_either_order(order: tuple[int, int]) -> None:
    """The link may arrive before or after what it leads to; the first seen names the run."""
    bench = Bench()
    spans = [span(0, trace=A), span(1, trace=B, links=[(A, 0)])]
    bench.add(0, spans[order[0]])
    bench.add(1, spans[order[1]])
    found = bench.only(11)
    first, second = ((A, B), (B, A))[order[0]]
    assert (found.run_id, found.aliases) == (first, (second,))
    assert set(found.trace_ids) == {A, B}
    assert ids(found) == [0, 1]


def test_in_one_batch_the_earliest_trace_names_the_run() -> None:
    """The order of spans inside of a batch does not matter."""
    spans = [span(5, trace=B, links=[(A, 0)]), span(0, trace=A), span(6, trace=C, links=[(B, 5)])]
    for turned in (spans, spans[::-1]):
        bench = Bench()
        bench.add(0, *turned)
        found = bench.only(10)
        assert (found.run_id, set(found.aliases)) == (A, {B, C})


def test_a_merge_of_judged_runs_is_judged_anew() -> None:
    """A link that comes late joins two runs that were judged apart: one run, a later revision."""
    bench = Bench()
    bench.add(0, span(0, trace=A))
    bench.add(0, span(1, trace=B))
    assert len(bench.due(10)) == 2
    bench.add(20, span(2, 1, trace=B, links=[(A, 0)]))
    found = bench.only(30)
    assert (found.run_id, found.aliases, found.state) == (A, (B,), "late")
    assert (ids(found), found.revision) == ([0, 1, 2], 2)


def test_a_link_to_itself_or_to_nothing_changes_nothing() -> None:
    """Links inside of the trace, and without a trace id, join nothing."""
    bench = Bench()
    bench.add(0, span(0, links=[(A, 1), ("", 3)]))
    assert bench.only(10).aliases == ()


def test_too_many_traces_are_not_joined() -> None:
    """A consumer that links to everything does not become one endless run."""
    bench = Bench()
    links = [(f"{i:032x}", 0) for i in range(MAX_TRACES_PER_RUN_COUNT + 10)]
    bench.add(0, *(span(0, trace=trace) for trace, _ in links))
    bench.add(1, span(1, trace=A, links=links))
    assert max(len(found.trace_ids) for found in bench.due(99)) == MAX_TRACES_PER_RUN_COUNT
    assert bench.assembler.dropped.join_refused == 11


def test_runs_too_big_together_are_not_joined() -> None:
    """A join may not get around the limit of spans in a run."""
    bench = Bench(max_spans_per_run=5)
    bench.add(0, *(span(i, trace=A) for i in range(3)))
    bench.add(0, span(3, trace=B), span(4, trace=B), span(5, trace=B, links=[(A, 0)]))
    assert len(bench.due(10)) == 2
    assert bench.assembler.dropped.join_refused > 0


def test_duplicates_are_dropped_and_counted() -> None:
    """Delivery is at least once: what comes twice counts once, and the fuller one stays."""
    bench = Bench()
    early = span(1, 0)
    full = msgspec.structs.replace(early, attributes={"more": 1})
    bench.add(0, span(0), early, early)
    bench.add(1, full)
    bench.add(2, early)
    found = bench.only(11)
    assert full in found.spans
    assert early not in found.spans
    assert bench.assembler.dropped.duplicate == 3


def test_a_redelivered_batch_does_not_reopen_a_run() -> None:
    """A batch that is delivered again after completion brings nothing new."""
    bench = Bench()
    batch = [span(0), span(1, 0)]
    bench.add(0, *batch, logs=[LogRecord(trace_id=A, body="x")])
    bench.due(10)
    bench.add(20, *batch, logs=[LogRecord(trace_id=A, body="x")])
    assert bench.due(100) == []
    assert bench.assembler.low_watermark() is None
    assert bench.assembler.dropped.duplicate == 3


def test_spans_without_an_id_are_kept() -> None:
    """They cannot be told apart by id; equal ones count once."""
    bench = Bench()
    nameless = [msgspec.structs.replace(span(i), span_id="") for i in range(3)]
    bench.add(0, *nameless, nameless[0])
    assert len(bench.only(10).spans) == 3


def test_our_own_spans_are_dropped_and_counted() -> None:
    """Synthetic spans that come back are not taken in."""
    bench = Bench()
    bench.add(0, span(0), span(1, 0, causewatch__synthetic=True))
    assert ids(bench.only(10)) == [0]
    assert bench.assembler.dropped.synthetic == 1


def test_our_name_space_is_moved_aside_on_the_way_in() -> None:
    """What arrives under our own name is not believed."""
    bench = Bench()
    bench.add(0, span(0, causewatch__health="fine"))
    (found,) = bench.only(10).spans
    assert found.attributes == {"causewatch.inbound.health": "fine"}


def test_a_full_run_takes_no_more_spans() -> None:
    """Past its limit a run's spans are dropped, each with its count."""
    bench = Bench(max_spans_per_run=3)
    bench.add(0, *(span(i) for i in range(5)))
    bench.add(1, span(0))
    found = bench.only(11)
    assert (ids(found), found.state) == ([0, 1, 2], "evicted")
    assert bench.assembler.dropped.run_full == 2
    assert bench.assembler.dropped.full_runs == 1
    assert bench.assembler.dropped.duplicate == 1


def test_a_large_run_takes_no_more_than_may_be_judged_at_once() -> None:
    """What came first is judged, when it is due, and never as if it were all."""
    bench = Bench(max_run_mib=1)
    bench.add(0, *(big(i, A) for i in range(5)), big(9, B))
    assert [each.run_id for each in bench.assembler.changed(at(5))] == [B]
    first, second = bench.due(10)
    assert (first.run_id, ids(first), first.state) == (A, [0, 1, 2], "evicted")
    assert (second.run_id, second.state) == (B, "complete")
    assert bench.assembler.dropped.run_full == 2
    assert bench.assembler.dropped.full_runs == 1


def test_a_large_run_that_waited_on_disk_takes_no_more_either() -> None:
    """What is read again for it is taken in as far as there is room."""
    bench = Bench(max_run_mib=1, max_live_mib=1)
    parts = {1: big(0, A, 600), 3: big(1, A, 600)}
    bench.add(0, parts[1], batch=1)
    bench.add(1, big(0, B, 600), batch=2)
    bench.add(2, parts[3], batch=3)
    assert A not in {each.run_id for each in bench.due(12)}
    (need,) = [each for each in bench.assembler.needs() if each.run_id == A]
    for batch in need.batches:
        bench.assembler.refeed(A, [parts[batch]], [], batch=batch, now_ns=at(13))
    (found,) = [each for each in bench.due(14) if each.run_id == A]
    assert (need.batches, ids(found), found.state) == ((1,), [1], "evicted")


def test_runs_too_large_together_are_not_joined() -> None:
    """A join may not get around the limit of memory for a run."""
    bench = Bench(max_run_mib=1)
    bench.add(0, big(0, B, 600))
    bench.add(1, big(1, A, 600), span(2, 1, trace=A, links=[(B, 0)]))
    assert [(each.run_id, each.state) for each in bench.due(20)] == [
        (B, "complete"),
        (A, "complete"),
    ]
    assert bench.assembler.dropped.join_refused == 1


def test_logs_belong_to_the_run_of_their_trace() -> None:
    """Log records come with their run; one without a trace id belongs to none."""
    bench = Bench()
    record = LogRecord(trace_id=A, span_id=f"{0:016x}", body="x")
    bench.add(0, logs=[record, LogRecord(body="lost")])
    bench.add(1, span(0))
    assert bench.only(11).logs == (record,)
    assert bench.assembler.dropped.no_trace == 1


def test_logs_wait_for_their_spans() -> None:
    """Records of a long call come long before its span: they wait, up to the greatest age."""
    bench = Bench()
    bench.add(0, logs=[LogRecord(trace_id=A, body="x"), LogRecord(trace_id=B, body="y")])
    assert bench.due(200) == []
    bench.add(201, span(0))
    assert len(bench.only(211).logs) == 1
    assert bench.due(301) == []
    assert bench.assembler.live_count == 0
    bench.add(302, span(1, trace=B))
    assert bench.only(312).run_id == B


def test_growing_runs_are_offered_for_early_evaluation() -> None:
    """A live run is offered each time it grew, before it is complete, and not again."""
    bench = Bench()
    bench.add(0, span(0))
    (early,) = bench.assembler.changed(at(1))
    assert (early.state, early.revision) == ("early", 1)
    assert bench.assembler.changed(at(2)) == []
    bench.add(3, span(1, 0))
    assert [ids(s) for s in bench.assembler.changed(at(4))] == [[0, 1]]
    assert bench.only(13).revision == 3
    bench.add(14, span(2, 0))
    assert bench.assembler.changed(at(15)) == []


def test_runs_that_are_due_are_not_offered_early() -> None:
    """What is complete now is not judged twice."""
    bench = Bench()
    bench.add(0, span(0))
    assert bench.assembler.changed(at(10)) == []
    assert bench.only(10).state == "complete"


def test_the_low_watermark_is_the_oldest_batch_still_needed() -> None:
    """A reader that restarts from the watermark sees all that was not judged."""
    bench = Bench()
    assembler = bench.assembler
    assert assembler.low_watermark() is None
    bench.add(0, span(0, trace=A), batch=5)
    bench.add(3, span(0, trace=B), batch=6)
    bench.add(4, span(1, 0, trace=A), batch=9)
    assert assembler.low_watermark() == 5
    bench.due(13)
    assert assembler.low_watermark() == 5
    bench.due(14)
    assert assembler.low_watermark() is None
    bench.add(15, span(2, 0, trace=B), batch=12)
    assert assembler.low_watermark() == 12


def test_memory_is_kept_by_unloading_judged_runs() -> None:
    """Judged runs are given up first, the oldest first; they can be read again."""
    bench = Bench(max_live_mib=1)
    for i, trace in enumerate((A, B, C)):
        bench.add(i * 20, big(0, trace))
        bench.due(i * 20 + 10)
    assert bench.assembler.dropped.unloaded_runs == 0
    bench.add(60, big(0, "d" * 32))
    assert bench.assembler.dropped.unloaded_runs == 1
    assert bench.assembler.dropped.evicted_runs == 0
    assert bench.assembler.held_bytes <= 1024 * 1024
    assert ids(bench.only(70)) == [0]


def test_a_late_span_of_an_unloaded_run_names_the_batches_to_read_again() -> None:
    """The run waits for its batches, takes only what is its own, and is judged whole."""
    bench = Bench(max_live_mib=1)
    bench.add(0, big(0, A, 600), span(0, trace=C), batch=3)
    bench.add(1, span(1, 0, trace=A), batch=4)
    bench.due(20)
    bench.add(21, big(0, B, 600), batch=5)
    assert bench.assembler.dropped.unloaded_runs >= 1
    bench.add(40, span(2, 0, trace=A), batch=6)
    assert bench.assembler.needs() == (Need(run_id=A, batches=(3, 4)),)
    assert bench.assembler.needs() == ()
    assert [s.run_id for s in bench.due(60)] == [B]
    feed = [big(0, A, 600), span(0, trace=C)]
    bench.assembler.refeed(A, feed, [], batch=3, now_ns=at(61))
    assert bench.due(99) == []
    bench.assembler.refeed(A, [], [], batch=4, now_ns=at(62))
    found = bench.only(72)
    assert (found.run_id, found.state, ids(found)) == (A, "late", [0, 2])
    assert found.batches == (3, 4, 6)


def test_feeding_a_run_that_is_gone_is_harmless() -> None:
    """A run may be forgotten while its batches are being read."""
    bench = Bench()
    bench.assembler.refeed(A, [span(0)], [LogRecord(trace_id=A)], batch=1, now_ns=at(0))
    assert bench.assembler.live_count == 0


def test_a_run_does_not_wait_for_ever_for_its_batches() -> None:
    """At its greatest age a run is judged even if nobody fed it."""
    bench = Bench(max_live_mib=1)
    bench.add(0, big(0, A, 600), batch=1)
    bench.due(10)
    bench.add(11, big(0, B, 600), batch=2)
    bench.add(30, span(1, 0, trace=A), batch=3)
    assert [s.run_id for s in bench.due(329)] == [B]
    assert ids(bench.only(330)) == [1]


def test_when_judged_runs_do_not_suffice_the_oldest_live_run_is_spilled() -> None:
    """Memory is bounded even when all runs are live: one is read again when it is due."""
    bench = Bench(max_live_mib=1)
    bench.add(0, big(0, A, 600), span(1, 0, trace=A))
    bench.add(1, big(0, B, 600))
    assert bench.assembler.dropped.spilled_runs == 1
    assert bench.assembler.held_bytes < 1024 * 1024
    assert bench.assembler.live_count == 2
    assert bench.assembler.low_watermark() == 1
    bench.add(2, span(2, 0, trace=A))
    assert bench.assembler.needs() == ()
    assert [s.run_id for s in bench.due(11)] == [B]
    assert bench.due(12) == []
    assert bench.assembler.needs() == (Need(run_id=A, batches=(1,)),)
    assert bench.due(13) == []
    bench.assembler.refeed(A, [big(0, A, 600), span(1, 0, trace=A)], [], batch=1, now_ns=at(14))
    found = bench.only(14)
    assert (found.run_id, found.state, ids(found), found.batches) == (
        A,
        "complete",
        [0, 1, 2],
        (1, 3),
    )


def test_a_spilled_run_whose_batches_are_gone_is_judged_with_the_rest() -> None:
    """What the inbox no longer has is fed as empty: nobody waits for it."""
    bench = Bench(max_live_mib=1)
    bench.add(0, big(0, A, 600))
    bench.add(1, big(0, B, 600))
    bench.add(2, span(2, 0, trace=A))
    bench.due(12)
    assert [need.run_id for need in bench.assembler.needs()] == [A]
    bench.assembler.refeed(A, [], [], batch=1, now_ns=at(13))
    assert ids(bench.only(13)) == [2]


def test_more_live_runs_than_can_be_are_judged_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of live runs is bounded, too: the oldest is judged with what is there."""
    monkeypatch.setattr("causewatch.graph.assemble.MAX_LIVE_RUNS_COUNT", 2)
    bench = Bench()
    bench.add(0, span(0, trace=A))
    bench.add(1, span(0, trace=B), span(0, trace=C))
    found = bench.only(2)
    assert (found.run_id, found.state, ids(found)) == (A, "evicted", [0])
    assert bench.assembler.dropped.evicted_runs == 1


def test_more_resting_runs_than_can_be_are_left_to_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A released run is not forgotten: whoever knows it may recall it."""
    monkeypatch.setattr("causewatch.graph.assemble.MAX_RESTING_RUNS_COUNT", 1)
    bench = Bench()
    bench.add(0, span(0, trace=A), span(0, trace=B))
    assert len(bench.due(10)) == 2
    assert [bench.assembler.knows(trace) for trace in (A, B)] == [False, True]
    assert bench.assembler.held_bytes < 5_000
    bench.add(11, span(1, 0, trace=A))
    assert bench.assembler.dropped.too_late == 0


def test_forgetting_gives_the_memory_back() -> None:
    """What is held is the sum over what is there, after merges, evictions and forgetting."""
    bench = Bench()
    bench.add(0, big(0, A), big(1, B), logs=[LogRecord(trace_id=A, body="x" * 1_000)])
    bench.add(1, span(2, 1, trace=B, links=[(A, 0)]))
    assert bench.assembler.held_bytes > 600 * 1024
    bench.assembler.forget(A)
    assert bench.assembler.held_bytes == 0
    assert bench.assembler.live_count == 0
    bench.assembler.forget(A)


def test_traces_of_a_hundred_batches_cost_no_more_than_their_spans() -> None:
    """Two thousand runs of ten batches each are assembled in one pass over the batches."""
    bench = Bench()
    for batch in range(10):
        bench.add(
            batch, *(span(batch, 0 if batch else None, trace=f"{i:032x}") for i in range(2_000))
        )
    found = bench.due(19)
    assert len(found) == 2_000
    assert all(len(s.spans) == 10 for s in found)
    assert TRACE not in {s.run_id for s in found}


def test_traces_that_wait_for_one_that_never_comes_are_bounded() -> None:
    """Many links to a trace that never arrives cost no more than a run may have traces."""
    bench = Bench()
    for number in range(MAX_TRACES_PER_RUN_COUNT + 50):
        bench.add(0, span(1, trace=f"{number + 1:032x}", links=[(A, 0)]))
    assert bench.assembler._waiting.count(A) == MAX_TRACES_PER_RUN_COUNT
    assert bench.assembler.dropped.join_refused == 50
