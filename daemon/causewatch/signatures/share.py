"""What span set expressions of different signatures have in common, answered once a subject."""

from __future__ import annotations

import msgspec

from causewatch.signatures.classify import parts_of
from causewatch.signatures.compile_field import Bound
from causewatch.signatures.format import format_spanset
from causewatch.signatures.select_spans import Groups, Run, Selector
from causewatch.signatures.syntax import (
    Absent,
    Combine,
    Follow,
    Named,
    Pipeline,
    Relate,
    Spanset,
)


class SelectShared:
    """A selector whose answer over the whole subject is remembered under its meaning."""

    def __init__(self, selector: Selector, meaning: str) -> None:
        self.reads_names = selector.reads_names
        self.spanwise = selector.spanwise
        self._selector = selector
        self._key = ("selected", meaning)

    def mask(self, run: Run, within: int) -> int:
        """Return the spans selected from ``within``."""
        if within != run.subject.everything:
            return self._selector.mask(run, within)
        return run.subject.cache.get(self._key, lambda: self._selector.mask(run, within))

    def groups(self, run: Run, within: int, bound: Bound) -> Groups:
        """Return the rows: they hold names, which each signature has its own of."""
        return self._selector.groups(run, within, bound)


def shared(selector: Selector, spanset: Spanset) -> Selector:
    """Return a selector that shares its answer with equal ones of other signatures.

    What reads names, or spends an evaluation's budget (a pipeline in parentheses), is left as it
    is.
    """
    if selector.reads_names or any(isinstance(part, Pipeline) for part in parts_of(spanset)):
        return selector
    return SelectShared(selector, format_spanset(_nameless(spanset)))


def _nameless(spanset: Spanset) -> Spanset:
    """Return the expression without its names, which do not change what it selects."""
    match spanset:
        case Named(operand=operand):
            return _nameless(operand)
        case Absent(operand=operand):
            return msgspec.structs.replace(spanset, operand=_nameless(operand))
        case Combine(left=left, right=right) | Relate(left=left, right=right):
            return msgspec.structs.replace(spanset, left=_nameless(left), right=_nameless(right))
        case Follow(left=left, right=right):
            return msgspec.structs.replace(spanset, left=_nameless(left), right=_nameless(right))
        case _:
            return spanset
