"""Reads rule files from disk, and knows when they changed and which revision they are."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from causewatch.errors import Problem, ProblemsError
from causewatch.rules.bundle import Bundle
from causewatch.rules.file import digest_of, load

MAX_FILE_BYTES = 1024 * 1024
MAX_FILES = 10_000
MAX_SWAPS = 5
SWAPPED = "..data"
"""What Kubernetes calls the link that it swaps in a mounted ConfigMap or Secret."""
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

    Folders swapped by a link (git-sync, a ConfigMap's ``..data``) are resolved once at the start.
    Where a link leads elsewhere by the end it is read again, so that all files come from one tree.

    Raises:
        ProblemsError: when a path is missing or unreadable, or a limit is passed; or when a link
            was swapped again and again meanwhile.
    """
    for _ in range(MAX_SWAPS):
        reading = _Reading()
        for path in paths:
            reading.take(path)
        if reading.is_of_one_moment:
            return reading.result(paths)
    shown = str(paths[0])
    raise ProblemsError([_problem(shown, "swapped again and again while it is read", "unreadable")])


def load_bundle(paths: Sequence[Path]) -> Loaded:
    """Read and load rule files.

    Raises:
        ProblemsError: with every problem of every file.
    """
    source = read_rule_files(paths)
    return Loaded(bundle=load(source.files), source=source)


class _Reading:
    """One look at all paths; remembers where each link led to when it was followed."""

    def __init__(self) -> None:
        self._links: dict[Path, Path] = {}
        self._files: dict[str, bytes] = {}
        self._problems: list[Problem] = []

    @property
    def is_of_one_moment(self) -> bool:
        """Tell whether every link still leads to where it led to."""
        return all(link.resolve() == real for link, real in self._links.items())

    def take(self, path: Path) -> None:
        """Read what is under a path."""
        for shown, real in self._walk(path):
            if len(self._files) >= MAX_FILES:
                self._problems.append(_problem(shown, f"more than {MAX_FILES} files", "limit"))
                break
            self._read(shown, real)

    def result(self, paths: Sequence[Path]) -> RuleFiles:
        """Return what was read.

        Raises:
            ProblemsError: with all that was wrong.
        """
        if self._problems:
            raise ProblemsError(self._problems)
        revision = _revision_of(paths[0]) if paths else ""
        return RuleFiles(files=self._files, sha256=digest_of(self._files), revision=revision)

    def _follow(self, link: Path) -> Path:
        return self._links.setdefault(link, link.resolve())

    def _walk(self, path: Path) -> list[tuple[str, Path]]:
        """List (name shown, real path) of the files under a path; hidden ones are left out."""
        root = self._follow(path)
        if root.is_file():
            # Schema files that it may name lie in its folder; other rule files there are not meant.
            beside = [each for each in self._under(path.parent, root.parent) if _is_json(each[1])]
            return [(str(path), root), *(each for each in beside if each[1] != root)]
        if not root.is_dir():
            self._problems.append(_problem(str(path), "no such file or directory", "unreadable"))
            return []
        return self._under(path, root)

    def _under(self, path: Path, root: Path) -> list[tuple[str, Path]]:
        found = []
        for folder, folders, names in os.walk(root):
            shown = path / Path(folder).relative_to(root)
            if Path(folder, SWAPPED).is_symlink():
                # The files beside it are links through it: they are read in the tree it leads to.
                found += self._under(shown, self._follow(Path(folder, SWAPPED)))
                folders.clear()
                continue
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            found += [
                (str(shown / name), Path(folder, name))
                for name in sorted(names)
                if Path(name).suffix in SUFFIXES and not name.startswith(".")
            ]
        return found

    def _read(self, shown: str, real: Path) -> None:
        try:
            if real.stat().st_size > MAX_FILE_BYTES:
                self._problems.append(_too_large(shown))
                return
            self._files[shown] = real.read_bytes()
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
            self._problems.append(_problem(shown, reason, "unreadable"))


def _is_json(path: Path) -> bool:
    return path.suffix == ".json"


def _too_large(shown: str) -> Problem:
    return _problem(shown, f"larger than {MAX_FILE_BYTES} bytes", "limit")


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
