"""Runs the tests of rules: recorded runs in, outcomes and coverage out.

Time is virtual: what counts is when the runs of a test arrive and when the test looks, never a
clock. A run keeps its own time of day, later by as much as it arrives after the start of the test,
so that a result which was fresh when it was recorded still is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeVar, assert_never

import msgspec

from causewatch.app.announced import Announced
from causewatch.app.recordings import Recordings
from causewatch.app.suites import Suite, names_of, receiver_of
from causewatch.errors import InputError
from causewatch.model.finding import Finding
from causewatch.model.judgement import Assessment
from causewatch.rules.bundle import AnyRule, Example
from causewatch.rules.evaluate import Evaluation, RuleFailure
from causewatch.rules.expect import (
    Difference,
    alert_differences,
    contract_differences,
    message_differences,
    path_differences,
)
from causewatch.rules.rehearse import Arrival, Evaluator, Look, rehearse
from causewatch.rules.test_file import (
    AlertCheck,
    Case,
    Check,
    ContractCheck,
    MessageCheck,
    PathCheck,
    beside,
)
from causewatch.rules.yaml import Place

EPOCH_NS = 1_800_000_000 * 1_000_000_000
"""The Unix time that tests call ``0s``."""
NS_PER_S = 1_000_000_000
Status = Literal["passed", "failed", "error"]
Kind = Literal["example", "alert", "contract", "path", "notification"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was expected, and whether it came so."""

    file: str
    line: int
    column: int
    test: str
    """Name of the test; of an example the name of its rule."""
    kind: Kind
    about: str
    status: Status
    differences: tuple[str, ...] = ()
    """Lines of a diff: ``-`` was expected, ``+`` came. Of an error, why it could not be told."""
    unreadable: bool = False
    """The recorded runs could not be read."""
    duration_s: float = 0.0


class Covered(msgspec.Struct, frozen=True, kw_only=True):
    """How far tests reach one rule: does any look at it, and did it ever match?"""

    rule: str
    """The alert's name, or ``contract:NAME``."""
    file: str
    line: int
    tested: bool
    matched: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All outcomes, in the order of the files, and every rule of the files."""

    outcomes: tuple[Outcome, ...] = ()
    coverage: tuple[Covered, ...] = ()

    def count(self, status: Status) -> int:
        """Return how many outcomes have a status."""
        return sum(1 for outcome in self.outcomes if outcome.status == status)


def run_suites(
    suites: Sequence[Suite],
    recordings: Recordings,
    wanted: Callable[[str], bool] = lambda _name: True,
) -> Report:
    """Run every test whose ``file: name`` is wanted."""
    ledger = _Ledger()
    outcomes: list[Outcome] = []
    for suite in suites:
        ledger.add(suite)
        desk = _Desk(suite, recordings, Evaluator(suite.bundle))
        outcomes.extend(_examples(desk, wanted, ledger))
        for case in suite.tests.cases if suite.tests else ():
            if wanted(f"{suite.file}: {case.name}"):
                outcomes.extend(_case(desk, case, ledger))
    return Report(outcomes=tuple(outcomes), coverage=ledger.coverage())


class _Ledger:
    """Which rules there are, which of them tests looked at, and which matched."""

    def __init__(self) -> None:
        self._rules: dict[tuple[str, str], AnyRule] = {}
        self._tested: set[tuple[str, str]] = set()
        self._matched: set[tuple[str, str]] = set()

    def add(self, suite: Suite) -> None:
        for rule in _rules_of(suite):
            self._rules.setdefault(_key(rule), rule)

    def tested(self, rule: AnyRule) -> None:
        self._tested.add(_key(rule))

    def matched(self, rule: AnyRule) -> None:
        self._matched.add(_key(rule))

    def coverage(self) -> tuple[Covered, ...]:
        return tuple(
            Covered(
                rule=names_of(rule),
                file=rule.place.file,
                line=rule.place.line,
                tested=key in self._tested,
                matched=key in self._matched,
            )
            for key, rule in sorted(self._rules.items(), key=lambda item: _order(item[1]))
        )


def _order(rule: AnyRule) -> tuple[str, int]:
    return rule.place.file, rule.place.line


def _rules_of(suite: Suite) -> Iterator[AnyRule]:
    yield from (rule for group in suite.bundle.groups for rule in group)


def _key(rule: AnyRule) -> tuple[str, str]:
    return rule.place.file, rule.rule_id


class _Desk(NamedTuple):
    """What the tests of one file share."""

    suite: Suite
    recordings: Recordings
    evaluator: Evaluator


def _examples(desk: _Desk, wanted: Callable[[str], bool], ledger: _Ledger) -> Iterator[Outcome]:
    for group, rule in desk.suite.examples:
        for example in rule.examples:
            if not wanted(f"{desk.suite.file}: {names_of(rule)}"):
                continue
            ledger.tested(rule)
            started_s = time.perf_counter()
            try:
                runs = desk.recordings.runs(example.traces, desk.suite.bundle)
                evaluations = [desk.evaluator.evaluations(run, EPOCH_NS)[group.key] for run in runs]
                status, lines = _told(rule, example, evaluations, runs)
            except InputError as error:
                evaluations, status, lines = [], "error", (str(error),)
            if any(_of(rule, evaluation.findings) for evaluation in evaluations):
                ledger.matched(rule)
            yield Outcome(
                file=example.place.file,
                line=example.place.line,
                column=example.place.column,
                test=names_of(rule),
                kind="example",
                about=f"{example.traces} {example.expect}",
                status=status,
                differences=lines,
                unreadable=status == "error",
                duration_s=time.perf_counter() - started_s,
            )


_Told = TypeVar("_Told", Finding, RuleFailure)


def _of(rule: AnyRule, told: Sequence[_Told]) -> list[_Told]:
    return [each for each in told if each.rule_id == rule.rule_id]


def _told(
    rule: AnyRule, example: Example, evaluations: Sequence[Evaluation], runs: Sequence[Assessment]
) -> tuple[Status, tuple[str, ...]]:
    """Return whether any of the runs matches the rule, as the example says or not."""
    found = [finding for each in evaluations for finding in _of(rule, each.findings)]
    failures = [failure for each in evaluations for failure in _of(rule, each.failures)]
    if failures:
        return "failed", (f"+ the rule could not be evaluated: {failures[0].reason}",)
    got = "match" if found else "no-match"
    if got == example.expect:
        return "passed", ()
    if not found:
        verdicts = Counter(run.blame.verdict for run in runs)
        counted = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
        return "failed", ("- match", f"+ no-match in {_counted(len(runs), 'run')}: {counted}")
    sentences = dict.fromkeys(s for finding in found for s in finding.evidence)
    return "failed", ("- no-match", *(f"+ {sentence}" for sentence in sentences))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _case(desk: _Desk, case: Case, ledger: _Ledger) -> Iterator[Outcome]:
    started_s = time.perf_counter()
    try:
        stage = _Stage(desk, case)
    except InputError as error:
        for check in case.checks:
            yield _outcome(case, check, "error", (str(error),), started_s, unreadable=True)
        return
    _note(desk.suite, case, stage, ledger)
    if stage.failures:
        for check in case.checks:
            yield _outcome(case, check, "failed", stage.failures, started_s)
        return
    for check in case.checks:
        lines = tuple(map(str, stage.differences(check)))
        yield _outcome(case, check, "failed" if lines else "passed", lines, started_s)
        started_s = time.perf_counter()


class _Stage:
    """One test with all its runs arrived and looked at."""

    def __init__(self, desk: _Desk, case: Case) -> None:
        suite = self._suite = desk.suite
        self._recorded: list[Assessment] = []
        arrivals: list[Arrival] = []
        used: Counter[str] = Counter()
        baseline = tuple(beside(suite.file, written) for written, _ in case.baseline)
        past = desk.recordings.past(baseline)
        for each in case.inputs:
            path = beside(suite.file, each.file)
            for copy in range(each.repeat):
                by_ns = _ns(each.at_s) + copy * _ns(each.every_s)
                salt = _salt(copy, used[path], by_ns)
                runs = desk.recordings.runs(path, suite.bundle, salt=salt, by_ns=by_ns, past=past)
                arrivals += [Arrival(at_ns=EPOCH_NS + by_ns, assessment=run) for run in runs]
                self._recorded.extend(runs if copy == 0 else ())
            used[path] += 1
        times = [_ns(c.eval_s) for c in case.checks if isinstance(c, AlertCheck | MessageCheck)]
        self.looks = rehearse(desk.evaluator, arrivals, [EPOCH_NS + at_ns for at_ns in times])
        reasons = (f"{f.rule_id}: {f.reason}" for look in self.looks for f in look.failures)
        self.failures = tuple(
            f"+ a rule could not be evaluated: {r}" for r in dict.fromkeys(reasons)
        )

    def differences(self, check: Check) -> tuple[Difference, ...]:
        """Return how what came differs from what a check expects."""
        match check:
            case AlertCheck():
                return alert_differences(check, self._until(check.eval_s)[-1].alerts)
            case ContractCheck():
                verdicts = [
                    verdict
                    for run in self._recorded
                    for verdict in run.verdicts
                    if verdict.contract == check.contract
                ]
                return contract_differences(check, verdicts)
            case PathCheck():
                return path_differences(check, [d for r in self._recorded for d in r.deviations])
            case MessageCheck():
                announced = Announced(self._suite.routing)
                announced.take(self._until(check.eval_s))
                receiver = receiver_of(check, self._suite.routing)
                return message_differences(check, announced.shown_to(receiver))
            case _:
                assert_never(check)

    def _until(self, eval_s: float) -> Sequence[Look]:
        return [look for look in self.looks if look.at_ns <= EPOCH_NS + _ns(eval_s)]


def _salt(copy: int, used: int, by_ns: int) -> str:
    """Return what the ids of a copy depend on: the very first one keeps those recorded."""
    return f"{used}.{copy}" if copy or used or by_ns else ""


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def _note(suite: Suite, case: Case, stage: _Stage, ledger: _Ledger) -> None:
    """Note which rules the checks of a test look at, and which matched in it."""
    found = {finding.rule_id for look in stage.looks for finding in look.findings}
    alertnames = {check.alertname for check in case.checks if isinstance(check, AlertCheck)}
    names = {f"contract:{c.contract}" for c in case.checks if isinstance(c, ContractCheck)}
    names |= {f"path:{check.path}" for check in case.checks if isinstance(check, PathCheck)}
    for rule in _rules_of(suite):
        own_name = names_of(rule)
        is_shared = own_name.startswith(("contract:", "path:"))
        if rule.rule_id in found:
            ledger.matched(rule)
        # Contracts share one alert name: a test of that alert is about those that came.
        if own_name in names or (
            rule.alertname in alertnames and (not is_shared or rule.rule_id in found)
        ):
            ledger.tested(rule)


def _outcome(  # noqa: PLR0913  # an outcome has as many parts
    case: Case,
    check: Check,
    status: Status,
    lines: tuple[str, ...],
    started_s: float,
    *,
    unreadable: bool = False,
) -> Outcome:
    kind, about = _about(check)
    place: Place = check.place
    return Outcome(
        file=place.file,
        line=place.line,
        column=place.column,
        test=case.name,
        kind=kind,
        about=about,
        status=status,
        differences=lines,
        unreadable=unreadable,
        duration_s=time.perf_counter() - started_s,
    )


def _about(check: Check) -> tuple[Kind, str]:
    match check:
        case AlertCheck():
            return "alert", f"{check.alertname} at {_time(check.eval_s)}"
        case ContractCheck():
            return "contract", check.contract
        case PathCheck():
            return "path", check.path
        case MessageCheck():
            return "notification", f"{check.receiver or 'all'} at {_time(check.eval_s)}"


def _time(seconds: float) -> str:
    """Return a time as a test file writes it: 90 seconds are ``1m30s``."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else ""]
    return "".join([*parts, f"{rest:g}s" if rest or seconds < 60 else ""])
