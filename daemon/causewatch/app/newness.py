"""Knows what each workflow had so far: tells what is new in a run, and learns from good ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import structlog

from causewatch.model.judgement import Assessment
from causewatch.novelty.baseline import (
    MAX_WORKFLOWS_COUNT,
    NO_BASELINE,
    Baseline,
    forgotten_count,
    joined,
    learned,
)
from causewatch.novelty.shape import Shape
from causewatch.novelty.watch import News, Spent, Watch, novel_again
from causewatch.rules.newness import is_lesson, news_in, shape_in, time_of, with_novel
from causewatch.store.port import Store
from causewatch.telemetry.metrics import Metrics

log = structlog.get_logger("causewatch.novelty")


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A run with what is new in it, and what changes when it is kept."""

    assessment: Assessment
    grown: Mapping[str, Baseline] = {}
    spent: Mapping[str, Spent] = {}
    news: tuple[News, ...] = ()
    forgotten_count: int = 0


class Newness:
    """The baselines of workflows, in memory and in the store. Used by one thread."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._baselines = store.baselines()
        self._spent = store.spent()

    def look(self, assessment: Assessment, watches: Sequence[Watch], *, now_ns: int) -> Looked:
        """Tell what is new in a run; nothing changes before ``put`` and ``adopt``.

        A run that comes again, with late spans or after a crash, is told as it was before, and
        teaches nothing.
        """
        graph = assessment.graph
        shape = shape_in(graph)
        if shape is None:
            return Looked(assessment=assessment)
        before = self._store.run(graph.run_id)
        at_ns = time_of(graph, now_ns)
        baseline = self._baselines.get(shape.workflow, NO_BASELINE)
        news = news_in(
            shape, watches, baseline, spent=self._spent, at_ns=at_ns, workflow=graph.workflow
        )
        again = novel_again(shape, before.novel) if before is not None else ()
        found = [*(novel for each in news.values() for novel in each.novel), *again]
        lesson = learned(shape, at_ns) if before is None and is_lesson(assessment) else NO_BASELINE
        return Looked(
            assessment=with_novel(assessment, found),
            grown=_grown(shape, baseline, lesson),
            spent={k: each.spent for k, each in news.items() if each.spent != self._spent.get(k)},
            news=tuple(news.values()),
            forgotten_count=forgotten_count(baseline, lesson),
        )

    def put(self, looked: Looked, *, at_ns: int) -> None:
        """Store what a run changes; belongs into the transaction that stores the run."""
        self._store.put_baselines(looked.grown, at_ns=at_ns)
        if looked.spent:
            self._store.put_spent(looked.spent)

    def adopt(self, looked: Looked) -> None:
        """Know what was stored, and count it."""
        for workflow, baseline in looked.grown.items():
            self._baselines.pop(workflow, None)
            self._baselines[workflow] = baseline
        while len(self._baselines) > MAX_WORKFLOWS_COUNT:
            del self._baselines[next(iter(self._baselines))]
            self._metrics.novelty_forgotten.labels(what="workflow").inc()
        self._spent.update(looked.spent)
        self._metrics.novelty_forgotten.labels(what="item").inc(looked.forgotten_count)
        for each in looked.news:
            self._metrics.novel_over_budget.inc(each.over_budget_count)
            for novel in each.novel:
                self._metrics.novel.labels(kind=novel.kind).inc()
            if each.used_up:
                log.warning("novelty budget used up", rule=each.novel[-1].rule_id)


def _grown(shape: Shape, baseline: Baseline, lesson: Baseline) -> dict[str, Baseline]:
    known = joined(baseline, lesson)
    return {shape.workflow: known} if known != baseline else {}
