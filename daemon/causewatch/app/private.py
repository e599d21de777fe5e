"""Keeps what is stored private: the folder and the files in it belong to their owner alone."""

from __future__ import annotations

import stat
from pathlib import Path

import structlog

FOLDER_MODE, FILE_MODE = 0o700, 0o600
OURS = ("inbox.db", "state.db", "forward-", "control.json")
"""How the names of our files begin; what SQLite puts beside them, and copies of them, as well."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

log = structlog.get_logger("causewatch.daemon")


def tighten(folder: Path) -> tuple[Path, ...]:
    """Take from everybody else what they may do with our files, and say so; return what changed.

    The folder itself is only closed when nothing else is in it: it may be somebody's home. What
    cannot be changed is logged, as it is another user's to change.
    """
    paths = sorted(folder.iterdir())
    others = [path for path in paths if not path.name.startswith(OURS)]
    ours = [path for path in paths if path.name.startswith(OURS)]
    changed = [path for path in ours if path.is_file() and _close(path, FILE_MODE)]
    if not _is_open(folder):
        return tuple(changed)
    if others:
        log.warning("folder is open to others", path=str(folder), holds_also=others[0].name)
    elif _close(folder, FOLDER_MODE):
        changed.append(folder)
    return tuple(changed)


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & _OTHERS)


def _close(path: Path, mode: int) -> bool:
    """Set a mode where others may do anything; tell whether that was so, and could be changed."""
    if not _is_open(path):
        return False
    before = stat.S_IMODE(path.stat().st_mode)
    try:
        path.chmod(mode)
    except OSError as error:
        log.warning("open to others", path=str(path), mode=f"{before:04o}", error=error.strerror)
        return False
    log.warning("was open to others", path=str(path), mode=f"{before:04o}", now=f"{mode:04o}")
    return True
