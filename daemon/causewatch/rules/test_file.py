"""Loads test files: what arrives when, and what is then expected of rules, contracts and paths."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Literal, cast

import msgspec

from causewatch.model.expectation import DeviationKind
from causewatch.rules.read import Section, read
from causewatch.rules.test_keys import DEFAULT_EVERY_S, TEST_FILE
from causewatch.rules.yaml import Items, Node, Place, Problems, Table, parse

TEST_SUFFIXES = ("_test.yaml", "_test.yml")
MAX_ARRIVALS = 10_000
"""Runs of one test: each repeat is judged by itself."""
Match = Literal["exact", "subset"]
Verdict = Literal["pass", "violated", "unverifiable", "none"]


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """A file of recorded runs, and when they arrive (seconds from the start of the test)."""

    file: str
    at_s: float = 0.0
    repeat: int = 1
    every_s: float = DEFAULT_EVERY_S
    place: Place


class ExpectedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that must fire. ``annotations`` is ``None`` where they may be any."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str] | None = None
    match: Match = "exact"


class AlertCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What must fire at a time, of one alert name: exactly these."""

    eval_s: float
    alertname: str
    expected: tuple[ExpectedAlert, ...] = ()
    place: Place


class ExpectedViolation(msgspec.Struct, frozen=True, kw_only=True):
    """A violation by name; ``pointer`` is ``None`` where it may be anywhere."""

    name: str
    pointer: str | None = None


class ContractCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a contract must say; ``violations`` is ``None`` where they may be any."""

    contract: str
    verdict: Verdict
    violations: tuple[ExpectedViolation, ...] | None = None
    match: Match = "exact"
    place: Place


class ExpectedDeviation(msgspec.Struct, frozen=True, kw_only=True):
    """A deviation from a path template; what is ``None`` may be any."""

    node: str | None = None
    child: str | None = None
    kind: DeviationKind | None = None


class PathCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Where runs must leave a path template, and nowhere else."""

    path: str
    expected: tuple[ExpectedDeviation, ...] = ()
    match: Match = "exact"
    place: Place


class ExpectedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver is shown of one incident; what is ``None`` may be any."""

    state: Literal["open", "resolved"] | None = None
    severity: str | None = None
    category: str | None = None
    origin: str | None = None
    alertnames: frozenset[str] | None = None


class MessageCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver must have been told at a time; no ``receiver`` is the only one there is."""

    eval_s: float
    receiver: str = ""
    expected: tuple[ExpectedMessage, ...] = ()
    place: Place


Check = AlertCheck | ContractCheck | PathCheck | MessageCheck


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One test of a file."""

    name: str
    inputs: tuple[Input, ...] = ()
    baseline: tuple[tuple[str, Place], ...] = ()
    """Files of good runs, as written."""
    checks: tuple[Check, ...] = ()
    place: Place


class CaseFile(msgspec.Struct, frozen=True, kw_only=True):
    """A test file. Paths in it are relative to its folder, as they are written."""

    file: str
    rule_files: tuple[tuple[str, Place], ...] = ()
    config_file: str = ""
    cases: tuple[Case, ...] = ()


def is_test_node(file: str, node: Node | None) -> bool:
    """Tell by its name, or by its keys, whether a file holds tests."""
    if file.endswith(TEST_SUFFIXES):
        return True
    return isinstance(node, Table) and all(node.entry(key) for key in ("rule_files", "tests"))


def is_test_file(file: str, content: bytes) -> bool:
    """Tell the same of a file's bytes."""
    return is_test_node(file, None) or (
        file.endswith((".yaml", ".yml"))
        and b"rule_files" in content
        and is_test_node(file, parse(file, content, Problems()))
    )


def read_tests(file: str, content: bytes, problems: Problems) -> CaseFile | None:
    """Return the tests of a file; ``None`` when it cannot be read as one.

    Everything wrong goes to ``problems``, with file, line and column.
    """
    before = len(problems)
    node = parse(file, content, problems)
    if node is None and len(problems) == before:
        message = "a test file needs the keys 'rule_files' and 'tests'"
        problems.add(Place(file=file, line=1, column=1), "missing-key", message)
    section = read(node, TEST_FILE, problems) if node is not None else None
    if section is None:
        return None
    return CaseFile(
        file=file,
        rule_files=tuple(_written(section, "rule_files")),
        config_file=section.text("config_file"),
        cases=tuple(_cases(section, problems)),
    )


def beside(file: str, written: str) -> str:
    """Return a path that is written in a file, as seen from where the file's own path starts."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), written))


def _written(section: Section, key: str) -> Iterator[tuple[str, Place]]:
    """Yield the texts of a list with their places."""
    node = section.node_of(key)
    places = [item.place for item in node.nodes] if isinstance(node, Items) else []
    yield from zip(section.texts(key), places, strict=False)


def _cases(section: Section, problems: Problems) -> Iterator[Case]:
    names: dict[str, Place] = {}
    for part in section.sections("tests"):
        name, place = part.text("name"), part.place_of("name")
        first = names.setdefault(name, place)
        if name and first != place:
            message = f"the test {name!r} is already in line {first.line}"
            problems.add(place, "duplicate-test", message)
        inputs = tuple(map(_input, part.sections("input_traces")))
        if sum(each.repeat for each in inputs) > MAX_ARRIVALS:
            message = f"more than {MAX_ARRIVALS} arrivals in one test"
            problems.add(part.place_of("input_traces"), "limit", message)
        checks = tuple(_checks(part))
        if not checks and part.ok:
            problems.add(place, "value", f"the test {name!r} expects nothing")
        baseline = tuple(_written(part, "baseline"))
        yield Case(name=name, inputs=inputs, baseline=baseline, checks=checks, place=place)


def _input(section: Section) -> Input:
    return Input(
        file=section.text("file"),
        at_s=section.seconds("at"),
        repeat=section.integer("repeat", 1),
        every_s=section.seconds("every", DEFAULT_EVERY_S),
        place=section.place_of("file"),
    )


def _checks(section: Section) -> Iterator[Check]:
    for part in section.sections("alert_rule_test"):
        yield AlertCheck(
            eval_s=part.seconds("eval_time"),
            alertname=part.text("alertname"),
            expected=tuple(map(_alert, part.sections("exp_alerts"))),
            place=part.place_of("alertname"),
        )
    for part in section.sections("contract_test"):
        yield _contract_check(part)
    for part in section.sections("path_test"):
        yield PathCheck(
            path=part.text("path"),
            expected=tuple(map(_deviation, part.sections("exp_deviations"))),
            match=_match(part),
            place=part.place_of("path"),
        )
    for part in section.sections("notification_test"):
        yield MessageCheck(
            eval_s=part.seconds("eval_time"),
            receiver=part.text("receiver"),
            expected=tuple(map(_message, part.sections("exp_notifications"))),
            place=part.place_of("receiver"),
        )


def _alert(section: Section) -> ExpectedAlert:
    annotations = section.labels("exp_annotations") if section.has("exp_annotations") else None
    return ExpectedAlert(
        labels=section.labels("exp_labels"), annotations=annotations, match=_match(section)
    )


def _contract_check(section: Section) -> ContractCheck:
    written = section.value("exp_violations")
    violations = written if isinstance(written, list) else None
    return ContractCheck(
        contract=section.text("contract"),
        verdict=cast("Verdict", section.text("exp_verdict")),
        violations=None if violations is None else tuple(map(_violation, violations)),
        match=_match(section),
        place=section.place_of("contract"),
    )


def _violation(written: object) -> ExpectedViolation:
    if isinstance(written, Section):
        pointer = written.text("pointer") if written.has("pointer") else None
        return ExpectedViolation(name=written.text("violation"), pointer=pointer)
    return ExpectedViolation(name=str(written))


def _deviation(section: Section) -> ExpectedDeviation:
    return ExpectedDeviation(
        node=_optional(section, "node"),
        child=_optional(section, "child"),
        kind=cast("DeviationKind | None", _optional(section, "kind")),
    )


def _message(section: Section) -> ExpectedMessage:
    names = frozenset(section.texts("alertnames")) if section.has("alertnames") else None
    return ExpectedMessage(
        state=cast('Literal["open", "resolved"] | None', _optional(section, "state")),
        severity=_optional(section, "severity"),
        category=_optional(section, "category"),
        origin=_optional(section, "origin"),
        alertnames=names,
    )


def _optional(section: Section, key: str) -> str | None:
    return section.text(key) if section.has(key) else None


def _match(section: Section) -> Match:
    return cast("Match", section.text("match", "exact"))
