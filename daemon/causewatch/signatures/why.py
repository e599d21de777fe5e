"""Why a signature found what it found: how many spans each of its parts selects.

Each filter, operator and stage is evaluated by itself, so that a reader sees the first part that
selects nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from causewatch.signatures.compile_field import UNBOUND
from causewatch.signatures.compile_query import compile_spanset, compile_stages
from causewatch.signatures.layout import operator_text, spanset_text, stage_text
from causewatch.signatures.limits import DEFAULT_EVALUATION_LIMITS, Budget
from causewatch.signatures.run_stages import run_stages
from causewatch.signatures.select_spans import NO_NAMES, Run, union_of
from causewatch.signatures.signature import Signature
from causewatch.signatures.subject import Subject
from causewatch.signatures.syntax import (
    Absent,
    Combine,
    Filter,
    Follow,
    Named,
    Pipeline,
    Relate,
    Spanset,
    Stage,
)

_SPANSETS = (Filter, Named, Combine, Relate, Follow, Absent, Pipeline)


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a signature and what it selects by itself.

    An operator stands between dots: its sides come before it, one deeper. ``spans`` is ``None``
    where that depends on what a name of another part stands for.
    """

    part: str
    depth: int
    spans: int | None
    subjects: int | None
    """In how many traces or runs it selects anything."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    depth: int
    stages: tuple[Stage, ...]
    """What to evaluate to see what the part selects."""


def count_parts(signature: Signature, subjects: Sequence[Subject]) -> tuple[Counted, ...]:
    """Return the parts of a search in the order in which they are written, inner ones first.

    A stage counts what is left behind it and all stages before.
    """
    root = signature.query.root
    if not isinstance(root, Pipeline):
        return ()
    owners = {name: position for position, name in enumerate(signature.names)}
    return tuple(_counted(part, owners, subjects) for part in _parts_of(root.stages))


def _counted(part: _Part, owners: dict[str, int], subjects: Iterable[Subject]) -> Counted:
    alone = [stage for stage in part.stages if isinstance(stage, _SPANSETS)]
    reads_names = any(compile_spanset(stage, owners).reads_names for stage in alone)
    if reads_names and part.depth > 0:
        return Counted(part=part.text, depth=part.depth, spans=None, subjects=None)
    compiled = compile_stages(part.stages, owners)
    first = (UNBOUND,) * len(owners) if reads_names else NO_NAMES
    spans = found = 0
    for subject in subjects:
        run = Run(subject=subject, budget=Budget(DEFAULT_EVALUATION_LIMITS))
        mask = 0
        for groups in run_stages(compiled, run, subject.everything, first):
            mask |= union_of(groups)
        spans += mask.bit_count()
        found += bool(mask)
    return Counted(part=part.text, depth=part.depth, spans=spans, subjects=found)


def _parts_of(stages: tuple[Stage, ...]) -> Iterator[_Part]:
    for position, stage in enumerate(stages):
        if position == 0 and isinstance(stage, _SPANSETS):
            yield from _parts_within(stage, 0)
        else:
            yield _Part(text=f"| {stage_text(stage)}", depth=0, stages=stages[: position + 1])


def _parts_within(spanset: Spanset, depth: int) -> Iterator[_Part]:
    match spanset:
        case Combine(left=left, right=right) | Relate(left=left, right=right):
            yield from _parts_within(left, depth + 1)
            yield from _parts_within(right, depth + 1)
        case Follow(left=left, right=right):
            yield from _parts_within(left, depth + 1)
            yield from _parts_within(right, depth + 1)
        case Named(operand=operand) | Absent(operand=operand):
            if not isinstance(operand, Filter):
                yield from _parts_within(operand, depth + 1)
        case _:
            pass
    yield _Part(text=_label(spanset), depth=depth, stages=(spanset,))


def _label(spanset: Spanset) -> str:
    match spanset:
        case Combine() | Relate() | Follow():
            return f"… {operator_text(spanset)} …"
        case Named(operand=operand, name=name) if not isinstance(operand, Filter):
            return f"… as {name}"
        case _:
            return spanset_text(spanset)
