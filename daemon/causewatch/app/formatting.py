"""Lays out the signatures of rule files on disk."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from causewatch.app.config import is_config_file
from causewatch.app.rulefiles import read_rule_files
from causewatch.errors import Problem, ProblemsError
from causewatch.rules.rewrite import rewritten


class Formatted(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it is and as it is laid out."""

    file: str
    before: bytes
    after: bytes

    @property
    def is_changed(self) -> bool:
        """Tell whether laying it out changes it."""
        return self.before != self.after

    def diff(self) -> Iterator[str]:
        """Yield the lines of a unified diff."""
        before, after = (
            side.decode("utf-8", "replace").splitlines(keepends=True)
            for side in (self.before, self.after)
        )
        return difflib.unified_diff(before, after, self.file, self.file)


def format_files(paths: Sequence[Path]) -> list[Formatted]:
    """Return every rule file under ``paths``, laid out; nothing is written.

    Raises:
        ProblemsError: with every file that cannot be read; then none is returned.
    """
    found: dict[str, Formatted] = {}
    problems: list[Problem] = []
    for path in paths:
        for file, content in read_rule_files([path]).files.items():
            if Path(file).suffix == ".json" or is_config_file(Path(file)):
                continue
            try:
                after = rewritten(file, content)
            except ProblemsError as error:
                problems.extend(error.problems)
                continue
            found[file] = Formatted(file=file, before=content, after=after)
    if problems:
        raise ProblemsError(problems)
    return list(found.values())


def write(formatted: Formatted) -> None:
    """Put a file's laid out text in its place; a reader sees the old one or the new one whole."""
    path = Path(formatted.file).resolve()
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.write_bytes(formatted.after)
    beside.chmod(path.stat().st_mode & 0o7777)
    beside.replace(path)
