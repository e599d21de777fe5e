"""Lone traces: when they are due, what leaves memory, and what is asked for again."""

from __future__ import annotations

import pytest

from causewatch.graph.lone import MAX_READ_AGAIN_BYTES, LoneTraces, TracePart
from causewatch.model.limits import RunLimits

S = 1_000_000_000
LIMITS = RunLimits(quiet_s=10, quiet_without_root_s=60, max_age_s=100)


def part(trace_id: str, body: bytes = b"spans", *, has_root: bool = True) -> TracePart:
    """Return a part of a trace."""
    return TracePart(trace_id, body, 2, 5, 9, has_root, is_odd=False)


class Traces:
    """Lone traces with a clock, and batches that number themselves."""

    def __init__(self) -> None:
        self.lone = LoneTraces(LIMITS)
        self.batch = 0
        self.number = 0
        self.now_ns = 0
        self.parts: dict[int, list[TracePart]] = {}

    def put(self, *parts: TracePart, after_s: float = 0) -> None:
        """Let time pass, then take in a batch."""
        self.now_ns += int(after_s * S)
        self.batch += 1
        self.parts[self.batch] = list(parts)
        for each in parts:
            self.number += 1
            self.lone.put(each, batch=self.batch, number=self.number, now_ns=self.now_ns)

    def due(self, after_s: float = 0) -> list[str]:
        """Let time pass, then return which traces are due."""
        self.now_ns += int(after_s * S)
        return [trace.trace_id for trace in self.lone.due(self.now_ns)]

    def read_again(self) -> list[int]:
        """Feed what is asked for; return the numbers of the batches."""
        wanted = self.lone.needs()
        for batch in wanted:
            self.lone.feed(self.parts.get(batch, []), batch)
        self.lone.fed()
        return wanted


@pytest.fixture
def traces() -> Traces:
    """Return a place without any."""
    return Traces()


def test_a_trace_is_due_when_it_is_quiet(traces: Traces) -> None:
    """Ten seconds after the last of it came, not after the first; it stays until it is taken."""
    traces.put(part("a"))
    traces.put(part("a"), after_s=6)
    assert traces.due(after_s=9) == []
    assert traces.due(after_s=1) == ["a"]
    assert traces.due() == ["a"]
    taken = traces.lone.take("a")
    assert taken is not None
    assert (taken.request, taken.batches, taken.span_count) == (b"spansspans", [1, 2], 4)
    assert (taken.start_ns, taken.end_ns) == (5, 9)
    assert traces.due() == []
    assert (len(traces.lone), traces.lone.held_bytes) == (0, 0)


def test_a_trace_without_root_is_waited_for_longer(traces: Traces) -> None:
    """Its root may be under way; from when it came, the shorter time counts."""
    traces.put(part("a", has_root=False), part("b", has_root=False))
    assert traces.due(after_s=30) == []
    traces.put(part("b"))
    assert traces.due(after_s=10) == ["b"]
    assert traces.due(after_s=20) == ["a", "b"]


def test_a_trace_that_never_ends_is_due_at_its_greatest_age(traces: Traces) -> None:
    """However lively it is."""
    for _ in range(20):
        traces.put(part("a"), after_s=5)
    assert traces.due(after_s=4) == []
    assert traces.due(after_s=1) == ["a"]


def test_what_is_spilled_is_read_again_when_it_is_due(traces: Traces) -> None:
    """Oldest first, down to the bound; only the numbers of the batches stay."""
    traces.put(part("a", b"1" * 5_000), part("b", b"2" * 5_000))
    traces.put(part("a", b"3" * 5_000))
    assert traces.lone.spill(8_000) == 1
    assert [trace.trace_id for trace in traces.lone.changed()] == ["b"]
    assert traces.due(after_s=10) == ["b"]
    assert traces.read_again() == [1, 2]
    assert traces.due() == ["a", "b"]
    trace = traces.lone.get("a")
    assert trace is not None
    assert trace.request == b"1" * 5_000 + b"3" * 5_000
    assert traces.read_again() == []


def test_what_comes_for_a_spilled_trace_is_not_lost(traces: Traces) -> None:
    """It grows in memory; what was spilled is read again, and nothing twice."""
    traces.put(part("a", b"1" * 5_000))
    traces.lone.spill(0)
    traces.put(part("a", b"2" * 5_000))
    assert traces.due(after_s=10) == []
    assert traces.read_again() == [1]
    trace = traces.lone.get("a")
    assert trace is not None
    assert sorted(trace.bodies) == [b"1" * 5_000, b"2" * 5_000]


def test_a_batch_that_is_gone_is_not_waited_for(traces: Traces) -> None:
    """What is there of its traces is judged."""
    traces.put(part("a", b"1" * 5_000))
    traces.put(part("a", b"2" * 5_000))
    traces.lone.spill(0)
    traces.due(after_s=10)
    del traces.parts[1]
    traces.read_again()
    assert traces.due() == ["a"]
    trace = traces.lone.get("a")
    assert trace is not None
    assert trace.request == b"2" * 5_000


def test_not_all_is_asked_for_at_once(traces: Traces) -> None:
    """What was spilled because memory is short does not come back in one go."""
    big = b"x" * (MAX_READ_AGAIN_BYTES * 2 // 3)
    for name in "abcd":
        traces.put(part(name, big))
    traces.lone.spill(0)
    traces.due(after_s=10)
    assert traces.read_again() == [1, 2]
    assert traces.due() == ["a", "b"]
    assert traces.read_again() == []
    for name in "ab":
        traces.lone.take(name)
    assert traces.read_again() == [3, 4]


def test_the_low_watermark_is_the_first_batch_of_the_oldest(traces: Traces) -> None:
    """After a crash these batches are read again."""
    assert traces.lone.low_watermark() is None
    traces.put(part("a"))
    traces.put(part("b"))
    traces.put(part("a"))
    assert traces.lone.low_watermark() == 1
    assert traces.lone.oldest().trace_id == "a"
    traces.lone.take("a")
    assert traces.lone.low_watermark() == 2


def test_changed_names_each_trace_with_a_root_once(traces: Traces) -> None:
    """Until it grows again."""
    traces.put(part("a"), part("b", has_root=False))
    assert [trace.trace_id for trace in traces.lone.changed()] == ["a"]
    assert traces.lone.changed() == []
    traces.put(part("a"))
    assert "a" in traces.lone
    assert [trace.trace_id for trace in traces.lone.changed()] == ["a"]


def test_a_trace_at_rest_is_due_without_being_read_again(traces: Traces) -> None:
    """Its bytes are gone from memory, and nobody asks for them."""
    traces.put(part("a", b"x" * 1000))
    (trace,) = traces.lone.changed()
    before = traces.lone.held_bytes
    traces.lone.rest(trace)
    assert traces.lone.held_bytes <= before - 1000
    assert traces.due(after_s=10) == ["a"]
    assert traces.read_again() == []
    traces.lone.take("a")
    assert traces.lone.held_bytes == 0


def test_a_trace_at_rest_that_is_wanted_is_read_again(traces: Traces) -> None:
    """It is due once more when all of it is here."""
    traces.put(part("a", b"x"))
    traces.lone.rest(*traces.lone.changed())
    assert traces.due(after_s=10) == ["a"]
    trace = traces.lone.get("a")
    assert trace is not None
    traces.lone.want(trace)
    assert traces.due() == []
    assert traces.read_again() == [1]
    assert traces.due() == ["a"]
    assert (trace.request, trace.is_wanted) == (b"x", True)


def test_what_comes_for_a_trace_at_rest_wakes_it(traces: Traces) -> None:
    """Then the rest of it is read again before it is due."""
    traces.put(part("a", b"x"))
    traces.lone.rest(*traces.lone.changed())
    traces.put(part("a", b"y"), after_s=1)
    assert traces.lone.changed() == []
    assert traces.due(after_s=10) == []
    assert traces.read_again() == [1]
    assert traces.due() == ["a"]
    trace = traces.lone.get("a")
    assert trace is not None
    assert sorted(trace.request) == sorted(b"xy")
