"""Runs all checks over a bundle that loaded."""

from __future__ import annotations

import datetime as dt
import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence

from causewatch.dialects.table import Dialect
from causewatch.errors import Problem
from causewatch.rules.bundle import AnyRule, Bundle, ContractRule, PathRule
from causewatch.rules.lint.comments import Muted, muted_in
from causewatch.rules.lint.known import check_examples, check_owner, check_runbook
from causewatch.rules.lint.never import check_never
from causewatch.rules.lint.reach import check_cost, check_hops, check_portable
from causewatch.rules.lint.remark import Check, Looked, Remark
from causewatch.rules.yaml import Items, Place, Problems, Scalar, Table, parse

CHECKS: tuple[tuple[str, Check], ...] = (
    ("runbook", check_runbook),
    ("owner", check_owner),
    ("examples", check_examples),
    ("never-matches", check_never),
    ("unbounded-hops", check_hops),
    ("portable", check_portable),
    ("cost", check_cost),
)
"""Every check by its name, in the order of the documentation."""
NAMES: tuple[str, ...] = tuple(name for name, _ in CHECKS)

ON_REQUEST: frozenset[str] = frozenset({"portable"})
"""Checks that most rules fail for good reasons: a name with ``as`` is not portable."""


def lint(  # noqa: PLR0913  # the rules, what is known around them, and what is asked for
    bundle: Bundle,
    files: Mapping[str, bytes],
    *,
    dialects: Sequence[Dialect],
    tested: Collection[str],
    disabled: Collection[str],
    today: dt.date,
) -> tuple[Problem, ...]:
    """Return what could be better in the rules of a bundle, by file, line and column.

    Args:
        bundle: the rules, loaded without errors.
        files: the bytes they were loaded from, by the names that their places have.
        dialects: those in force; they tell what a run's likeness can answer.
        tested: what test files are about, as ``tested_name`` names it.
        disabled: names of checks that are left out.
        today: the day on which snoozed checks are looked at.
    """
    problems = Problems()
    contents = {posixpath.normpath(name): content for name, content in files.items()}
    looked = list(_looked(bundle, dialects, tested))
    for file in sorted({one.rule.place.file for one in looked}):
        own = [one for one in looked if one.rule.place.file == file]
        muted = muted_in(
            file,
            contents.get(file, b""),
            [one.rule.place for one in own],
            checks=NAMES,
            today=today,
            problems=problems,
        )
        signatures = dict(_signatures(file, contents.get(file, b"")))
        for one in own:
            _check(one, signatures.get(one.rule.place), muted, disabled, problems)
    return tuple(problems)


def tested_name(rule: AnyRule) -> str:
    """Return what a test file calls a rule: ``alert:``, ``contract:`` or ``path:`` and its name."""
    match rule:
        case ContractRule():
            return f"contract:{rule.name}"
        case PathRule():
            return f"path:{rule.name}"
        case _:
            return f"alert:{rule.alertname}"


def _looked(
    bundle: Bundle, dialects: Sequence[Dialect], tested: Collection[str]
) -> Iterator[Looked]:
    """Yield each rule as written: what a path watches for as new is no rule of its own here."""
    seen: set[Place] = set()
    for group in bundle.groups:
        for rule in group:
            if rule.place not in seen:
                seen.add(rule.place)
                is_tested = tested_name(rule) in tested
                yield Looked(rule=rule, group=group, dialects=dialects, is_tested=is_tested)


def _signatures(file: str, content: bytes) -> Iterator[tuple[Place, Scalar]]:
    """Yield each signature as written, by the place of its rule."""
    root = parse(file, content, Problems())
    waiting = [root] if root is not None else []
    while waiting:
        match waiting.pop():
            case Table() as table:
                signature = table.entry("signature")
                if signature is not None and isinstance(signature.value, Scalar):
                    yield table.place, signature.value
                waiting.extend(entry.value for entry in table.entries)
            case Items(nodes=nodes):
                waiting.extend(nodes)
            case _:
                pass


def _check(
    one: Looked,
    signature: Scalar | None,
    muted: Muted,
    disabled: Collection[str],
    problems: Problems,
) -> None:
    for name, check in CHECKS:
        if name not in disabled and not muted.has(name, one.rule.place.line):
            for remark in check(one):
                place = _place_of(remark, signature) or one.rule.place
                problems.add(place, name, remark.message, remark.severity)


def _place_of(remark: Remark, signature: Scalar | None) -> Place | None:
    """Return the place in the file of a remark on a part of a signature."""
    if signature is None or remark.offset is None:
        return None
    before = signature.text[: remark.offset]
    column = len(before) - (before.rfind("\n") + 1) + 1
    return signature.at(before.count("\n") + 1, column)
