"""Where rule files come from: folders on disk, or a commit of a git repository."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from causewatch.app.rulefiles import Loaded, RuleFiles, read_rule_files
from causewatch.errors import Problem, ProblemsError
from causewatch.rules.file import load


class RuleSource(Protocol):
    """What a daemon loads its rules from."""

    @property
    def is_whole(self) -> bool:
        """Tell whether what is read is never half written: then it need not hold still."""
        ...

    def refresh(self) -> None:
        """Look at what there is now, where that takes more than reading files.

        Raises:
            ProblemsError: with the reason why that is not possible.
        """
        ...

    def read(self) -> RuleFiles:
        """Return the files as they are.

        Raises:
            ProblemsError: with everything that cannot be read.
        """
        ...

    def keep(self, files: RuleFiles) -> None:
        """Remember what was put in force, over restarts."""
        ...

    def kept(self) -> RuleFiles | None:
        """Return what was in force last, ``None`` where that is not known."""
        ...


class FolderSource:
    """Files and folders on disk."""

    is_whole = False

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)

    def refresh(self) -> None:
        """Do nothing: they are read as they are."""

    def read(self) -> RuleFiles:
        """Return the files as they are."""
        return read_rule_files(self._paths)

    def keep(self, files: RuleFiles) -> None:
        """Do nothing: they are still there at the next start."""

    def kept(self) -> None:
        """Return nothing: what was there before is not known."""


def first(source: RuleSource) -> tuple[Loaded, tuple[Problem, ...]]:
    """Load what a daemon starts with: what there is now, else what was in force last.

    Returns the bundle, and why it is not what there is now, empty where it is.

    Raises:
        ProblemsError: when neither can be loaded, with what is wrong with the former.
    """
    try:
        source.refresh()
        files = source.read()
        loaded = Loaded(bundle=load(files.files), source=files)
    except ProblemsError as error:
        kept = source.kept()
        if kept is None:
            raise
        try:
            return Loaded(bundle=load(kept.files), source=kept), error.problems
        except ProblemsError:
            raise error from None
    source.keep(files)
    return loaded, ()
