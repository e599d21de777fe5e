"""Tells what is new in a judged run, by every rule that watches its workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from causewatch.model.expectation import Novel
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Assessment
from causewatch.novelty.baseline import Baseline
from causewatch.novelty.names import plain_name
from causewatch.novelty.shape import Shape, shape_of
from causewatch.novelty.watch import NOTHING_SPENT, News, Spent, Watch, news_of
from causewatch.paths.visits import is_whole, visits_of

MAX_AGE_NS = 30 * 86_400 * 1_000_000_000
"""Of the end of a run by its own clock: what claims to be older than that, or of the future, is
taken for a run of now. A wrong clock must not end the time of learning."""


def shape_in(graph: CausalGraph) -> Shape | None:
    """Return the structure of a run; ``None`` where spans are missing or there is nothing to see.

    What is known and told of a workflow is kept by its name without generated parts.
    """
    if not is_whole(graph):
        return None
    shape = shape_of(graph, visits_of(graph))
    return shape and msgspec.structs.replace(shape, workflow=plain_name(graph.workflow))


def time_of(graph: CausalGraph, now_ns: int) -> int:
    """Return when a run was, Unix ns: its end by its own clock, where that is believable."""
    end_ns = max((step.span.end_ns for step in graph.steps), default=0)
    return end_ns if now_ns - MAX_AGE_NS <= end_ns <= now_ns else now_ns


def is_lesson(assessment: Assessment) -> bool:
    """Tell whether a run shows how things are: complete, not corrupted, not known as failed."""
    is_good = assessment.blame.verdict != "corrupted" and not assessment.failed_by
    return is_good and assessment.graph.state == "complete"


def news_in(  # noqa: PLR0913  # what is looked at, by whom, against what
    shape: Shape,
    watches: Sequence[Watch],
    baseline: Baseline,
    *,
    spent: Mapping[str, Spent],
    at_ns: int,
    workflow: str,
) -> dict[str, News]:
    """Return what each rule that binds the workflow tells of a run, by the rule's id."""
    return {
        watch.rule_id: news_of(
            watch, shape, baseline, spent.get(watch.rule_id, NOTHING_SPENT), at_ns
        )
        for watch in watches
        if watch.binds(workflow)
    }


def with_novel(assessment: Assessment, found: Sequence[Novel]) -> Assessment:
    """Return the assessment with what was found new, each thing once."""
    once = {(each.rule_id, each.kind, each.edge): each for each in found}
    return msgspec.structs.replace(assessment, novel=tuple(once.values())) if once else assessment
