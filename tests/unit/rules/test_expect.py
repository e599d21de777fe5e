from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.model.expectation import Deviation
from causewatch.model.finding import Alert, Cause, StepRef
from causewatch.model.incident import Incident
from causewatch.model.judgement import ContractVerdict, HandoffVerdictName, Violation
from causewatch.rules.expect import (
    _paired,
    alert_differences,
    contract_differences,
    message_differences,
    path_differences,
    worst_of,
)
from causewatch.rules.test_file import (
    AlertCheck,
    ContractCheck,
    ExpectedAlert,
    ExpectedDeviation,
    ExpectedMessage,
    ExpectedViolation,
    Match,
    MessageCheck,
    PathCheck,
)
from causewatch.rules.yaml import Place

HERE = Place(file="a_test.yaml", line=1, column=1)


def alert(
    state: Literal["pending", "firing", "keep_firing", "resolved"] = "firing",
    name: str = "Lost",
    annotations: Mapping[str, str] | None = None,
    **labels: str,
) -> Alert:
    """Return an alert in some state."""
    return Alert(
        rule_id=f"g/{name}",
        rule_version="v",
        alertname=name,
        labels={**labels, "alertname": name},
        annotations=annotations or {},
        state=state,
        value=1.0,
    )


def want(
    match: Match = "exact", annotations: Mapping[str, str] | None = None, **labels: str
) -> ExpectedAlert:
    """Return an expected alert."""
    return ExpectedAlert(labels=labels, annotations=annotations, match=match)


def alerts_differ(expected: list[ExpectedAlert], got: list[Alert]) -> list[str]:
    """Return the lines of the difference for the alert ``Lost``."""
    check = AlertCheck(eval_s=0, alertname="Lost", expected=tuple(expected), place=HERE)
    return [str(difference) for difference in alert_differences(check, got)]


def test_equal_labels_are_equal() -> None:
    """Exact: the same labels, no more and no fewer; the alert's name is not written among them."""
    assert alerts_differ([want(a="1", b="2")], [alert(a="1", b="2")]) == []
    assert alerts_differ([want(a="1")], [alert(a="1", b="2")]) == [
        '- Lost{a="1"}',
        '+ Lost{a="1", b="2"}',
    ]


def test_a_subset_leaves_the_rest_open() -> None:
    """Subset: what is written must be so, other labels may be any; the number still counts."""
    assert alerts_differ([want("subset", a="1")], [alert(a="1", b="2")]) == []
    assert alerts_differ([want("subset", a="2")], [alert(a="1")]) == [
        '- Lost{a="2"} (and maybe more)',
        '+ Lost{a="1"}',
    ]
    assert alerts_differ([want("subset")], [alert(a="1"), alert(a="2")]) == ['+ Lost{a="2"}']


def test_only_what_fires_counts() -> None:
    """Pending and resolved alerts, and alerts of other names, are as good as none."""
    others = [alert("pending"), alert("resolved"), alert(name="Other")]
    assert alerts_differ([], others) == []
    assert alerts_differ([want()], others) == ["- Lost{}"]
    assert alerts_differ([], [alert("keep_firing")]) == ["+ Lost{}"]


def test_annotations_count_where_they_are_written() -> None:
    """Who writes them means them; who does not is not told of them."""
    got = alert(annotations={"summary": "two", "runbook_url": "u"})
    assert alerts_differ([want()], [got]) == []
    assert alerts_differ([want("subset", {"summary": "two"})], [got]) == []
    assert alerts_differ([want(annotations={"summary": "two"})], [got]) == [
        '- Lost{} annotations {summary="two"}',
        '+ Lost{} annotations {runbook_url="u", summary="two"}',
    ]


def test_a_loose_expectation_does_not_take_what_a_strict_one_needs() -> None:
    """Pairs are found whatever the order in which expectations are written."""
    got = [alert(a="1"), alert(a="2")]
    assert alerts_differ([want("subset"), want(a="1")], got) == []
    assert alerts_differ([want(a="1"), want("subset")], got) == []


@given(st.lists(st.frozensets(st.integers(0, 5), max_size=4), max_size=6))
def test_as_many_pairs_as_possible(options: list[frozenset[int]]) -> None:
    """The matching is maximal: no better one is found by trying them all."""

    def best(number: int, free: frozenset[int]) -> int:
        if number == len(options):
            return 0
        taken = [1 + best(number + 1, free - {n}) for n in options[number] & free]
        return max([best(number + 1, free), *taken])

    pairs = _paired(options, range(6), lambda wanted, got: got in wanted)
    assert len(pairs) == best(0, frozenset(range(6)))
    assert all(got in options[wanted] for got, wanted in pairs.items())


def verdict(name: HandoffVerdictName, *violations: str, reason: str = "") -> ContractVerdict:
    """Return a contract's verdict, with violations written ``name /pointer``."""
    return ContractVerdict(
        contract="brief",
        rule_id="g/contract:brief",
        verdict=name,
        handoff=0,
        step=0,
        reason=reason,
        violations=tuple(
            Violation(
                name="truncation" if text.startswith("t") else "schema",
                side="received",
                pointer=text.partition(" ")[2],
                message="two of three items are gone",
                severity="page",
            )
            for text in violations
        ),
    )


def contract_differs(check: ContractCheck, *verdicts: ContractVerdict) -> list[str]:
    """Return the lines of the difference."""
    return [str(difference) for difference in contract_differences(check, verdicts)]


def contract(
    name: Literal["pass", "violated", "unverifiable", "none"],
    *violations: ExpectedViolation,
    match: Match = "exact",
    any_violations: bool = False,
) -> ContractCheck:
    """Return a check of the contract."""
    return ContractCheck(
        contract="brief",
        verdict=name,
        violations=None if any_violations else violations,
        match=match,
        place=HERE,
    )


def test_the_worst_verdict_is_the_verdict() -> None:
    """Of several runs and handoffs a violation outweighs what could not be checked."""
    assert worst_of([]) == "none"
    assert worst_of([verdict("pass"), verdict("unverifiable")]) == "unverifiable"
    assert worst_of([verdict("unverifiable"), verdict("violated"), verdict("pass")]) == "violated"


def test_verdicts_are_compared_and_reasons_told() -> None:
    """What could not be checked says why, as the reader would ask next."""
    assert contract_differs(contract("pass"), verdict("pass")) == []
    assert contract_differs(contract("none")) == []
    assert contract_differs(contract("pass"), verdict("unverifiable", reason="no content")) == [
        "- verdict pass",
        "+ verdict unverifiable: no content",
    ]


def test_violations_are_compared_by_name_and_place() -> None:
    """A pointer that is written must be that; where none is written any will do."""
    got = verdict("violated", "t /stops", "s /id")
    truncated, schema = ExpectedViolation(name="truncation"), ExpectedViolation(name="schema")
    assert contract_differs(contract("violated", truncated, schema), got, got) == []
    at_root = ExpectedViolation(name="schema", pointer="")
    assert contract_differs(contract("violated", truncated, at_root), got) == [
        "- schema (whole)",
        "+ schema /id: two of three items are gone",
    ]
    assert contract_differs(contract("violated", truncated, match="subset"), got) == []
    assert contract_differs(contract("violated", any_violations=True), got) == []
    assert contract_differs(contract("violated", truncated), got) == [
        "+ schema /id: two of three items are gone"
    ]


def deviation(child: str, path: str = "flow") -> Deviation:
    """Return a deviation at the node ``desk``."""
    return Deviation(
        path=path,
        rule_id="g/path:flow",
        kind="unexpected",
        node="desk",
        step=0,
        child=child,
        at=1,
        message="not here",
    )


@pytest.mark.parametrize(
    ("expected", "match", "lines"),
    [
        ((ExpectedDeviation(child="refund"),), "exact", []),
        ((ExpectedDeviation(node="desk", kind="unexpected"),), "exact", []),
        (
            (ExpectedDeviation(child="mail"),),
            "exact",
            [
                "- child 'mail'",
                "+ node 'desk', child 'refund', kind 'unexpected': not here",
            ],
        ),
        ((), "exact", ["+ node 'desk', child 'refund', kind 'unexpected': not here"]),
        ((), "subset", []),
    ],
)
def test_deviations_are_compared_by_what_is_written(
    expected: tuple[ExpectedDeviation, ...], match: Match, lines: list[str]
) -> None:
    """Each kind of deviation counts once, those of other templates not at all."""
    check = PathCheck(path="flow", expected=expected, match=match, place=HERE)
    got = [deviation("refund"), deviation("refund"), deviation("x", path="other")]
    assert [str(line) for line in path_differences(check, got)] == lines


def test_messages_are_compared_by_what_is_written() -> None:
    """An incident a message: state, severity, cause and the alerts inside."""
    step = StepRef(trace_id="t", span_id="s", name="lookup", agent="desk")
    shown = Incident(
        id="i", key="k", state="open", title="t", severity="page",
        cause=Cause(category="loop", origin=step), alerts=(alert(),),
        opened_at_ns=1, updated_at_ns=1,
    )  # fmt: skip

    def differ(*expected: ExpectedMessage) -> list[str]:
        check = MessageCheck(eval_s=0, expected=expected, place=HERE)
        return [str(line) for line in message_differences(check, [shown])]

    assert differ(ExpectedMessage()) == []
    whole = ExpectedMessage(
        state="open", severity="page", category="loop", origin="lookup",
        alertnames=frozenset({"Lost"}),
    )  # fmt: skip
    assert differ(whole) == []
    assert differ(ExpectedMessage(state="resolved", alertnames=frozenset({"Lost", "A"}))) == [
        "- state 'resolved', alertnames 'A, Lost'",
        "+ state 'open', severity 'page', category 'loop', origin 'lookup', alertnames 'Lost'",
    ]
    assert len(differ()) == 1
