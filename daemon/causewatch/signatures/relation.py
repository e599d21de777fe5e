"""Operators between two sets of spans: the span tree's and the typed causal edges."""

from __future__ import annotations

from typing import Protocol

from causewatch.signatures.compile_field import Bound
from causewatch.signatures.compile_filter import CompiledFilter
from causewatch.signatures.reach import edges_of
from causewatch.signatures.subject import Subject
from causewatch.signatures.syntax import EdgeName, Hops, TreeOperator
from causewatch.signatures.tree import tree_of


class Relation(Protocol):
    """Who stands to whom. ``bound`` is what a guard may read."""

    @property
    def reads_names(self) -> bool:
        """Return whether a guard reads names."""
        ...

    def rights(self, subject: Subject, lefts: int, bound: Bound) -> int:
        """Return every node that some node of ``lefts`` stands to."""
        ...

    def lefts(self, subject: Subject, rights: int, bound: Bound) -> int:
        """Return every node that stands to some node of ``rights``."""
        ...


_MIRRORED: dict[TreeOperator, TreeOperator] = {">": "<", ">>": "<<", "<": ">", "<<": ">>", "~": "~"}


class TreeRelation:
    """``>``, ``>>``, ``<``, ``<<`` or ``~``."""

    reads_names = False

    def __init__(self, operator: TreeOperator) -> None:
        self._operator = operator

    def rights(self, subject: Subject, lefts: int, bound: Bound) -> int:
        """Return the nodes on the right of the operator."""
        del bound
        return tree_of(subject).relatives(self._operator, lefts)

    def lefts(self, subject: Subject, rights: int, bound: Bound) -> int:
        """Return the nodes on the left of the operator."""
        del bound
        return tree_of(subject).relatives(_MIRRORED[self._operator], rights)


class EdgeRelation:
    """``-[types ! guard]->`` with its hops."""

    def __init__(
        self, types: tuple[EdgeName, ...], guard: CompiledFilter | None, hops: Hops
    ) -> None:
        self.reads_names = guard is not None and guard.reads_names
        self._types = types
        self._guard = guard
        self._hops = hops

    def rights(self, subject: Subject, lefts: int, bound: Bound) -> int:
        """Return the effects of ``lefts``."""
        return self._walk(subject, lefts, bound, backward=False)

    def lefts(self, subject: Subject, rights: int, bound: Bound) -> int:
        """Return the causes of ``rights``."""
        return self._walk(subject, rights, bound, backward=True)

    def _walk(self, subject: Subject, mask: int, bound: Bound, *, backward: bool) -> int:
        guards = self._guard.nodes(subject, subject.everything, bound) if self._guard else 0
        return edges_of(subject, self._types, backward=backward).walk(mask, self._hops, guards)
