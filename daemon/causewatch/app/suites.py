"""Finds the tests under some paths: examples of rules, and test files with the rules they name."""

from __future__ import annotations

import glob
import os
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from causewatch.app.announced import STAND_IN, routing_of, stand_in
from causewatch.app.config import is_config_file
from causewatch.app.rulefiles import read_rule_files
from causewatch.errors import Problem, ProblemsError
from causewatch.notify.config import Alerting
from causewatch.rules.bundle import AnyRule, Bundle, Group
from causewatch.rules.dialect_file import is_dialect_file
from causewatch.rules.file import load
from causewatch.rules.read import did_you_mean
from causewatch.rules.test_file import (
    AlertCheck,
    CaseFile,
    Check,
    ContractCheck,
    MessageCheck,
    PathCheck,
    beside,
    is_test_file,
    read_tests,
)
from causewatch.rules.yaml import Place, Problems

_SCHEMA_KEY = re.compile(rb'^"?\$schema"?\s*:', re.MULTILINE)
_CONTRACT, _PATH = "contract:", "path:"


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """The tests of one file, with the rules they are about."""

    file: str
    bundle: Bundle
    examples: tuple[tuple[Group, AnyRule], ...] = ()
    """The rules of this file that have examples."""
    tests: CaseFile | None = None
    routing: Alerting = msgspec.field(default_factory=stand_in)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The suites under some paths, and everything wrong with the files that hold them."""

    suites: tuple[Suite, ...] = ()
    problems: tuple[Problem, ...] = ()


def find_suites(paths: Sequence[Path]) -> Found:
    """Return the suites of all rule and test files under ``paths``, in order of their names."""
    problems: list[Problem] = []
    suites: dict[str, Suite] = {}
    for path in paths:
        try:
            files = read_rule_files([path]).files
            rules = {name: files[name] for name in files if _is_rule_file(name, files[name])}
            if path.is_dir() or str(path) in rules:
                for suite in _example_suites(load(rules)):
                    suites.setdefault(suite.file, suite)
        except ProblemsError as error:
            problems.extend(error.problems)
            continue_with = _readable(path)
        else:
            continue_with = files
        for file, content in continue_with.items():
            if is_test_file(file, content) and file not in suites:
                own, found = _test_suite(file, content, continue_with)
                problems.extend(found)
                if own is not None:
                    suites[file] = own
    ordered = tuple(suites[name] for name in sorted(suites))
    return Found(suites=ordered, problems=tuple(dict.fromkeys(problems)))


def problems_in(files: Mapping[str, bytes]) -> Iterator[Problem]:
    """Yield what is wrong with the test files among some files, the rules they name included."""
    for file, content in files.items():
        if is_test_file(file, content):
            yield from _test_suite(file, content, files)[1]


def names_of(rule: AnyRule) -> str:
    """Return what a rule is called among those of its group: its alert, or ``contract:NAME``."""
    return rule.rule_id.partition("/")[2]


def _readable(path: Path) -> dict[str, bytes]:
    try:
        return read_rule_files([path]).files
    except ProblemsError:
        return {}


def _is_rule_file(file: str, content: bytes) -> bool:
    is_other = is_dialect_file(file, content) or is_test_file(file, content)
    return not (is_other or is_config_file(Path(file)))


def _example_suites(bundle: Bundle) -> Iterator[Suite]:
    """Yield a suite for each rule file, so that rules without any examples are seen as well."""
    for file in bundle.files:
        rules = [(group, rule) for group in bundle.groups if group.file == file for rule in group]
        yield Suite(file=file, bundle=bundle, examples=tuple(rules))


def _test_suite(
    file: str, content: bytes, around: Mapping[str, bytes]
) -> tuple[Suite | None, tuple[Problem, ...]]:
    """Return the suite of a test file, ``None`` where it or its rules cannot be used."""
    problems = Problems()
    tests = read_tests(file, content, problems)
    found: list[Problem] = []
    bundle, routing = Bundle(), stand_in()
    if tests is not None:
        try:
            bundle = load(_files_of(tests, around, problems))
            if tests.config_file:
                routing = routing_of(Path(beside(file, tests.config_file)))
        except ProblemsError as error:
            found.extend(error.problems)
    if tests is None or found or len(problems) > 0:
        return None, (*problems, *found)
    _check_references(tests, bundle, routing, problems)
    if len(problems) > 0:
        return None, tuple(problems)
    return Suite(file=file, bundle=bundle, tests=tests, routing=routing), ()


def _files_of(tests: CaseFile, around: Mapping[str, bytes], problems: Problems) -> dict[str, bytes]:
    """Return the rule files that a test file names, and the schemas that lie around."""
    files = {
        posixpath.normpath(name): content
        for name, content in around.items()
        if name.endswith(".json") or _SCHEMA_KEY.search(content)
    }
    for written, place in tests.rule_files:
        path = beside(tests.file, written)
        paths = sorted(glob.glob(path)) if "*" in written else [path]  # noqa: PTH207
        for each in paths:
            if os.path.isfile(each):  # noqa: PTH113  # a name, as it is written and shown
                files |= read_rule_files([Path(each)]).files
        if not any(map(os.path.isfile, paths)):
            problems.add(place, "path", f"there is no rule file {written!r} here")
    return {name: body for name, body in files.items() if _is_rule_file(name, body)}


def _check_references(
    tests: CaseFile, bundle: Bundle, routing: Alerting, problems: Problems
) -> None:
    """Report names that the rules and the routing do not have: such a test could not fail."""
    rules = [rule for group in bundle.groups for rule in group]
    known = {
        "alert": sorted({rule.alertname for rule in rules}),
        "contract": _named(rules, _CONTRACT),
        "path template": _named(rules, _PATH),
        "receiver": sorted(routing.receivers),
    }
    for case in tests.cases:
        for written, place in (*((i.file, i.place) for i in case.inputs), *case.baseline):
            if not os.path.isfile(beside(tests.file, written)):  # noqa: PTH113
                problems.add(place, "path", f"there is no file {written!r} here")
        for check in case.checks:
            what, name = _reference(check)
            if what == "receiver" and not name:
                _check_only_receiver(routing, check.place, problems)
            elif name not in known[what]:
                hint = did_you_mean(name, known[what])
                where = "configuration" if what == "receiver" else "rule files"
                message = f"the {where} named here have no {what} {name!r}{hint}"
                problems.add(check.place, "reference", message)


def _named(rules: Sequence[AnyRule], prefix: str) -> list[str]:
    names = (names_of(rule) for rule in rules)
    return sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix))


def _reference(check: Check) -> tuple[str, str]:
    match check:
        case AlertCheck():
            return "alert", check.alertname
        case ContractCheck():
            return "contract", check.contract
        case PathCheck():
            return "path template", check.path
        case MessageCheck():
            return "receiver", check.receiver


def _check_only_receiver(routing: Alerting, place: Place, problems: Problems) -> None:
    if len(routing.receivers) > 1:
        listed = ", ".join(sorted(routing.receivers))
        problems.add(place, "reference", f"say which receiver is meant: {listed}")


def receiver_of(check: MessageCheck, routing: Alerting) -> str:
    """Return the receiver that a check is about; unnamed it is the only one."""
    return check.receiver or next(iter(routing.receivers), STAND_IN)
