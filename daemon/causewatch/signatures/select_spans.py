"""Span set expressions: which spans of a set they select.

A signature without references between its filters is answered on masks alone. With references (or
when the assignments of names are asked for) it is answered in rows: a span with the nodes that the
names stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, Protocol

import msgspec

from causewatch.signatures.compile_field import UNBOUND, Bound
from causewatch.signatures.compile_filter import CompiledFilter
from causewatch.signatures.limits import Budget
from causewatch.signatures.relation import Relation
from causewatch.signatures.subject import Subject, nodes_of

NO_NAMES: Bound = ()
"""The assignment used where no names matter: everything is then answered on masks."""
Keeps = Literal["right", "both", "unmatched left", "unmatched right"]
"""Which spans an operator between two sides gives."""
Groups = dict[Bound, int]
"""Rows, by assignment: the mask of spans selected under it."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation."""

    subject: Subject
    budget: Budget


class Selector(Protocol):
    """A compiled span set expression."""

    @property
    def reads_names(self) -> bool:
        """Return whether the answer depends on names bound outside of it."""
        ...

    @property
    def spanwise(self) -> bool:
        """Return whether each span is judged by itself, so that fewer can be asked about."""
        ...

    def mask(self, run: Run, within: int) -> int:
        """Return the spans selected from ``within``; only where nothing reads names."""
        ...

    def groups(self, run: Run, within: int, bound: Bound) -> Groups:
        """Return the spans selected from ``within`` by assignment, each extending ``bound``."""
        ...


def union_of(groups: Groups) -> int:
    """Return all spans of some rows."""
    mask = 0
    for nodes in groups.values():
        mask |= nodes
    return mask


def merged(left: Bound, right: Bound) -> Bound:
    """Return both assignments in one; the right one wins, which only extends the left one."""
    if left == right:
        return left
    return tuple(
        first if second == UNBOUND else second for first, second in zip(left, right, strict=True)
    )


def add_to(groups: Groups, bound: Bound, nodes: int) -> None:
    """Add rows."""
    if nodes:
        groups[bound] = groups.get(bound, 0) | nodes


class SelectFilter:
    """``{ ... }``."""

    def __init__(self, filter_: CompiledFilter) -> None:
        self.filter = filter_
        self.reads_names = filter_.reads_names
        self.spanwise = True

    def mask(self, run: Run, within: int) -> int:
        """Return the matching spans."""
        return self.filter.nodes(run.subject, within)

    def groups(self, run: Run, within: int, bound: Bound) -> Groups:
        """Return the matching spans under the one assignment given."""
        candidates = self.filter.candidates(run.subject, within)
        if not candidates:
            return {}
        if not run.budget.spend(candidates.bit_count()):
            return {}
        nodes = self.filter.among(run.subject, candidates, bound)
        return {bound: nodes} if nodes else {}


class SelectNamed:
    """``operand as name``."""

    def __init__(self, operand: Selector, position: int) -> None:
        self.operand = operand
        self.reads_names = operand.reads_names
        self.spanwise = operand.spanwise
        self._position = position

    def mask(self, run: Run, within: int) -> int:
        """Return the operand's spans."""
        return self.operand.mask(run, within)

    def groups(self, run: Run, within: int, bound: Bound) -> Groups:
        """Return one assignment for each of the operand's spans."""
        named: Groups = {}
        at = self._position
        for outer, nodes in self.operand.groups(run, within, bound).items():
            if not run.budget.spend(nodes.bit_count()):
                break
            for node in nodes_of(nodes):
                named[(*outer[:at], node, *outer[at + 1 :])] = 1 << node
        return named


class SelectBoth:
    """``A && B``: both, if neither is empty."""

    spanwise = False

    def __init__(self, left: Selector, right: Selector) -> None:
        self._left = left
        self._right = right
        self.reads_names = left.reads_names or right.reads_names

    def mask(self, run: Run, within: int) -> int:
        """Return the union of both sides, or nothing."""
        left = self._left.mask(run, within)
        right = self._right.mask(run, within) if left else 0
        return left | right if right else 0

    def groups(self, run: Run, within: int, bound: Bound) -> Groups:
        """Return the rows of both sides under each assignment they agree on."""
        found: Groups = {}
        for outer, inner, left, right in _pairings(run, within, bound, (self._left, self._right)):
            both = merged(outer, inner)
            add_to(found, both, left | right)
        return found


class SelectEither:
    """``A || B``."""

    spanwise = False

    def __init__(self, left: Selector, right: Selector) -> None:
        self._left = left
        self._right = right
        self.reads_names = left.reads_names or right.reads_names

    def mask(self, run: Run, within: int) -> int:
        """Return the union of both sides."""
        return self._left.mask(run, within) | self._right.mask(run, within)

    def groups(self, run: Run, within: int, bound: Bound) -> Groups:
        """Return the rows of both sides; a name of the other side stays unbound."""
        found = dict(self._left.groups(run, within, bound))
        for right, nodes in self._right.groups(run, within, bound).items():
            add_to(found, right, nodes)
        return found


class SelectUnless:
    """``A && !{ ... }``: A, if the negated side selects nothing."""

    spanwise = False

    def __init__(self, left: Selector, absent: Selector) -> None:
        self._left = left
        self._absent = absent
        self.reads_names = left.reads_names or absent.reads_names

    def mask(self, run: Run, within: int) -> int:
        """Return A or nothing."""
        left = self._left.mask(run, within)
        return 0 if left and self._absent.mask(run, within) else left

    def groups(self, run: Run, within: int, bound: Bound) -> Groups:
        """Return the rows of A under whose assignment the negated side selects nothing."""
        found: Groups = {}
        for outer, nodes in self._left.groups(run, within, bound).items():
            present = self._absent.groups(run, within, outer)
            if run.budget.limited:
                return {}
            if not present:
                add_to(found, outer, nodes)
        return found


class SelectRelated:
    """A structural operator or a typed edge."""

    spanwise = False

    def __init__(
        self, relation: Relation, left: Selector, right: Selector, *, keeps: Keeps
    ) -> None:
        self._relation = relation
        self._left = left
        self._right = right
        self._keeps = keeps
        self.reads_names = relation.reads_names or left.reads_names or right.reads_names

    def mask(self, run: Run, within: int) -> int:
        """Return the spans that the operator's form asks for."""
        left = self._left.mask(run, within)
        if not left and self._keeps != "unmatched right":
            return 0
        return self._related(run, left, self._right.mask(run, within), ())

    def groups(self, run: Run, within: int, bound: Bound) -> Groups:
        """Return the rows that the operator's form asks for."""
        if self._keeps == "unmatched right":
            return self._unmatched_right(run, within, bound)
        if self._keeps == "unmatched left":
            return self._unmatched_left(run, within, bound)
        found: Groups = {}
        reached: dict[Bound, int] = {}

        def reach(outer: Bound, left: int) -> int:
            reached[outer] = self._relation.rights(run.subject, left, outer)
            return reached[outer]

        for outer, inner, left, right in _pairings(
            run, within, bound, (self._left, self._right), reach
        ):
            hits = reached[outer] & right
            if hits and self._keeps == "both":
                hits |= self._relation.lefts(run.subject, hits, outer) & left
            add_to(found, merged(outer, inner), hits)
        return found

    def _related(self, run: Run, left: int, right: int, bound: Bound) -> int:
        subject = run.subject
        match self._keeps:
            case "unmatched left":
                return left & ~(self._relation.lefts(subject, right, bound) if right else 0)
            case "unmatched right":
                return right & ~(self._relation.rights(subject, left, bound) if left else 0)
            case _:
                if not (left and right):
                    return 0
                hits = self._relation.rights(subject, left, bound) & right
                if not hits or self._keeps == "right":
                    return hits
                return hits | self._relation.lefts(subject, hits, bound) & left

    def _unmatched_left(self, run: Run, within: int, bound: Bound) -> Groups:
        found: Groups = {}
        for outer, left in self._left.groups(run, within, bound).items():
            near = within
            if self._right.spanwise:
                near &= self._relation.rights(run.subject, left, outer)
            right = union_of(self._right.groups(run, near, outer)) if near else 0
            if run.budget.limited:
                return {}
            add_to(found, outer, self._related(run, left, right, outer))
        return found

    def _unmatched_right(self, run: Run, within: int, bound: Bound) -> Groups:
        left = union_of(self._left.groups(run, within, bound))
        if run.budget.limited:
            return {}
        found: Groups = {}
        for inner, right in self._right.groups(run, within, bound).items():
            add_to(found, inner, self._related(run, left, right, bound))
        return found


def _pairings(
    run: Run,
    within: int,
    bound: Bound,
    sides: tuple[Selector, Selector],
    reach: Callable[[Bound, int], int] | None = None,
) -> Iterable[tuple[Bound, Bound, int, int]]:
    """Yield every assignment of the left side with every one of the right side beside it.

    ``reach`` says which spans the left ones lead to; a right side that judges each span by itself
    is then asked about those only.
    """
    left, right = sides
    lefts = left.groups(run, within, bound)
    alone = {} if right.reads_names or not lefts else right.groups(run, within, bound)
    for outer, left_nodes in lefts.items():
        near = within if reach is None else reach(outer, left_nodes)
        rights = alone
        if right.reads_names:
            asked = within & near if right.spanwise else within
            rights = right.groups(run, asked, outer) if asked else {}
        if not run.budget.spend(len(rights)):
            return
        for inner, right_nodes in rights.items():
            yield outer, inner, left_nodes, right_nodes


class SelectPipeline:
    """``(stage | stage)`` as an operand: all spans that are left at its end."""

    spanwise = False

    def __init__(
        self, run_stages: Callable[[Run, int, Bound], list[Groups]], *, reads_names: bool
    ) -> None:
        self._run_stages = run_stages
        self.reads_names = reads_names

    def mask(self, run: Run, within: int) -> int:
        """Return all spans of all resulting span sets."""
        return union_of(self.groups(run, within, NO_NAMES))

    def groups(self, run: Run, within: int, bound: Bound) -> Groups:
        """Return the rows of all resulting span sets."""
        found: Groups = {}
        for groups in self._run_stages(run, within, bound):
            for inner, nodes in groups.items():
                add_to(found, inner, nodes)
        return found
