"""Text to a parsed signature: span sets and the pipeline around them.

Written by hand as precedence climbing. Between span sets, loosest to tightest: ``|``; ``&&`` and
``||`` (one level, read from the left); all structural operators and typed edges (one level, read
from the left).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

import msgspec

from causewatch.signatures.cursor import Cursor
from causewatch.signatures.intrinsic import LEGACY
from causewatch.signatures.lexer import tokens_of
from causewatch.signatures.parse_field import parse_field, parse_literal, parse_reference_token
from causewatch.signatures.parse_metric import METRICS, parse_metric, parse_metric_math, parse_ranks
from causewatch.signatures.parse_scalar import AGGREGATES, parse_compare, parse_scalar
from causewatch.signatures.syntax import (
    FLOW,
    Absent,
    Aggregate,
    Arithmetic,
    Attribute,
    Coalesce,
    Combine,
    Compare,
    EdgeName,
    Filter,
    Follow,
    Form,
    GroupBy,
    Hint,
    Hops,
    Intrinsic,
    Literally,
    LogicOperator,
    Measured,
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
    TreeOperator,
)
from causewatch.signatures.token import SCOPES, Token

MAX_HOPS = 100
_EDGES: tuple[EdgeName, ...] = ("call", "return", "link", "handoff", "data", "before")
_TREE: dict[str, tuple[TreeOperator, Form]] = {
    prefix + operator: (operator, form)
    for prefix, form in cast("dict[str, Form]", {"": "plain", "!": "not", "&": "both"}).items()
    for operator in cast("tuple[TreeOperator, ...]", (">", ">>", "<", "<<", "~"))
}
_LOGIC: dict[str, LogicOperator] = {"&&": "&&", "||": "||"}
_FOLLOW: dict[str, Form] = {"-[": "plain", "&-[": "both", "!-[": "not"}
_LOGIC_BINDS, _RELATION_BINDS = 1, 2
_SCALARS = (Literally, Aggregate, Measured, Arithmetic)
_METRICS = (MetricQuery, MetricMath)
_OPERAND = ("`{`", "`(`")
_RESERVED = frozenset({"parent", "trace", "nil", "true", "false", *SCOPES, *LEGACY})
_Operand: TypeAlias = "Spanset | Scalar | MetricQuery | MetricMath"


def parse(text: str) -> Query:
    """Read a signature.

    Raises:
        SignatureError: stage ``parse``, with the place and what was expected there.
    """
    cursor = Cursor(text, tokens_of(text))
    root = _root(cursor)
    hints = _hints(cursor)
    if cursor.token.kind != "end":
        cursor.fail("an operator", "`|`", "the end")
    return Query(text=text, root=root, hints=hints, mixed=tuple(cursor.mixed))


def _root(cursor: Cursor) -> Pipeline | MetricQuery | MetricMath:
    start = cursor.token
    parsed = _pipeline(cursor, wrapped=False)
    if isinstance(parsed, _METRICS):
        return parsed
    if isinstance(parsed, Literally):
        return cursor.fail("a comparison")
    if isinstance(parsed, _SCALARS):
        return cursor.fail("a comparison such as `> 2`")
    return Pipeline(at=start.start, stages=parsed)


def _pipeline(
    cursor: Cursor, *, wrapped: bool
) -> tuple[Stage, ...] | Scalar | MetricQuery | MetricMath:
    """Read ``stage | stage ...``.

    In parentheses (``wrapped``) the last stage may be a scalar without a comparison, and then the
    whole is a scalar.
    """
    stages: list[Stage] = []
    at = cursor.token.start
    while True:
        if stages and cursor.at_word(*METRICS):
            metric = parse_metric(cursor, parse_filter)
            query = MetricQuery(at=at, stages=tuple(stages), metric=metric)
            ranked = msgspec.structs.replace(query, ranks=parse_ranks(cursor))
            return cast("MetricQuery | MetricMath", _math(cursor, ranked)) if wrapped else ranked
        stage = _stage(cursor, first=not stages)
        if isinstance(stage, _METRICS):
            return stage
        if isinstance(stage, _SCALARS):
            if not wrapped:
                cursor.fail("a comparison such as `> 2`")
            return Measured(at=at, stages=tuple(stages), scalar=stage) if stages else stage
        stages.append(stage)
        if not cursor.at_operator("|") or (len(stages) == 1 and _joins_pipelines(stage)):
            return tuple(stages)
        cursor.advance()


def _joins_pipelines(stage: Stage) -> bool:
    """Return whether a stage has wrapped pipelines as operands, and so stands alone."""
    match stage:
        case Pipeline():
            return True
        case Combine() | Relate() | Follow():
            return _joins_pipelines(stage.left) or _joins_pipelines(stage.right)
        case Compare(left=left, right=right):
            return isinstance(left, Measured) or isinstance(right, Measured)
        case _:
            return False


def _stage(cursor: Cursor, *, first: bool) -> Stage | Scalar | MetricQuery | MetricMath:  # noqa: PLR0911 -- one a kind
    token = cursor.token
    if cursor.at_operator("(", "{", "!"):
        operand = _operand(cursor)
        if isinstance(operand, _METRICS):
            return cast("MetricQuery | MetricMath", _math(cursor, operand))
        if isinstance(operand, _SCALARS):
            return _scalar_filter(cursor, operand)
        return _spanset(cursor, operand, _LOGIC_BINDS, wrapped=token.text == "(")[0]
    if token.kind == "word" and token.text in _KEYWORD_STAGES:
        if first and token.text not in {"by", "select"}:
            cursor.fail_at(token, f"`{token.text}` needs spans before it", "`{`")
        return _keyword_stage(cursor)
    if cursor.at_word(*AGGREGATES) or token.kind in {"int", "float", "duration"}:
        return _scalar_filter(cursor, None)
    if cursor.at_operator("-") or token.kind == "string" or token.text in {"minInt", "maxInt"}:
        return _scalar_filter(cursor, None)
    stages = ("`{`", "`(`", "`by(`", "`select(`", "an aggregate such as `count()`")
    return cursor.fail(*stages) if first else cursor.fail(*stages, "`coalesce()`", "`rate()`")


def _scalar_filter(cursor: Cursor, left: Scalar | None) -> Compare | Scalar | MetricMath:
    """Read a scalar and, where one follows, its comparison."""
    scalar = parse_scalar(cursor, _scalar_in_parentheses, left=left)
    if isinstance(scalar, Literally) and cursor.at_operator("+", "-", "*", "/"):
        metric = parse_metric_math(cursor, scalar, _metric_operand)
        return cast("MetricMath", metric)
    return parse_compare(cursor, scalar, _scalar_in_parentheses)


def _scalar_in_parentheses(cursor: Cursor) -> Scalar:
    token = cursor.token
    operand = _operand(cursor)
    if not isinstance(operand, _SCALARS):
        cursor.fail_at(token, "spans where a number is needed", "an aggregate such as `count()`")
    return operand


def _math(cursor: Cursor, left: MetricRoot) -> MetricRoot:
    return parse_metric_math(cursor, left, _metric_operand)


def _metric_operand(cursor: Cursor) -> MetricRoot:
    """Read one side of arithmetic between metrics."""
    token = cursor.token
    if token.kind in {"int", "float"}:
        return parse_literal(cursor)
    operand = _operand(cursor)
    if not isinstance(operand, (MetricQuery, MetricMath)):
        cursor.fail_at(token, "no metric", "a metric such as `({ } | rate())`")
    return operand


def _spanset(cursor: Cursor, left: Spanset, least: int, *, wrapped: bool) -> tuple[Spanset, bool]:
    """Go on reading operators between span sets, all binding at least as tightly as ``least``.

    ``wrapped`` says whether ``left`` stands in parentheses; the second result says whether all
    operands do, as they must where one of them is a pipeline.
    """
    last_logic = ""
    while cursor.token.kind == "operator":
        operator = cursor.token
        binding = _binding(operator.text)
        if binding < least:
            break
        cursor.count_operator(operator)
        cursor.advance()
        if binding == _LOGIC_BINDS:
            if last_logic not in {"", operator.text}:
                cursor.mixed.append(operator.start)
            last_logic = operator.text
        build = _builder(cursor, operator)
        start = cursor.token
        right = _spans(cursor)
        right, right_wrapped = _spanset(cursor, right, binding + 1, wrapped=start.text == "(")
        wrapped = wrapped and right_wrapped
        if not wrapped and (_joins_pipelines(left) or _joins_pipelines(right)):
            cursor.fail_at(operator, "a pipeline beside spans", "parentheses around both sides")
        left = build(left, right)
    return left, wrapped


def _binding(operator: str) -> int:
    if operator in {"&&", "||"}:
        return _LOGIC_BINDS
    return _RELATION_BINDS if operator in _TREE or operator in _FOLLOW else 0


def _builder(cursor: Cursor, operator: Token) -> Callable[[Spanset, Spanset], Spanset]:
    """Return what joins both sides of the operator just taken; an edge is read to its end."""
    at = operator.start
    if operator.text in _LOGIC:
        logic = _LOGIC[operator.text]
        return lambda left, right: Combine(at=at, operator=logic, left=left, right=right)
    if operator.text in _TREE:
        tree, form = _TREE[operator.text]
        return lambda left, right: Relate(at=at, operator=tree, form=form, left=left, right=right)
    types, guard, hops = _edge(cursor)
    followed = _FOLLOW[operator.text]
    return lambda left, right: Follow(
        at=at, types=types, guard=guard, hops=hops, form=followed, left=left, right=right
    )


def _spans(cursor: Cursor) -> Spanset:
    """Read an operand that has to be spans."""
    token = cursor.token
    operand = _operand(cursor)
    if isinstance(operand, (*_SCALARS, *_METRICS)):
        cursor.fail_at(token, "a number where spans are needed", "`{`")
    return operand


def _operand(cursor: Cursor) -> _Operand:
    """Read a filter, a negation or something in parentheses, with its name."""
    token = cursor.token
    if cursor.at_operator("{"):
        return _named(cursor, parse_filter(cursor))
    if cursor.accept("!"):
        cursor.count_operator(token)
        cursor.enter()
        operand = _spans(cursor)
        cursor.leave()
        return Absent(at=token.start, operand=operand)
    if not cursor.accept("("):
        cursor.fail(*_OPERAND)
    cursor.enter()
    inner = _pipeline(cursor, wrapped=True)
    cursor.expect(")", "an operator", "`|`")
    cursor.leave()
    if not isinstance(inner, tuple):
        return inner
    only = inner[0]
    if len(inner) == 1 and isinstance(
        only, (Filter, Named, Combine, Relate, Follow, Absent, Pipeline)
    ):
        return _named(cursor, only)
    return Pipeline(at=token.start, stages=inner)


def _named(cursor: Cursor, operand: Spanset) -> Spanset:
    """Read ``as name`` where it follows."""
    token = cursor.token
    if not cursor.at_word("as"):
        return operand
    cursor.advance()
    name = cursor.expect_kind("word", "a name")
    if name.text in _RESERVED:
        cursor.fail_at(name, f"`{name.text}` is a word of the language, not a name", "another name")
    return Named(at=token.start, operand=operand, name=name.text)


def parse_filter(cursor: Cursor) -> Filter:
    """Read ``{ ... }``."""
    start = cursor.expect("{")
    if cursor.accept("}"):
        return Filter(at=start.start, condition=None)
    cursor.enter()
    condition = parse_field(cursor)
    cursor.expect("}", "an operator")
    cursor.leave()
    return Filter(at=start.start, condition=condition)


def _edge(cursor: Cursor) -> tuple[tuple[EdgeName, ...], Filter | None, Hops]:
    """Read what stands between ``-[`` and the right operand."""
    types = _edge_types(cursor)
    guard = parse_filter(cursor) if cursor.accept("!") else None
    if cursor.accept("]->"):
        if cursor.at_operator("{") and cursor.ahead(1).kind == "int":
            cursor.fail_at(cursor.token, "bounds on a single hop", "`]->>` before the bounds")
        return types, guard, Hops()
    cursor.expect("]->>", "`|`", "`!`", "`]->`")
    return types, guard, _hops(cursor)


def _edge_types(cursor: Cursor) -> tuple[EdgeName, ...]:
    types: list[EdgeName] = []
    known = tuple(f"`{name}`" for name in (*_EDGES, "flow"))
    while True:
        word = cursor.token
        if word.kind != "word":
            cursor.fail(*known)
        cursor.advance()
        if word.text == "flow":
            types.extend(FLOW)
        elif word.text in _EDGES:
            types.append(word.text)
        else:
            cursor.fail_at(word, f"no edge `{word.text}`", *known)
        if not cursor.accept("|"):
            return tuple(dict.fromkeys(types))


def _hops(cursor: Cursor) -> Hops:
    """Read ``{m,n}``, ``{m,}`` or ``{n}`` behind ``->>``, where one is."""
    if not (cursor.at_operator("{") and cursor.ahead(1).kind == "int"):
        return Hops(least=1, most=None)
    cursor.advance()
    least = _hop_count(cursor)
    most: int | None = least
    if cursor.accept(","):
        most = _hop_count(cursor) if cursor.token.kind == "int" else None
    if most is not None and most < least:
        cursor.fail_at(cursor.token, "the upper bound is below the lower one")
    cursor.expect("}", "`,`")
    return Hops(least=least, most=most)


def _hop_count(cursor: Cursor) -> int:
    token = cursor.expect_kind("int", "a number of hops")
    count = cast("int", token.value)
    if not 1 <= count <= MAX_HOPS:
        cursor.fail_at(token, f"a number of hops is from 1 to {MAX_HOPS}")
    return count


_KEYWORD_STAGES = ("by", "coalesce", "select", "origin", "path")


def _keyword_stage(cursor: Cursor) -> Stage:
    word = cursor.advance()
    cursor.expect("(")
    stage = _keyword_body(cursor, word)
    cursor.expect(")")
    return stage


def _keyword_body(cursor: Cursor, word: Token) -> Stage:
    at = word.start
    match word.text:
        case "by":
            return GroupBy(at=at, key=parse_field(cursor))
        case "select":
            fields: list[Attribute | Intrinsic] = [parse_reference_token(cursor)]
            while cursor.accept(","):
                fields.append(parse_reference_token(cursor))
            return Select(at=at, fields=tuple(fields))
        case "origin":
            return Origin(at=at, types=_edge_types(cursor))
        case "path":
            return PathTo(at=at, types=_edge_types(cursor))
        case _:
            return Coalesce(at=at)


def _hints(cursor: Cursor) -> tuple[Hint, ...]:
    """Read ``with(name=value, ...)`` where it follows."""
    if not cursor.at_word("with"):
        return ()
    cursor.advance()
    cursor.expect("(")
    hints = []
    while True:
        name = cursor.expect_kind("word", "the name of a hint")
        cursor.expect("=")
        hints.append(Hint(at=name.start, name=name.text, value=parse_literal(cursor)))
        if not cursor.accept(","):
            break
    cursor.expect(")", "`,`")
    return tuple(hints)
