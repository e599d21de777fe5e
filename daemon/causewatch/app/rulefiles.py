"""Reads rule files from disk, and knows when they changed and which revision they are."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from causewatch.errors import Problem, ProblemsError
from causewatch.rules.bundle import Bundle
from causewatch.rules.file import load

MAX_FILE_BYTES = 1024 * 1024
MAX_FILES = 10_000
SUFFIXES = {".yaml", ".yml", ".json"}


class RuleFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Rule files as read: bytes by path, the digest over all, and the revision they carry."""

    files: dict[str, bytes]
    sha256: str
    revision: str


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle and the files it came from."""

    bundle: Bundle
    source: RuleFiles


def read_rule_files(paths: Sequence[Path]) -> RuleFiles:
    """Read every rule, test and schema file under ``paths``.

    A directory swapped by symlink (git-sync, a ConfigMap's ``..data``) is resolved once at the
    start, so that all files come from one tree.

    Raises:
        ProblemsError: when a path is missing or unreadable, or a limit is passed.
    """
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    for path in paths:
        for shown, real in _walk(path, problems):
            if len(files) >= MAX_FILES:
                problems.append(_problem(shown, f"more than {MAX_FILES} files", "limit"))
                break
            _read(shown, real, files, problems)
    if problems:
        raise ProblemsError(problems)
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
    revision = _revision_of(paths[0]) if paths else ""
    return RuleFiles(files=files, sha256=digest.hexdigest(), revision=revision)


def load_bundle(paths: Sequence[Path]) -> Loaded:
    """Read and load rule files.

    Raises:
        ProblemsError: with every problem of every file.
    """
    source = read_rule_files(paths)
    return Loaded(bundle=load(source.files), source=source)


def _walk(path: Path, problems: list[Problem]) -> list[tuple[str, Path]]:
    """List (name shown, real path) of the files under a path; hidden entries are left out."""
    if path.is_file():
        # Schema files that it may name lie in its folder; other rule files there are not meant.
        beside = [found for found in _walk(path.parent, problems) if found[1].suffix == ".json"]
        return [(str(path), path), *(found for found in beside if found[1] != path)]
    if not path.is_dir():
        problems.append(_problem(str(path), "no such file or directory", "unreadable"))
        return []
    root = path.resolve()
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix in SUFFIXES and not name.startswith("."):
                real = Path(folder) / name
                found.append((str(path / real.relative_to(root)), real))
    return found


def _read(shown: str, real: Path, files: dict[str, bytes], problems: list[Problem]) -> None:
    try:
        if real.stat().st_size > MAX_FILE_BYTES:
            problems.append(_problem(shown, f"larger than {MAX_FILE_BYTES} bytes", "limit"))
            return
        files[shown] = real.read_bytes()
    except OSError as error:
        problems.append(_problem(shown, f"cannot be read: {error.strerror}", "unreadable"))


def _problem(file: str, message: str, check: str) -> Problem:
    return Problem(file=file, line=1, column=1, check=check, message=message)


def _revision_of(path: Path) -> str:
    """Return the revision that a ``REVISION`` file or a git checkout names, else nothing."""
    folder = path.resolve() if path.is_dir() else path.resolve().parent
    for parent in (folder, *folder.parents):
        named = parent / "REVISION"
        if named.is_file():
            with contextlib.suppress(OSError):  # who may not read it goes on to the checkout
                return named.read_text(encoding="utf-8", errors="replace").strip()[:80]
        git = parent / ".git"
        if git.is_dir():
            return _git_head(git)
    return ""


def _git_head(git: Path) -> str:
    """Read HEAD without the git binary; a packed or odd ref gives the empty string."""
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head[:40]
        ref = git / head.removeprefix("ref: ")
        return ref.read_text(encoding="utf-8").strip()[:40] if ref.is_file() else ""
    except OSError:
        return ""
