"""What one step stored and a later one read back: a memory, a note, a record.

The store itself is on no span. A text that a step was given to keep, and that a later result holds
although no result gave it before, came by way of the store.
"""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.graph.boundary import folded, texts_of
from causewatch.graph.clocks import Clocks
from causewatch.graph.shown import RESULT_KINDS, Piece, asked_of, given
from causewatch.graph.tree import Tree
from causewatch.model.graph import Edge
from causewatch.model.step import Step

MIN_NOTE_CHARS = 40
"""Shorter texts are names and states, which many records share."""
MIN_MEMORY_CHARS = 12
"""Steps that are memories by their kind keep shorter ones as well."""
MAX_TEXTS_COUNT = 1_000
"""Of more texts in one payload the first are looked at."""


class _Store:
    """The texts that steps were given to keep, by who kept them first."""

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}
        self.counts: dict[int, int] = {}
        self.gave: set[str] = set()

    def keep(self, texts: frozenset[str], step: int) -> None:
        """Note what ``step`` was given; what a result gave before is only passed on."""
        self.counts[step] = len(texts)
        for text in texts - self.gave:
            self.kept.setdefault(text, step)


def read_back(tree: Tree, clocks: Clocks) -> Iterator[Edge]:
    """Yield an edge from the step that stored a text to each one that read it back.

    The share is that of the stored texts that came back.
    """
    steps = tree.steps
    store = _Store()
    results = (i for i, step in enumerate(steps) if step.kind in RESULT_KINDS)
    for i in sorted(results, key=lambda i: (steps[i].span.end_ns, -i)):
        asked = _texts(asked_of(steps[i]), steps[i])
        found: dict[int, int] = {}
        if steps[i].kind != "memory" or steps[i].query:
            for text in _texts(given(steps[i]), steps[i]) - asked:
                writer = store.kept.get(text)
                if writer is None:
                    store.gave.add(text)
                elif clocks.may_flow(writer, i):
                    found[writer] = found.get(writer, 0) + 1
        for writer, count in sorted(found.items()):
            share = count / store.counts[writer]
            yield Edge(source=writer, target=i, type="data", evidence="read back", share=share)
        store.keep(asked, i)


def _texts(pieces: tuple[Piece, ...], step: Step) -> frozenset[str]:
    """Return the texts in ``pieces`` that are long enough to be known again."""
    least_chars = MIN_MEMORY_CHARS if step.kind == "memory" else MIN_NOTE_CHARS
    found: set[str] = set()
    for piece in pieces:
        if len(piece.text) < least_chars:
            continue
        for text in texts_of(piece.text if piece.value is None else piece.value):
            if len(text) >= least_chars and len(whole := folded(text)) >= least_chars:
                found.add(whole)
            if len(found) == MAX_TEXTS_COUNT:
                return frozenset(found)
    return frozenset(found)
