"""Whether the types of a parsed signature fit, and whether its names exist."""

from __future__ import annotations

from typing import assert_never, get_args

import re2

from causewatch.signatures.classify import parts_of
from causewatch.signatures.error import SignatureError, Stage
from causewatch.signatures.intrinsic import INTRINSICS, StaticType
from causewatch.signatures.syntax import (
    Absent,
    Aggregate,
    Arithmetic,
    Attribute,
    Binary,
    Coalesce,
    Combine,
    Compare,
    Field,
    Filter,
    Follow,
    GroupBy,
    Intrinsic,
    IsNil,
    Literally,
    Measured,
    Metric,
    MetricMath,
    MetricQuery,
    MetricRoot,
    Named,
    Origin,
    PathTo,
    Pipeline,
    Query,
    Relate,
    Scalar,
    Select,
    Spanset,
    Unary,
)
from causewatch.signatures.syntax import (
    Stage as PipelineStage,
)

_NUMBERS: frozenset[StaticType] = frozenset({"int", "float", "duration", "number"})
_ORDERED: frozenset[StaticType] = _NUMBERS | {"string", "attribute"}
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "^"})
_ALL: frozenset[StaticType] = frozenset(get_args(StaticType))
_OPERANDS: dict[str, frozenset[StaticType]] = {
    **dict.fromkeys(("&&", "||"), frozenset({"bool", "attribute"})),
    **dict.fromkeys(("+", "-", "*", "/", "%", "^"), _NUMBERS | {"attribute"}),
    **dict.fromkeys(("<", "<=", ">", ">="), _ORDERED),
}
"""What each operator takes; those not listed take anything."""
_MAX_REGEX_BYTES = 1 << 20
_NEVER_NIL_ATTRIBUTE = ("resource", "service.name")


def validate(query: Query) -> None:
    """Check the types of a parsed signature.

    Raises:
        SignatureError: stage ``validate``, or ``unsupported`` for what is understood but not run.
    """
    _Checker(query.text).query(query)


class _Checker:
    """The names seen so far in one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._names: list[str] = []
        self._given: set[str] = set()

    def query(self, query: Query) -> None:
        root = query.root
        if isinstance(root, Pipeline):
            self._stages(root.stages)
        else:
            self._metric(root)

    def _metric(self, root: MetricRoot) -> None:
        match root:
            case MetricQuery(stages=stages, metric=metric):
                self._stages(stages)
                self._metric_function(metric)
            case MetricMath(left=left, right=right):
                self._metric(left)
                self._metric(right)
            case Literally():
                pass
            case _:
                assert_never(root)

    def _metric_function(self, metric: Metric) -> None:
        for field in (*metric.fields, *metric.by):
            self._type_of(field)
        if metric.filter is not None:
            self._stage(metric.filter)

    def _stages(self, stages: tuple[PipelineStage, ...]) -> None:
        for stage in stages:
            self._stage(stage)

    def _stage(self, stage: PipelineStage) -> None:
        match stage:
            case Filter(condition=condition):
                self._condition(condition)
            case Named():
                self._named(stage)
            case Combine() | Relate() | Follow():
                self._sides(stage)
            case Absent(at=at):
                raise self._wrong(at, "`!{ }` adds no spans", ("`{ ... } && !{ ... }`",))
            case Pipeline(stages=stages):
                self._stages(stages)
            case Compare():
                self._compare(stage)
            case _:
                self._plain_stage(stage)

    def _plain_stage(self, stage: GroupBy | Select | Coalesce | Origin | PathTo) -> None:
        match stage:
            case GroupBy(key=key, at=at):
                self._type_of(key)
                self._own_span(key, at, "by()")
            case Select(fields=fields, at=at):
                for field in fields:
                    self._type_of(field)
                    self._own_span(field, at, "select()")
            case Origin() | PathTo() | Coalesce():
                pass
            case _:
                assert_never(stage)

    def _named(self, stage: Named) -> None:
        self._stage(stage.operand)
        if stage.name in self._given:
            raise self._wrong(stage.at, f"the name `{stage.name}` is given twice")
        self._given.add(stage.name)
        self._names.append(stage.name)

    def _sides(self, stage: Combine | Relate | Follow) -> None:
        """Check both sides, each with the names it can see."""
        outside = list(self._names)
        self._side(stage, stage.left)
        of_left = self._names[len(outside) :]
        if isinstance(stage, Follow) and stage.guard is not None:
            self._stage(stage.guard)
        apart = isinstance(stage, Relate) and stage.form == "not"
        either = isinstance(stage, Combine) and stage.operator == "||"
        if apart or either:
            # The one side is not there when the other is: neither can speak of the other.
            self._names = list(outside)
        self._side(stage, stage.right)
        if either:
            self._names += of_left
        if isinstance(stage, Follow) and stage.form == "not":
            self._names = outside + of_left

    def _side(self, stage: Combine | Relate | Follow, side: Spanset) -> None:
        """Check one side; a negated one stands beside ``&&`` only, and its names end there."""
        if not isinstance(side, Absent):
            self._stage(side)
            return
        other = stage.left if side is stage.right else stage.right
        if not isinstance(stage, Combine) or stage.operator != "&&" or isinstance(other, Absent):
            raise self._wrong(side.at, "`!{ }` adds no spans", ("`{ ... } && !{ ... }`",))
        names = list(self._names)
        self._stage(side.operand)
        self._names = names

    def _condition(self, condition: Field | None) -> None:
        if condition is None:
            return
        if self._type_of(condition) not in {"bool", "attribute"}:
            raise self._wrong(condition.at, "a filter must be true or false", ("a comparison",))

    def _compare(self, stage: Compare) -> None:
        left, right = self._scalar(stage.left), self._scalar(stage.right)
        if not _comparable(left, right) or left not in _ORDERED:
            raise self._wrong(stage.at, f"cannot compare {left} with {right}")

    def _scalar(self, scalar: Scalar) -> StaticType:
        match scalar:
            case Literally(type=type_):
                return type_
            case Aggregate():
                return self._aggregate(scalar)
            case Measured(stages=stages, scalar=inner):
                names = list(self._names)
                self._stages(stages)
                self._names = names
                return self._scalar(inner)
            case Arithmetic(left=left, right=right, at=at, operator=operator):
                for side in (self._scalar(left), self._scalar(right)):
                    if side not in _NUMBERS:
                        raise self._wrong(at, f"`{operator}` needs numbers, not {side}")
                return "number"
            case _:
                assert_never(scalar)

    def _aggregate(self, scalar: Aggregate) -> StaticType:
        if scalar.operand is None:
            return "int"
        what = f"{scalar.function}()"
        type_ = self._type_of(scalar.operand)
        if type_ not in _NUMBERS and type_ != "attribute":
            raise self._wrong(scalar.at, f"{what} needs numbers, not {type_}")
        self._own_span(scalar.operand, scalar.at, what)
        return "number"

    def _type_of(self, field: Field) -> StaticType:
        match field:
            case Literally(type=type_):
                return type_
            case Attribute(owner=owner, at=at):
                self._owner(owner, at)
                return "attribute"
            case Intrinsic(name="parent", at=at):
                raise self._wrong(
                    at, "`parent` alone has no value", ("`parent.span.x`",), stage="unsupported"
                )
            case Intrinsic(name=name, owner=owner, at=at):
                self._owner(owner, at)
                return INTRINSICS[name].type
            case Unary():
                return self._unary(field)
            case IsNil():
                return self._nil(field)
            case Binary():
                return self._binary(field)
            case _:
                assert_never(field)

    def _owner(self, owner: str, at: int) -> None:
        if owner and owner != "parent" and owner not in self._names:
            known = tuple(f"`{name}`" for name in self._names)
            raise self._wrong(at, f"no span set before this is called `{owner}`", known)

    def _unary(self, field: Unary) -> StaticType:
        type_ = self._type_of(field.operand)
        if field.operator == "!":
            if type_ not in {"bool", "attribute"}:
                raise self._wrong(field.at, f"`!` needs true or false, not {type_}")
            return "bool"
        if type_ not in _NUMBERS and type_ != "attribute":
            raise self._wrong(field.at, f"minus needs a number, not {type_}")
        return type_

    def _nil(self, field: IsNil) -> StaticType:
        self._type_of(field.operand)
        match field.operand:
            case Intrinsic(owner="", name=name) if not field.negated:
                raise self._wrong(field.at, f"`{name}` is never nil")
            case Attribute(owner="", scope=scope, name=name) if (
                not field.negated and (scope, name) == _NEVER_NIL_ATTRIBUTE
            ):
                raise self._wrong(field.at, "`resource.service.name` is never nil")
            case _:
                return "bool"

    def _binary(self, field: Binary) -> StaticType:
        left, right = self._type_of(field.left), self._type_of(field.right)
        operator = field.operator
        if operator in {"=~", "!~"}:
            return self._regex(field, left)
        if not _comparable(left, right):
            raise self._wrong(field.at, f"`{operator}` cannot join {left} and {right}")
        for side in (left, right):
            if side not in _OPERANDS.get(operator, _ALL):
                raise self._wrong(field.at, f"`{operator}` does not take {side}")
        if operator not in _ARITHMETIC:
            return "bool"
        return right if left == "attribute" else left

    def _regex(self, field: Binary, left: StaticType) -> StaticType:
        if left not in {"string", "attribute"}:
            raise self._wrong(field.at, f"`{field.operator}` needs text, not {left}")
        pattern = field.right
        if not isinstance(pattern, Literally) or not isinstance(pattern.value, str):
            raise self._wrong(field.right.at, "a regular expression must be a constant string")
        try:
            compile_regex(pattern.value)
        except (re2.error, UnicodeEncodeError) as error:
            raise self._wrong(pattern.at, f"bad regular expression: {_reason(error)}") from None
        return "bool"

    def _own_span(self, field: Field, at: int, what: str) -> None:
        """Check that an expression outside of a filter is about the span itself."""
        fields = [p for p in parts_of(field) if isinstance(p, (Attribute, Intrinsic))]
        if not fields:
            raise self._wrong(at, f"{what} needs something of the span", ("an attribute",))
        for part in fields:
            if part.owner not in {"", "parent"}:
                message = f"{what} cannot refer to `{part.owner}`; only a filter can"
                raise self._wrong(part.at, message, stage="unsupported")

    def _wrong(
        self, at: int, message: str, expected: tuple[str, ...] = (), *, stage: Stage = "validate"
    ) -> SignatureError:
        return SignatureError(stage, message, text=self._text, offset=at, expected=expected)


def compile_regex(pattern: str) -> re2._Regexp:
    """Return RE2's form of a pattern in which a dot also matches a new line.

    Raises:
        re2.error: for a bad pattern, or one whose program takes more than 1 MiB.
    """
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    options.max_mem = _MAX_REGEX_BYTES
    return re2.compile(pattern, options=options)


def _reason(error: Exception) -> str:
    detail = error.args[0] if error.args else ""
    return detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)


def _comparable(left: StaticType, right: StaticType) -> bool:
    if "attribute" in {left, right} or left == right:
        return True
    return left in _NUMBERS and right in _NUMBERS
