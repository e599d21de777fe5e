"""Nobody else reads what is stored."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import structlog

from causewatch.app.private import tighten


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of ours that everybody may read, files and copies of them included."""
    found = tmp_path / "data"
    found.mkdir()
    for name in ("inbox.db", "inbox.db-wal", "inbox.db-shm", "state.db", "state.db.backup"):
        (found / name).write_text("x")
        (found / name).chmod(0o644)
    (found / "forward-tempo.db").write_text("x")
    (found / "forward-tempo.db").chmod(0o660)
    found.chmod(0o755)
    return found


def modes(folder: Path) -> dict[str, int]:
    """Return the modes of the files in a folder."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_files_and_folder_are_closed_and_it_is_told(folder: Path) -> None:
    """Each with its mode before and now; a second look changes nothing."""
    with structlog.testing.capture_logs() as logs:
        changed = tighten(folder)
    assert set(modes(folder).values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(changed) == {folder, *folder.iterdir()}
    assert {entry["mode"] for entry in logs} == {"0644", "0660", "0755"}
    assert {entry["event"] for entry in logs} == {"was open to others"}
    with structlog.testing.capture_logs() as logs:
        assert tighten(folder) == ()
    assert logs == []


def test_what_is_not_ours_is_left_alone(folder: Path) -> None:
    """A folder that holds other things is not closed to those who use them, but it is told."""
    notes = folder / "notes.txt"
    notes.write_text("x")
    notes.chmod(0o644)
    with structlog.testing.capture_logs() as logs:
        tighten(folder)
    assert modes(folder)["notes.txt"] == 0o644
    assert modes(folder)["inbox.db-wal"] == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert logs[-1]["event"] == "folder is open to others"
    assert logs[-1]["holds_also"] == "notes.txt"
