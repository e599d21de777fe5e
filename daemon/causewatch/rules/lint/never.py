"""Checks for conditions that no span can meet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from causewatch.rules.bundle import Rule
from causewatch.rules.lint.remark import Looked, Remark
from causewatch.rules.read import did_you_mean
from causewatch.rules.vocabulary import DERIVED
from causewatch.signatures.classify import parts_of
from causewatch.signatures.syntax import (
    Attribute,
    Binary,
    Field,
    Filter,
    Intrinsic,
    Literally,
    Static,
    Unary,
)

_PREFIX = "causewatch."
_VALUES = {_PREFIX + derived.name: derived.values for derived in DERIVED if derived.values}
_SINGLE = frozenset({"causewatch.step", "causewatch.blame.category", "causewatch.health"})
"""Derived attributes of which a span has one value; others may be lists."""
_SINGLE_SCOPES = ("span:", "trace:")
"""Intrinsics of which a span has one value: it may have several events and links."""
_FLIPPED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

Comparison: TypeAlias = "tuple[Attribute | Intrinsic, str, Static]"
"""What is read, the operator, the constant."""


def check_never(looked: Looked) -> Iterator[Remark]:
    """Say so when a comparison or a conjunction can never hold, so that nothing can match it."""
    if not isinstance(looked.rule, Rule):
        return
    for part in parts_of(looked.rule.signature.query.root):
        if isinstance(part, Filter) and part.condition is not None:
            yield from _impossible(part.condition)


def _remark(said: str, at: int) -> Remark:
    return Remark(severity="warning", message=f"a condition never holds: {said}", offset=at)


def _impossible(condition: Field) -> Iterator[Remark]:
    """Yield a remark for each comparison and each conjunction that never holds."""
    parts = list(_conjuncts(condition))
    compared = [found for part in parts if (found := _comparison(part)) is not None]
    for read, operator, value in compared:
        known = _VALUES.get(read.name, ()) if _is_derived(read) else ()
        if known and operator == "=" and isinstance(value, str) and value not in known:
            hint = did_you_mean(value, known) or f"; it is one of {', '.join(known)}"
            yield _remark(f"{_shown(read)} is never {value!r}{hint}", read.at)
    yield from _conflicts(compared)
    for part in parts:
        match part:
            case Unary(operator="!", operand=operand):
                yield from _impossible(operand)
            case Binary(operator="||", left=left, right=right):
                yield from _impossible(left)
                yield from _impossible(right)
            case _:
                pass


def _conjuncts(field: Field) -> Iterator[Field]:
    if isinstance(field, Binary) and field.operator == "&&":
        yield from _conjuncts(field.left)
        yield from _conjuncts(field.right)
    else:
        yield field


def _comparison(field: Field) -> Comparison | None:
    match field:
        case Binary(
            left=Attribute() | Intrinsic() as read,
            operator="=" | "<" | "<=" | ">" | ">=" as operator,
            right=Literally(value=value),
        ):
            return read, operator, value
        case Binary(
            left=Literally(value=value),
            operator="=" | "<" | "<=" | ">" | ">=" as operator,
            right=Attribute() | Intrinsic() as read,
        ):
            return read, _FLIPPED[operator], value
        case _:
            return None


def _conflicts(compared: Sequence[Comparison]) -> Iterator[Remark]:
    """Yield a remark for each value that would have to be two things at once."""
    by_read: dict[str, list[tuple[str, Static]]] = {}
    last: dict[str, int] = {}
    for read, operator, value in compared:
        if _is_single(read):
            by_read.setdefault(_shown(read), []).append((operator, value))
            last[_shown(read)] = read.at
    for shown, tests in by_read.items():
        wanted = {value for operator, value in tests if operator == "="}
        if len(wanted) > 1 or not _leaves_room(tests):
            yield _remark(f"{shown} cannot be all that is asked of it at once", last[shown])


def _leaves_room(tests: Sequence[tuple[str, Static]]) -> bool:
    """Tell whether some number meets all comparisons with numbers; words are passed over."""
    low, high = float("-inf"), float("inf")
    is_open_low = is_open_high = False
    for operator, value in tests:
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if operator in {">", ">=", "="} and (value, operator == ">") > (low, is_open_low):
            low, is_open_low = value, operator == ">"
        if operator in {"<", "<=", "="} and (-value, operator == "<") > (-high, is_open_high):
            high, is_open_high = value, operator == "<"
    return low < high or (low == high and not (is_open_low or is_open_high))


def _is_derived(read: Attribute | Intrinsic) -> bool:
    return isinstance(read, Attribute) and read.scope in {"", "span"}


def _is_single(read: Attribute | Intrinsic) -> bool:
    if isinstance(read, Intrinsic):
        return read.name.startswith(_SINGLE_SCOPES)
    return _is_derived(read) and read.name in _SINGLE


def _shown(read: Attribute | Intrinsic) -> str:
    if isinstance(read, Intrinsic):
        return f"{read.owner}.{read.name}" if read.owner else read.name
    return ".".join(filter(None, (read.owner, read.scope, read.name)))
