"""What a signature is evaluated against: the spans of a run, or of one trace, with their edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from causewatch.dialects.table import Dialect
from causewatch.dialects.tables import SHIPPED
from causewatch.dialects.understand import understand
from causewatch.model.graph import EdgeType
from causewatch.model.span import Attributes, Span
from causewatch.signatures.cache import SubjectCache

Pairs = Sequence[tuple[int, int]]
LazyPairs = Callable[[], Pairs]
_RETURNING = frozenset({"tool", "retrieval"})
"""Kinds of steps whose result flows to the step that called them."""


class Subject(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Spans (nodes, by index), what causewatch derived for them, and the causal edges.

    Attributes:
        spans: the nodes; synthetic handoff spans are nodes too.
        derived: for node i the ``causewatch.*`` attributes, which hide the span's own of that
            name; empty where nothing is derived.
        edges: cause to effect, as pairs or as a function that finds them when a signature first
            follows that type. ``call`` and ``return`` are taken from the parents where they are
            not given; ``before`` is always computed from the times.
        raw: judge as a trace store does: only what hangs below a root span takes part in the span
            tree. Otherwise every parent link that exists counts.
        cache: what has been computed for these spans; not for callers.
    """

    spans: tuple[Span, ...]
    derived: tuple[Attributes, ...] = ()
    edges: Mapping[EdgeType, Pairs | LazyPairs] = msgspec.field(default_factory=dict)
    raw: bool = False
    cache: SubjectCache = msgspec.field(default_factory=SubjectCache)

    @property
    def everything(self) -> int:
        """Return the mask of all nodes."""
        return (1 << len(self.spans)) - 1


def parents_of(spans: Sequence[Span]) -> tuple[int, ...]:
    """Return each node's parent: an index, -1 for a root, -2 where the parent is not there.

    Where several spans share an id, the first of them is the parent (a server span is preferred:
    Zipkin lets client and server share one id).
    """
    index: dict[tuple[str, str], int] = {}
    for i, span in enumerate(spans):
        key = (span.trace_id, span.span_id)
        if key not in index or (span.kind == "server" and spans[index[key]].kind != "server"):
            index[key] = i
    parents = []
    for i, span in enumerate(spans):
        parent = index.get((span.trace_id, span.parent_id), -2) if span.parent_id else -1
        parents.append(-2 if parent == i else parent)
    return tuple(parents)


def raw_subject(spans: Sequence[Span], dialects: Sequence[Dialect] = SHIPPED) -> Subject:
    """Return the spans of one trace as a subject in raw mode.

    Edges are ``call``, ``return``, ``link`` and ``before``; ``data`` only from a tool or retrieval
    span to its parent; no ``handoff``. Spans keep their order.
    """
    # To find what returned, every span has to be understood; few signatures ask.
    edges: dict[EdgeType, Pairs | LazyPairs] = {
        "link": lambda: link_edges(spans),
        "data": lambda: _returned(spans, dialects),
    }
    return Subject(spans=tuple(spans), edges=edges, raw=True)


def link_edges(spans: Sequence[Span]) -> tuple[tuple[int, int], ...]:
    """Return the pairs from the linked-to span to the span that carries the link."""
    index: dict[tuple[str, str], int] = {}
    for i, span in enumerate(spans):
        index.setdefault((span.trace_id, span.span_id), i)
    pairs = {
        (index[linked], i): None
        for i, span in enumerate(spans)
        for link in span.links
        if (linked := (link.trace_id, link.span_id)) in index
    }
    return tuple(pairs)


def _returned(spans: Sequence[Span], dialects: Sequence[Dialect]) -> tuple[tuple[int, int], ...]:
    return tuple(
        (i, parent)
        for i, parent in enumerate(parents_of(spans))
        if parent >= 0 and understand(spans[i], (), dialects).kind in _RETURNING
    )


def nodes_of(mask: int) -> Iterator[int]:
    """Yield the indices of the nodes in a mask, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def mask_of(nodes: Sequence[int]) -> int:
    """Return the mask of these nodes."""
    mask = 0
    for node in nodes:
        mask |= 1 << node
    return mask
