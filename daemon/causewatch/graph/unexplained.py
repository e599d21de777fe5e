"""What exact evidence leaves open: the texts shown to a step that nothing explains yet."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from causewatch.graph.boundary import folded, texts_of
from causewatch.graph.calls import Calls
from causewatch.graph.content import Sink
from causewatch.graph.owners import Owners
from causewatch.graph.shown import (
    RESULT_KINDS,
    Piece,
    asked_of,
    given,
    piece_of,
    piece_of_part,
    pieces_of,
)
from causewatch.graph.tree import SKEW_NS, Tree
from causewatch.model.graph import Handoff
from causewatch.model.step import Message, Step, StepKind

MIN_CARRIED_SHARE = 0.8
"""A frame around what was handed over ("You get a task from ...") needs no explanation."""
_MARKS: frozenset[StepKind] = frozenset({"workflow", "message"})
"""What these were given was there when they began: it stems from nothing that ended later."""


class Exact(msgspec.Struct, frozen=True, kw_only=True):
    """What is known before content is looked at.

    ``fresh`` is what each model step was shown anew; ``known_parts`` are the object ids of the
    parts that are known results; ``consumed`` are the results that are known to have arrived.
    """

    calls: Calls
    handoffs: Sequence[Handoff]
    fresh: Mapping[int, Sequence[Message]]
    known_parts: Collection[int]
    consumed: Collection[int]


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to explain, and the steps that could."""

    sinks: tuple[Sink, ...]
    sources: tuple[int, ...]


def gather(tree: Tree, owners: Owners, exact: Exact) -> Left | None:
    """Return what is left to explain, ``None`` if nothing is: most runs need no fingerprints."""
    sources = tuple(_sources(tree, owners))
    ends = sorted(tree.steps[i].span.end_ns for i in sources)
    missed = sorted(
        tree.steps[i].span.end_ns
        for i in sources
        if tree.steps[i].kind in RESULT_KINDS and i not in exact.consumed
    )
    reader = _Reader(tree, exact)
    brought: dict[int, list[Piece]] = {}
    for handoff in exact.handoffs:
        if handoff.received_by is not None and handoff.sent is not None:
            brought.setdefault(handoff.received_by, []).append(piece_of(handoff.sent.value))
    sinks: list[Sink] = []
    is_open = False
    for i, step in enumerate(tree.steps):
        if step.kind == "agent" and owners.models.get(owners.head[i]):
            # What the agent was shown, its models show.
            continue
        # Instructions are looked at only where a result did not arrive otherwise.
        with_system = _any_before(missed, step)
        pieces = tuple(reader.pieces(i, owners.owner[i], with_system=with_system))
        if not pieces:
            continue
        is_mark = step.kind in _MARKS
        carried = tuple(brought.get(i, ()))
        sinks.append(Sink(step=i, pieces=pieces, carried=carried, is_mark=is_mark))
        has_sources = not is_mark and _any_before(ends, step)
        is_open = is_open or reader.is_open(pieces, has_sources=has_sources)
    return Left(sinks=tuple(sinks), sources=sources) if is_open else None


def _is_carried(handoff: Handoff) -> bool:
    """Tell whether what arrived is what was sent, and little else.

    A handoff that was only concluded from the order of steps explains no content.
    """
    if handoff.sent is None or handoff.received is None:
        return False
    got = folded(handoff.received.raw)
    sent = [folded(text) for text in texts_of(handoff.sent.value)]
    whole = sum(map(len, sent)) >= MIN_CARRIED_SHARE * len(got)
    return whole and all(text in got for text in sent)


def _any_before(ends: Sequence[int], step: Step) -> bool:
    return bisect_right(ends, step.span.start_ns + SKEW_NS) > 0


def _sources(tree: Tree, owners: Owners) -> Iterator[int]:
    """Yield the steps whose output is their own: an agent's only where its models tell nothing."""
    for i, step in enumerate(tree.steps):
        if step.kind == "agent":
            if step.output is not None and not any(
                tree.steps[m].output_messages for m in owners.models.get(owners.head[i], ())
            ):
                yield i
        elif step.kind == "model" or step.kind in RESULT_KINDS:
            yield i


class _Reader:
    """Reads what steps were shown; each text once for each agent."""

    def __init__(self, tree: Tree, exact: Exact) -> None:
        self._steps = tree.steps
        self._exact = exact
        self._seen: dict[str, set[str]] = {}
        self._outside: set[str] = set()
        self._carried: dict[int, set[str]] = {}
        for handoff in exact.handoffs:
            if handoff.received_by is not None and _is_carried(handoff):
                text = handoff.received.raw if handoff.received is not None else ""
                self._carried.setdefault(handoff.received_by, set()).add(text)

    def pieces(self, index: int, agent: str, *, with_system: bool) -> Iterator[Piece]:
        """Yield the pieces of a step's input that nothing explains yet."""
        step = self._steps[index]
        seen = self._seen.setdefault(agent, set())
        for piece in self._shown(index, step, with_system=with_system):
            if piece.text not in seen:
                seen.add(piece.text)
                yield piece
        if step.kind == "model":
            # Its own words come back in its next turn.
            seen.update(piece.text for piece in given(step))

    def is_open(self, pieces: Sequence[Piece], *, has_sources: bool) -> bool:
        """Tell whether a step of the run may have given one of ``pieces``."""
        if not has_sources:
            self._outside.update(piece.text for piece in pieces)
            return False
        return any(piece.text not in self._outside for piece in pieces)

    def _shown(self, index: int, step: Step, *, with_system: bool) -> Iterator[Piece]:
        if step.kind == "model":
            yield from self._messages(index, step, with_system=with_system)
        elif step.kind in _MARKS:
            yield from (piece for m in step.input_messages for piece in pieces_of(m))
            yield from asked_of(step)
        elif step.kind == "agent" or (
            step.kind in RESULT_KINDS and index not in self._exact.calls.by_tool
        ):
            yield from asked_of(step)

    def _messages(self, index: int, step: Step, *, with_system: bool) -> Iterator[Piece]:
        carried = self._carried.get(index, ())
        for message in (*(step.system if with_system else ()), *self._exact.fresh[index]):
            if message.text in carried or (message.role == "system" and not with_system):
                continue
            for part in message.parts:
                if id(part) not in self._exact.known_parts and (piece := piece_of_part(part)):
                    yield piece
