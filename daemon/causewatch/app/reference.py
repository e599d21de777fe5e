"""Tells what is new in the runs of files: against good runs named for it, or a daemon's store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from causewatch.model.judgement import Assessment
from causewatch.novelty.baseline import NO_BASELINE, Baseline, joined, learned
from causewatch.novelty.watch import MAX_BUDGET_PER_DAY, Watch, novel_again
from causewatch.rules.newness import is_lesson, news_in, shape_in, with_novel
from causewatch.store.archive import Remembered


def reference_of(assessments: Iterable[Assessment]) -> dict[str, Baseline]:
    """Return what each workflow had in some good runs. They are a reference: since ever."""
    found: dict[str, Baseline] = {}
    for assessment in assessments:
        shape = shape_in(assessment.graph) if is_lesson(assessment) else None
        if shape is not None:
            known = found.get(shape.workflow, NO_BASELINE)
            found[shape.workflow] = joined(known, learned(shape, 0))
    return found


def newly_judged(assessment: Assessment, watches: Sequence[Watch], past: Remembered) -> Assessment:
    """Return the assessment with what is new in the run.

    A run that the store knows is told as it was. Each other run is judged by itself, so no budget
    holds; against a reference there is no time of learning either, and no rule is needed.
    """
    graph = assessment.graph
    shape = shape_in(graph) if past.baselines or past.told else None
    if shape is None:
        return assessment
    before = next((past.told[t] for t in graph.trace_ids if t in past.told), None)
    if before is not None:
        return with_novel(assessment, novel_again(shape, before))
    if past.is_reference:
        watches = watches or (Watch(),)
        watches = [msgspec.structs.replace(watch, learn_for_s=0.0) for watch in watches]
    freed = [msgspec.structs.replace(w, budget_per_day=MAX_BUDGET_PER_DAY) for w in watches]
    news = news_in(
        shape,
        freed,
        past.baselines.get(shape.workflow, NO_BASELINE),
        spent={},
        at_ns=max((step.span.end_ns for step in graph.steps), default=0),
        workflow=graph.workflow,
    )
    return with_novel(assessment, [novel for each in news.values() for novel in each.novel])
