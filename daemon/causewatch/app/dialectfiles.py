"""Reads the dialect files of a configuration or of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from causewatch.app.rulefiles import read_rule_files
from causewatch.dialects.table import Dialect
from causewatch.dialects.tables import SHIPPED
from causewatch.rules.dialect_file import load_dialect_files


def load_dialects(paths: Sequence[Path]) -> tuple[Dialect, ...]:
    """Return the dialects of the files and folders under ``paths``, then the shipped ones.

    Raises:
        ProblemsError: with every problem of every file.
    """
    if not paths:
        return SHIPPED
    return (*load_dialect_files(read_rule_files(paths).files, SHIPPED), *SHIPPED)
