from __future__ import annotations

from pathlib import Path

import pytest
from bench.__main__ import SERVERS, WHAT, Run, chosen, machine, main, parser, summary, table
from bench.servers import collector_binary


def run(server: str, cpu: float) -> Run:
    """Return a measured run over gRPC."""
    return Run(
        server=server,
        transport="grpc",
        cpu_s_per_million=cpu,
        acknowledged_per_s=cpu * 1000,
        peak_rss_mib=50,
    )


def test_a_row_is_the_median_of_its_own_runs() -> None:
    """Runs of two servers that alternate are not mixed, and an outlier does not move the figure."""
    rows = summary([run("ingest", 4), run("daemon", 60), run("ingest", 5), run("ingest", 90)])
    assert [(row["server"], row["runs"]) for row in rows] == [("ingest", 3), ("daemon", 1)]
    assert [rows[0][f"cpu_s_per_million_{name}"] for name in ("min", "median", "max")] == [4, 5, 90]


def test_the_table_has_a_line_for_each_row() -> None:
    """What is printed can be pasted into a page."""
    lines = table(summary([run("ingest", 4), run("collector", 7)])).splitlines()
    assert len(lines) == 4
    assert {line.count("|") for line in lines} == {7}
    assert "4 / **4** / 4" in lines[2]


def test_every_server_says_what_it_measures() -> None:
    """No figure without its meaning."""
    assert set(SERVERS) == set(WHAT)


def test_a_server_nobody_knows_is_an_error() -> None:
    """A typing error does not measure something else in silence."""
    with pytest.raises(SystemExit, match="ingst"):
        chosen("ingst")


def test_a_collector_that_is_not_built_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The benchmark builds nothing behind the user's back."""
    monkeypatch.setenv("CAUSEWATCH_COLLECTOR_CACHE", str(tmp_path))
    assert collector_binary() is None
    assert chosen("ingest,collector") == ["ingest"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["0", "51", "x"])
def test_runs_are_bounded(text: str) -> None:
    """Neither no run at all nor a day of them."""
    with pytest.raises(SystemExit):
        parser().parse_args(["--runs", text])


def test_the_machine_is_named() -> None:
    """Figures carry the machine they belong to."""
    found = machine()
    assert int(found["cores"]) >= 1
    assert str(found["python"]).startswith("3.")


@pytest.mark.slow
def test_one_command_measures_and_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command of the README measures real work: the figure is not zero."""
    out = tmp_path / "figures.json"
    assert main(["--runs", "1", "--spans", "4800", "--only", "ingest", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "| grpc | 1 |" in printed
    assert "| http | 1 |" in printed
    assert '"cpu_s_per_million_median": 0.0' not in out.read_text()
    assert out.read_text().count('"cpu_s_per_million":') == 2
