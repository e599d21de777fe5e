"""Checks rule, test, dialect and configuration files, without running anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from causewatch.app.config import is_config_file, load_config
from causewatch.app.rulefiles import read_rule_files
from causewatch.app.suites import problems_in
from causewatch.dialects.tables import SHIPPED
from causewatch.errors import Problem, ProblemsError
from causewatch.rules.dialect_file import is_dialect_file, problems_of
from causewatch.rules.file import check_files


def check_paths(paths: Sequence[Path]) -> list[Problem]:
    """Return every problem of the rule, test, dialect and configuration files under ``paths``.

    Each kind of file is told by its top-level keys. The rules and dialects that a configuration
    names are checked too.
    Relative schema paths of a rule file resolve within the folder given, or the folder the file is
    in.
    """
    problems: list[Problem] = []
    for path in paths:
        try:
            if path.is_file() and is_config_file(path):
                # The rules that it names are what the daemon would load.
                config = load_config(path)
                problems.extend(_problems_of(config.rule_paths))
                problems.extend(_problems_of(config.dialect_paths))
            else:
                problems.extend(_problems_of([path]))
        except ProblemsError as error:
            problems.extend(error.problems)
    return sorted(set(problems), key=lambda p: (p.file, p.line, p.column, p.message))


def _problems_of(paths: Sequence[Path]) -> Iterator[Problem]:
    """Yield what is wrong with rule, test and dialect files, which may lie in one folder."""
    files = read_rule_files(paths).files
    dialects = {name: body for name, body in files.items() if is_dialect_file(name, body)}
    yield from problems_of(dialects, SHIPPED)
    yield from check_files({name: files[name] for name in files if name not in dialects})
    yield from problems_in(files)
