"""Asks a judge of meaning, where a contract wants one and the rules alone find nothing wrong.

The judge is a port: who it is, and what it costs, is the caller's affair. It can only find fault
where the deterministic comparison found none, so a text that talks it round gains nothing over not
asking. What a contract redacts or ignores is never shown to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from causewatch.contracts.compile import Contract
from causewatch.contracts.equality import spelled_alike
from causewatch.contracts.pointer import without
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import ContractVerdict, Violation
from causewatch.model.step import Payload
from causewatch.model.value import Value, canonical_bytes

MAX_ASKED_CHARS = 20_000
"""A longer payload is not sent to anybody."""
NO_CONTENT = "no content for a judge is recorded: record message content"
NO_JUDGE = "no judge is configured: add judge: to causewatch.yaml"


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge says: whether the meaning is kept, ``None`` where it could not be asked."""

    kept: bool | None
    reason: str
    """One sentence for people, without anything of the payload."""


Judge = Callable[[str, str], Opinion]
"""Takes what was sent and what was received, as text; never raises."""


def with_opinion(
    contract: Contract,
    graph: CausalGraph,
    verdicts: Sequence[ContractVerdict],
    judge: Judge | None,
) -> tuple[ContractVerdict, ...]:
    """Return the verdicts of a contract, those that pass after the judge was heard."""
    demand = contract.spec.compare
    if demand is None or not demand.judge:
        return tuple(verdicts)
    return tuple(
        _heard(contract, graph, verdict, judge) if verdict.verdict == "pass" else verdict
        for verdict in verdicts
    )


def _heard(
    contract: Contract, graph: CausalGraph, verdict: ContractVerdict, judge: Judge | None
) -> ContractVerdict:
    if verdict.handoff is None:
        return verdict
    handoff = graph.handoffs[verdict.handoff]
    if handoff.sent_sha256 and handoff.sent_sha256 == handoff.received_sha256:
        return verdict
    left, right = (_shown(contract, side) for side in (handoff.sent, handoff.received))
    if left is None or right is None:
        opinion = Opinion(kept=None, reason=NO_CONTENT)
    elif spelled_alike(left, right) or _folded(left) == _folded(right):
        return verdict
    else:
        opinion = _asked(judge, _text(left), _text(right))
    if opinion.kept is None:
        return msgspec.structs.replace(verdict, verdict="unverifiable", reason=opinion.reason)
    return verdict if opinion.kept else _violated(contract, verdict, opinion)


def _asked(judge: Judge | None, sent: str, received: str) -> Opinion:
    if judge is None:
        return Opinion(kept=None, reason=NO_JUDGE)
    if max(len(sent), len(received)) > MAX_ASKED_CHARS:
        reason = f"a payload of over {MAX_ASKED_CHARS} characters is not judged"
        return Opinion(kept=None, reason=reason)
    return judge(sent, received)


def _shown(contract: Contract, payload: Payload | None) -> Value:
    """Return what a judge may see of one side; ``None`` for nothing."""
    if payload is None or payload.cut or contract.spec.compare is None:
        return None
    return without(payload.value, (*contract.spec.compare.ignore, *contract.spec.redact))


def _text(value: Value) -> str:
    return value if isinstance(value, str) else canonical_bytes(value).decode("utf-8", "replace")


def _folded(value: Value) -> str:
    return " ".join(_text(value).casefold().split())


def _violated(contract: Contract, verdict: ContractVerdict, opinion: Opinion) -> ContractVerdict:
    violation = Violation(
        name="delta",
        side="both",
        pointer="",
        message=opinion.reason,
        severity=contract.spec.severity_of("delta"),
    )
    return msgspec.structs.replace(verdict, verdict="violated", violations=(violation,))
