"""Check a contract against every handoff or step of a run that it binds.

A verdict is *pass*, *violated* or *unverifiable*. Nothing is guessed: content that is not there, or
that telemetry cut, makes a verdict unverifiable with the reason and what would help; but what can
be checked is, and one violation found there is a violation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import msgspec

from causewatch.contracts.compare import compare
from causewatch.contracts.compile import Contract
from causewatch.contracts.equality import is_empty, only_text
from causewatch.contracts.hashed import check_hashed, is_hashed
from causewatch.contracts.order import overtaken, sent_ns
from causewatch.contracts.outcome import MAX_VIOLATIONS_COUNT, Outcome
from causewatch.contracts.unexplained import Known
from causewatch.contracts.validate import apply_limits, apply_schema
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.judgement import ContractVerdict
from causewatch.model.step import Payload, Step
from causewatch.model.value import Value, canonical_bytes

NO_CONTENT_FIX = "record message content: switch on content capture in the instrumentation"
CUT_FIX = "raise the attribute length limit of the SDK, the Collector or the backend"
ORDER_FIX = "let the schema require what order reads"
ODD_FIX = "send what JSON can hold: shallower, and with shorter numbers"
_NS_PER_S = 1_000_000_000


def check(contract: Contract, graph: CausalGraph) -> tuple[ContractVerdict, ...]:
    """Return one verdict for each handoff or step of ``graph`` that ``contract`` binds."""
    if contract.spec.binds_steps:
        return tuple(_check_step(contract, i, step) for i, step in _bound_steps(contract, graph))
    bound = [
        (index, handoff)
        for index, handoff in enumerate(graph.handoffs)
        if contract.from_pattern.match(handoff.from_agent)
        and contract.to_pattern.match(handoff.to_agent)
    ]
    outcomes = {index: _check_handoff(contract, graph, index) for index, _ in bound}
    _check_order(contract, graph, bound, outcomes)
    return tuple(_handoff_verdict(outcomes[index], index, handoff) for index, handoff in bound)


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
    outcome = Outcome(contract=contract)
    agent = step.kind == "agent"
    given = _arguments_of(step)
    returned = step.output if agent else _result_of(step)
    if contract.arguments is not None:
        value = _readable(given, f"the arguments of {step.name}", outcome)
        if value is not None:
            apply_schema(contract.arguments, "arguments", (value.value,), outcome)
    if contract.result is not None or contract.spec.limits_results:
        value = _readable(returned, f"the result of {step.name}", outcome)
        if value is not None:
            if contract.result is not None:
                apply_schema(contract.result, "result", (value.value,), outcome)
            try:
                apply_limits(contract, step, value.value, outcome)
            except (ValueError, OverflowError, RecursionError) as problem:
                name = type(problem).__name__
                outcome.gaps.append(f"the result cannot be read ({name}): {ODD_FIX}")
    return _verdict(outcome, index, given, returned)


def _arguments_of(step: Step) -> Payload | None:
    """Return what a step was given; a retrieval may record only its query."""
    if step.kind == "agent":
        return step.input
    if step.arguments is None and step.query:
        return Payload(value={"query": step.query}, raw=step.query, key="query")
    return step.arguments


def _result_of(step: Step) -> Payload | None:
    """Return a step's result; a retrieval may record only its documents."""
    if step.result is not None or not step.documents:
        return step.result
    value: Value = {"documents": [_plain_document(step, i) for i in range(len(step.documents))]}
    return Payload(value=value, raw=canonical_bytes(value).decode(), key="documents")


def _plain_document(step: Step, index: int) -> Value:
    document = step.documents[index]
    return {"id": document.id, "content": document.content, "score": document.score}


def _check_handoff(contract: Contract, graph: CausalGraph, index: int) -> Outcome:
    """Check both sides of one handoff and compare them."""
    outcome = Outcome(contract=contract)
    handoff = graph.handoffs[index]
    if contract.spec.missing_after_s is not None and _is_missing(contract, graph, handoff):
        outcome.violate("missing", "received", "", "it was sent and never received")
        return outcome
    if is_hashed(handoff):
        check_hashed(handoff, outcome)
        return outcome
    sent, received = handoff.sent, handoff.received
    between = f"from {handoff.from_agent or 'an agent'} to {handoff.to_agent or 'an agent'}"
    seen_sent = seen_received = None
    if contract.sent or contract.spec.compare:
        seen_sent = _readable(sent, f"what was sent {between}", outcome)
    if contract.received or contract.spec.compare:
        seen_received = _readable(received, f"what was received {between}", outcome)
    if seen_sent is not None:
        for validator in contract.sent:
            apply_schema(validator, "sent", (seen_sent.value,), outcome)
    if seen_received is not None:
        _check_received(contract, sent, seen_received, outcome)
    if seen_sent is not None and seen_received is not None:
        _compare(graph, handoff, seen_sent, seen_received, outcome)
    return outcome


def _compare(
    graph: CausalGraph, handoff: Handoff, sent: Payload, received: Payload, outcome: Outcome
) -> None:
    """Compare both sides, if the contract asks for that."""
    demand = outcome.contract.spec.compare
    if demand is None:
        return
    if _is_hollow(received) and not is_empty(sent.value):
        outcome.gaps.append(f"what was received is recorded as empty: {NO_CONTENT_FIX}")
        return
    known = cache(lambda: Known(graph, handoff))
    try:
        compare(demand, sent, received, outcome, known)
    except (ValueError, OverflowError, RecursionError) as problem:
        name = type(problem).__name__
        outcome.gaps.append(f"the payloads cannot be compared ({name}): {ODD_FIX}")


def _is_hollow(received: Payload) -> bool:
    """Tell whether a receiver's input is recorded as an empty object or list.

    That is what instrumentation writes for an input that it does not see; only where agents tell
    the handoff themselves is it what arrived.
    """
    return received.value in ({}, []) and not received.key.startswith("causewatch.")


def _is_missing(contract: Contract, graph: CausalGraph, handoff: Handoff) -> bool:
    """Tell whether a handoff was sent, and not received although there was time enough."""
    if handoff.receiver is not None or handoff.received is not None:
        return False
    if graph.is_whole:
        return True
    if graph.state == "evicted":
        return False  # it may have been received by what was not taken in
    now_ns = max(step.span.end_ns for step in graph.steps)
    return now_ns - sent_ns(graph, handoff) >= (contract.spec.missing_after_s or 0) * _NS_PER_S


def _check_order(
    contract: Contract,
    graph: CausalGraph,
    bound: Sequence[tuple[int, Handoff]],
    outcomes: dict[int, Outcome],
) -> None:
    """Note which handoffs were processed after newer ones."""
    if contract.spec.order is None:
        return
    for each in overtaken(graph, bound, contract.spec.order):
        outcome = outcomes[each.handoff]
        if each.newer is None:
            outcome.gaps.append(f"{each.message}: {ORDER_FIX}")
        else:
            outcome.violate("ordering", "received", each.pointer, each.message)


def _check_received(
    contract: Contract, sent: Payload | None, received: Payload, outcome: Outcome
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
        apply_schema(validator, "received", forms, outcome, flattened=flattened)


def _readable(payload: Payload | None, what: str, outcome: Outcome) -> Payload | None:
    """Return the payload if it can be judged; else note why it cannot, and what would help."""
    if payload is None:
        outcome.gaps.append(f"{what} was not captured: {NO_CONTENT_FIX}")
        return None
    if payload.cut:
        outcome.gaps.append(f"{what} was cut by telemetry at {len(payload.raw)} chars: {CUT_FIX}")
        return None
    return payload


def _handoff_verdict(outcome: Outcome, index: int, handoff: Handoff) -> ContractVerdict:
    step = handoff.performed_by
    if step is None:
        step = handoff.receiver if handoff.receiver is not None else handoff.sender
    verdict = _verdict(outcome, step, handoff.sent, handoff.received)
    if verdict.violations and handoff.claim is not None:
        verdict = msgspec.structs.replace(
            verdict,
            sent_sha256=handoff.sent_sha256,
            received_sha256=handoff.received_sha256,
            sent_bytes=handoff.sent_bytes or 0,
            received_bytes=handoff.received_bytes or 0,
        )
    return msgspec.structs.replace(
        verdict, handoff=index, from_agent=handoff.from_agent, to_agent=handoff.to_agent
    )


def _verdict(
    outcome: Outcome, step: int, sent: Payload | None, received: Payload | None
) -> ContractVerdict:
    violations = tuple(outcome.violations[:MAX_VIOLATIONS_COUNT])
    # Digests are evidence of a violation; of what passed nobody asks for them.
    told = sent if violations else None
    other = received if violations else None
    return ContractVerdict(
        contract=outcome.contract.spec.name,
        rule_id=outcome.contract.rule_id,
        verdict="violated" if violations else "unverifiable" if outcome.gaps else "pass",
        handoff=None,
        step=step,
        violations=violations,
        reason=outcome.reason,
        sent_sha256=told.sha256 if told else "",
        received_sha256=other.sha256 if other else "",
        sent_bytes=told.size_bytes if told else 0,
        received_bytes=other.size_bytes if other else 0,
    )
