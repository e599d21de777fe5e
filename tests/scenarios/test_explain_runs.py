"""Runs written as events: which are corrupted, by whom, and which only look so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from blame_fixtures import RunBuilder
from causewatch.blame.judge import judge
from causewatch.model.judgement import Assessment

RUNS: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("explain_runs.test").read_text("utf-8")
)["runs"]


def played(row: dict[str, Any]) -> tuple[Assessment, list[int]]:
    """Play a run's events, and return its assessment with the step of each event."""
    run = RunBuilder(row["prompt"])
    steps: list[int] = []
    for event in row["events"]:
        ((kind, told),) = event.items()
        if kind == "call":
            extra = {key: told[key] for key in ("status", "kind") if key in told}
            steps.append(run.call(told["tool"], told["with"], told["gives"], **extra))
        elif kind == "hand":
            steps.append(
                run.hand_over(
                    told["to"],
                    told["sent"],
                    told.get("got", "same"),
                    mechanical=not told.get("model", False),
                    result=told.get("gives"),
                )
            )
        else:
            steps.append(run.say(told))
    return judge(run.graph()), steps


@pytest.mark.parametrize("row", RUNS, ids=lambda row: row["name"])
def test_runs_are_explained(row: dict[str, Any]) -> None:
    """Each run gets the verdict, category, origin, propagators and symptom that it states."""
    assessment, steps = played(row)
    blame, expect = assessment.blame, row["expect"]
    number = {step: n for n, step in enumerate(steps, start=1)}
    told = {
        "verdict": blame.verdict,
        "category": blame.category,
        "origin": number.get(blame.origin.step) if blame.origin else None,
        "propagators": [p.agent for p in blame.propagators],
        "symptom": number.get(blame.symptom.step) if blame.symptom else None,
    }
    wanted = {
        "verdict": expect["verdict"],
        "category": expect.get("category"),
        "origin": expect.get("origin"),
        "propagators": expect.get("propagators", []),
        "symptom": expect.get("symptom"),
    }
    assert told == wanted


def test_each_run_has_its_own_name() -> None:
    """A name that stands twice would hide a case."""
    names = [row["name"] for row in RUNS]
    assert len(set(names)) == len(names)
