"""Reads the two sides of a handoff that was found, and gives it its id."""

from __future__ import annotations

import hashlib

import msgspec

from causewatch.graph.boundary import (
    Passing,
    Received,
    Side,
    call_side,
    forwarded,
    history_of,
    last_model,
    probes,
    received,
    words_of,
)
from causewatch.graph.calls import Call
from causewatch.graph.instrumented import Instrumented
from causewatch.graph.owners import Owners
from causewatch.graph.tree import SKEW_NS, Tree
from causewatch.model.graph import Handoff
from causewatch.model.step import HandoffMode, Payload
from causewatch.model.value import canonical_bytes


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A handoff before its two sides are read."""

    rule: str
    confidence: float
    mode: HandoffMode
    from_agent: str
    to_agent: str
    sender: int
    receiver: int | None
    performed_by: int | None
    at_ns: int
    call: Call | None = None
    has_payload: bool = True
    derived: bool = True
    told: Instrumented | None = None


def handoff_of(tree: Tree, owners: Owners, found: Found, ids: set[str]) -> Handoff:
    """Return a handoff with both of its sides; ``ids`` are those given so far, and are added to."""
    model = last_model(tree, owners, found.sender, found.at_ns + SKEW_NS)
    told = found.told
    own = told.told.sent if told is not None else None
    sent = _sent(tree, found, model) if own is None else Side(payload=own)
    own_talk = found.rule in {"agent_under_tool", "agent_under_agent"}
    got = None
    if found.receiver is not None:
        passing = Passing(
            sent=sent,
            receiver=found.receiver,
            sender_model=None if own_talk else model,
            at_ns=found.at_ns,
        )
        got = received(tree, owners, passing)
    if told is not None and told.told.received is not None:
        by = told.received_at if got is None else got.by
        got = Received(payload=told.told.received, by=by, carried=True)
    return Handoff(
        span_id=_span_id(tree, found, ids),
        from_agent=found.from_agent,
        to_agent=found.to_agent,
        derived=found.derived,
        rule=found.rule,
        confidence=found.confidence,
        mode=found.mode,
        sender=found.sender,
        receiver=found.receiver,
        performed_by=found.performed_by,
        sent=only_argument(sent.payload, got.payload if got else None),
        received=got.payload if got else None,
        received_by=got.by if got else None,
        mechanical=_is_mechanical(tree, found, sent, carried=bool(got and got.carried)),
        claim=told.told.claim if told is not None else None,
    )


def only_argument(sent: Payload | None, received: Payload | None) -> Payload | None:
    """Return what was sent without the name of the one argument that it was given as.

    A tool that delegates takes ``{"brief": {…}}`` and gives its agent the brief. Text given so is
    left as it is: whoever compares both sides knows an object with one text and that text as one.
    """
    if sent is None or sent.cut or received is None or not isinstance(sent.value, dict):
        return sent
    if len(sent.value) != 1:
        return sent
    ((name, value),) = sent.value.items()
    got = received.value
    is_named = isinstance(got, dict) and name in got
    is_bare = isinstance(got, dict | list) or (isinstance(got, str) and got[:1] in {"{", "["})
    if not isinstance(value, dict | list) or is_named or not is_bare:
        return sent
    raw = canonical_bytes(value).decode("utf-8", "replace")
    return Payload(value=value, raw=raw, key=sent.key)


def _sent(tree: Tree, found: Found, model: int | None) -> Side:
    """Return what the sender gave: a call's arguments, else its last words, else its task."""
    performed = tree.steps[found.performed_by] if found.performed_by is not None else None
    call = found.call
    is_tool = performed is not None and performed.kind == "tool"
    if found.has_payload and is_tool and performed is not None and performed.arguments is not None:
        return Side(payload=performed.arguments, call=call.part if call else None)
    if found.has_payload and call is not None:
        return call_side(call.part, tree.steps[call.model])
    if found.rule == "agent_under_tool":
        return Side(payload=None)
    step = tree.steps[model] if model is not None else None
    if found.rule in {"instrumented", "handoff_tool", "handoff_call", "handoff_span"}:
        return words_of(step) or history_of(step)
    if (words := words_of(step or tree.steps[found.sender], 1)) is not None:
        return words
    return Side(
        payload=None if found.rule == "agent_under_agent" else tree.steps[found.sender].output
    )


def _is_mechanical(tree: Tree, found: Found, sent: Side, *, carried: bool) -> bool:
    """Tell whether code carried the payload: then what is missing at the receiver was lost."""
    if sent.payload is None or sent.history or found.performed_by is None:
        return False
    performed = tree.steps[found.performed_by]
    if found.rule == "agent_under_tool":
        # A model right below the tool rewrites what it passes on.
        return not any(tree.steps[i].kind == "model" for i in tree.children[found.performed_by])
    if found.rule in {"instrumented", "handoff_tool", "handoff_span", "link_edge"}:
        return carried or forwarded(performed.result, probes(sent.payload.value))
    return False


def _span_id(tree: Tree, found: Found, ids: set[str]) -> str:
    """Return the handoff span's own id, or a stable digest of both sides' ids."""
    if not found.derived and found.performed_by is not None:
        return tree.steps[found.performed_by].span.span_id
    sender = tree.steps[found.sender].span
    end = found.receiver if found.receiver is not None else found.performed_by
    receiver = tree.steps[end].span if end is not None else sender
    text = f"{sender.span_id}{receiver.span_id}"
    number = 1
    span_id = hashlib.sha256(text.encode()).hexdigest()[:16]
    while span_id in ids:
        # One sender may hand over to one activation more than once.
        number += 1
        span_id = hashlib.sha256(f"{text}#{number}".encode()).hexdigest()[:16]
    ids.add(span_id)
    return span_id
