"""A parsed signature to text for people: few parentheses, and lines that fit.

``format`` shows what binds how, which is what tests and keys need; this is what ``causewatch fmt``
writes. Both parse to the same signature.
"""

from __future__ import annotations

from causewatch.signatures.format import (
    edge_text,
    format_field,
    format_query,
    format_spanset,
    format_stage,
)
from causewatch.signatures.syntax import (
    FLOW,
    Absent,
    Aggregate,
    Binary,
    Combine,
    Compare,
    EdgeName,
    Field,
    Filter,
    Follow,
    Form,
    GroupBy,
    IsNil,
    Literally,
    Named,
    Origin,
    PathTo,
    Pipeline,
    Query,
    Relate,
    Spanset,
    Stage,
    Unary,
)

WIDTH_CHARS = 80
_INDENT = "  "
_PREFIX: dict[Form, str] = {"plain": "", "both": "&", "not": "!"}
_LOGIC = {"&&", "||"}
_SUMS = {"+", "-"}
_PRODUCTS = {"*", "/", "%"}


def layout(query: Query, width_chars: int = WIDTH_CHARS) -> str:
    """Return the signature in few lines of at most ``width_chars``, where it can be broken.

    A metrics query stays as ``format_query`` writes it.
    """
    root = query.root
    if not isinstance(root, Pipeline):
        return format_query(query)
    hints = ", ".join(f"{hint.name}={format_field(hint.value)}" for hint in query.hints)
    end = f" with({hints})" if hints else ""
    one_line = " | ".join(stage_text(stage) for stage in root.stages) + end
    if len(one_line) <= width_chars:
        return one_line
    lines: list[str] = []
    for stage in root.stages:
        block = _stage_block(stage, width_chars)
        lines += [f"| {block[0]}", *block[1:]] if lines else block
    lines[-1] += end
    return "\n".join(lines)


def stage_text(stage: Stage) -> str:
    """Return one stage of a pipeline on one line."""
    match stage:
        case Filter() | Named() | Combine() | Relate() | Follow() | Absent() | Pipeline():
            return spanset_text(stage)
        case Origin(types=types):
            return f"origin({_types(types)})"
        case PathTo(types=types):
            return f"path({_types(types)})"
        case GroupBy(key=key):
            return f"by({_field(key)})"
        case Compare(
            left=Aggregate(function=function, operand=operand),
            operator=operator,
            right=Literally() as right,
        ):
            read = "" if operand is None else _field(operand)
            return f"{function}({read}) {operator} {format_field(right)}"
        case _:
            return format_stage(stage)


def _stage_block(stage: Stage, width: int) -> list[str]:
    match stage:
        case Filter() | Named() | Combine() | Relate() | Follow() | Absent() | Pipeline():
            return _block(stage, width)
        case _:
            return [stage_text(stage)]


def spanset_text(spanset: Spanset) -> str:
    """Return a span set expression on one line."""
    match spanset:
        case Filter(condition=condition) if condition is not None:
            return f"{{ {_field(condition)} }}"
        case Named(operand=operand, name=name):
            inner = f"({spanset_text(operand)})" if isinstance(operand, Named) else _side(operand)
            return f"{inner} as {name}"
        case Absent(operand=operand):
            return f"!{_side(operand)}"
        case Combine() | Relate() | Follow() if not _has_pipeline(spanset):
            return f"{_side(spanset.left)} {operator_text(spanset)} {_side(spanset.right)}"
        case _:
            return format_spanset(spanset)


def _has_pipeline(spanset: Combine | Relate | Follow) -> bool:
    return isinstance(spanset.left, Pipeline) or isinstance(spanset.right, Pipeline)


def _is_simple(spanset: Spanset) -> bool:
    return isinstance(spanset, (Filter, Named, Absent, Pipeline))


def _side(spanset: Spanset) -> str:
    text = spanset_text(spanset)
    return text if _is_simple(spanset) else f"({text})"


def _types(types: tuple[EdgeName, ...]) -> str:
    return "flow" if types == FLOW else "|".join(types)


def operator_text(spanset: Combine | Relate | Follow) -> str:
    """Return what stands between the sides."""
    match spanset:
        case Combine(operator=logic):
            return logic
        case Relate(operator=operator, form=form):
            return _PREFIX[form] + operator
        case Follow():
            guard = "" if spanset.guard is None else spanset_text(spanset.guard)
            return edge_text(spanset, _types(spanset.types), guard)


def _block(spanset: Spanset, width: int) -> list[str]:
    """Return a span set expression as lines; it is broken only where it does not fit."""
    text = spanset_text(spanset)
    if len(text) <= width:
        return [text]
    match spanset:
        case Filter(condition=Binary() as condition):
            return _filter_block(condition)
        case Named(operand=operand, name=name) if _is_simple(operand):
            lines = _block(operand, width)
            return [*lines[:-1], f"{lines[-1]} as {name}"]
        case Combine() | Relate() | Follow() if not _has_pipeline(spanset):
            right = _side_block(spanset.right, width - len(_INDENT))
            right[0] = f"{operator_text(spanset)} {right[0]}"
            return [*_side_block(spanset.left, width), *(_INDENT + line for line in right)]
        case _:
            return [text]


def _side_block(spanset: Spanset, width: int) -> list[str]:
    if _is_simple(spanset):
        return _block(spanset, width)
    lines = _block(spanset, width - 1)
    lines = [f"({lines[0]}", *(f" {line}" for line in lines[1:])]
    return [*lines[:-1], f"{lines[-1]})"]


def _filter_block(condition: Binary) -> list[str]:
    """Return a filter with each part of its outermost ``&&`` or ``||`` on a line of its own."""
    operator = condition.operator
    if operator not in _LOGIC:
        return [f"{{ {_field(condition)} }}"]
    parts: list[str] = []
    field: Field = condition
    while isinstance(field, Binary) and field.operator == operator:
        parts.append(_within(field.right, operator, is_right=True))
        field = field.left
    first = _within(field, operator, is_right=False)
    lines = [f"{{ {first}", *(f"{_INDENT}{operator} {part}" for part in reversed(parts))]
    return [*lines[:-1], f"{lines[-1]} }}"]


def _field(field: Field) -> str:
    """Return an expression; parentheses stand where the reader or the parser needs them."""
    match field:
        case Binary(operator=operator, left=left, right=right):
            first = _within(left, operator, is_right=False)
            return f"{first} {operator} {_within(right, operator, is_right=True)}"
        case IsNil(operand=operand, negated=negated):
            return f"{_operand(operand)} {'!=' if negated else '='} nil"
        case Unary(operator=operator, operand=operand):
            return f"{operator}{_operand(operand)}"
        case _:
            return format_field(field)


def _operand(field: Field) -> str:
    text = _field(field)
    return f"({text})" if isinstance(field, (Binary, IsNil, Unary)) else text


def _within(field: Field, operator: str, *, is_right: bool) -> str:
    """Return a side of ``operator``, without parentheses where nobody would read it otherwise.

    Those are: comparisons beside ``&&`` and ``||``, chains of one of these or of one kind of
    arithmetic, sums and products beside a comparison.
    """
    if not isinstance(field, (Binary, IsNil)):
        return _field(field) if operator in _LOGIC else _operand(field)
    inner = field.operator if isinstance(field, Binary) else "="
    if operator in _LOGIC:
        is_clear = inner not in _LOGIC or (inner == operator and not is_right)
    elif operator in _SUMS or operator in _PRODUCTS:
        kind = _SUMS if operator in _SUMS else _PRODUCTS
        is_clear = inner in kind and not is_right
    else:
        is_clear = operator != "^" and inner in _SUMS | _PRODUCTS
    return _field(field) if is_clear else f"({_field(field)})"
