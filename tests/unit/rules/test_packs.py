from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from causewatch.blame.judge import judge
from causewatch.graph.build import build
from causewatch.model.finding import Finding
from causewatch.model.judgement import Assessment, Blame, Category, Failing, Origin
from causewatch.model.span import LogRecord, Span
from causewatch.otlp.decode import decode_logs, decode_traces
from causewatch.otlp.json import json_to_protobuf
from causewatch.resources import shipped
from causewatch.rules.bundle import Bundle
from causewatch.rules.evaluate import evaluate
from causewatch.rules.file import load
from causewatch.rules.state import advance
from causewatch.signatures.subject import Subject
from rules_fixtures import run_of

CAPTURES = sorted((Path(__file__).parents[2] / "captures").glob("*.jsonl.gz"))


@functools.cache
def pack() -> Bundle:
    """Return all shipped rules, loaded as a user's would be."""
    root = shipped("rules")
    return load({str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.yaml"))})


def recorded(path: Path) -> Assessment:
    """Return a recorded run, judged."""
    spans: list[Span] = []
    logs: list[LogRecord] = []
    with gzip.open(path) as lines:
        for line in lines:
            if "resourceSpans" in json.loads(line):
                spans.extend(decode_traces(json_to_protobuf("traces", line)).spans)
            else:
                logs.extend(decode_logs(json_to_protobuf("logs", line)).records)
    return judge(build(run_id="run", spans=spans, logs=logs))


def alerts_of(assessment: Assessment) -> list[dict[str, str]]:
    """Return the labels of every alert that the shipped rules would fire for one run."""
    fired = []
    for group in pack().groups:
        evaluation = evaluate(group, assessment, 1)
        assert evaluation.failures == ()
        findings: dict[str, list[Finding]] = {rule.rule_id: [] for rule in group}
        for found in evaluation.findings:
            findings[found.rule_id].append(found)
        fired += [dict(alert.labels) for alert in advance(group, findings, (), 1)]
    return fired


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name.split(".")[0])
def test_a_recorded_run_alerts_exactly_when_it_is_corrupted(path: Path) -> None:
    """The rules are as careful as the verdict: one alert for a corrupted run, none for others."""
    assessment = recorded(path)
    alerts = alerts_of(assessment)
    assert len(alerts) == (1 if assessment.blame.verdict == "corrupted" else 0)
    for labels in alerts:
        assert labels["alertname"]
        assert labels["agent"] in assessment.graph.agents


@pytest.mark.parametrize("category", get_args(Category))
def test_every_category_of_corruption_has_a_rule(category: Category) -> None:
    """No corrupted run goes untold, whatever went wrong; a run still under way is left alone."""
    origin = Origin(step=2, agent="finder", at="output", reason="why")
    blame = Blame(verdict="corrupted", category=category, origin=origin)
    graph = run_of()
    (labels,) = alerts_of(Assessment(graph=graph, blame=blame))
    assert (labels["agent"], labels["tool"], labels["workflow"]) == ("finder", "lookup", "shop")
    early = msgspec.structs.replace(graph, state="early")
    assert alerts_of(Assessment(graph=early, blame=blame)) == []
    healthy = msgspec.structs.replace(blame, verdict="healthy")
    assert alerts_of(Assessment(graph=graph, blame=healthy)) == []


def test_a_run_that_an_evaluation_failed_is_a_ticket_that_names_the_likeliest_origin() -> None:
    """Once: one that is proven to be corrupted is told by the rule of its category."""
    origin = Origin(step=2, agent="finder", at="output", reason="why")
    blame = Blame(verdict="healthy", category="other", origin=origin, confidence=0.1)
    failing = Failing(by="evaluation", what="evaluation “a” says “fail”")
    assessment = Assessment(graph=run_of(), blame=blame, failed_by=(failing,))
    (labels,) = alerts_of(assessment)
    assert labels == {"alertname": "RunEndedWrong", "workflow": "shop", "severity": "ticket"}
    (group,) = pack().groups
    (found,) = evaluate(group, assessment, 1).findings
    assert found.cause.origin is not None
    assert found.cause.origin.agent == "finder"
    corrupted = msgspec.structs.replace(blame, verdict="corrupted")
    (labels,) = alerts_of(msgspec.structs.replace(assessment, blame=corrupted))
    assert labels["alertname"] == "RunCorrupted"


def test_every_shipped_rule_tells_people_what_happened() -> None:
    """Each has a severity and a summary, and is about no agent or tool in particular."""
    rules = [rule for group in pack().groups for rule in group.rules]
    assert len(rules) >= 3
    for rule in rules:
        assert rule.labels["severity"] in {"page", "ticket"}
        assert "summary" in rule.annotations
        read = {attribute.name for attribute in rule.signature.attributes}
        assert all(name.startswith("causewatch.") for name in read)


def test_no_run_at_all_is_no_alert() -> None:
    """A subject without spans matches no shipped rule."""
    for group in pack().groups:
        for rule in group.rules:
            assert not rule.signature.evaluate(Subject(spans=())).matched
