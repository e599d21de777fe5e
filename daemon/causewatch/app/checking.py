"""Checks rule files and configuration files, without running anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from causewatch.app.config import is_config_file, load_config
from causewatch.app.rulefiles import read_rule_files
from causewatch.errors import Problem, ProblemsError
from causewatch.rules.file import load


def check_paths(paths: Sequence[Path]) -> list[Problem]:
    """Return every problem of the rule files, schema files and configuration files under ``paths``.

    A daemon's configuration file is told by its top-level keys; the rules it names are checked too.
    Relative schema paths of a rule file resolve within the folder given, or the folder the file is
    in.
    """
    problems: list[Problem] = []
    for path in paths:
        try:
            if path.is_file() and is_config_file(path):
                # The rules that it names are what the daemon would load.
                load(read_rule_files(load_config(path).rule_paths).files)
            else:
                load(read_rule_files([path]).files)
        except ProblemsError as error:
            problems.extend(error.problems)
    return sorted(set(problems), key=lambda p: (p.file, p.line, p.column, p.message))
