"""Checks rule, test, dialect and configuration files, without running anything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from causewatch.app.config import is_config_file, load_config
from causewatch.app.rulefiles import read_rule_files
from causewatch.app.suites import problems_in
from causewatch.dialects.tables import SHIPPED
from causewatch.errors import Problem, ProblemsError
from causewatch.rules.dialect_file import is_dialect_file, problems_of
from causewatch.rules.file import check_files, load
from causewatch.rules.lint.lint import lint
from causewatch.rules.test_file import (
    AlertCheck,
    Check,
    ContractCheck,
    MessageCheck,
    PathCheck,
    is_test_file,
    read_tests,
)
from causewatch.rules.yaml import Problems


class Linting(msgspec.Struct, frozen=True, kw_only=True):
    """That rules are to be linted, without the checks named, as of a day."""

    today: dt.date
    disabled: frozenset[str] = frozenset()


def check_paths(paths: Sequence[Path], linting: Linting | None = None) -> list[Problem]:
    """Return every problem of the rule, test, dialect and configuration files under ``paths``.

    Each kind of file is told by its top-level keys. The rules and dialects that a configuration
    names are checked too.
    Relative schema paths of a rule file resolve within the folder given, or the folder the file is
    in. With ``linting``, what could be better in rules that are right is told as well.
    """
    problems: list[Problem] = []
    for path in paths:
        try:
            if path.is_file() and is_config_file(path):
                # The rules that it names are what the daemon would load.
                config = load_config(path)
                problems.extend(_problems_of(config.rule_paths, linting))
                problems.extend(_problems_of(config.dialect_paths, None))
            else:
                problems.extend(_problems_of([path], linting))
        except ProblemsError as error:
            problems.extend(error.problems)
    return sorted(set(problems), key=lambda p: (p.file, p.line, p.column, p.message))


def _problems_of(paths: Sequence[Path], linting: Linting | None) -> Iterator[Problem]:
    """Yield what is wrong with rule, test and dialect files, which may lie in one folder."""
    files = read_rule_files(paths).files
    dialects = {name: body for name, body in files.items() if is_dialect_file(name, body)}
    yield from problems_of(dialects, SHIPPED)
    rules = {name: files[name] for name in files if name not in dialects}
    wrong = check_files(rules)
    yield from wrong
    yield from problems_in(files)
    if linting is not None and not any(problem.severity == "error" for problem in wrong):
        yield from lint(
            load(rules),
            rules,
            dialects=SHIPPED,
            tested=frozenset(_tested_in(files)),
            disabled=linting.disabled,
            today=linting.today,
        )


def _tested_in(files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield what the test files among some files are about."""
    for file, content in files.items():
        tests = read_tests(file, content, Problems()) if is_test_file(file, content) else None
        for case in tests.cases if tests else ():
            yield from filter(None, map(_name_of, case.checks))


def _name_of(check: Check) -> str:
    match check:
        case AlertCheck():
            return f"alert:{check.alertname}"
        case ContractCheck():
            return f"contract:{check.contract}"
        case PathCheck():
            return f"path:{check.path}"
        case MessageCheck():
            return ""
