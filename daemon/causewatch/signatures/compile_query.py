"""A parsed and checked signature to functions that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from causewatch.signatures.compile_field import Bound, Owners, compile_field
from causewatch.signatures.compile_filter import CompiledFilter
from causewatch.signatures.relation import EdgeRelation, Relation, TreeRelation
from causewatch.signatures.run_stages import (
    ScalarRun,
    StageRun,
    aggregate,
    arithmetic,
    coalesce_stage,
    compare_stage,
    constant,
    group_stage,
    measured,
    origin_stage,
    pass_stage,
    run_stages,
    select_stage,
)
from causewatch.signatures.select_spans import (
    Groups,
    Keeps,
    Run,
    SelectBoth,
    SelectEither,
    SelectFilter,
    SelectNamed,
    Selector,
    SelectPipeline,
    SelectRelated,
    SelectUnless,
)
from causewatch.signatures.share import shared
from causewatch.signatures.syntax import (
    Absent,
    Aggregate,
    Arithmetic,
    Coalesce,
    Combine,
    Compare,
    Filter,
    Follow,
    Form,
    GroupBy,
    Literally,
    Measured,
    Named,
    Origin,
    PathTo,
    Pipeline,
    Relate,
    Scalar,
    Select,
    Spanset,
    Stage,
)

_TREE_KEEPS: dict[Form, Keeps] = {"plain": "right", "both": "both", "not": "unmatched right"}
_EDGE_KEEPS: dict[Form, Keeps] = {"plain": "right", "both": "both", "not": "unmatched left"}
_SPANSETS = (Filter, Named, Combine, Relate, Follow, Absent, Pipeline)


def compile_stages(stages: Sequence[Stage], owners: Owners) -> list[StageRun]:
    """Return the stages as functions."""
    return [_stage(stage, owners) for stage in stages]


def compile_spanset(spanset: Spanset, owners: Owners) -> Selector:  # noqa: PLR0911 -- one a kind
    """Return a span set expression as something that selects."""
    match spanset:
        case Filter():
            return SelectFilter(CompiledFilter(spanset, owners))
        case Named(operand=operand, name=name):
            return SelectNamed(compile_spanset(operand, owners), owners[name])
        case Combine():
            return _combine(spanset, owners)
        case Relate(operator=operator, form=form):
            keeps = _TREE_KEEPS[form]
            related = _related(TreeRelation(operator), spanset, owners, keeps)
            return shared(related, spanset)
        case Follow(types=types, guard=guard, hops=hops, form=form):
            compiled = CompiledFilter(guard, owners) if guard is not None else None
            keeps = _EDGE_KEEPS[form]
            related = _related(EdgeRelation(types, compiled, hops), spanset, owners, keeps)
            return shared(related, spanset)
        case Absent(operand=operand):
            # Only ever reached through the operator beside it, which negates it.
            return compile_spanset(operand, owners)
        case Pipeline(stages=stages):
            return _pipeline(stages, owners)
        case _:
            assert_never(spanset)


def selectors_of(stages: Sequence[Stage], owners: Owners) -> list[Selector]:
    """Return the compiled span set expressions among some stages."""
    return [compile_spanset(stage, owners) for stage in stages if isinstance(stage, _SPANSETS)]


def _related(
    relation: Relation, spanset: Relate | Follow, owners: Owners, keeps: Keeps
) -> SelectRelated:
    left = compile_spanset(spanset.left, owners)
    right = compile_spanset(spanset.right, owners)
    return SelectRelated(relation, left, right, keeps=keeps)


def _combine(spanset: Combine, owners: Owners) -> Selector:
    left = compile_spanset(spanset.left, owners)
    right = compile_spanset(spanset.right, owners)
    if isinstance(spanset.right, Absent):
        return SelectUnless(left, right)
    if isinstance(spanset.left, Absent):
        return SelectUnless(right, left)
    return SelectBoth(left, right) if spanset.operator == "&&" else SelectEither(left, right)


def _pipeline(stages: Sequence[Stage], owners: Owners) -> Selector:
    compiled = compile_stages(stages, owners)
    reads_names = any(selector.reads_names for selector in selectors_of(stages, owners))

    def run(run: Run, within: int, bound: Bound) -> list[Groups]:
        return run_stages(compiled, run, within, bound)

    return SelectPipeline(run, reads_names=reads_names)


def _stage(stage: Stage, owners: Owners) -> StageRun:
    match stage:
        case Filter() | Named() | Combine() | Relate() | Follow() | Absent() | Pipeline():
            return select_stage(compile_spanset(stage, owners))
        case Compare(operator=operator, left=left, right=right):
            own = _has_own_spans(left) or _has_own_spans(right)
            return compare_stage(
                operator, _scalar(left, owners), _scalar(right, owners), measured=own
            )
        case GroupBy(key=key):
            return group_stage(compile_field(key, owners))
        case Coalesce():
            return coalesce_stage
        case Select() | PathTo():
            return pass_stage
        case Origin(types=types):
            return origin_stage(types)
        case _:
            assert_never(stage)


def _scalar(scalar: Scalar, owners: Owners) -> ScalarRun:
    match scalar:
        case Literally(value=value):
            return constant(value)
        case Aggregate(function=function, operand=operand):
            read = compile_field(operand, owners) if operand is not None else None
            return aggregate(function, read)
        case Measured(stages=stages, scalar=inner):
            return measured(compile_stages(stages, owners), _scalar(inner, owners))
        case Arithmetic(operator=operator, left=left, right=right):
            return arithmetic(operator, _scalar(left, owners), _scalar(right, owners))
        case _:
            assert_never(scalar)


def _has_own_spans(scalar: Scalar) -> bool:
    match scalar:
        case Measured():
            return True
        case Arithmetic(left=left, right=right):
            return _has_own_spans(left) or _has_own_spans(right)
        case _:
            return False
