"""What is known of a signature before it is evaluated: portable, monotone, its names.

*Portable*: Tempo runs it as it is. *Monotone*: more spans of the same run can never take a match
away, so that it may fire before the run is complete.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from causewatch.signatures.intrinsic import INTRINSICS
from causewatch.signatures.syntax import (
    Absent,
    Aggregate,
    Arithmetic,
    Attribute,
    Binary,
    Compare,
    Field,
    Follow,
    Intrinsic,
    IsNil,
    Literally,
    Measured,
    Named,
    Origin,
    Part,
    PathTo,
    Pipeline,
    Query,
    Relate,
    Unary,
)

_SETTLED = ("step", "tool", "dialect", "args.sha256", "result.sha256", "result.bytes")
"""Derived attributes that are known once their span is there; all others may still come or grow."""
_DERIVED_PREFIX = "causewatch."


def parts_of(part: object) -> Iterator[Part]:
    """Yield every part of a parsed signature, outer ones first."""
    if isinstance(part, Part):
        yield part
        for name in part.__struct_fields__:
            yield from parts_of(getattr(part, name))
    elif isinstance(part, tuple):
        for item in part:
            yield from parts_of(item)


def names_of(query: Query) -> tuple[str, ...]:
    """Return the ``as`` names in order of their appearance."""
    return tuple(part.name for part in parts_of(query.root) if isinstance(part, Named))


def reads_names(query: Query) -> bool:
    """Return whether some filter refers to a name."""
    return any(
        isinstance(part, (Attribute, Intrinsic)) and part.owner not in {"", "parent"}
        for part in parts_of(query.root)
    )


def attributes_of(query: Query) -> tuple[Attribute | Intrinsic, ...]:
    """Return every attribute and intrinsic that is read."""
    return tuple(p for p in parts_of(query.root) if isinstance(p, (Attribute, Intrinsic)))


def is_portable(query: Query) -> bool:
    """Return whether Tempo runs the signature as it is, with the same meaning."""
    return first_extension(query) is None


def first_extension(query: Query) -> Part | None:
    """Return the first part that Tempo does not run, or ``None``."""
    return next((part for part in parts_of(query.root) if _extends(part)), None)


def _extends(part: Part) -> bool:
    match part:
        case Named() | Follow() | Absent() | Origin() | PathTo() | Measured() | Arithmetic():
            return True
        case Attribute(owner=owner):
            return bool(owner)
        case Intrinsic(owner=owner, name=name):
            return bool(owner) or not INTRINSICS[name].portable
        case Compare(left=left, right=right):
            return not isinstance(left, Literally) and not isinstance(right, Literally)
        case _:
            return False


def is_monotone(query: Query) -> bool:
    """Return whether more spans can never take a match away."""
    return isinstance(query.root, Pipeline) and all(
        _only_grows(part) for part in parts_of(query.root)
    )


def _only_grows(part: Part) -> bool:  # noqa: PLR0911 -- one return a kind of part
    match part:
        case Absent() | Origin() | Relate(form="not") | Follow(form="not"):
            return False
        case Compare():
            return _compare_only_grows(part)
        case IsNil(operand=operand, negated=False):
            return not _may_change(operand)
        case Unary(operator="!", operand=operand):
            return not _may_change(operand)
        case Binary(operator="!=" | "!~"):
            return not _may_change(part)
        case Binary(operator=operator, left=left, right=right):
            return _field_only_grows(operator, left, right)
        case _:
            return True


_RISING = frozenset({">", ">="})
_FALLING = frozenset({"<", "<="})


def _compare_only_grows(part: Compare) -> bool:
    """Return whether a scalar filter stays true: a count or maximum above, a minimum below."""
    scalar, rising = part.left, part.operator in _RISING
    if isinstance(scalar, Literally):
        scalar, rising = part.right, part.operator in _FALLING
    elif not isinstance(part.right, Literally):
        return False
    if part.operator not in _RISING | _FALLING:
        return False
    while isinstance(scalar, Measured):
        scalar = scalar.scalar
    if not isinstance(scalar, Aggregate):
        return False
    return scalar.function in {"count", "max"} if rising else scalar.function == "min"


def _field_only_grows(operator: str, left: Field, right: Field) -> bool:
    """Return whether a comparison stays true: a number that only grows must be above another."""
    if operator in {"&&", "||", "+", "-", "*", "/", "%", "^"}:
        return True
    if not (_reads_growing(left) or _reads_growing(right)):
        return True
    above = isinstance(left, Intrinsic) and not _reads_growing(right) and operator in _RISING
    below = isinstance(right, Intrinsic) and not _reads_growing(left) and operator in _FALLING
    return above or below


def _reads_growing(field: Field) -> bool:
    """Return whether a number is read that changes while spans arrive."""
    return any(
        isinstance(part, Intrinsic) and INTRINSICS[part.name].grows and part.name not in _ROOTS
        for part in parts_of(field)
    )


_ROOTS = frozenset({"trace:rootName", "trace:rootService"})
"""Unknown until the root arrives, and then fixed."""


def _may_change(field: Field) -> bool:
    """Return whether what a field reads may come or change while spans arrive."""
    return any(_part_may_change(part) for part in parts_of(field))


def _part_may_change(part: Part) -> bool:
    match part:
        case Attribute(owner="parent"):
            return True
        case Attribute(name=name, scope="span" | "") if name.startswith(_DERIVED_PREFIX):
            return name.removeprefix(_DERIVED_PREFIX) not in _SETTLED
        case Intrinsic(owner=owner, name=name):
            return owner == "parent" or INTRINSICS[name].grows
        case _:
            return False


def remarks_of(query: Query) -> tuple[str, ...]:
    """Return what a reader of the result may not expect, for ``--why``."""
    negated = [p for p in parts_of(query.root) if isinstance(p, Follow) and p.form == "not"]
    return tuple(
        f"`!-[{'|'.join(follow.types)}]->` gives the spans of its left side, from which no span of "
        "the right side is reached"
        for follow in negated
    )


class Mixed(msgspec.Struct, frozen=True, kw_only=True):
    """``&&`` and ``||`` side by side without parentheses, by line and column from 1."""

    line: int
    column: int
    message: str = "`&&` and `||` mix and are read from the left; parentheses say what is meant"


def mixed_of(query: Query) -> tuple[Mixed, ...]:
    """Return the places where ``&&`` and ``||`` mix, for a warning."""
    places = []
    for offset in query.mixed:
        before = query.text[:offset]
        line = before.count("\n") + 1
        places.append(Mixed(line=line, column=offset - before.rfind("\n")))
    return tuple(places)
