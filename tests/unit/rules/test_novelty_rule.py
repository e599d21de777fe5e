"""What a path says of novelty: its keys, its alerts, and what is wrong with it."""

from __future__ import annotations

import msgspec
import pytest

from causewatch.model.expectation import Novel
from causewatch.model.judgement import Assessment
from causewatch.novelty.watch import Watch
from causewatch.rules.evaluate import findings_of
from causewatch.rules.file import check_files, load
from novelty_fixtures import SENDING, graph_of

WATCHED = """\
groups:
- name: g
  labels: {team: ai}
paths:
- path: news
  group: g
  workflow: "refund_*"
  novelty:
    learn_for: 3d
    budget_per_day: 5
    kinds: [shape, edge]
    accepted: ["a -> b", 0123456789abcdef, "a -> b"]
  min_runs: 3
  labels: {severity: page}
  annotations: {summary: "{{ $labels.edge }} is new in {{ $labels.workflow }}"}
"""


def problems(text: str) -> list[str]:
    """Return what is wrong with a rule file."""
    return [f"{p.line}:{p.column} {p.message}" for p in check_files({"r.yaml": text.encode()})]


def test_a_path_may_only_watch() -> None:
    """Then it has no template; what it watches is a rule of its own that fires at the first run."""
    bundle = load({"r.yaml": WATCHED.encode()})
    (group,) = bundle.groups
    assert (len(group.paths), len(group.novelties)) == (0, 1)
    (rule,) = group
    assert (rule.alertname, rule.rule_id, rule.min_runs) == ("NovelPath", "g/novelty:news", 1)
    assert bundle.watches == (
        Watch(
            path="news",
            rule_id="g/novelty:news",
            workflow="refund_*",
            learn_for_s=3 * 86_400,
            budget_per_day=5,
            accepted=("a -> b", "0123456789abcdef"),
        ),
    )


def test_a_path_may_have_both() -> None:
    """Its alerts may then use the labels of both."""
    text = (WATCHED + "  expect: {a: b}\n  keep_firing_for: 1m\n".replace("1m", "2m")).replace(
        '"{{ $labels.edge }} is new', '"{{ $labels.node }}{{ $labels.edge }} is new'
    )
    (group,) = load({"r.yaml": text.encode()}).groups
    assert (len(group.paths), len(group.novelties)) == (1, 1)
    assert {rule.keep_firing_for_s for rule in group} == {120}


def test_unless_told_it_learns_for_a_week_and_tells_twenty_a_day() -> None:
    """An empty mapping is enough."""
    (watch,) = load({"r.yaml": b"paths:\n- {path: p, novelty: {}}\n"}).watches
    assert (watch.learn_for_s, watch.budget_per_day, watch.kinds) == (
        7 * 86_400,
        20,
        ("edge", "shape"),
    )


@pytest.mark.parametrize(
    ("novelty", "problem"),
    [
        ("{learn_for: 7}", "3:24 'learn_for' needs a unit: write 7s, 7m or 7h"),
        (
            "{lern_for: 7d}",
            "3:13 a novelty mapping has no key 'lern_for'; did you mean 'learn_for'?",
        ),
        ("{budget_per_day: 1001}", "3:29 'budget_per_day' must be at most 1000, not 1001"),
        (
            "{accepted: [planner]}",
            (
                "3:24 'planner' is neither an edge such as `planner -> researcher` or"
                " `planner > kb_search` nor the fingerprint of a shape"
            ),
        ),
        (
            "{kinds: [edges]}",
            "3:21 an item of 'kinds' must be one of edge, shape, not 'edges'; did you mean 'edge'?",
        ),
    ],
)
def test_mistakes_are_told_with_their_place(novelty: str, problem: str) -> None:
    """In the words of rule files."""
    assert problems(f"paths:\n- path: p\n  novelty: {novelty}\n") == [problem]


def test_examples_need_more_than_novelty() -> None:
    """No single run tells what is new."""
    text = "paths:\n- path: p\n  novelty: {}\n  examples: [{traces: a.jsonl, expect: match}]\n"
    assert problems(text) == [
        "4:3 examples are of expect, required and forbidden: what is new no single run tells"
    ]


def test_each_new_edge_is_a_finding_of_the_rule_that_told_it() -> None:
    """With its own labels and evidence; where blame has no origin, the step is the origin."""
    graph = graph_of(SENDING)
    novel = Novel(
        path="news",
        rule_id="g/novelty:news",
        kind="edge",
        edge="desk > send_mail",
        fingerprint="f" * 16,
        step=next(i for i, step in enumerate(graph.steps) if step.name == "send_mail"),
        message="this workflow never had the edge desk > send_mail before",
    )
    shape = msgspec.structs.replace(novel, kind="shape", edge="", step=0, message="a new shape")
    foreign = msgspec.structs.replace(novel, rule_id="other")
    (group,) = load({"r.yaml": WATCHED.encode()}).groups
    found = findings_of(group, Assessment(graph=graph, novel=(novel, shape, foreign)), 7)
    assert [each.labels["edge"] for each in found] == ["desk > send_mail", ""]
    assert found[0].labels == {
        "alertname": "NovelPath",
        "path": "news",
        "workflow": "desk",
        "edge": "desk > send_mail",
        "severity": "page",
        "team": "ai",
    }
    assert found[0].evidence == (novel.message,)
    assert found[0].cause.origin is not None
    assert found[0].cause.origin.name == "send_mail"
