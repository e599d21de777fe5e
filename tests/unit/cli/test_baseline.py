"""``causewatch explain --baseline``: good runs tell what a result lacks."""

from __future__ import annotations

from pathlib import Path

from cli_fixtures import run
from history_fixtures import PART, files


def test_several_files_of_good_runs(tmp_path: Path) -> None:
    """Files follow the option as they follow ``--traces``, before or after it."""
    good = files(tmp_path, 5)
    (part,) = files(tmp_path, 1, PART, first=7)
    alone = run("explain", "--traces", part)
    assert (alone.code, alone.lines[0]["verdict"]) == (0, "healthy")
    orders: tuple[tuple[str | Path, ...], ...] = (
        ("--traces", part, "--baseline", *good),
        ("--baseline", *good, "--traces", part),
    )
    for arguments in orders:
        done = run("explain", *arguments)
        assert (done.code, len(done.lines)) == (1, 1)
        assert done.lines[0]["category"] == "truncation"
        assert done.lines[0]["origin"]["name"] == "find_berth"
