from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from causewatch.app.recordings import Recordings
from causewatch.app.suites import find_suites
from causewatch.app.testing import Report, run_suites
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
from causewatch.rules.health import FAILING_ALERTNAME
from causewatch.rules.state import advance
from causewatch.signatures.subject import Subject
from pack_runs import FIXTURES, STARTER, fixtures, starter_fixtures
from rules_fixtures import run_of

CAPTURES = sorted((Path(__file__).parents[2] / "captures").glob("*.jsonl.gz"))
TESTS = Path(__file__).parents[2] / "packs"
RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"
RUNBOOK_URL = "https://github.com/causewatch/causewatch/blob/main/docs/runbooks/"


@functools.cache
def pack() -> Bundle:
    """Return all shipped rules, loaded as a user's would be."""
    root = shipped("rules")
    return load({str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.yaml"))})


@functools.cache
def report() -> Report:
    """Return what came of the examples of all shipped rules, and of the tests beside them."""
    found = find_suites([shipped("rules"), TESTS])
    assert found.problems == ()
    return run_suites(found.suites, Recordings())


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
    """The rules are as careful as the verdict: one alert for a corrupted run, none for others.

    The packs for frameworks add what the framework itself says, and only of such a run.
    """
    assessment = recorded(path)
    alerts = alerts_of(assessment)
    starters = [labels for labels in alerts if labels["alertname"] in names_in("silent-failures")]
    corrupted = assessment.blame.verdict == "corrupted"
    assert len(starters) == (1 if corrupted else 0)
    assert corrupted or alerts == []
    for labels in alerts:
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
    (group,) = (group for group in pack().groups if group.name == "silent-failures")
    (found,) = evaluate(group, assessment, 1).findings
    assert found.cause.origin is not None
    assert found.cause.origin.agent == "finder"
    corrupted = msgspec.structs.replace(blame, verdict="corrupted")
    (labels,) = alerts_of(msgspec.structs.replace(assessment, blame=corrupted))
    assert labels["alertname"] == "RunCorrupted"


def names_in(group_name: str) -> set[str]:
    """Return the alerts of one shipped pack."""
    groups = (group for group in pack().groups if group.name == group_name)
    return {rule.alertname for group in groups for rule in group.rules}


def test_names_that_people_route_by_stay() -> None:
    """An alert that was shipped once keeps its name: routes and silences go by it."""
    assert names_in("silent-failures") >= {
        "ToolFailureSwallowed", "ContentLost", "ContextPoisoned", "AgentLoop",
        "UnusableResultUsed", "RunEndedWrong", "RunCorrupted",
    }  # fmt: skip


def test_every_shipped_rule_tells_people_what_happened() -> None:
    """Each has a severity, a summary and a page on what to do; no two alerts have one name."""
    rules = [rule for group in pack().groups for rule in group.rules]
    assert len({rule.alertname for rule in rules}) == len(rules) >= 20
    for rule in rules:
        assert rule.labels["severity"] in {"page", "ticket"}
        assert "summary" in rule.annotations
        assert rule.annotations["runbook_url"].parts == (f"{RUNBOOK_URL}{rule.alertname}.md",)


def test_the_pack_to_start_with_is_about_no_framework_and_no_agent() -> None:
    """It reads only what causewatch itself derives, so it means the same everywhere."""
    (group,) = (group for group in pack().groups if group.name == "silent-failures")
    for rule in group.rules:
        read = {attribute.name for attribute in rule.signature.attributes}
        assert all(name.startswith("causewatch.") for name in read)


def alertnames() -> set[str]:
    """Return the names of all alerts that lead to a runbook: shipped rules', and our own."""
    return {rule.alertname for group in pack().groups for rule in group.rules} | {FAILING_ALERTNAME}


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_every_runbook_is_of_a_rule_and_says_what_to_do(path: Path) -> None:
    """What it means, what to look at, what to change, and when it is a false alarm."""
    assert path.stem in alertnames()
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.stem}\n")
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["What it means", "Look at", "Put it right", "If it is wrong"]


def test_every_rule_has_its_runbook() -> None:
    """The link in the alert leads somewhere."""
    written = {path.stem for path in RUNBOOKS.glob("*.md")}
    assert alertnames() == written


def test_the_examples_of_the_shipped_rules_hold() -> None:
    """`causewatch test rules` passes, as it does in CI."""
    assert [o for o in report().outcomes if o.status != "passed"] == []


def test_every_shipped_rule_was_seen_to_match() -> None:
    """Each matches a recorded run, and each leaves another one alone."""
    shipped_names = {rule.alertname for group in pack().groups for rule in group.rules}
    unseen = {c.rule for c in report().coverage if not (c.tested and c.matched)}
    assert unseen & shipped_names == set()
    silent = {o.test for o in report().outcomes if o.about.endswith(" no-match")}
    assert silent == {rule.alertname for group in pack().groups for rule in group.rules}


def test_the_recorded_runs_are_those_their_script_makes() -> None:
    """No fixture is left behind, and none is written by hand."""
    for folder, files in ((FIXTURES, fixtures()), (STARTER, starter_fixtures())):
        made = dict(files)
        assert set(made) == {path.name for path in folder.iterdir()} - {"README.md"}
        for name, content in made.items():
            assert unpacked(name, (folder / name).read_bytes()) == unpacked(name, content), name


def unpacked(name: str, content: bytes) -> bytes:
    """Return the text of a file: packing differs between versions of zlib."""
    return gzip.decompress(content) if name.endswith(".gz") else content


def test_no_run_at_all_is_no_alert() -> None:
    """A subject without spans matches no shipped rule."""
    for group in pack().groups:
        for rule in group.rules:
            assert not rule.signature.evaluate(Subject(spans=())).matched
