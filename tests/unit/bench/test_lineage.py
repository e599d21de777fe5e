from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.lineage import SHAPES, Point, exponent, loop, main, measure, payload_bytes, slope, team

from causewatch.graph.build import build

LINEAR, SQUARE = (0.01, 0.1, 1.0), (0.01, 1.0, 100.0)


@pytest.mark.parametrize(("seconds", "expected"), [(LINEAR, 1.0), (SQUARE, 2.0)])
def test_the_exponent_is_the_slope_of_both_logarithms(
    seconds: tuple[float, ...], expected: float
) -> None:
    """Ten times the size in ten times the time is 1, in a hundred times is 2."""
    assert exponent((10, 100, 1000), seconds) == pytest.approx(expected)


def test_runs_too_small_to_tell_do_not_flatten_the_slope() -> None:
    """What any run costs would hide a square: only the larger ones count."""
    points = [
        Point(steps=steps, payload_bytes=steps, build_s=cost, judge_s=0)
        for steps, cost in ((1, 0.001), (10, 0.001), (100, 0.1), (1000, 10.0))
    ]
    assert slope(SHAPES[0], points, lambda p: p.build_s) == pytest.approx(2.0)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_each_shape_has_the_lineage_that_it_is_about(
    shape: object,
) -> None:
    """Every result but the last flows to a model step: a shape without edges measures nothing."""
    made = next(each for each in SHAPES if each is shape)
    spans = made.make(made.sizes[1])
    graph = build(run_id="bench", spans=spans)
    tools = [i for i, step in enumerate(graph.steps) if step.kind == "tool"]
    into_models = {
        e.source for e in graph.edges if e.type == "data" and graph.steps[e.target].kind == "model"
    }
    assert len(into_models & set(tools)) >= 0.9 * len(tools) - 1


def test_sizes_are_what_they_say() -> None:
    """Steps and bytes are those of the spans."""
    spans = loop(100, with_ids=True, in_prompt=False, history=False, result_bytes=1_000)
    point = measure(spans, repeat=1)
    assert point.steps == len(spans) == 102
    assert point.payload_bytes == payload_bytes(spans) > 50 * 1_000
    assert 60 <= len(team(60)) <= 70


def test_a_small_measurement_prints_a_table_and_writes_every_point(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command works from end to end."""
    out = tmp_path / "figures.json"
    assert main(["--repeat", "1", "--sizes", "2", "--out", str(out)]) == 0
    assert "| call ids | steps |" in capsys.readouterr().out
    written = json.loads(out.read_text(encoding="utf-8"))
    assert [len(row["points"]) for row in written["rows"]] == [2] * len(SHAPES)
