"""The bench of the rule packs: what counts as a hit, and what as a false alarm."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench.packs import Fired, by_source, is_quiet, main, table

CAPTURES = Path(__file__).parents[2] / "captures"
RULES = """\
groups:
- name: g
  rules:
  - alert: Lost
    signature: '{ span.causewatch.blame.category = "truncation" }'
  - alert: Anything
    signature: '{ true }'
"""


def one(name: str, label: str, *alerts: str) -> Fired:
    """Return what one run made fire."""
    healthy = {"well": True, "wrong": False}.get(label)
    return Fired(name=name, source="made", healthy=healthy, alerts=alerts)


def test_hits_and_false_alarms_are_counted_per_rule() -> None:
    """Runs whose label says neither well nor wrong count nowhere."""
    found = [
        one("a", "wrong", "X"),
        one("b", "wrong"),
        one("c", "well", "X"),
        one("d", "open", "X"),
    ]
    lines = table(found, ["X", "Y"]).splitlines()
    assert lines[2:] == [
        "| X | 1 | 1 |",
        "| Y | 0 | 0 |",
        "| any | 50.0 % (1 of 2) | 100.0 % (1 of 1) |",
    ]
    assert by_source(found).splitlines()[-1] == "| made | 100.0 % (1 of 1) |"


def test_one_in_a_hundred_is_the_limit() -> None:
    """Two alarms in two hundred healthy runs are borne, three are not; faulty runs do not count."""
    healthy = [one(str(n), "well") for n in range(197)]
    alarmed = [one(f"x{n}", "well", "X") for n in range(3)]
    assert is_quiet([*healthy, one("y", "well"), *alarmed[:2], one("z", "wrong", "X")])
    assert not is_quiet([*healthy, *alarmed])
    assert is_quiet([])


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Return a folder with two captures, one of each kind, under their labels."""
    entries: list[dict[str, Any]] = []
    for scenario, fault in (("ok", "none"), ("truncated_handoff", "context_loss_at_handoff")):
        name = f"pydantic-ai__native__{scenario}.jsonl"
        (tmp_path / f"{name}.gz").write_bytes((CAPTURES / f"{name}.gz").read_bytes())
        entries.append({
            "file": name, "framework": "f", "variant": "v", "scenario": scenario,
            "ground_truth": {"fault": fault},
        })  # fmt: skip
    manifest = {"captures": [*entries, {**entries[0], "file": "gone.jsonl"}]}
    (tmp_path / "MANIFEST.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    return tmp_path


def test_shipped_rules_on_captures(labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One hit, no false alarm: exit code 0."""
    out = labelled / "out.json"
    assert main(["--captures", str(labelled), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "| ContentLost | 1 | 0 |" in printed
    assert "| any | 100.0 % (1 of 1) | 0.0 % (0 of 1) |" in printed
    assert [run["alerts"] for run in json.loads(out.read_text())] == [[], ["ContentLost"]]


def test_loud_rules_fail(labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rules of one's own are measured the same way; one that always fires is told, run by run."""
    rules = labelled / "own.txt.yaml"
    rules.write_text(RULES, encoding="utf-8")
    given = ["--captures", str(labelled), "--rules", str(rules), "--runs"]
    assert main(given) == 1
    assert "- false alarm captures pydantic-ai__native__ok.jsonl: Anything" in (
        capsys.readouterr().out
    )


def test_labels_of_the_other_sets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Benign with utility and passed are healthy; hijacked and failed are not; the rest is left."""

    def spans(trace: str) -> dict[str, Any]:
        span = {"traceId": trace, "spanId": "1" * 16, "name": "s"}
        return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}

    traces = [f"{n:032x}" for n in range(1, 6)]
    body = "\n".join(json.dumps(spans(trace)) for trace in traces[:4])
    (tmp_path / "traces.jsonl.gz").write_bytes(gzip.compress(body.encode()))
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")

    def counted(option: str, labels: list[dict[str, Any]]) -> str:
        text = "\n".join(map(json.dumps, labels))
        (tmp_path / "ground_truth.jsonl").write_text(text, encoding="utf-8")
        main([option, str(tmp_path), "--rules", str(rules)])
        return capsys.readouterr().out.splitlines()[4]

    conditions = [("benign", True), ("benign", False), ("hijacked", True), ("exposed", True)]
    labels = [
        {"trace_id": trace, "condition": condition, "utility": utility}
        for trace, (condition, utility) in zip(traces, conditions, strict=False)
    ]
    assert counted("--agentdojo", labels).endswith("| 100.0 % (1 of 1) | 100.0 % (1 of 1) |")
    ended = [
        {"trace_id": trace, "subset": "s", "failed": failed}
        for trace, failed in zip(traces, (True, True, False, False, False), strict=True)
    ]
    assert counted("--agentrx", ended).endswith("| 100.0 % (2 of 2) | 100.0 % (2 of 2) |")
