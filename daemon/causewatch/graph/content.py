"""Lineage by content: whose output a step's input repeats, where no id tells.

Looked at is only what exact evidence leaves open: texts new to their agent that are neither its own
words, nor a result known by its id or value, nor what a handoff is known to have carried. A
source must have ended when the step began. Of the sources that could be meant those are taken that
explain most with the fewest; of equals the earliest, as wrappers end after what they wrap and
copies come after what they copy. What was in a prompt before stems from outside, whoever repeats
it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

import msgspec

from causewatch.graph.clocks import Clocks
from causewatch.graph.ledger import OUTSIDE, Key, Ledger
from causewatch.graph.owners import Owners
from causewatch.graph.shown import RESULT_KINDS, Piece, given, shown_to
from causewatch.graph.tree import SKEW_NS, Tree
from causewatch.graph.values import is_strong, trees_of, values_of
from causewatch.graph.winnow import fingerprints
from causewatch.model.graph import Edge
from causewatch.model.step import Step
from causewatch.model.value import Value

MIN_SHARED_COUNT = 3
"""Fingerprints that two texts share at least, or half of the source's: one alone may be a phrase
that everybody uses."""
MIN_TEXT_SHARE = 0.5
MIN_VALUES_COUNT = 2
"""Numbers and dates that agree at least; of ids and addresses one is enough."""
MIN_VALUES_SHARE = 0.6
"""Fewer do where they are most of what a result of the same agent brought in."""


class Sink(msgspec.Struct, frozen=True, kw_only=True):
    """A step, and what of its input is to be explained.

    ``carried`` is what handoffs brought to it. ``is_mark`` tells of a step that only shows what was
    known when it began.
    """

    step: int
    pieces: tuple[Piece, ...]
    carried: tuple[Piece, ...] = ()
    is_mark: bool = False


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a text is known by."""

    prints: frozenset[int]
    values: frozenset[str]


class Tracer:
    """Finds the sources of sinks, in the order of time."""

    def __init__(
        self,
        tree: Tree,
        owners: Owners,
        clocks: Clocks,
        explained: Mapping[int, Collection[int]],
        taken: set[tuple[str, int]],
    ) -> None:
        self._steps = tree.steps
        self._owner = owners.owner
        self._clocks = clocks
        self._explained = explained
        self._taken = taken
        self._ledger = Ledger()
        self._known: dict[str, Content] = {}
        self._registered: set[str] = set()
        self._prints_count: dict[int, int] = {}
        self._new_values_count: dict[int, int] = {}

    def edges(self, sources: Iterable[int], sinks: Iterable[Sink]) -> Iterator[Edge]:
        """Yield the edges from ``sources`` into ``sinks``.

        What an agent took in before (``taken``, as agent and source) gives no second edge.
        """
        # Of steps that end at once the inner one is first.
        waiting = sorted(sources, key=lambda i: (self._steps[i].span.end_ns, -i), reverse=True)
        for sink in sorted(sinks, key=lambda s: (self._steps[s.step].span.start_ns, s.step)):
            start_ns = self._steps[sink.step].span.start_ns
            while waiting and self._steps[waiting[-1]].span.end_ns <= start_ns + SKEW_NS:
                self._register(waiting.pop())
            if not sink.is_mark:
                yield from self._resolved(sink)
            self._came_in(sink, start_ns)

    def _content_of(self, piece: Piece) -> Content:
        found = self._known.get(piece.text)
        if found is None:
            found = content_of(piece)
            self._known[piece.text] = found
        return found

    def _register(self, source: int) -> None:
        """Note what a source gave."""
        prints, values = self._together(given(self._steps[source]))
        end_ns = self._steps[source].span.end_ns
        self._prints_count[source] = len(prints)
        self._ledger.add((*prints, *values), source, end_ns)

    def _came_in(self, sink: Sink, start_ns: int) -> None:
        """Note what nobody had before: it stems from outside of the run."""
        for piece in sink.pieces:
            if piece.text not in self._registered:
                self._registered.add(piece.text)
                content = self._content_of(piece)
                keys: tuple[Key, ...] = (*content.prints, *content.values)
                new = (key for key in keys if not self._ledger.knew(key, start_ns))
                self._ledger.add(new, OUTSIDE, start_ns)

    def _together(self, pieces: Sequence[Piece]) -> tuple[set[int], set[str]]:
        prints: set[int] = set()
        values: set[str] = set()
        for piece in pieces:
            content = self._content_of(piece)
            prints |= content.prints
            values |= content.values
        return prints, values

    def _resolved(self, sink: Sink) -> Iterator[Edge]:
        prints, values = self._together(sink.pieces)
        known = [given(self._steps[source]) for source in self._explained.get(sink.step, ())]
        carried_prints, carried_values = self._together((*sink.carried, *chain(*known)))
        by_text = self._by_text(sink.step, prints, carried_prints)
        by_values = self._by_values(sink.step, values - carried_values, set(by_text))
        agent = self._owner[sink.step]
        for source, evidence, share in (
            *((source, "text", share) for source, share in by_text.items()),
            *((source, "values", share) for source, share in by_values.items()),
        ):
            if not self._had(sink.step, source):
                self._taken.add((agent, source))
                yield Edge(
                    source=source, target=sink.step, type="data", evidence=evidence, share=share
                )

    def _had(self, sink: int, source: int) -> bool:
        """Tell whether ``source`` is known to have flowed to this step or, of a model, its agent.

        What a tool is given is no history: each time it came from somewhere.
        """
        if source in self._explained.get(sink, ()):
            return True
        is_model = self._steps[sink].kind == "model"
        return is_model and (self._owner[sink], source) in self._taken

    def _by_text(self, sink: int, prints: Iterable[int], carried: set[int]) -> dict[int, float]:
        """Return the sources whose words the sink repeats, with their shares."""
        cover: dict[int, list[int]] = {}
        for each in prints:
            for source in self._ledger.holders(each):
                cover.setdefault(source, []).append(each)
        ranked = sorted(
            (source for source in cover if self._may_flow(source, sink)),
            key=lambda source: self._rank(source, sink, len(cover[source])),
        )
        covered = set(carried)
        found: dict[int, float] = {}
        for source in ranked:
            gained = [each for each in cover[source] if each not in covered]
            if source == OUTSIDE or self._had(sink, source):
                covered.update(gained)
                continue
            count = self._prints_count[source]
            if len(gained) >= MIN_SHARED_COUNT or len(gained) >= MIN_TEXT_SHARE * count:
                covered.update(gained)
                found[source] = len(cover[source]) / count
        return found

    def _rank(self, source: int, sink: int, count: int) -> tuple[bool, int, int, int]:
        """Order sources: what is expected here, then what explains most, then the earliest."""
        if source == OUTSIDE:
            return True, -count, 0, 0
        expected = self._had(sink, source) or self._is_awaited(source, sink)
        return not expected, -count, self._steps[source].span.end_ns, -source

    def _is_awaited(self, source: int, sink: int) -> bool:
        """Tell whether a step waits for this: a model for results, a tool for what models say."""
        is_result = self._steps[source].kind in RESULT_KINDS
        wants_result = self._steps[sink].kind == "model"
        return is_result == wants_result and self._owner[source] == self._owner[sink]

    def _by_values(
        self, sink: int, values: Iterable[str], by_text: Collection[int]
    ) -> dict[int, float]:
        """Return the sources of values that only they can have brought in, with their shares."""
        votes: dict[int, list[str]] = {}
        for value in values:
            holders = self._ledger.holders(value)
            if not holders or holders[0] == OUTSIDE:
                continue
            giver = self._giver(holders, sink, by_text)
            if giver is not None:
                votes.setdefault(giver, []).append(value)
        return {
            source: self._share(source, votes[source])
            for source in sorted(votes)
            if self._is_enough(source, sink, votes[source])
        }

    def _giver(self, holders: Sequence[int], sink: int, by_text: Collection[int]) -> int | None:
        """Return who gave a value: the first that had it, unless another is known to have.

        What a step waits for is nearer than what that had it from: its own tool's result, which
        another agent's tool made possible, or what its own model said.
        """
        giver = holders[0] if self._may_flow(holders[0], sink) else None
        for holder in holders:
            if holder == OUTSIDE or not self._may_flow(holder, sink):
                continue
            if holder in by_text or self._had(sink, holder) or self._is_own_word(holder, sink):
                return None
            if self._is_awaited(holder, sink):
                giver = holder
        return giver

    def _is_own_word(self, source: int, sink: int) -> bool:
        """Tell whether ``source`` is what the agent said itself: its history repeats that."""
        both_models = self._steps[source].kind == self._steps[sink].kind == "model"
        return both_models and self._owner[source] == self._owner[sink]

    def _is_enough(self, source: int, sink: int, votes: Sequence[str]) -> bool:
        if len(votes) >= MIN_VALUES_COUNT or any(map(is_strong, votes)):
            return True
        enough = self._share(source, votes) >= MIN_VALUES_SHARE
        return enough and self._is_awaited(source, sink)

    def _share(self, source: int, votes: Sequence[str]) -> float:
        """Return how much came here of the values of ``source`` that nobody outside knew."""
        count = self._new_values_count.get(source)
        if count is None:
            _, values = self._together(given(self._steps[source]))
            count = sum(self._ledger.holders(value)[:1] != (OUTSIDE,) for value in values)
            self._new_values_count[source] = count
        return min(len(votes) / max(count, 1), 1.0)

    def _may_flow(self, source: int, sink: int) -> bool:
        return source == OUTSIDE or self._clocks.may_flow(source, sink)


def shared_values(source: Step, target: Step) -> tuple[str, ...]:
    """Return the values of ``source`` that ``target`` was shown, the most telling first."""
    gave: set[str] = set()
    for piece in given(source):
        gave |= values_of(piece.text)
    shown: set[str] = set()
    for piece in shown_to(target):
        shown |= values_of(piece.text)
    return tuple(sorted(gave & shown, key=lambda value: (not is_strong(value), value)))


def content_of(piece: Piece) -> Content:
    """Return what a piece is known by."""
    value = piece.value
    if value is None and piece.text.lstrip()[:1] in ("{", "["):
        value = _parsed(piece.text)
    return Content(prints=fingerprints(piece.text), values=values_of(piece.text) | trees_of(value))


def _parsed(text: str) -> Value:
    try:
        value: Value = msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return value
