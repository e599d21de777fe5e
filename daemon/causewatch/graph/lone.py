"""Traces that may turn out to be runs of their own, held as bytes until that can be told.

Theory of operation. Most runs are one trace, and most of those are like runs that had nothing to
tell. Such a run needs no graph, and none of its spans needs an object: the bytes of each trace are
put beside those that came before, and looked at once, when the trace is due. A trace that links to
another one, or about which anything else is odd, does not come here, and leaves (``take``) as soon
as something odd comes for it: it is gathered into a run by ``RunAssembler``.

A trace is due as a run of one trace is: when nothing came for ``quiet_s`` and it has a root, or for
``quiet_without_root_s``, or at ``max_age_s``. When memory is short the oldest are *spilled*: only
the numbers of their batches stay, and ``needs`` asks for these when they are due. Times of arrival
never go back, so everything is in order by itself: nothing here searches or sorts all traces. A
trace of which all is known that will be asked is put to *rest*: its bytes go as well, and it is due
without them; should they be wanted after all (``want``), they are read again.
Sans-IO: the caller owns the inbox and the clock. One caller at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, takewhile
from typing import NamedTuple

from causewatch.model.limits import RunLimits

TRACE_OVERHEAD_BYTES = 900
"""Of a trace in memory: its record, and where it stands in order of time."""
PART_OVERHEAD_BYTES = 80
MAX_READ_AGAIN_BYTES = 16 * 1024 * 1024
"""Of what is spilled and due, how much is asked for at a time."""
_SECOND_NS = 1_000_000_000
_NONE: frozenset[int] = frozenset()


class TracePart(NamedTuple):
    """What one batch holds of one trace; ``body`` is a trace request with nothing else in it.

    ``is_odd`` says that it links to another trace, or bears attributes of our own name space.
    """

    trace_id: str
    body: bytes
    span_count: int
    start_ns: int
    end_ns: int
    has_root: bool
    is_odd: bool


class LoneTrace:
    """One trace, so far."""

    __slots__ = (
        "batches", "bodies", "bytes", "end_ns", "first_ns", "has_root", "is_sample", "is_wanted",
        "last_ns", "likeness", "missing", "number", "rests", "span_count", "span_ids",
        "spilled_bytes", "start_ns", "trace_id",
    )  # fmt: skip

    def __init__(self, trace_id: str, number: int, now_ns: int) -> None:
        self.trace_id = trace_id
        self.number = number
        self.bodies: list[bytes] = []
        self.batches: list[int] = []
        self.missing: frozenset[int] = _NONE
        """The batches whose parts are not in memory."""
        self.first_ns = self.last_ns = now_ns
        self.start_ns, self.end_ns = 2**63, 0
        self.span_count = 0
        self.bytes = TRACE_OVERHEAD_BYTES
        self.spilled_bytes = 0
        self.has_root = False
        self.rests = False
        """Its bytes are not needed, unless more of it comes."""
        self.span_ids = b""
        """The ids of its spans in order of time, eight bytes each, where they were asked for."""
        self.is_wanted = False
        """Its bytes were read again in order to be judged."""
        self.is_sample: bool | None = None
        """It is to be judged though it is like others; ``None`` while that is not decided."""
        self.likeness: tuple[int, int, int | None] = 0, 0, None
        """Under which rules and of how many spans it was computed, and what it is."""

    @property
    def request(self) -> bytes:
        """Return its spans, those that are in memory, as one trace request."""
        return b"".join(self.bodies)

    def put(self, part: TracePart, batch: int) -> None:
        """Take in what one batch holds of it."""
        self.rests = False
        self.span_ids = b""
        self.bodies.append(part.body)
        if not self.batches or self.batches[-1] != batch:
            self.batches.append(batch)
        self.span_count += part.span_count
        self.bytes += len(part.body) + PART_OVERHEAD_BYTES
        self.start_ns = min(self.start_ns, part.start_ns)
        self.end_ns = max(self.end_ns, part.end_ns)
        self.has_root = self.has_root or part.has_root

    def spill(self) -> int:
        """Give the spans up, to be read again; return how much memory that frees, in bytes."""
        freed = self.bytes - TRACE_OVERHEAD_BYTES
        self.spilled_bytes += freed
        self.bytes = TRACE_OVERHEAD_BYTES
        self.bodies.clear()
        self.missing = frozenset(self.batches)
        return freed

    def put_again(self, part: TracePart) -> int:
        """Take a part in again that was given up; return how much memory it takes, in bytes."""
        self.bodies.append(part.body)
        size = len(part.body) + PART_OVERHEAD_BYTES
        self.bytes += size
        return size


_Traces = dict[str, LoneTrace]


class LoneTraces:
    """All such traces; see the module's theory of operation."""

    def __init__(self, limits: RunLimits) -> None:
        self._quiet_ns = int(limits.quiet_s * _SECOND_NS)
        self._rootless_ns = int(limits.quiet_without_root_s * _SECOND_NS)
        self._age_ns = int(limits.max_age_s * _SECOND_NS)
        self._all: _Traces = {}
        """In order of their first batch."""
        self._rooted: _Traces = {}
        """In order of their last one, as the next."""
        self._rootless: _Traces = {}
        self._held: _Traces = {}
        """Those with bytes in memory, in order of their first batch."""
        self._changed: _Traces = {}
        """Those with a root that grew since ``changed`` was asked."""
        self._to_read: _Traces = {}
        self._reading: _Traces = {}
        self.held_bytes = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all)

    def __contains__(self, trace_id: str) -> bool:
        """Tell whether a trace is here."""
        return trace_id in self._all

    def put(self, part: TracePart, *, batch: int, number: int, now_ns: int) -> None:
        """Take in a part of a trace; ``number`` tells which of two new ones was seen first."""
        trace_id = part.trace_id
        trace = self._all.get(trace_id)
        if trace is None:
            trace = self._all[trace_id] = LoneTrace(trace_id, number, now_ns)
            self.held_bytes += TRACE_OVERHEAD_BYTES
        elif trace.has_root:
            self._rooted.pop(trace_id, None)
        else:
            self._rootless.pop(trace_id, None)
        before = trace.bytes
        trace.put(part, batch)
        trace.last_ns = now_ns
        self.held_bytes += trace.bytes - before
        self._held[trace_id] = trace
        if trace.has_root:
            self._rooted[trace_id] = self._changed[trace_id] = trace
        else:
            self._rootless[trace_id] = trace

    def get(self, trace_id: str) -> LoneTrace | None:
        """Return a trace, ``None`` for one that is not here."""
        return self._all.get(trace_id)

    def oldest(self) -> LoneTrace:
        """Return the trace that came first of those that are here.

        Raises:
            StopIteration: there is none.
        """
        return next(iter(self._all.values()))

    def take(self, trace_id: str) -> LoneTrace | None:
        """Take a trace out, ``None`` for one that is not here."""
        trace = self._all.pop(trace_id, None)
        if trace is not None:
            for some in (
                self._rooted, self._rootless, self._held, self._changed, self._to_read,
                self._reading,
            ):  # fmt: skip
                some.pop(trace_id, None)
            self.held_bytes -= trace.bytes
        return trace

    def due(self, now_ns: int) -> list[LoneTrace]:
        """Return the traces that are due and in memory; each stays until it is taken.

        Spilled ones are asked for first (``needs``).
        """
        quiet_ns, rootless_ns = now_ns - self._quiet_ns, now_ns - self._rootless_ns
        ready = chain(
            takewhile(lambda trace: trace.last_ns <= quiet_ns, self._rooted.values()),
            takewhile(lambda trace: trace.last_ns <= rootless_ns, self._rootless.values()),
            takewhile(lambda trace: trace.first_ns <= now_ns - self._age_ns, self._all.values()),
        )
        found: _Traces = {}
        for trace in ready:
            if self._is_whole(trace):
                found[trace.trace_id] = trace
        return sorted(found.values(), key=lambda trace: trace.number)

    def changed(self) -> list[LoneTrace]:
        """Return the traces with a root, in memory, that grew since this was asked."""
        found = [trace for trace in self._changed.values() if not trace.missing]
        self._changed.clear()
        return found

    def rest(self, trace: LoneTrace) -> None:
        """Give up the bytes of a trace of which nothing more will be asked, as far as is known."""
        if self._held.pop(trace.trace_id, None) is not None:
            self.held_bytes -= trace.spill()
            trace.rests = True

    def want(self, trace: LoneTrace) -> None:
        """Ask for the bytes of a trace that rests; it is due again when they are here."""
        trace.rests, trace.is_wanted = False, True
        self._is_whole(trace)

    def spill(self, max_bytes: int) -> int:
        """Put traces out of memory, oldest first, down to so many bytes; return how many."""
        count = 0
        while self.held_bytes > max_bytes and self._held:
            trace = self._held.pop(next(iter(self._held)))
            if trace.trace_id not in self._reading:
                self.held_bytes -= trace.spill()
                count += 1
        return count

    def needs(self) -> list[int]:
        """Return the batches to ``feed`` again for spilled traces that are due, in order."""
        wanted: set[int] = set()
        asked_bytes = sum(trace.spilled_bytes for trace in self._reading.values())
        while self._to_read and asked_bytes < MAX_READ_AGAIN_BYTES:
            trace_id = next(iter(self._to_read))
            trace = self._reading[trace_id] = self._to_read.pop(trace_id)
            wanted |= trace.missing
            asked_bytes += trace.spilled_bytes
        return sorted(wanted)

    def feed(self, parts: Iterable[TracePart], batch: int) -> None:
        """Take a batch in again that ``needs`` named; what is not wanted of it is ignored."""
        for part in parts:
            trace = self._reading.get(part.trace_id)
            if trace is not None and batch in trace.missing:
                self.held_bytes += trace.put_again(part)

    def fed(self) -> None:
        """Note that all batches that ``needs`` named were fed, but for those that are gone."""
        for trace in self._reading.values():
            trace.missing = _NONE

    def low_watermark(self) -> int | None:
        """Return the smallest batch number that one of the traces needs, ``None`` where none is."""
        return next((trace.batches[0] for trace in self._all.values()), None)

    def _is_whole(self, trace: LoneTrace) -> bool:
        """Tell whether all that is needed of a trace is in memory; ask for what is not."""
        if trace.rests:
            return True
        if trace.missing and trace.trace_id not in self._reading:
            self._to_read[trace.trace_id] = trace
        return not trace.missing
