from __future__ import annotations

from typing import Any

import msgspec
import pytest

from blame_fixtures import one_handoff, payload
from causewatch.blame.judge import judge
from causewatch.contracts.compile import compile_contract
from causewatch.contracts.meaning import MAX_ASKED_CHARS, NO_JUDGE, Opinion
from causewatch.contracts.spec import Compare, ContractSpec
from causewatch.model.judgement import ContractVerdict

SENT = "Please do not send the refund before the customer has called back."
REWORDED = "Please send the refund before the customer has called back, do not wait."


class Asked:
    """A judge that says always the same, and remembers what it was shown."""

    def __init__(self, *, kept: bool | None) -> None:
        self.kept = kept
        self.shown: list[tuple[str, str]] = []

    def __call__(self, sent: str, received: str) -> Opinion:
        """Say it."""
        self.shown.append((sent, received))
        return Opinion(kept=self.kept, reason="as the judge says")


def verdict(
    sent: Any, received: Any, judged: Asked | None, *, asks: bool = True, **fields: Any
) -> ContractVerdict:
    """Return what a contract with a judge says of one handoff."""
    compare = Compare(mode="semantic", judge=asks, **fields.pop("compare", {}))
    contract = compile_contract(ContractSpec(name="c", compare=compare, **fields), rule_id="r")
    graph = one_handoff(payload(sent), payload(received))
    (found,) = judge(graph, (contract,), meaning=judged).verdicts
    return found


@pytest.mark.parametrize(
    ("kept", "expected"), [(True, "pass"), (False, "violated"), (None, "unverifiable")]
)
def test_the_judge_is_heard_where_text_was_reworded(*, kept: bool | None, expected: str) -> None:
    """No fact was lost and yet the meaning may be another; no answer is no verdict."""
    judged = Asked(kept=kept)
    found = verdict(SENT, REWORDED, judged)
    assert found.verdict == expected
    assert judged.shown == [(SENT, REWORDED)]
    if kept is False:
        assert [(each.name, each.message) for each in found.violations] == [
            ("delta", "as the judge says")
        ]
    if kept is None:
        assert found.reason == "as the judge says"


@pytest.mark.parametrize(
    ("sent", "received", "asks"),
    [
        (SENT, SENT, True),
        (SENT, f"  {SENT.upper()} ", True),
        (SENT, REWORDED, False),
        ("Order FO-7712 and FO-7713, please.", "Order FO-7712, please.", True),
    ],
)
def test_the_judge_is_not_asked_without_need(sent: str, received: str, *, asks: bool) -> None:
    """Not of the same text, not where facts are lost, and not where the contract does not ask."""
    judged = Asked(kept=False)
    verdict(sent, received, judged, asks=asks)
    assert judged.shown == []


def test_a_judge_never_acquits() -> None:
    """What the rules find stays found, whatever a text may talk the judge into."""
    lost = verdict("Orders FO-7712 and FO-7713.", "Order FO-7712.", Asked(kept=True))
    assert lost.verdict == "violated"


def test_the_judge_sees_nothing_that_is_redacted_or_ignored() -> None:
    """These places may not leave the house."""
    judged = Asked(kept=True)
    sent = {"task": SENT, "name": "Anna Berg", "trace": "t-1"}
    received = {"task": REWORDED, "name": "Anna Berg", "trace": "t-2"}
    verdict(sent, received, judged, redact=("/name",), compare={"ignore": ("/trace",)})
    ((one, other),) = judged.shown
    assert "Anna" not in one + other
    assert "t-1" not in one
    assert SENT in one


def test_without_a_judge_the_verdict_says_so() -> None:
    """A contract that asks for one is not quietly kept."""
    found = verdict(SENT, REWORDED, None)
    assert (found.verdict, found.reason) == ("unverifiable", NO_JUDGE)


def test_long_payloads_go_nowhere() -> None:
    """What costs too much is unverifiable, not judged in part."""
    judged = Asked(kept=True)
    long = "word " * MAX_ASKED_CHARS
    assert verdict(f"{long}a", f"{long}b c", judged).verdict == "unverifiable"
    assert judged.shown == []


def test_hidden_content_is_not_judged() -> None:
    """A side that is not recorded makes the verdict unverifiable before anybody is asked."""
    compare = Compare(mode="semantic", judge=True)
    contract = compile_contract(ContractSpec(name="c", compare=compare), rule_id="r")
    graph = one_handoff(payload(SENT), payload(REWORDED))
    blind = msgspec.structs.replace(graph.handoffs[0], received=None)
    judged = Asked(kept=True)
    graph = msgspec.structs.replace(graph, handoffs=(blind,))
    (found,) = judge(graph, (contract,), meaning=judged).verdicts
    assert found.verdict == "unverifiable"
    assert judged.shown == []
