"""Check a contract against every handoff or step of a run that it binds.

A verdict is *pass*, *violated* or *unverifiable*. Nothing is guessed: content that is not there, or
that telemetry cut, makes a verdict unverifiable with the reason and what would help; but what can
be checked is, and one violation found there is a violation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Literal

import msgspec

from causewatch.contracts.compile import Contract
from causewatch.contracts.difference import Difference, differences, only_text, parsed, same
from causewatch.contracts.excerpt import excerpt
from causewatch.contracts.pointer import pointer_of, without
from causewatch.contracts.spec import Compare
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.judgement import ContractVerdict, Violation, ViolationName
from causewatch.model.step import Payload, Step
from causewatch.model.value import Value, canonical_bytes

Side = Literal["sent", "received", "both", "result", "arguments"]

MAX_VIOLATIONS_COUNT = 20
NO_CONTENT_FIX = "record message content: switch on content capture in the instrumentation"
CUT_FIX = "raise the attribute length limit of the SDK, the Collector or the backend"


class _Outcome(msgspec.Struct):
    """What was found so far at one boundary."""

    violations: list[Violation] = msgspec.field(default_factory=list)
    gaps: list[str] = msgspec.field(default_factory=list)


def check(contract: Contract, graph: CausalGraph) -> tuple[ContractVerdict, ...]:
    """Return one verdict for each handoff or step of ``graph`` that ``contract`` binds."""
    if contract.spec.binds_steps:
        return tuple(_check_step(contract, i, step) for i, step in _bound_steps(contract, graph))
    return tuple(
        _check_handoff(contract, index, handoff)
        for index, handoff in enumerate(graph.handoffs)
        if contract.from_pattern.match(handoff.from_agent)
        and contract.to_pattern.match(handoff.to_agent)
    )


def _bound_steps(contract: Contract, graph: CausalGraph) -> Iterator[tuple[int, Step]]:
    """Yield the steps that a step contract names, with their indices."""
    spec = contract.spec
    for index, step in enumerate(graph.steps):
        if step.kind == "agent":
            bound = bool(spec.agent)
            name = step.agent or graph.owner[index]
        elif step.kind in {"tool", "retrieval"}:
            # A retriever is a tool to its agent: a tool glob binds both kinds.
            bound = bool(spec.tool) or (bool(spec.retrieval) and step.kind == "retrieval")
            name = step.name
        else:
            continue
        if bound and contract.step_pattern.match(name):
            yield index, step


def _check_step(contract: Contract, index: int, step: Step) -> ContractVerdict:
    """Check the arguments and the result of one step."""
    outcome = _Outcome()
    agent = step.kind == "agent"
    sides: tuple[tuple[Side, Payload | None, Any], ...] = (
        ("arguments", step.input if agent else step.arguments, contract.arguments),
        ("result", step.output if agent else _result_of(step), contract.result),
    )
    for side, payload, validator in sides:
        if validator is not None:
            value = _readable(payload, f"the {side} of {step.name}", outcome)
            if value is not None:
                _apply(contract, validator, side, (value.value,), outcome)
    return _verdict(contract, outcome, step=index, sent=sides[0][1], received=sides[1][1])


def _result_of(step: Step) -> Payload | None:
    """Return a step's result; a retrieval may record only its documents."""
    if step.result is not None or not step.documents:
        return step.result
    value: Value = {"documents": [_plain_document(step, i) for i in range(len(step.documents))]}
    return Payload(value=value, raw=canonical_bytes(value).decode(), key="documents")


def _plain_document(step: Step, index: int) -> Value:
    document = step.documents[index]
    return {"id": document.id, "content": document.content, "score": document.score}


def _check_handoff(contract: Contract, index: int, handoff: Handoff) -> ContractVerdict:
    """Check both sides of one handoff and compare them."""
    outcome = _Outcome()
    sent, received = handoff.sent, handoff.received
    between = f"from {handoff.from_agent or 'an agent'} to {handoff.to_agent or 'an agent'}"
    seen_sent = seen_received = None
    if contract.sent or contract.spec.compare:
        seen_sent = _readable(sent, f"what was sent {between}", outcome)
    if contract.received or contract.spec.compare:
        seen_received = _readable(received, f"what was received {between}", outcome)
    if seen_sent is not None:
        for validator in contract.sent:
            _apply(contract, validator, "sent", (seen_sent.value,), outcome)
    if seen_received is not None:
        _check_received(contract, sent, seen_received, outcome)
    if contract.spec.compare and seen_sent is not None and seen_received is not None:
        _compare(contract, contract.spec.compare, seen_sent, seen_received, outcome)
    step = handoff.performed_by
    if step is None:
        step = handoff.receiver if handoff.receiver is not None else handoff.sender
    return _verdict(
        contract, outcome, step=step, sent=sent, received=received, index=index, handoff=handoff
    )


def _check_received(
    contract: Contract, sent: Payload | None, received: Payload, outcome: _Outcome
) -> None:
    """Apply the schemas for the receiving side.

    A nested agent is called with ``{"task": "text"}`` and its first message is the bare text. Such
    a one-string object and its string are one payload, so the received text is also tried in the
    sender's wrapping, and passes if either form does.
    """
    forms: tuple[Value, ...] = (received.value,)
    if sent is not None and only_text(sent.value) is not None and isinstance(sent.value, dict):
        forms = (received.value, {next(iter(sent.value)): received.value})
    flattened = (
        sent is not None
        and isinstance(sent.value, dict | list)
        and isinstance(received.value, str)
        and len(forms) == 1
    )
    for validator in contract.received:
        _apply(contract, validator, "received", forms, outcome, flattened=flattened)


def _apply(  # noqa: PLR0913 - one line each of what a message must say
    contract: Contract,
    validator: Any,
    side: Side,
    forms: tuple[Value, ...],
    outcome: _Outcome,
    *,
    flattened: bool = False,
) -> None:
    """Validate a payload; when no form of it is valid, report the errors of its last form."""
    try:
        if any(validator.is_valid(form) for form in forms):
            return
        errors = tuple(islice(validator.iter_errors(forms[-1]), MAX_VIOLATIONS_COUNT))
    except (ValueError, TypeError, OverflowError, RecursionError) as problem:
        outcome.gaps.append(f"the {side} payload is no JSON value ({type(problem).__name__})")
        return
    for error in errors:
        pointer = pointer_of(error.instance_path)
        # The structure was there when it was sent: the text is how it arrived, not what was meant.
        name: ViolationName = "serialization" if flattened and not pointer else "schema"
        outcome.violations.append(
            Violation(
                name=name,
                side=side,
                pointer=pointer,
                message=_safe(f"{error.message} (schema {pointer_of(error.schema_path)})"),
                severity=contract.spec.severity_of(name),
                expected=_safe(f"schema {pointer_of(error.schema_path)}"),
                actual=excerpt(error.instance, place=pointer, redact=contract.spec.redact),
            )
        )


def _compare(
    contract: Contract, compare: Compare, sent: Payload, received: Payload, outcome: _Outcome
) -> None:
    """Compare both sides in the contract's mode and report how they differ."""
    if compare.mode == "exact" and not compare.ignore:
        text = only_text(sent.value)
        if received.raw == sent.raw or (text is not None and received.raw == text):
            return
    left = without(sent.value, compare.ignore)
    right = without(received.value, compare.ignore)
    found = _least(left, right)
    if not found and compare.mode == "exact" and not compare.ignore:
        found = (_spelling(sent, received),)
    for difference in found:
        outcome.violations.append(_violation(contract, difference))


def _least(sent: Value, received: Value) -> tuple[Difference, ...]:
    """Compare under the unwrapping rule: a one-string object also equals its string."""
    whole = differences(sent, received)
    text = only_text(sent)
    if not whole or text is None:
        return whole
    if isinstance(received, str):
        return differences(text, received)
    return () if same(parsed(text), received) else whole


def _spelling(sent: Payload, received: Payload) -> Difference:
    """Return the difference of two texts that mean the same value."""
    return Difference(
        kind="serialization",
        pointer="",
        message="the same value, but not the same bytes",
        sent=sent.raw,
        received=received.raw,
    )


def _violation(contract: Contract, difference: Difference) -> Violation:
    redact = contract.spec.redact
    place = difference.pointer
    return Violation(
        name=difference.kind,
        side="both",
        pointer=place,
        message=_safe(difference.message),
        severity=contract.spec.severity_of(difference.kind),
        expected=excerpt(difference.sent, place=place, redact=redact),
        actual=excerpt(difference.received, place=place, redact=redact),
    )


def _readable(payload: Payload | None, what: str, outcome: _Outcome) -> Payload | None:
    """Return the payload if it can be judged; else note why it cannot, and what would help."""
    if payload is None:
        outcome.gaps.append(f"{what} was not captured: {NO_CONTENT_FIX}")
        return None
    if payload.cut:
        outcome.gaps.append(f"{what} was cut by telemetry at {len(payload.raw)} chars: {CUT_FIX}")
        return None
    return payload


def _verdict(  # noqa: PLR0913 - one argument for each part of a verdict
    contract: Contract,
    outcome: _Outcome,
    *,
    step: int,
    sent: Payload | None,
    received: Payload | None,
    index: int | None = None,
    handoff: Handoff | None = None,
) -> ContractVerdict:
    violations: Sequence[Violation] = outcome.violations[:MAX_VIOLATIONS_COUNT]
    gaps = _safe("; ".join(outcome.gaps), limit=600)
    return ContractVerdict(
        contract=contract.spec.name,
        rule_id=contract.rule_id,
        verdict="violated" if violations else "unverifiable" if gaps else "pass",
        handoff=index,
        step=step,
        from_agent=handoff.from_agent if handoff else "",
        to_agent=handoff.to_agent if handoff else "",
        violations=tuple(violations),
        reason=gaps,
        sent_sha256=sent.sha256 if sent else "",
        received_sha256=received.sha256 if received else "",
        sent_bytes=sent.size_bytes if sent else 0,
        received_bytes=received.size_bytes if received else 0,
    )


def _safe(text: str, limit: int = 240) -> str:
    """Return a sentence without control characters, cut to ``limit`` characters."""
    return "".join(c if c.isprintable() else " " for c in text[:limit])
