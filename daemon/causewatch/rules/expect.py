"""Compares what a test expects with what came of it; a difference is told for people.

What is expected is paired with what came so that as many pairs as possible fit (a maximum matching
in a bipartite graph, by augmenting paths as in Kuhn 1955), so an expectation that fits two things
never takes the one that another expectation needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar

import msgspec

from causewatch.model.expectation import Deviation
from causewatch.model.finding import Alert
from causewatch.model.incident import Incident
from causewatch.model.judgement import ContractVerdict, Violation
from causewatch.rules.test_file import (
    AlertCheck,
    ContractCheck,
    ExpectedAlert,
    ExpectedDeviation,
    ExpectedMessage,
    ExpectedViolation,
    MessageCheck,
    PathCheck,
    Verdict,
)

FIRING = frozenset({"firing", "keep_firing"})
_WORST_FIRST: tuple[Verdict, ...] = ("violated", "unverifiable", "pass")
_Want = TypeVar("_Want")
_Got = TypeVar("_Got")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One side that has nothing on the other: expected and missing, or there and not expected."""

    side: Literal["missing", "unexpected"]
    text: str

    def __str__(self) -> str:
        """Return a line of a diff: ``-`` was expected, ``+`` came."""
        return f"{'-' if self.side == 'missing' else '+'} {self.text}"


def alert_differences(check: AlertCheck, alerts: Sequence[Alert]) -> tuple[Difference, ...]:
    """Return how the alerts of a time differ from those that must fire then."""
    firing = [a for a in alerts if a.alertname == check.alertname and a.state in FIRING]
    shows = any(each.annotations is not None for each in check.expected)

    def told(labels: Mapping[str, str], annotations: Mapping[str, str] | None) -> str:
        text = f"{check.alertname}{_braced(labels)}"
        return f"{text} annotations {_braced(annotations)}" if annotations is not None else text

    return _differences(
        check.expected,
        firing,
        _is_alert,
        lambda want: told(want.labels, want.annotations) + _suffix(want.match),
        lambda got: told(_own_labels(got), got.annotations if shows else None),
    )


def contract_differences(
    check: ContractCheck, verdicts: Sequence[ContractVerdict]
) -> tuple[Difference, ...]:
    """Return how a contract's verdicts in all runs of a test differ from what is expected."""
    verdict = worst_of(verdicts)
    found: list[Difference] = []
    if verdict != check.verdict:
        reasons = dict.fromkeys(v.reason for v in verdicts if v.verdict == verdict and v.reason)
        why = f": {next(iter(reasons))}" if reasons else ""
        found.append(Difference(side="missing", text=f"verdict {check.verdict}"))
        found.append(Difference(side="unexpected", text=f"verdict {verdict}{why}"))
    if check.violations is None:
        return tuple(found)
    got = {(v.name, v.pointer): v for each in verdicts for v in each.violations}
    differences = _differences(
        check.violations, tuple(got.values()), _is_violation, _want_violation, _got_violation
    )
    return (*found, *_kept(differences, check.match))


def path_differences(check: PathCheck, deviations: Sequence[Deviation]) -> tuple[Difference, ...]:
    """Return how the deviations of all runs of a test differ from those expected."""
    got = {(d.node, d.child, d.kind): d for d in deviations if d.path == check.path}
    differences = _differences(
        check.expected, tuple(got.values()), _is_deviation, _want_deviation, _got_deviation
    )
    return _kept(differences, check.match)


def message_differences(check: MessageCheck, shown: Sequence[Incident]) -> tuple[Difference, ...]:
    """Return how what a receiver is shown, an incident a message, differs from what it must be."""
    return _differences(check.expected, shown, _is_message, _want_message, _got_message)


def worst_of(verdicts: Sequence[ContractVerdict]) -> Verdict:
    """Return the worst verdict; ``none`` of none."""
    known = {verdict.verdict for verdict in verdicts}
    return next((each for each in _WORST_FIRST if each in known), "none")


def _differences(
    wanted: Sequence[_Want],
    got: Sequence[_Got],
    fits: Callable[[_Want, _Got], bool],
    want_text: Callable[[_Want], str],
    got_text: Callable[[_Got], str],
) -> tuple[Difference, ...]:
    taken = _paired(wanted, got, fits)
    missing = [want for number, want in enumerate(wanted) if number not in taken.values()]
    extra = [each for number, each in enumerate(got) if number not in taken]
    return (
        *(Difference(side="missing", text=want_text(want)) for want in missing),
        *(Difference(side="unexpected", text=got_text(each)) for each in extra),
    )


def _paired(
    wanted: Sequence[_Want], got: Sequence[_Got], fits: Callable[[_Want, _Got], bool]
) -> dict[int, int]:
    """Return for each of ``got`` that is paired the number of its expectation."""
    options = [[n for n, each in enumerate(got) if fits(want, each)] for want in wanted]
    taken: dict[int, int] = {}
    for number in range(len(wanted)):
        _augment(number, options, taken)
    return taken


def _augment(first: int, options: Sequence[Sequence[int]], taken: dict[int, int]) -> None:
    """Pair one more expectation, moving others to another of their options where that helps."""
    came_from: dict[int, tuple[int, int | None]] = {}
    waiting: list[tuple[int, int | None]] = [(first, None)]
    while waiting:
        want, through = waiting.pop(0)
        for option in options[want]:
            if option in came_from:
                continue
            came_from[option] = want, through
            if option in taken:
                waiting.append((taken[option], option))
                continue
            last: int | None = option
            while last is not None:
                taken[last], last = came_from[last]
            return


def _kept(
    differences: Sequence[Difference], match: Literal["exact", "subset"]
) -> tuple[Difference, ...]:
    return tuple(d for d in differences if match == "exact" or d.side == "missing")


def _is_alert(want: ExpectedAlert, got: Alert) -> bool:
    pairs = [(want.labels, _own_labels(got))]
    if want.annotations is not None:
        pairs.append((want.annotations, dict(got.annotations)))
    if want.match == "exact":
        return all(dict(expected) == found for expected, found in pairs)
    return all(expected.items() <= found.items() for expected, found in pairs)


def _own_labels(alert: Alert) -> dict[str, str]:
    """Return an alert's labels as tests write them: the name is written beside."""
    return {name: value for name, value in alert.labels.items() if name != "alertname"}


def _is_violation(want: ExpectedViolation, got: Violation) -> bool:
    return want.name == got.name and want.pointer in {None, got.pointer}


def _is_deviation(want: ExpectedDeviation, got: Deviation) -> bool:
    return (
        want.node in {None, got.node}
        and want.child in {None, got.child}
        and want.kind in {None, got.kind}
    )


def _is_message(want: ExpectedMessage, got: Incident) -> bool:
    origin = got.cause.origin.name if got.cause.origin else ""
    return (
        want.state in {None, got.state}
        and want.severity in {None, got.severity}
        and want.category in {None, got.cause.category}
        and want.origin in {None, origin}
        and want.alertnames in {None, frozenset(got.alertnames)}
    )


def _want_violation(want: ExpectedViolation) -> str:
    return want.name if want.pointer is None else f"{want.name} {want.pointer or '(whole)'}"


def _got_violation(got: Violation) -> str:
    return f"{got.name} {got.pointer or '(whole)'}: {got.message}"


def _want_deviation(want: ExpectedDeviation) -> str:
    return _worded(node=want.node, child=want.child, kind=want.kind)


def _got_deviation(got: Deviation) -> str:
    text = _worded(node=got.node, child=got.child, kind=got.kind)
    return f"{text}: {got.message}" if got.message else text


def _want_message(want: ExpectedMessage) -> str:
    names = None if want.alertnames is None else ", ".join(sorted(want.alertnames))
    return _worded(
        state=want.state,
        severity=want.severity,
        category=want.category,
        origin=want.origin,
        alertnames=names,
    )


def _got_message(got: Incident) -> str:
    return _worded(
        state=got.state,
        severity=got.severity,
        category=got.cause.category or None,
        origin=got.cause.origin.name if got.cause.origin else None,
        alertnames=", ".join(sorted(got.alertnames)),
    )


def _worded(**parts: str | None) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in parts.items() if value is not None)


def _braced(labels: Mapping[str, str]) -> str:
    inner = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return f"{{{inner}}}"


def _suffix(match: Literal["exact", "subset"]) -> str:
    return " (and maybe more)" if match == "subset" else ""
