"""What loaded rules look at that a run's likeness alone does not tell, put as questions.

Runs of one likeness are equal in structure, names, kinds, statuses and in what detectors see. A
rule may also look at durations, numbers, words and sizes. What it makes of them goes into the
likeness (see ``likeness/asked.py``). Where that takes more than one span's own values, it is enough
to know that the rule cannot match: a run of which that cannot be said is judged in full. Only with
what nothing can be said about (times and ids against constants) is every run.

The labels of a rule are not asked for: they only say what a match is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, cast

from causewatch.dialects.table import Dialect
from causewatch.likeness.answers import Fits
from causewatch.likeness.asked import NOTHING, Check, Put, Total, Variable
from causewatch.rules.asking import Asking
from causewatch.rules.bundle import Group, Rule
from causewatch.rules.reads import (
    BYTES,
    IDS,
    NAMES,
    PAYLOADS,
    RISING,
    Ask,
    UntoldError,
    equality,
    is_derived,
    is_number,
    is_placed,
    leaf,
    presence,
    size_above,
    whole,
)
from causewatch.signatures.classify import parts_of
from causewatch.signatures.syntax import (
    Aggregate,
    Arithmetic,
    Attribute,
    Binary,
    Compare,
    CompareOperator,
    Field,
    Filter,
    Follow,
    GroupBy,
    Intrinsic,
    IsNil,
    Literally,
    Measured,
    Origin,
    PathTo,
    Scalar,
    Static,
    Unary,
)

_TIMES: dict[str, Literal["duration", "trace", "start", "end"]] = {
    "span:duration": "duration",
    "trace:duration": "trace",
    "span:start": "start",
    "span:end": "end",
}
_FLIPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_FALLING = frozenset({"<", "<="})
MIN_GATE_CHARS = 4


class Interest:
    """What the rules in force ask of values.

    Attributes:
        unsound: rule ids with what they read; with any, no run may be passed over.
        questions: what a likeness has to answer besides.
        fits: by the text of each pattern, whether a value fits it.
    """

    def __init__(self, groups: Iterable[Group], dialects: Sequence[Dialect]) -> None:
        self.unsound: dict[str, str] = {}
        asking = Asking(dialects)
        for rule in (rule for group in groups for rule in group.rules):
            try:
                asks = list(_of_rule(rule))
            except UntoldError as error:
                self.unsound[rule.rule_id] = str(error)
                continue
            for ask in asks:
                ask(asking)
        self.questions = asking.questions()
        self.fits: dict[str, Fits] = asking.fits()

    @property
    def is_empty(self) -> bool:
        """Tell whether a likeness says all that the rules look at."""
        return not self.unsound and self.questions == NOTHING


def _of_rule(rule: Rule) -> Iterator[Ask]:
    for part in parts_of(rule.signature.query.root):
        match part:
            case Filter(condition=condition) if condition is not None:
                yield from _filter(condition)
            case Compare():
                yield from _totals(part)
            case GroupBy(key=key):
                yield from equality(key)
            case Follow(types=types) | Origin(types=types) | PathTo(types=types):
                if "before" in types:
                    yield lambda asking: asking.order()
            case _:
                pass


def _filter(condition: Field) -> Iterator[Ask]:
    """Ask what one selector needs; that nothing can be selected is enough."""
    parts = list(_conjuncts(condition))
    for part in parts:
        limit = _size_limit(part)
        if limit is not None:
            yield size_above(limit)
            return
    gate = next((text for part in parts if (text := _gate(part))), "")
    try:
        yield from [ask for part in parts for ask in _condition(part, gate)]
    except UntoldError:
        if not gate:
            raise
        yield lambda asking: asking.gate(gate)


def _conjuncts(field: Field) -> Iterator[Field]:
    if isinstance(field, Binary) and field.operator == "&&":
        yield from _conjuncts(field.left)
        yield from _conjuncts(field.right)
    else:
        yield field


def _size_limit(part: Field) -> float | None:
    """Return the bytes that a condition wants a payload to be above."""
    plain = _plain(part)
    if plain is None:
        return None
    read, operator, value = plain
    is_size = isinstance(read, Attribute) and is_derived(read) and read.name.endswith(BYTES)
    if not (is_size and is_number(value) and operator in RISING and cast("float", value) > 0):
        return None
    # Of 5 bytes or more, none must be above 4.
    return cast("float", value) - (operator == ">=")


def _gate(part: Field) -> str:
    """Return a text that is in every run in which a condition holds, if there is one."""
    plain = _plain(part)
    if plain is None:
        return ""
    read, operator, value = plain
    is_name = isinstance(read, Attribute) and is_derived(read) and read.name in NAMES
    is_text = isinstance(value, str) and len(value) >= MIN_GATE_CHARS and value.isascii()
    if not (is_name and is_text and operator == "="):
        return ""
    text = str(value)
    return text if text.replace("_", "").isalnum() else ""


def _plain(part: Field) -> tuple[Attribute | Intrinsic, str, Static] | None:
    """Return a comparison of what is read with a constant, the constant on the right."""
    match part:
        case Binary(
            operator=operator,
            left=Attribute() | Intrinsic() as read,
            right=Literally(value=value),
        ):
            return read, operator, value
        case Binary(
            operator=operator,
            left=Literally(value=value),
            right=Attribute() | Intrinsic() as read,
        ) if operator in _FLIPPED:
            return read, _FLIPPED[operator], value
        case _:
            return None


def _condition(part: Field, gate: str) -> Iterator[Ask]:
    plain = _plain(part)
    match part:
        case _ if plain is not None:
            yield from leaf(*plain)
        case Literally():
            pass
        case Binary(operator="&&" | "||", left=left, right=right):
            yield from _condition(left, gate)
            yield from _condition(right, gate)
        case Unary(operator="!", operand=operand):
            yield from _condition(operand, gate)
        case Attribute():
            yield from leaf(part, "=", value=True)
        case IsNil(operand=Attribute() | Intrinsic() as read):
            yield from presence(read)
        case Binary(
            left=Attribute() | Intrinsic() as one,
            operator="=" | "!=" as operator,
            right=Attribute() | Intrinsic() as other,
        ):
            yield from _compared(one, operator, other, gate)
        case Binary(left=left, operator=operator, right=right) if operator in _FLIPPED:
            yield _check(cast("CompareOperator", operator), left, right)
        case _:
            yield from whole(part)


def _compared(
    one: Attribute | Intrinsic, operator: CompareOperator, other: Attribute | Intrinsic, gate: str
) -> Iterator[Ask]:
    """Ask which of two fields' values are equal, on one span or between several."""
    if one.name in IDS and other.name in IDS:
        return
    field = PAYLOADS.get(one.name)
    if field is not None and other.name == one.name:
        kind = field
        yield lambda asking: asking.digests(kind, gate)
        return
    if {one.name, other.name} & _TIMES.keys():
        yield _check(operator, one, other)
    elif (one.name in NAMES and other.name in NAMES) or (is_placed(one) and is_placed(other)):
        yield from equality(one)
        yield from equality(other)
    else:
        # Where one of them comes from elsewhere, places alone do not say what is equal to it.
        yield from whole(one)
        yield from whole(other)


def _check(operator: CompareOperator, left: Field, right: Field) -> Ask:
    """Ask whether a comparison of calculations holds, where each reads one span's numbers."""
    owners = {
        part.owner
        for part in (*parts_of(left), *parts_of(right))
        if isinstance(part, Attribute | Intrinsic)
    }
    has_parent = owners == {"", "parent"}
    if len(owners) != 1 and not has_parent:
        return _all_of(whole(left), whole(right))
    try:
        one, other = list(_calculated(left)), list(_calculated(right))
    except _NoNumberError:
        return _all_of(whole(left), whole(right))

    def puts(listed: Sequence[Callable[[Asking], Put]], asking: Asking) -> tuple[Put, ...]:
        return tuple(each(asking) for each in listed)

    return lambda asking: asking.test(
        Check(left=puts(one, asking), operator=operator, right=puts(other, asking))
    )


def _all_of(*asks: Iterable[Ask]) -> Ask:
    listed = [ask for each in asks for ask in each]

    def ask_all(asking: Asking) -> None:
        for ask in listed:
            ask(asking)

    return ask_all


class _NoNumberError(Exception):
    """A calculation has a part that is not read."""


def _calculated(field: Field) -> Iterator[Callable[[Asking], Put]]:
    """Yield a calculation in postfix form."""
    match field:
        case Literally(value=bool()):
            raise _NoNumberError
        case Literally(value=int() | float() as value):
            yield lambda _: Put(number=value)
        case Intrinsic(name=name, owner=owner) if name in _TIMES:
            variable = Variable(what=_TIMES[name], of_parent=owner == "parent")
            yield lambda _: Put(variable=variable)
        case Attribute(name=name, scope="span", owner=owner) if not is_derived(field):
            is_parents = owner == "parent"
            yield lambda asking: Put(variable=asking.variable(name, of_parent=is_parents))
        case Binary(left=left, operator="+" | "-" | "*" | "/" as operator, right=right):
            yield from _calculated(left)
            yield from _calculated(right)
            yield lambda _: Put(operator=operator)
        case Unary(operator="-", operand=operand):
            yield lambda _: Put(number=0)
            yield from _calculated(operand)
            yield lambda _: Put(operator="-")
        case _:
            raise _NoNumberError


def _totals(compare: Compare) -> Iterator[Ask]:
    """Ask what a scalar filter needs."""
    left, right = _scalar(compare.left), _scalar(compare.right)
    operator: str = compare.operator
    if isinstance(left, Literally):
        left, right, operator = right, left, _FLIPPED[operator]
    if isinstance(left, Aggregate) and isinstance(right, Literally):
        if left.operand is not None:
            yield from _aggregated(left.function, left.operand, operator, right.value)
        return
    for scalar in (left, right):
        for part in _aggregates_in(scalar):
            if part.operand is not None:
                yield from whole(part.operand)


def _scalar(scalar: Scalar) -> Scalar:
    while isinstance(scalar, Measured):
        scalar = scalar.scalar
    return scalar


def _aggregates_in(scalar: Scalar) -> Iterator[Aggregate]:
    match _scalar(scalar):
        case Aggregate() as found:
            yield found
        case Arithmetic(left=left, right=right):
            yield from _aggregates_in(left)
            yield from _aggregates_in(right)
        case _:
            pass


def _aggregated(function: str, operand: Field, operator: str, value: Static) -> Iterator[Ask]:
    """Ask what an aggregate of one field against a constant needs."""
    is_ordered = operator in RISING | _FALLING
    if not (is_ordered and is_number(value) and isinstance(operand, Attribute | Intrinsic)):
        yield from whole(operand)
        return
    limit = cast("float", value)
    if function in {"min", "max"}:
        yield from leaf(operand, operator, value)
        return
    if is_derived(operand) and operand.name.endswith(BYTES) and operator in RISING:
        if function == "sum":
            yield lambda asking: asking.total_size(limit - (operator == ">="))
        else:
            yield lambda asking: asking.size(limit - (operator == ">="))
        return
    try:
        (put,) = _calculated(operand)
    except _NoNumberError:
        yield from whole(operand)
        return
    yield lambda asking: asking.total(
        Total(
            variable=cast("Variable", put(asking).variable),
            limit=limit,
            is_mean=function == "avg",
            is_falling=operator in _FALLING,
        )
    )
