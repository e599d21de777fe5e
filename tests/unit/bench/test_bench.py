from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from bench.__main__ import available, main, parser
from bench.found import Found
from bench.machine import machine
from bench.measure import Measured, second_pass
from bench.report import Live, both, costs, live, method, rows_of, scale, verdicts

NOTHING = Found(
    planted=0, found=0, missed=(), healthy=0, alarmed=0, alarms=(), matched={}, passed_over={},
    detected_s=(),
)  # fmt: skip


def measured(kind: str, cpu: float, found: Found | None = None) -> Measured:
    """Return one measurement."""
    return Measured(
        kind=kind,
        corrupted=0.01,
        spans=1000,
        cpu_s_per_million=cpu,
        acknowledged_per_s=cpu * 1000,
        judged_per_s=500,
        rss_mib=cpu * 10,
        peak_rss_mib=cpu * 20,
        acks_ms=(cpu, 2 * cpu, 3 * cpu),
        found=found,
        second_pass=0.25 if found else None,
    )


def test_a_row_is_the_median_of_its_own_rounds() -> None:
    """Servers that take turns are not mixed, and an outlier does not move the figure."""
    rows = rows_of(
        [measured("nop", 4), measured("ack", 60), measured("nop", 5), measured("nop", 9)]
    )
    assert [(row.kind, row.rounds) for row in rows] == [("nop", 3), ("ack", 1)]
    assert rows[0].cpu == (4, 5, 9)


def test_costs_stand_beside_those_of_tail_sampling() -> None:
    """What causewatch costs is told as a multiple of what people run today."""
    lines = costs(rows_of([measured("tail_sampling", 10), measured("ack", 4)])).splitlines()
    assert len(lines) == 4
    assert [cell.strip() for cell in lines[3].split("|")[2:6]] == [
        "4.0 / **4.0** / 4.0", "0.40", "40 / 80", "0.40",
    ]  # fmt: skip
    assert "| - |" in costs(rows_of([measured("ack", 4)]))


def test_what_was_found_stands_beside_what_was_alarmed() -> None:
    """Neither figure means anything without the other."""
    found = msgspec.structs.replace(
        NOTHING, planted=4, found=3, healthy=96, alarmed=1, detected_s=(0.5, 1, 9),
        detected_by_monotone_s=(0.5, 1),
    )  # fmt: skip
    (line,) = verdicts([measured("causewatch", 5, found)]).splitlines()[2:]
    assert "| 3 of 4 | 1 of 96 | 25.0 % | 1.0 / 9.0 | 0.8 / 1.0 | 500 |" in line
    (line,) = verdicts([measured("causewatch", 5, NOTHING)]).splitlines()[2:]
    assert "| - | - | 500 |" in line


def test_percentiles_are_those_of_all_requests() -> None:
    """The 99th of a hundred is not the most."""
    assert both([float(number) for number in range(1, 101)]) == (50.5, 100.0)
    assert both([1.0] * 990 + [7.0] * 10) == (1.0, 7.0)
    assert both([3.0]) == (3.0, 3.0)


def test_the_share_of_the_second_pass_leaves_out_the_warm_up() -> None:
    """What was judged before the measurement does not count."""
    assert second_pass({"quiet": 10, "judged": 90}, {"quiet": 40, "judged": 100}) == 0.25
    assert second_pass({}, {"judged": 5}) == 1.0
    assert second_pass({}, {}) is None


def test_sizes_and_live_runs_have_their_tables() -> None:
    """A line for each size, a ratio for each server."""
    assert "| 1,000 | 5.0 | 100 | 100.0 % |" in scale([measured("causewatch", 5)]).replace(
        "100 % |", "100.0 % |"
    )
    held = [
        Live(kind=kind, runs=10, spans=120, sent_mib=1.0, rss_mib=mib, peak_rss_mib=mib)
        for kind, mib in (("tail_sampling", 400.0), ("causewatch", 100.0))
    ]
    assert live(held).splitlines()[3].endswith("| 100 / 100 | 0.25 |")


def test_the_method_is_told_with_its_numbers() -> None:
    """No placeholder is left over."""
    assert "waits 5 s, holds 50,000 traces" in method()
    assert "{" not in method()


@pytest.mark.parametrize(
    "argv",
    [
        ["--rounds", "0"], ["--rounds", "51"], ["--spans", "x"], ["--corrupted", "2"],
        ["--only", "ingst"],
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(argv: list[str]) -> None:
    """A typing error does not measure something else in silence."""
    with pytest.raises(SystemExit):
        parser().parse_args(argv)


def test_a_collector_that_is_not_built_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the user is told."""
    monkeypatch.setenv("CAUSEWATCH_COLLECTOR_CACHE", str(tmp_path))
    assert available(["nop", "ack"]) == ["ack"]
    assert "nop: no Collector" in capsys.readouterr().err


def test_the_machine_is_named() -> None:
    """Figures carry the machine they belong to."""
    found = machine()
    assert int(found["cores"]) >= 1
    assert str(found["python"]).startswith("3.")


@pytest.mark.slow
def test_one_command_measures_finds_and_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every planted incident of a small load is found, and the page says what it cost."""
    out = tmp_path / "page.md"
    argv = ["--rounds", "1", "--spans", "3000", "--warm-up", "300", "--corrupted", "0.1"]
    assert main([*argv, "--only", "ack,causewatch", "--live", "20", "--out", str(out)]) == 0
    text = out.read_text()
    assert capsys.readouterr().out == text + "\n"
    assert text.startswith("# Performance\n")
    assert "## Live runs" in text
    assert "| **0.0** |" not in text
