"""A parsed signature to text: one spelling for each meaning."""

from __future__ import annotations

import re
from typing import assert_never

from causewatch.signatures.intrinsic import INTRINSICS
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
    Kind,
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
    Stage,
    Status,
    Unary,
)
from causewatch.signatures.token import DURATION_UNITS_NS, NAME_ENDS, SCOPES

_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PREFIX = {"plain": "", "both": "&", "not": "!"}
_PLAIN_NAME = re.compile(r"\S+")
_SCOPED = tuple(f"{scope}." for scope in SCOPES)
_EXTREMES = {-(2**63): "minInt", 2**63 - 1: "maxInt"}


def format_query(query: Query) -> str:
    """Return the signature as text that parses to the same; what binds how is in parentheses."""
    root = query.root
    text = _stages(root.stages) if isinstance(root, Pipeline) else _metric_root(root)
    if query.hints:
        hints = ", ".join(f"{hint.name}={format_field(hint.value)}" for hint in query.hints)
        text += f" with({hints})"
    return text


def _stages(stages: tuple[Stage, ...]) -> str:
    return " | ".join(format_stage(stage) for stage in stages)


def format_stage(stage: Stage) -> str:  # noqa: PLR0911 -- one a kind
    """Return one stage of a pipeline as text."""
    match stage:
        case Filter() | Named() | Combine() | Relate() | Follow() | Absent() | Pipeline():
            return format_spanset(stage)
        case Compare(operator=operator, left=left, right=right):
            return f"{_scalar(left)} {operator} {_scalar(right)}"
        case GroupBy(key=key):
            return f"by({format_field(key)})"
        case Coalesce():
            return "coalesce()"
        case Select(fields=fields):
            return f"select({', '.join(format_field(field) for field in fields)})"
        case Origin(types=types):
            return f"origin({'|'.join(types)})"
        case PathTo(types=types):
            return f"path({'|'.join(types)})"
        case _:
            assert_never(stage)


def format_spanset(spanset: Spanset) -> str:  # noqa: PLR0911 -- one a kind
    """Return a span set expression as text."""
    match spanset:
        case Filter(condition=None):
            return "{ }"
        case Filter(condition=condition):
            return f"{{ {format_field(condition)} }}" if condition is not None else "{ }"
        case Named(operand=operand, name=name):
            inner = f"({format_spanset(operand)})" if isinstance(operand, Named) else _side(operand)
            return f"{inner} as {name}"
        case Combine(operator=operator, left=left, right=right):
            return _joined(left, operator, right)
        case Relate(operator=operator, form=form, left=left, right=right):
            return _joined(left, _PREFIX[form] + operator, right)
        case Follow(left=left, right=right):
            return _joined(left, _edge(spanset), right)
        case Absent(operand=operand):
            return f"!{_side(operand)}"
        case Pipeline(stages=stages):
            return f"({_stages(stages)})"
        case _:
            assert_never(spanset)


def _edge(follow: Follow) -> str:
    guard = "" if follow.guard is None else format_spanset(follow.guard)
    return edge_text(follow, "|".join(follow.types), guard)


def edge_text(follow: Follow, types: str, guard: str) -> str:
    """Return a typed edge, such as ``-[data]->>{1,3}``, with its types and guard as given."""
    guarded = f"{types} ! {guard}" if guard else types
    opening = f"{_PREFIX[follow.form]}-[{guarded}]->"
    hops = follow.hops
    if hops.most == 1 and hops.least == 1:
        return opening
    if hops.most is None:
        return opening + (">" if hops.least == 1 else f">{{{hops.least},}}")
    return f"{opening}>{{{hops.least},{hops.most}}}"


def _joined(left: Spanset, operator: str, right: Spanset) -> str:
    sides = [_side(left), _side(right)]
    if isinstance(left, Pipeline) or isinstance(right, Pipeline):
        # Beside a pipeline everything has to stand in parentheses.
        sides = [side if side.startswith("(") else f"({side})" for side in sides]
    return f"{sides[0]} {operator} {sides[1]}"


def _side(spanset: Spanset) -> str:
    """Return an operand, in parentheses where it needs or clarifies by them."""
    text = format_spanset(spanset)
    return text if isinstance(spanset, (Filter, Named, Absent, Pipeline)) else f"({text})"


def format_field(field: Field) -> str:
    """Return the expression of a filter as text."""
    match field:
        case Literally():
            return _literal(field)
        case Attribute():
            return _attribute(field)
        case Intrinsic(name=name, owner=owner):
            return _intrinsic(name, owner)
        case Unary(operator=operator, operand=operand):
            return f"{operator}{_operand(operand)}"
        case IsNil(operand=operand, negated=negated):
            return f"{_operand(operand)} {'!=' if negated else '='} nil"
        case Binary(operator=operator, left=left, right=right):
            return f"{_operand(left)} {operator} {_operand(right)}"
        case _:
            assert_never(field)


def _operand(field: Field) -> str:
    text = format_field(field)
    return f"({text})" if isinstance(field, (Binary, IsNil, Unary)) else text


def _attribute(field: Attribute) -> str:
    name = field.name
    odd = not _PLAIN_NAME.fullmatch(name) or NAME_ENDS & set(name) or '"' in name
    # Without quotes `.5` would be a number, and `parent.span.x` an attribute of the span scope.
    misread = not field.scope and (name[:1].isdigit() or name.startswith(_SCOPED))
    if odd or misread:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    owner = f"{field.owner}." if field.owner else ""
    if field.owner and not field.scope:
        return f"{owner}{name}"
    return f"{owner}{field.scope}.{name}"


def _intrinsic(name: str, owner: str) -> str:
    if owner:
        return f"{owner}:{name.partition(':')[2]}"
    return (INTRINSICS[name].legacy or name) if name in INTRINSICS else name


def _literal(field: Literally) -> str:
    value = field.value
    match value:
        case Status() | Kind():
            return str(value.value)
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + "".join(_ESCAPED.get(char, char) for char in value) + '"'
        case _ if field.type == "duration":
            return _duration(int(value))
        case int():
            return _EXTREMES.get(value, str(value))
        case float():
            return repr(value)


def _duration(value_ns: int) -> str:
    """Return a duration in the largest units that give it exactly."""
    parts = []
    rest = abs(value_ns)
    for unit in ("h", "m", "s", "ms", "us", "ns"):
        count, rest = divmod(rest, DURATION_UNITS_NS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if value_ns < 0 else "") + ("".join(parts) or "0s")


def _scalar(scalar: Scalar) -> str:
    match scalar:
        case Literally():
            return _literal(scalar)
        case Aggregate(function=function, operand=None):
            return f"{function}()"
        case Aggregate(function=function, operand=operand):
            return f"{function}({format_field(operand) if operand is not None else ''})"
        case Measured(stages=stages, scalar=inner):
            return f"({_stages(stages)} | {_scalar(inner)})"
        case Arithmetic(operator=operator, left=left, right=right):
            return f"({_scalar(left)} {operator} {_scalar(right)})"
        case _:
            assert_never(scalar)


def _metric_root(root: MetricRoot) -> str:
    match root:
        case Literally():
            return _literal(root)
        case MetricQuery(stages=stages, metric=metric, ranks=ranks):
            text = f"{_stages(stages)} | {_metric(metric)}"
        case MetricMath(operator=operator, left=left, right=right, ranks=ranks):
            text = f"{_metric_side(left)} {operator} {_metric_side(right)}"
        case _:
            assert_never(root)
    for rank in ranks:
        value = _literal(rank.value)
        ranked = rank.function in {"topk", "bottomk"}
        text += f" | {rank.function}({value})" if ranked else f" {rank.function} {value}"
    return text


def _metric_side(root: MetricRoot) -> str:
    return _literal(root) if isinstance(root, Literally) else f"({_metric_root(root)})"


def _metric(metric: Metric) -> str:
    arguments = [format_field(field) for field in metric.fields]
    if metric.filter is not None:
        arguments.insert(0, format_spanset(metric.filter))
    text = f"{metric.function}({', '.join(arguments)})"
    if metric.by:
        text += f" by({', '.join(format_field(field) for field in metric.by)})"
    return text
