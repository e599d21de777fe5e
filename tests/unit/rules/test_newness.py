"""Which runs are lessons, and when they were."""

from __future__ import annotations

import msgspec
import pytest

from causewatch.blame.judge import judge
from causewatch.model.expectation import Novel
from causewatch.model.graph import RunState
from causewatch.model.judgement import Failing
from causewatch.novelty.baseline import NO_BASELINE, learned
from causewatch.novelty.watch import Watch
from causewatch.rules.newness import MAX_AGE_NS, is_lesson, news_in, shape_in, time_of, with_novel
from novelty_fixtures import DESK, FAILING, SENDING, graph_of, shape

GRAPH = graph_of(DESK)
END_NS = max(step.span.end_ns for step in GRAPH.steps)


@pytest.mark.parametrize(
    ("now_ns", "at_ns"),
    [
        (END_NS, END_NS),
        (END_NS + MAX_AGE_NS, END_NS),
        (END_NS + MAX_AGE_NS + 1, END_NS + MAX_AGE_NS + 1),
        (END_NS - 1, END_NS - 1),
    ],
)
def test_a_run_was_when_it_ended_where_that_is_believable(now_ns: int, at_ns: int) -> None:
    """Neither in the future nor longer ago than a month."""
    assert time_of(GRAPH, now_ns) == at_ns


@pytest.mark.parametrize("state", ["early", "late", "evicted"])
def test_only_complete_runs_are_lessons(state: RunState) -> None:
    """What is still to come, or was cut off, would be missing."""
    judged = judge(GRAPH)
    assert is_lesson(judged)
    graph = msgspec.structs.replace(GRAPH, state=state)
    assert not is_lesson(msgspec.structs.replace(judged, graph=graph))


def test_bad_runs_are_no_lessons() -> None:
    """Corrupted, or known to have ended wrong."""
    assert not is_lesson(judge(graph_of(FAILING)))
    failing = Failing(by="evaluation", what="a score of 0")
    assert not is_lesson(msgspec.structs.replace(judge(GRAPH), failed_by=(failing,)))


def test_each_rule_that_binds_the_workflow_tells_for_itself() -> None:
    """With its own past: what one has accepted another may tell."""
    base = learned(shape(DESK), 0)
    strict = Watch(rule_id="strict", workflow="des?", learn_for_s=0)
    kind = Watch(rule_id="kind", accepted=("desk > send_mail",), learn_for_s=0)
    foreign = Watch(rule_id="foreign", workflow="depot", learn_for_s=0)
    news = news_in(
        shape(SENDING), (strict, kind, foreign), base, spent={}, at_ns=9, workflow="desk"
    )
    assert {rule: len(each.novel) for rule, each in news.items()} == {"strict": 1, "kind": 0}
    silent = news_in(shape(SENDING), (strict,), NO_BASELINE, spent={}, at_ns=9, workflow="desk")
    assert silent["strict"].novel == ()


def test_workflows_are_known_by_their_plain_names() -> None:
    """A number in the name of a workflow makes no other workflow."""
    numbered = shape_in(msgspec.structs.replace(GRAPH, workflow="desk run 4711"))
    assert numbered is not None
    assert numbered.workflow == "desk run"


def test_a_thing_is_told_once_for_each_rule() -> None:
    """What was told before and is new again is one thing."""
    one = Novel(rule_id="r", kind="edge", edge="a > b", fingerprint="f", step=1)
    other = msgspec.structs.replace(one, rule_id="s")
    found = with_novel(judge(GRAPH), [one, other, msgspec.structs.replace(one, step=2)])
    assert [(each.rule_id, each.step) for each in found.novel] == [("r", 2), ("s", 1)]
