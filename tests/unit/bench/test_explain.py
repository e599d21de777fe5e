"""The bench of latency: what it measures, and how it counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.explain import Sample, generated, main, percentile, recorded, rows_of, table

from app_fixtures import CAPTURES
from causewatch.errors import InputError

OK = str(CAPTURES / "pydantic-ai__native__ok.jsonl.gz")


def sample(spans: int, wall_ms: float) -> Sample:
    """Return a measured run."""
    return Sample(spans=spans, wall_ms=wall_ms, cpu_ms=wall_ms, build_ms=wall_ms / 2)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([1.0], 0.99, 1.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        (list(map(float, range(1, 101))), 0.99, 99.0),
        (list(map(float, range(1, 1001))), 0.99, 990.0),
        ([1.0, 2.0], 1.0, 2.0),
    ],
)
def test_percentile(values: list[float], share: float, expected: float) -> None:
    """The nearest rank: never between two measured values, never above the largest."""
    assert percentile(values, share) == expected


def test_runs_of_one_size_share_a_row() -> None:
    """Small and large runs are not averaged; the pace is told for 30 spans."""
    rows = list(
        rows_of("x", [sample(10, 2.0), sample(15, 3.0), sample(30, 5.0), sample(900, 90.0)])
    )
    assert [(row.runs, row.spans) for row in rows] == [(2, 12.5), (1, 30.0), (1, 900.0)]
    assert [row.median_30_ms for row in rows] == [6.0, 5.0, 3.0]
    assert list(rows_of("x", [])) == []


def test_generated_runs_differ_by_seed_only() -> None:
    """Caches that outlive a run must not make the next one look fast."""
    one, same, other = generated(2, 1), generated(2, 1), generated(2, 2)
    ids = [[s.span_id for run in runs for s in run.spans] for runs in (one, same, other)]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])


def test_files_are_measured_each_run_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row for explaining and one for the whole way; the JSON holds what the table shows."""
    out = tmp_path / "rows.json"
    assert main([OK, "--out", str(out)]) == 0
    rows = json.loads(out.read_text())
    assert [(row["name"], row["runs"]) for row in rows] == [("explain", 1), ("whole way", 1)]
    assert all(0 < row["median_ms"] <= row["p99_ms"] for row in rows)
    shown = capsys.readouterr().out
    assert "| explain | 1 | 17 |" in shown
    assert "load average" in shown


def test_generated_runs_are_measured_without_files(tmp_path: Path) -> None:
    """As many as asked for, each of 24 spans."""
    out = tmp_path / "rows.json"
    assert main(["--runs", "3", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())
    assert [(row["runs"], row["spans"]) for row in rows] == [(3, 24.0), (3, 24.0)]


def test_the_command_is_measured_with_its_start() -> None:
    """What a user waits for, interpreter included."""
    assert (
        table(list(rows_of("command", [sample(30, 400.0)])))
        .splitlines()[2]
        .startswith("| command | 1 | 30 | 400.00 |")
    )


def test_a_file_that_cannot_be_read_is_no_figure(tmp_path: Path) -> None:
    """A bench that skips what it cannot read would flatter."""
    with pytest.raises(InputError):
        recorded([str(tmp_path / "gone.jsonl")])
