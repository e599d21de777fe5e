"""Runs recorded from real frameworks: who did it, by span id, whatever the names in them."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from causewatch.blame.judge import judge
from causewatch.blame.render import explain_json, graph_json
from causewatch.blame.story import explain_text
from causewatch.graph.build import build
from causewatch.model.judgement import Assessment
from causewatch.model.span import Span
from causewatch.otlp.decode import decode_traces
from causewatch.otlp.json import json_to_protobuf

MAX_NESTED_COUNT = 4
HERE = Path(__file__).parent
CAPTURES = HERE.parent / "captures"
TABLE: dict[str, Any] = yaml.safe_load((HERE / "explain_captures.test").read_text("utf-8"))
BY_FILE: dict[str, dict[str, Any]] = {row["file"]: row for row in TABLE["captures"]}


@cache
def lines_of(file: str) -> tuple[str, ...]:
    """Return the requests of a recording, one a line."""
    with gzip.open(CAPTURES / f"{file}.jsonl.gz", "rt", encoding="utf-8") as stream:
        return tuple(stream)


def judged(file: str, rename: dict[str, str] | None = None) -> Assessment:
    """Return the assessment of a recording in which texts were replaced, longest first."""
    spans: list[Span] = []
    for original in lines_of(file):
        line = renamed(original, rename or {})
        spans.extend(decode_traces(json_to_protobuf("traces", line.encode())).spans)
    return judge(build(run_id="run", spans=spans))


def renamed(line: str, rename: dict[str, str]) -> str:
    """Replace texts in a JSON line, also where they stand in JSON within JSON within it."""
    for old in sorted(rename, key=len, reverse=True):
        before, after = old, rename[old]
        for _ in range(MAX_NESTED_COUNT):
            line = line.replace(before, after)
            before, after = json.dumps(before)[1:-1], json.dumps(after, ensure_ascii=False)[1:-1]
    return line


def answer_of(assessment: Assessment) -> dict[str, Any]:
    """Return what the table speaks about."""
    told = explain_json(assessment)
    return {
        "verdict": told["verdict"],
        "category": told["category"],
        "origin": told["origin"] and told["origin"]["span_id"],
        "propagator": next((p["agent"] for p in told["propagators"]), None),
        "symptom": told["symptom"] and told["symptom"]["span_id"],
    }


def expected_of(row: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Return the table's answer; what a row does not say is unknown."""
    keys = ("verdict", "category", "origin", "propagator", "symptom")
    return {key: changed.get(key, row.get(key)) for key in keys}


@pytest.mark.parametrize("row", TABLE["captures"], ids=lambda row: row["file"])
def test_recorded_runs_are_explained(row: dict[str, Any]) -> None:
    """Origin, propagator and symptom of a recorded fault are named; a healthy run is healthy."""
    assert answer_of(judged(row["file"])) == expected_of(row)


@pytest.mark.parametrize(
    "row", TABLE["mutants"], ids=lambda row: f"{row['of']}-{row.get('why', 'other words')}"
)
def test_the_answer_does_not_hang_on_words(row: dict[str, Any]) -> None:
    """The same fault in other words is found at the same span; a likeness of one is healthy."""
    original = row if "verdict" in row else BY_FILE[row["of"]]
    changed = {"propagator": row["propagator"]} if "propagator" in row else {}
    lines = lines_of(row["of"])
    assert [renamed(line, row["rename"]) for line in lines] != list(lines)
    assert answer_of(judged(row["of"], row["rename"])) == expected_of(original, **changed)


@pytest.mark.parametrize("row", TABLE["captures"], ids=lambda row: row["file"])
def test_every_recorded_run_can_be_shown(row: dict[str, Any]) -> None:
    """Text and JSON forms hold for every run, and name received spans only."""
    assessment = judged(row["file"])
    received = {step.span.span_id for step in assessment.graph.steps}
    told = explain_json(assessment)
    assert {hop["span_id"] for hop in told["path"]} <= received
    assert explain_text(assessment).startswith("run run  ")
    assert len(graph_json(assessment)["steps"]) == len(assessment.graph.steps)


@pytest.mark.parametrize("row", TABLE["captures"], ids=lambda row: row["file"])
def test_the_answer_does_not_hang_on_arrival_order(row: dict[str, Any]) -> None:
    """Spans that arrive in another order give the same answer."""
    spans = [
        span
        for line in reversed(lines_of(row["file"]))
        for span in reversed(decode_traces(json_to_protobuf("traces", line.encode())).spans)
    ]
    assert answer_of(judge(build(run_id="run", spans=spans))) == expected_of(row)
