"""The stages of a pipeline: each turns span sets into span sets.

A span set is kept as rows (spans by assignment of names); where names do not matter there is only
the one assignment ``NO_NAMES`` and the work is done on masks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from causewatch.signatures.columns import Cell, tag_of
from causewatch.signatures.compile_field import UNBOUND, Bound, Frame, ReadCell
from causewatch.signatures.operate import calculate, compare
from causewatch.signatures.reach import edges_of
from causewatch.signatures.select_spans import (
    NO_NAMES,
    Groups,
    Run,
    Selector,
    add_to,
    merged,
    union_of,
)
from causewatch.signatures.subject import Subject, nodes_of
from causewatch.signatures.syntax import (
    AggregateFunction,
    ArithmeticOperator,
    CompareOperator,
    EdgeName,
)

StageRun = Callable[[Run, list[Groups]], list[Groups]]
ScalarRun = Callable[[Run, Groups], "Measurement"]
Measurement = tuple[Cell, int]
"""A number (``None`` where there is none), and the spans of pipelines of its own behind it."""


def run_stages(stages: Sequence[StageRun], run: Run, within: int, bound: Bound) -> list[Groups]:
    """Return the span sets that are left when ``within`` went through all stages."""
    sets: list[Groups] = [{bound: within}] if within else []
    for stage in stages:
        if not sets:
            break
        sets = [groups for groups in stage(run, sets) if groups]
    return sets


def restricted(groups: Groups, mask: int) -> Groups:
    """Return the rows whose span is in ``mask``."""
    return {bound: nodes & mask for bound, nodes in groups.items() if nodes & mask}


def select_stage(selector: Selector) -> StageRun:
    """Return the stage that selects within each span set by itself."""

    def stage(run: Run, sets: list[Groups]) -> list[Groups]:
        found = []
        for groups in sets:
            if NO_NAMES in groups:
                nodes = selector.mask(run, groups[NO_NAMES])
                found.append({NO_NAMES: nodes} if nodes else {})
                continue
            found.append(_selected_rows(run, selector, groups))
        return found

    return stage


def _selected_rows(run: Run, selector: Selector, groups: Groups) -> Groups:
    """Return the rows whose span is selected under their own assignment."""
    within = union_of(groups)
    selected: Groups = {}
    unbound: Bound = (UNBOUND,) * len(next(iter(groups)))
    alone = {} if selector.reads_names else selector.groups(run, within, unbound)
    for bound, own in groups.items():
        if not run.budget.spend(1):
            break
        rows = selector.groups(run, within, bound) if selector.reads_names else alone
        for inner, nodes in rows.items():
            add_to(selected, merged(bound, inner), nodes & own)
    return selected


def compare_stage(
    operator: CompareOperator, left: ScalarRun, right: ScalarRun, *, measured: bool
) -> StageRun:
    """Return the scalar filter.

    It keeps span sets for which it holds; with pipelines as operands (``measured``) it gives the
    spans of both sides instead.
    """

    def stage(run: Run, sets: list[Groups]) -> list[Groups]:
        kept = []
        for groups in sets:
            first, first_spans = left(run, groups)
            second, second_spans = right(run, groups)
            if not compare(operator, first, second):
                continue
            if not measured:
                kept.append(groups)
            elif first_spans | second_spans:
                kept.append({next(iter(groups)): first_spans | second_spans})
        return kept

    return stage


def constant(value: Cell) -> ScalarRun:
    """Return a scalar that is always ``value``."""
    return lambda _run, _groups: (value, 0)


def arithmetic(operator: ArithmeticOperator, left: ScalarRun, right: ScalarRun) -> ScalarRun:
    """Return a scalar calculated from two others."""

    def scalar(run: Run, groups: Groups) -> Measurement:
        first, first_spans = left(run, groups)
        second, second_spans = right(run, groups)
        return calculate(operator, first, second), first_spans | second_spans

    return scalar


def aggregate(function: AggregateFunction, read: ReadCell | None) -> ScalarRun:
    """Return an aggregate over a span set; what is nil or no number does not take part."""

    def scalar(run: Run, groups: Groups) -> Measurement:
        mask = union_of(groups)
        if read is None:
            return mask.bit_count(), 0
        frame = Frame(run.subject)
        cells = (read(frame, node) for node in nodes_of(mask))
        numbers = [cast("float", cell) for cell in cells if tag_of(cell) == "number"]
        return _AGGREGATES[function](numbers) if numbers else None, 0

    return scalar


_AGGREGATES: dict[AggregateFunction, Callable[[list[float]], float]] = {
    "count": len,
    "min": min,
    "max": max,
    "sum": sum,
    "avg": lambda numbers: sum(numbers) / len(numbers),
}


def measured(stages: Sequence[StageRun], inner: ScalarRun) -> ScalarRun:
    """Return the scalar of a pipeline of its own, over the spans of the set it stands in.

    The count of nothing is 0; any other aggregate of nothing has no value.
    """

    def scalar(run: Run, groups: Groups) -> Measurement:
        within = union_of(groups)
        mask = 0
        for found in run_stages(stages, run, within, next(iter(groups))):
            mask |= union_of(found)
        number, _ = inner(run, {NO_NAMES: mask})
        return number, mask

    return scalar


def group_stage(read: ReadCell) -> StageRun:
    """Return ``by()``: a span set for each value, nil being one."""

    def stage(run: Run, sets: list[Groups]) -> list[Groups]:
        found: list[Groups] = []
        frame = Frame(run.subject)
        for groups in sets:
            parts: dict[object, int] = {}
            for node in nodes_of(union_of(groups)):
                cell = read(frame, node)
                tag = tag_of(cell)
                key = (tag, cell) if tag else (type(cell).__name__, repr(cell))
                parts[key] = parts.get(key, 0) | 1 << node
            found.extend(restricted(groups, part) for part in parts.values())
        return found

    return stage


def coalesce_stage(_run: Run, sets: list[Groups]) -> list[Groups]:
    """Return all span sets as one."""
    together: Groups = {}
    for groups in sets:
        for bound, nodes in groups.items():
            together[bound] = together.get(bound, 0) | nodes
    return [together]


def pass_stage(_run: Run, sets: list[Groups]) -> list[Groups]:
    """Return the span sets as they are: ``select()`` and ``path()`` only fetch."""
    return sets


def origin_stage(types: tuple[EdgeName, ...]) -> StageRun:
    """Return ``origin()``: only spans with no other span of the set upstream."""

    def stage(run: Run, sets: list[Groups]) -> list[Groups]:
        found = []
        for groups in sets:
            mask = union_of(groups)
            origins = 0
            for node in nodes_of(mask):
                if not run.budget.spend(1):
                    break
                if not _has_upstream(run.subject, types, node, mask):
                    origins |= 1 << node
            found.append(restricted(groups, origins))
        return found

    return stage


def _has_upstream(subject: Subject, types: tuple[EdgeName, ...], node: int, mask: int) -> bool:
    """Return whether a walk leads from another node of ``mask`` to ``node``."""
    edges = edges_of(subject, types, backward=True)
    others = mask & ~(1 << node)
    seen = 0
    frontier = 1 << node
    while frontier:
        frontier = edges.step(frontier) & ~seen
        if frontier & others:
            return True
        seen |= frontier
    return False
