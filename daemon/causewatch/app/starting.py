"""Writes a rules repository to start from: rules, a contract, tests, editor, hooks, CI."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from causewatch import __version__
from causewatch.app.schemas import schema_text
from causewatch.errors import UserError

STARTER = Path(__file__).parent / "starter"
SCHEMAS = ("rules.schema.json", "tests.schema.json")
"""What the editor settings name."""
_HIDDEN = "dot-"
_VERSION = "@VERSION@"


def starter_files() -> dict[str, bytes]:
    """Return every file of the repository by its path in it."""
    files = {
        _path_of(path.relative_to(STARTER).as_posix()): path.read_bytes()
        for path in sorted(STARTER.rglob("*"))
        if path.is_file()
    }
    versioned = {
        name: content.replace(_VERSION.encode(), __version__.encode())
        for name, content in files.items()
    }
    return versioned | {f"schemas/{name}": schema_text(name).encode() for name in SCHEMAS}


def write_starter(folder: Path) -> list[str]:
    """Write the repository into a folder, which may exist; return the paths written, in order.

    Raises:
        UserError: when one of the files is there already, or a file cannot be written. In the
            first case nothing is written.
    """
    files = starter_files()
    known = sorted(name for name in files if (folder / name).exists())
    if known:
        raise UserError(f"nothing is overwritten: {folder} already has {', '.join(known)}")
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise UserError(f"{error.filename or folder}: {error.strerror}") from None
    return sorted(files)


def _path_of(name: str) -> str:
    """Return where a file goes: packages leave out what is hidden, so it is kept as ``dot-``."""
    parts = PurePosixPath(name).parts
    return "/".join(f".{p.removeprefix(_HIDDEN)}" if p.startswith(_HIDDEN) else p for p in parts)
