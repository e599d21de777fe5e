"""How many readings a content model may leave open, so that hostile ones are refused when loaded.

A child that two parts of an ``&`` could take, and a count within a repetition, each multiply the
alternatives that the matcher has to keep; everything else costs no more than its own length.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import combinations, product

from causewatch.paths.syntax import AnyOrder, Leaf, Model, Name, Pattern, Repeat, leaves_of


def counted(model: Model) -> int:
    """Return the largest product of counts within counts; no count is 1."""
    match model:
        case Repeat():
            return max(1, model.least, model.most or 1) * counted(model.part)
        case _:
            return max((counted(part) for part in _parts(model)), default=1)


def shared_count(model: AnyOrder) -> int:
    """Return how many parts could take a child that another part could take as well."""
    leaves = [leaves_of(part) for part in model.parts]
    sharing: set[int] = set()
    for (i, left), (j, right) in combinations(enumerate(leaves), 2):
        if any(_may_meet(a, b) for a, b in product(left, right)):
            sharing |= {i, j}
    return len(sharing)


def _parts(model: Model) -> tuple[Model, ...]:
    return getattr(model, "parts", ())


def _may_meet(left: Leaf, right: Leaf) -> bool:
    """Tell whether one child could be both."""
    if not isinstance(left, Name) or not isinstance(right, Name):
        return True
    kinds = {left.pattern.kind, right.pattern.kind} - {""}
    if len(kinds) > 1:
        return False
    return _may_be(left.pattern, right.pattern) or _may_be(right.pattern, left.pattern)


def _may_be(glob: Pattern, name: Pattern) -> bool:
    both_wild = glob.is_wild and name.is_wild
    return both_wild or fnmatchcase(name.text, glob.glob)
