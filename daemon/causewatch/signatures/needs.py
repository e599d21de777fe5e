"""What a signature needs, as data: what it reads, which edges it follows, what must be there.

With it a set of signatures is evaluated without asking those that cannot match (``plan``), and
whoever decodes or fetches spans can leave out what no signature reads.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from causewatch.signatures.classify import attributes_of, parts_of
from causewatch.signatures.columns import tag_of
from causewatch.signatures.syntax import (
    Absent,
    Attribute,
    Binary,
    Combine,
    EdgeName,
    Field,
    Filter,
    Follow,
    Intrinsic,
    Literally,
    Named,
    Origin,
    PathTo,
    Pipeline,
    Query,
    Relate,
    Spanset,
    Stage,
    Static,
)

INTRINSIC = "intrinsic"
"""Stands where an attribute has its scope."""
_LISTED = frozenset({"event", "link"})
_SPANSETS = (Filter, Named, Combine, Relate, Follow, Absent, Pipeline)
_STEP = "causewatch.step"


class Required(msgspec.Struct, frozen=True, kw_only=True):
    """A value that some span must have, or nothing matches."""

    scope: str
    """An attribute's scope, or ``INTRINSIC``."""
    name: str
    tag: str
    value: Static


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a signature needs.

    Attributes:
        attributes: the attributes that it reads, by scope and name.
        intrinsics: the intrinsics that it reads, such as ``span:duration``.
        edges: the types of causal edges that it follows.
        required: values that must be there for it to match; all of them.
    """

    attributes: frozenset[tuple[str, str]] = frozenset()
    intrinsics: frozenset[str] = frozenset()
    edges: frozenset[EdgeName] = frozenset()
    required: frozenset[Required] = frozenset()

    @property
    def kinds(self) -> frozenset[str]:
        """Return the kinds of steps that must be there."""
        return frozenset(str(each.value) for each in self.required if each.name == _STEP)


def needs_of(query: Query) -> Needs:
    """Return what a parsed signature needs; a metrics query requires nothing to be there."""
    read = attributes_of(query)
    root = query.root
    return Needs(
        attributes=frozenset((a.scope, a.name) for a in read if isinstance(a, Attribute)),
        intrinsics=frozenset(i.name for i in read if isinstance(i, Intrinsic)),
        edges=frozenset(
            edge
            for part in parts_of(root)
            if isinstance(part, (Follow, Origin, PathTo))
            for edge in part.types
        ),
        required=_of_stages(root.stages) if isinstance(root, Pipeline) else frozenset(),
    )


def all_of(needs: Iterable[Needs]) -> Needs:
    """Return what several signatures need together; nothing is required by all of them."""
    listed = tuple(needs)
    return Needs(
        attributes=frozenset().union(*(each.attributes for each in listed)),
        intrinsics=frozenset().union(*(each.intrinsics for each in listed)),
        edges=frozenset().union(*(each.edges for each in listed)),
    )


def _of_stages(stages: Iterable[Stage]) -> frozenset[Required]:
    """Return what each stage that selects requires: once one selects nothing, nothing is left."""
    spansets = (stage for stage in stages if isinstance(stage, _SPANSETS))
    return frozenset().union(*(_of_spanset(spanset) for spanset in spansets))


def _of_spanset(spanset: Spanset) -> frozenset[Required]:  # noqa: PLR0911 -- one a kind
    """Return what must be there for a span set not to be empty."""
    match spanset:
        case Filter(condition=condition):
            return frozenset(_of_condition(condition)) if condition is not None else frozenset()
        case Named(operand=operand):
            return _of_spanset(operand)
        case Absent():
            return frozenset()
        case Pipeline(stages=stages):
            return _of_stages(stages)
        case Combine(operator="||", left=left, right=right):
            return _of_spanset(left) & _of_spanset(right)
        case Relate(form="not", right=kept) | Follow(form="not", left=kept):
            return _of_spanset(kept)
        case Combine(left=left, right=right) | Relate(left=left, right=right):
            return _of_spanset(left) | _of_spanset(right)
        case Follow(left=left, right=right):
            return _of_spanset(left) | _of_spanset(right)


def _of_condition(field: Field) -> list[Required]:
    """Return the equalities of which each must hold."""
    match field:
        case Binary(operator="&&", left=left, right=right):
            return [*_of_condition(left), *_of_condition(right)]
        case Binary(operator="=", left=read, right=Literally(value=value)):
            return _of_equality(read, value)
        case Binary(operator="=", left=Literally(value=value), right=read):
            return _of_equality(read, value)
        case _:
            return []


def _of_equality(read: Field, value: Static) -> list[Required]:
    tag = tag_of(value)
    match read:
        case Attribute(owner="", scope=scope, name=name) if tag and scope not in _LISTED:
            return [Required(scope=scope, name=name, tag=tag, value=value)]
        case Intrinsic(owner="", name=name) if tag and not name.startswith(("event:", "link:")):
            return [Required(scope=INTRINSIC, name=name, tag=tag, value=value)]
        case _:
            return []
