"""What good runs of one workflow teach: its path template, with what speaks for each line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from causewatch.paths.holdout import settle
from causewatch.paths.sample import NodeSample, samples_of
from causewatch.paths.syntax import Model, Name, Pattern
from causewatch.paths.visits import Visit


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """How often a child was seen: in how many activations, and how many of it in one.

    The least is of the activations that had any.
    """

    name: Name
    visits_count: int
    least: int
    most: int


class LearnedNode(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``expect`` as it was inferred."""

    pattern: Pattern
    model: Model
    misfits_count: int
    """How many activations did not fit what the others taught, each fifth held out in turn."""
    runs_count: int
    visits_count: int
    seen: tuple[Seen, ...]


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """The path template of one workflow."""

    workflow: str
    runs_count: int
    nodes: tuple[LearnedNode, ...]


def lesson_of(workflow: str, runs: Sequence[Sequence[Visit]]) -> Lesson:
    """Return the path template that accepts these runs of a workflow."""
    return Lesson(
        workflow=workflow,
        runs_count=len(runs),
        nodes=tuple(_learned(sample) for sample in samples_of(runs)),
    )


def _learned(sample: NodeSample) -> LearnedNode:
    counts = [Counter(item.name for item in word) for word in sample.words]
    names = dict.fromkeys(item.name for word in sample.words for item in word)
    settled = settle(sample.words)
    return LearnedNode(
        pattern=sample.pattern,
        model=settled.model,
        misfits_count=settled.misfits_count,
        runs_count=sample.runs_count,
        visits_count=len(sample.words),
        seen=tuple(_seen(name, counts) for name in names),
    )


def _seen(name: Name, counts: Sequence[Counter[Name]]) -> Seen:
    found = [count[name] for count in counts if count[name]]
    return Seen(name=name, visits_count=len(found), least=min(found), most=max(found))
