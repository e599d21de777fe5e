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
from typing import Literal, TypeAlias, cast

from causewatch.dialects.table import Dialect
from causewatch.dialects.table import Field as DialectField
from causewatch.likeness.answers import Fits
from causewatch.likeness.asked import NAME, NOTHING, STATUS_MESSAGE, Check, Put, Total, Variable
from causewatch.likeness.keys import ID
from causewatch.rules.asking import Asking
from causewatch.rules.bundle import Group, Rule
from causewatch.rules.subject import USAGE
from causewatch.signatures.classify import parts_of
from causewatch.signatures.fragments import Gap, fragments_of
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

Ask: TypeAlias = "Callable[[Asking], None]"
_TOLD = frozenset(
    {"span:kind", "span:status", "span:childCount", "trace:rootService", "event:name",
     "instrumentation:name", "instrumentation:version", "nestedSetLeft", "nestedSetRight",
     "nestedSetParent"}
)  # fmt: skip
"""Intrinsics that are equal in runs of one likeness."""
_TEXTS = {"span:name": NAME, "trace:rootName": NAME, "span:statusMessage": STATUS_MESSAGE}
_IDS = frozenset(
    {"span:id", "span:parentID", "trace:id", "link:traceID", "link:spanID",
     "causewatch.handoff.sender.span_id", "causewatch.handoff.receiver.span_id"}
)  # fmt: skip
"""Each run's own; which of them are equal is its structure."""
_TIMES: dict[str, Literal["duration", "trace", "start", "end"]] = {
    "span:duration": "duration",
    "trace:duration": "trace",
    "span:start": "start",
    "span:end": "end",
}
_DERIVED = "causewatch."
_NAMES = frozenset(
    _DERIVED + name for name in ("agent", "workflow", "tool", "handoff.from", "handoff.to")
)
_SESSION = _DERIVED + "session"
_UNTOLD = (".sha256", "handoff.delta", "handoff.checksum")
"""How the names of derived attributes end that only a judged run has."""
_BYTES = ".bytes"
_PAYLOADS: dict[str, DialectField] = {
    "causewatch.args.sha256": "arguments",
    "causewatch.result.sha256": "result",
}
_FLIPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_RISING = frozenset({">", ">="})
_FALLING = frozenset({"<", "<="})
_PARTS_OF_IDS = frozenset("0123456789abcdefABCDEF-")
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
            except _UntoldError as error:
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


class _UntoldError(Exception):
    """Nothing can be said about what a rule reads; the text is its name."""


def _of_rule(rule: Rule) -> Iterator[Ask]:
    for part in parts_of(rule.signature.query.root):
        match part:
            case Filter(condition=condition) if condition is not None:
                yield from _filter(condition)
            case Compare():
                yield from _totals(part)
            case GroupBy(key=key):
                yield from _equality(key)
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
            yield _size(limit)
            return
    gate = next((text for part in parts if (text := _gate(part))), "")
    try:
        yield from [ask for part in parts for ask in _condition(part, gate)]
    except _UntoldError:
        if not gate:
            raise
        yield lambda asking: asking.gate(gate)


def _size(limit: float) -> Ask:
    return lambda asking: asking.size(limit)


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
    is_size = isinstance(read, Attribute) and _is_derived(read) and read.name.endswith(_BYTES)
    if not (is_size and _is_number(value) and operator in _RISING and cast("float", value) > 0):
        return None
    # Of 5 bytes or more, none must be above 4.
    return cast("float", value) - (operator == ">=")


def _gate(part: Field) -> str:
    """Return a text that is in every run in which a condition holds, if there is one."""
    plain = _plain(part)
    if plain is None:
        return ""
    read, operator, value = plain
    is_name = isinstance(read, Attribute) and _is_derived(read) and read.name in _NAMES
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
            yield from _leaf(*plain)
        case Literally():
            pass
        case Binary(operator="&&" | "||", left=left, right=right):
            yield from _condition(left, gate)
            yield from _condition(right, gate)
        case Unary(operator="!", operand=operand):
            yield from _condition(operand, gate)
        case Attribute():
            yield from _leaf(part, "=", value=True)
        case IsNil(operand=Attribute() | Intrinsic() as read):
            yield from _presence(read)
        case Binary(
            left=Attribute() | Intrinsic() as one,
            operator="=" | "!=" as operator,
            right=Attribute() | Intrinsic() as other,
        ):
            yield from _compared(one, operator, other, gate)
        case Binary(left=left, operator=operator, right=right) if operator in _FLIPPED:
            yield _check(cast("CompareOperator", operator), left, right)
        case _:
            yield from _whole(part)


def _leaf(read: Attribute | Intrinsic, operator: str, value: Static) -> Iterator[Ask]:
    """Ask how what is read compares with a constant."""
    name = read.name
    if isinstance(read, Intrinsic):
        yield from _of_intrinsic(name, operator, value)
        return
    if read.scope == "link":
        raise _UntoldError(f"link.{name}")
    if _is_derived(read):
        yield from _of_derived(name, operator, value)
    if operator in {"=~", "!~"}:
        pattern = str(value)
        yield lambda asking: asking.pattern(name, pattern)
        return
    yield lambda asking: asking.value(name, value)
    if name in USAGE.values() and _is_number(value):
        sign, number = cast("CompareOperator", operator), cast("float", value)
        yield lambda asking: asking.test(
            Check(
                left=(Put(variable=asking.variable(name)),),
                operator=sign,
                right=(Put(number=number),),
            )
        )


def _of_intrinsic(name: str, operator: str, value: Static) -> Iterator[Ask]:
    is_number = _is_number(value)
    if name in _TEXTS:
        key = _TEXTS[name]
        if operator in {"=~", "!~"}:
            yield lambda asking: asking.pattern(key, str(value))
        else:
            yield lambda asking: asking.value(key, value)
    elif name == "span:duration" and is_number:
        yield lambda asking: asking.duration(cast("float", value))
    elif name == "trace:duration" and is_number:
        yield lambda asking: asking.trace(cast("float", value))
    elif name == "span:parentID" and value == "" and operator in {"=", "!="}:
        pass
    elif name not in _TOLD:
        raise _UntoldError(name)


def _of_derived(name: str, operator: str, value: Static) -> Iterator[Ask]:
    if name == _SESSION:
        yield from _of_session(operator, str(value))
    elif name.endswith(_BYTES) and operator in _RISING:
        yield _size(cast("float", value) - (operator == ">="))
    elif name.endswith((*_UNTOLD, _BYTES)) or name in _IDS:
        raise _UntoldError(name)
    elif name in _NAMES:
        yield from _of_name(operator, str(value))


def _of_session(operator: str, text: str) -> Iterator[Ask]:
    def ask(asking: Asking) -> None:
        for key in asking.session_keys():
            if operator in {"=~", "!~"}:
                asking.pattern(key, text)
            else:
                asking.value(key, text)

    yield ask


def _of_name(operator: str, text: str) -> Iterator[Ask]:
    if operator in {"=", "!="}:
        if (ids := ID.findall(text)) or "#" in text:
            yield lambda asking: asking.names(ids)
    elif operator not in {"=~", "!~"} or not _is_free_of_ids(text):
        yield lambda asking: asking.whole_names()


def _is_free_of_ids(pattern: str) -> bool:
    """Tell whether a name fits or not whatever ids are in it: a likeness has them as ``#``."""
    found = fragments_of(pattern)
    if found is None:
        return False
    for alternative in found.alternatives:
        for i, part in enumerate(alternative):
            if part is Gap.SOME:
                return False
            if isinstance(part, Gap):
                continue
            ends = part[:1] if i > 0 else "", part[-1:] if i + 1 < len(alternative) else ""
            if any(end in _PARTS_OF_IDS for end in ends if end):
                return False
            if any(char.isdigit() or char == "#" for char in part):
                return False
    return True


def _presence(read: Attribute | Intrinsic) -> Iterator[Ask]:
    name = read.name
    if isinstance(read, Attribute):
        if read.scope == "link":
            raise _UntoldError(f"link.{name}")
        yield lambda asking: asking.value(name, None)


def _compared(
    one: Attribute | Intrinsic, operator: CompareOperator, other: Attribute | Intrinsic, gate: str
) -> Iterator[Ask]:
    """Ask which of two fields' values are equal, on one span or between several."""
    if one.name in _IDS and other.name in _IDS:
        return
    field = _PAYLOADS.get(one.name)
    if field is not None and other.name == one.name:
        kind = field
        yield lambda asking: asking.digests(kind, gate)
        return
    if {one.name, other.name} & _TIMES.keys():
        yield _check(operator, one, other)
    elif one.name in _NAMES and other.name in _NAMES:
        yield from _equality(one)
        yield from _equality(other)
    elif _is_placed(one) and _is_placed(other):
        yield from _equality(one)
        yield from _equality(other)
    else:
        # Where one of them comes from elsewhere, places alone do not say what is equal to it.
        yield from _whole(one)
        yield from _whole(other)


def _is_placed(read: Field) -> bool:
    """Tell whether of a field's values it is enough to know where equal ones were."""
    if isinstance(read, Intrinsic):
        return read.name in _TEXTS
    is_own = isinstance(read, Attribute) and read.scope in {"span", "event"}
    return is_own and not (read.name in USAGE.values() or _is_derived(read))


def _equality(field: Field) -> Iterator[Ask]:
    """Ask which values of a field are equal."""
    match field:
        case Intrinsic(name=name) if name in _TEXTS:
            key = _TEXTS[name]
            yield lambda asking: asking.same(key)
        case Attribute(name=name) if _is_derived(field) and name in _NAMES:
            yield lambda asking: asking.names()
            yield lambda asking: asking.same(name)
        case Attribute(name=name) if name in _PAYLOADS:
            kind = _PAYLOADS[name]
            yield lambda asking: asking.digests(kind, "")
        case Attribute(name=name) if _is_placed(field):
            yield lambda asking: asking.same(name)
        case _:
            yield from _whole(field)


def _whole(part: Field) -> Iterator[Ask]:
    """Ask for all that is read: then whatever is made of it is the same."""
    for read in parts_of(part):
        if isinstance(read, Intrinsic):
            if read.name in _TEXTS:
                key = _TEXTS[read.name]
                yield _whole_of(key)
            elif read.name not in _TOLD:
                raise _UntoldError(read.name)
        elif isinstance(read, Attribute):
            yield from _whole_attribute(read)


def _whole_of(key: str) -> Ask:
    return lambda asking: asking.whole(key)


def _whole_attribute(read: Attribute) -> Iterator[Ask]:
    name = read.name
    if read.scope == "link":
        raise _UntoldError(f"link.{name}")
    if _is_derived(read):
        if name.endswith((*_UNTOLD, _BYTES)) or name in _IDS or name == _SESSION:
            raise _UntoldError(name)
        if name in _NAMES:
            yield lambda asking: asking.whole_names()
    yield lambda asking: asking.whole(name)
    if name in USAGE.values():
        yield lambda asking: asking.whole_usage(name)


def _check(operator: CompareOperator, left: Field, right: Field) -> Ask:
    """Ask whether a comparison of calculations holds, where each reads one span's numbers."""
    owners = {
        part.owner
        for part in (*parts_of(left), *parts_of(right))
        if isinstance(part, Attribute | Intrinsic)
    }
    has_parent = owners == {"", "parent"}
    if len(owners) != 1 and not has_parent:
        return _all_of(_whole(left), _whole(right))
    try:
        one, other = list(_calculated(left)), list(_calculated(right))
    except _NoNumberError:
        return _all_of(_whole(left), _whole(right))

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
        case Attribute(name=name, scope="span", owner=owner) if not _is_derived(field):
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
                yield from _whole(part.operand)


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
    is_ordered = operator in _RISING | _FALLING
    if not (is_ordered and _is_number(value) and isinstance(operand, Attribute | Intrinsic)):
        yield from _whole(operand)
        return
    limit = cast("float", value)
    if function in {"min", "max"}:
        yield from _leaf(operand, operator, value)
        return
    if _is_derived(operand) and operand.name.endswith(_BYTES) and operator in _RISING:
        if function == "sum":
            yield lambda asking: asking.total_size(limit - (operator == ">="))
        else:
            yield lambda asking: asking.size(limit - (operator == ">="))
        return
    try:
        (put,) = _calculated(operand)
    except _NoNumberError:
        yield from _whole(operand)
        return
    yield lambda asking: asking.total(
        Total(
            variable=cast("Variable", put(asking).variable),
            limit=limit,
            is_mean=function == "avg",
            is_falling=operator in _FALLING,
        )
    )


def _is_derived(read: Attribute | Intrinsic) -> bool:
    return (
        isinstance(read, Attribute)
        and read.scope in {"", "span"}
        and read.name.startswith(_DERIVED)
    )


def _is_number(value: Static) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
