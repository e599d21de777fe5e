"""The detection bench: sections, tables, figures, and what counts as right."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench.captures import captures_of
from bench.captures import measured as measured_captures
from bench.detection import is_right, main, outcomes, parted, rows_of
from bench.failed_runs import blamed, ended
from bench.verdicts import (
    Expected,
    Measured,
    Outcome,
    Tally,
    assessed,
    outcome,
    share,
    spans_of_file,
    tallied,
)

FAULTY = Expected(faulty=True, origins=("o1", "o2"), propagators=("a",), symptoms=("s",))


def tool(trace: str, number: int, name: str, given: Any, got: Any) -> dict[str, Any]:
    """Return the span of a tool call by an agent named desk."""
    return {
        "traceId": trace,
        "spanId": f"{number:016x}",
        "name": f"execute_tool {name}",
        "startTimeUnixNano": str(number * 1_000_000),
        "endTimeUnixNano": str(number * 1_000_000 + 500_000),
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "execute_tool"}},
            {"key": "gen_ai.tool.name", "value": {"stringValue": name}},
            {"key": "gen_ai.agent.name", "value": {"stringValue": "desk"}},
            {"key": "gen_ai.tool.call.arguments", "value": {"stringValue": json.dumps(given)}},
            {"key": "gen_ai.tool.call.result", "value": {"stringValue": json.dumps(got)}},
        ],
    }


LOOPING, FINE = "a1" * 16, "b2" * 16


def line_of(trace: str, calls: int) -> str:
    """Return one request: a search that is made some times with the same result."""
    found = {"documents": [{"id": "d-1", "text": "Doors close at six."}]}
    spans = [tool(trace, n, "search", {"q": "doors"}, found) for n in range(1, calls + 1)]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})


def written(folder: Path, name: str, *lines: str) -> Path:
    """Write a gzip file of requests."""
    path = folder / name
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    """Return a folder of three captures, one of which has no content, and one that is missing."""
    written(tmp_path, "loop.jsonl.gz", line_of(LOOPING, 6))
    written(tmp_path, "fine.jsonl.gz", line_of(FINE, 1))
    bare = tool("c3" * 16, 1, "search", {}, {})
    bare["attributes"] = bare["attributes"][:4]
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [bare]}]}]}
    written(tmp_path, "bare.jsonl.gz", json.dumps(request))
    truth = {
        "fault": "tool_loop",
        "introduced_by": {"span_id": f"{2:016x}"},
        "propagated_by": {"agent": "desk"},
        "effect": None,
    }
    entries: list[dict[str, Any]] = [
        {"file": "loop.jsonl", "scenario": "loop", "ground_truth": truth},
        {"file": "fine.jsonl", "scenario": "ok", "ground_truth": {"fault": "none"}},
        {"file": "bare.jsonl", "scenario": "ok", "content_present": False, "ground_truth": {}},
        {"file": "gone.jsonl", "scenario": "ok", "ground_truth": {}},
    ]
    known: dict[str, Any] = {"framework": "made", "variant": "up"}
    listed = [known | entry for entry in entries]
    (tmp_path / "MANIFEST.yaml").write_text(yaml.safe_dump({"captures": listed}), encoding="utf-8")
    return tmp_path


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    """Return a folder of a run that failed and one that passed."""
    written(tmp_path, "traces.jsonl.gz", line_of(LOOPING, 6), line_of(FINE, 3))
    labels = [
        {"trace_id": LOOPING, "subset": "algo", "agent": "desk", "span_id": f"{3:016x}", "step": 1},
        {"trace_id": FINE, "subset": "tau", "failed": False},
        {"trace_id": "dd" * 16, "subset": "algo"},
    ]
    lines = "\n".join(map(json.dumps, labels))
    (tmp_path / "ground_truth.jsonl").write_text(f"{lines}\n\n", encoding="utf-8")
    return tmp_path


def test_a_manifest_says_what_is_right(captures: Path) -> None:
    """Listed captures that are there; what the manifest does not name, any answer is right for."""
    loop, fine, bare = captures_of(captures)
    assert loop.expected == Expected(
        faulty=True, categories=("loop",), origins=(f"{2:016x}",), propagators=("desk",)
    )
    assert fine.expected == Expected(faulty=False)
    assert (bare.fault, bare.content_present) == ("none", False)


def test_captures_are_measured(captures: Path) -> None:
    """The loop is found where it is, nothing is found where nothing is."""
    loop, fine, bare = measured_captures(captures)
    assert loop.outcome.whole
    assert loop.outcome.symptom
    assert loop.outcome.category
    assert (fine.outcome.verdict, fine.outcome.detected) == ("healthy", False)
    assert not bare.has_content
    assert loop.dialect == "made up"


def test_runs_that_passed_are_counted_by_verdict(failed: Path) -> None:
    """By subset and end; a label without a trace counts nowhere."""
    found = ended(failed)
    assert {name: counts.total() for name, counts in found.items()} == {
        "algo, failed": 1,
        "tau, passed": 1,
    }


def test_failed_runs_stand_beside_a_position(failed: Path) -> None:
    """The second step after the task is what a position would name."""
    ours, position = blamed(failed, "algo")
    assert (ours.name, ours.runs) == ("explain --failed", 1)
    assert (position.named, position.agent, position.step) == (1, 1, 1)
    assert blamed(failed, "tau")[1].runs == 1


def made(group: str, *, faulty: bool, outcome: Outcome, has_content: bool = True) -> Measured:
    """Return one measured run."""
    return Measured(
        run=f"{group}-1",
        group=group,
        dialect="d",
        expected=Expected(faulty=faulty),
        outcome=outcome,
        has_content=has_content,
    )


RIGHT = Outcome(verdict="corrupted", detected=True, origin=True, propagator=True)
HALF = Outcome(verdict="corrupted", detected=True, origin=True)
HEALTHY = Outcome(verdict="healthy")
UNSURE = Outcome(verdict="unverifiable")


@pytest.mark.parametrize(
    ("faulty", "has_content", "said", "want"),
    [
        (True, True, RIGHT, True),
        (True, True, HALF, False),
        (True, True, HEALTHY, False),
        (False, True, HEALTHY, True),
        (False, True, UNSURE, True),
        (False, True, RIGHT, False),
        (True, False, UNSURE, True),
        (True, False, HEALTHY, False),
        (False, False, HEALTHY, False),
    ],
)
def test_what_is_right(*, faulty: bool, has_content: bool, said: Outcome, want: bool) -> None:
    """Both ends of a fault's way; no alarm; and without content, no claim at all."""
    one = made("x", faulty=faulty, outcome=said, has_content=has_content)
    assert is_right(one) is want


def test_runs_are_parted() -> None:
    """Those without content are neither hits nor misses."""
    runs = [
        made("f", faulty=True, outcome=RIGHT),
        made("h", faulty=False, outcome=HEALTHY),
        made("n", faulty=True, outcome=UNSURE, has_content=False),
    ]
    assert {name: [one.group for one in part] for name, part in parted(runs).items()} == {
        "faulty": ["f"],
        "healthy": ["h"],
        "no content": ["n"],
    }


def test_a_section_lists_false_alarms_before_wrong_places_before_misses() -> None:
    """The worst comes first; without being asked for, no run is listed."""
    runs = [
        made("missed", faulty=True, outcome=HEALTHY),
        made("half", faulty=True, outcome=HALF),
        made("alarm", faulty=False, outcome=RIGHT),
        made("fine", faulty=False, outcome=HEALTHY),
    ]
    section = outcomes("T", runs, listed=True)
    listed = [line for line in section.text.splitlines() if line.startswith("- ")]
    assert [line.split(" (")[0] for line in listed] == [
        "- false alarm alarm-1 alarm",
        "- wrong place half-1 half",
        "- miss missed-1 missed",
    ]
    assert "- miss" not in outcomes("T", runs, listed=False).text
    assert [one.group for one in section.figures["wrong"]] == ["missed", "half", "alarm"]
    assert "| all | 2 | 50.0 % (1 of 2) |" in section.text
    assert "| half | 1 | 1 | 1 | 0 | 0 | 0 | 0 |" in section.text


def test_a_tally_counts_what_was_right() -> None:
    """By group, and over all."""
    runs = [made("a", faulty=True, outcome=RIGHT), made("b", faulty=True, outcome=HALF)]
    counted = Tally.of(runs)
    assert (counted.runs, counted.counts["origin"], counted.counts["whole"]) == (2, 2, 1)
    assert [name for name, _ in tallied(runs, lambda one: one.group)] == ["a", "b"]
    assert share(0, 0) == "none"


def test_an_outcome_is_the_best_of_the_runs_that_are_corrupted(captures: Path) -> None:
    """One story may be several runs; a verdict of none is unverifiable if one run is."""
    looping = assessed(spans_of_file(captures / "loop.jsonl.gz"))
    fine = assessed(spans_of_file(captures / "fine.jsonl.gz"))
    assert outcome([*fine, *looping], Expected(faulty=True)).whole
    assert outcome(fine, FAULTY).verdict == "healthy"
    found = outcome(looping, FAULTY)
    assert (found.detected, found.origin, found.propagator, found.symptom) == (True, *[False] * 3)


def test_the_command_prints_every_section_and_writes_the_figures(
    captures: Path, failed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each option adds a section; the JSON holds the same."""
    out = captures / "figures.json"
    given = ["--captures", str(captures), "--agentrx", str(failed), "--whowhen", str(failed)]
    assert main([*given, "--stories", "4", "--seed", "9", "--runs", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    titles = ["Captures", "Runs that passed or failed", "Failed runs (algo)", "Stories (seed 9)"]
    assert [line[3:] for line in printed.splitlines() if line.startswith("## ")] == titles
    figures = json.loads(out.read_text(encoding="utf-8"))
    assert list(figures) == titles
    assert figures["Captures"]["faulty"]["all"]["runs"] == 1
    assert figures["Stories (seed 9)"]["healthy"]["all"]["runs"] == 2


def test_injected_instructions_are_a_section(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As recorded and reworded."""
    written(tmp_path, "traces.jsonl.gz", line_of(FINE, 1))
    label = {"trace_id": FINE, "condition": "benign", "utility": True}
    (tmp_path / "ground_truth.jsonl").write_text(json.dumps(label), encoding="utf-8")
    assert main(["--agentdojo", str(tmp_path)]) == 0
    assert "| as recorded | none | 0.0 % (0 of 1) |" in capsys.readouterr().out


def test_nothing_asked_is_nothing_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Without data there are no figures."""
    assert main([]) == 0
    assert capsys.readouterr().out == ""
    assert rows_of([("a", "b"), ("1", "2")]).splitlines()[2] == "| 1 | 2 |"
