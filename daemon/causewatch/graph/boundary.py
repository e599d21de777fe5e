"""The two sides of a handoff: what the sender gave, and what the receiver got.

No framework records both, so each is read from where it shows: sent from the call's arguments,
received from the receiver's first model input.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from causewatch.dialects.unwrap import payload_of
from causewatch.graph.owners import Owners
from causewatch.graph.tree import SKEW_NS, Tree
from causewatch.model.step import Message, Payload, Step, ToolCallPart
from causewatch.model.value import Value

PROBE_CHARS = 24
MIN_PROBE_CHARS = 12
MAX_PROBES_COUNT = 50
MIN_WORDS_CHARS = 40
"""Shorter last words ("I will transfer you") are no payload."""
_INSTRUCTIONS = frozenset({"system", "developer"})


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What the receiver got, the step that shows it, and whether the payload itself is in it."""

    payload: Payload | None
    by: int | None
    carried: bool


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender gave: its payload, and, where a model asked for the handoff, that call."""

    payload: Payload | None
    call: ToolCallPart | None = None
    history: bool = False
    """The handoff carries no payload; ``payload`` is what the sender itself was asked."""


def folded(text: str) -> str:
    """Return ``text`` with each run of white space as one blank."""
    return " ".join(text.split())


def probes(value: Value) -> tuple[str, ...]:
    """Return the beginnings of the texts in ``value``: what is cut or framed still starts so."""
    found = (folded(text)[:PROBE_CHARS] for text in texts_of(value))
    wanted = [text for text in found if len(text) >= MIN_PROBE_CHARS]
    return tuple(wanted[:MAX_PROBES_COUNT])


def texts_of(value: Value) -> Iterator[str]:
    """Yield the texts inside of ``value``, depth first."""
    if isinstance(value, str):
        yield value
        return
    pending: list[Value] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            pending.extend(reversed(item))


def first_model(tree: Tree, owners: Owners, receiver: int, after_ns: int) -> int | None:
    """Return the receiver's first model step that starts after ``after_ns``."""
    models = owners.models.get(receiver, ())
    return next((i for i in models if tree.steps[i].span.start_ns + SKEW_NS >= after_ns), None)


def last_model(tree: Tree, owners: Owners, sender: int, before_ns: int) -> int | None:
    """Return the sender's last model step that started before ``before_ns``."""
    models = owners.models.get(sender, ())
    return next((i for i in reversed(models) if tree.steps[i].span.start_ns <= before_ns), None)


def history_of(step: Step | None) -> Side:
    """Return, for a handoff without a payload, the last thing that the sender itself was asked."""
    asked = next(reversed(_asked(step)), None) if step is not None else None
    if asked is None or step is None:
        return Side(payload=None, history=True)
    payload = payload_of(asked.text, "gen_ai.input.messages", cut=step.messages_cut)
    return Side(payload=payload, history=True)


def words_of(step: Step | None, min_chars: int = MIN_WORDS_CHARS) -> Side | None:
    """Return what the sender's model said when it handed over, if it is worth the name."""
    said = "\n".join(m.text for m in step.output_messages if m.text) if step is not None else ""
    if step is None or len(folded(said)) < min_chars:
        return None
    return Side(payload=payload_of(said, "gen_ai.output.messages", cut=step.messages_cut))


def call_side(call: ToolCallPart, step: Step) -> Side:
    """Return the arguments of ``call``, as ``step`` asked for it, as the sent side."""
    payload = payload_of(call.arguments, "gen_ai.output.messages", cut=step.messages_cut)
    return Side(payload=payload, call=call)


class Passing(msgspec.Struct, frozen=True, kw_only=True):
    """One handoff, seen from the receiver's side."""

    sent: Side
    receiver: int
    """Head of the receiving activation."""
    sender_model: int | None
    """The sender's last model step: what it was asked itself it did not pass on. ``None`` where the
    receiver has a conversation of its own."""
    at_ns: int


def received(tree: Tree, owners: Owners, passing: Passing) -> Received:
    """Return what the receiver got."""
    sent, receiver, sender_model = passing.sent, passing.receiver, passing.sender_model
    model = first_model(tree, owners, receiver, passing.at_ns)
    by = receiver if model is None else model
    step = tree.steps[by]
    old = _known(tree.steps[sender_model]) if sender_model is not None else frozenset()
    found = _find(step, sent, old)
    if found is None and model is not None and not _asked(step):
        # The model step has no messages recorded; the agent's own input may tell.
        by, step = receiver, tree.steps[receiver]
        found = _find(step, sent, old)
    if found is None:
        if step.input is not None and step.kind == "agent":
            carried = _carries(step.input.raw, probes(sent.payload.value if sent.payload else None))
            return Received(payload=step.input, by=by, carried=carried)
        return Received(payload=None, by=None, carried=False)
    text, carried = found
    payload = payload_of(text, "gen_ai.input.messages", cut=step.messages_cut)
    return Received(payload=payload, by=by, carried=carried)


def _find(step: Step, sent: Side, old: frozenset[str]) -> tuple[Value, bool] | None:
    """Return what of the receiver's input answers to ``sent``, and whether it carries it."""
    asked = [m for m in _asked(step) if m.text]
    wanted = sent.payload.value if sent.payload else None
    if sent.history:
        same = folded(wanted) if isinstance(wanted, str) else None
        text = next((m.text for m in asked if folded(m.text) == same), None)
        return (text or asked[-1].text, False) if asked else None
    starts = probes(wanted)
    for message in reversed(asked):
        if folded(message.text) not in old and _carries(message.text, starts):
            return message.text, True
    for message in reversed(step.input_messages):
        if message.role == "assistant" and _carries(message.text, starts):
            return message.text, True
    if sent.call is not None and (seen := _seen_call(step, sent.call)) is not None:
        return _like(wanted, seen.arguments), True
    return (asked[-1].text, False) if asked else None


def _like(wanted: Value, arguments: Value) -> Value:
    """Return the arguments in the form that the other side has: a single one may be bare."""
    if isinstance(arguments, dict) and len(arguments) == 1 and not isinstance(wanted, dict):
        return next(iter(arguments.values()))
    return arguments


def _carries(text: str, starts: tuple[str, ...]) -> bool:
    whole = folded(text)
    return any(start in whole for start in starts)


def _asked(step: Step) -> list[Message]:
    """Return the messages in which others tell the agent what to do."""
    return [m for m in step.input_messages if m.role == "user" and m.text]


def _known(step: Step) -> frozenset[str]:
    return frozenset(folded(m.text) for m in step.input_messages if m.role not in _INSTRUCTIONS)


def _seen_call(step: Step, call: ToolCallPart) -> ToolCallPart | None:
    """Return ``call`` as the step's input shows it: by id, else the last of its name.

    An id alone does not do: one API gives a call one id when it is made and another in later
    histories.
    """
    named: ToolCallPart | None = None
    for message in step.input_messages:
        for part in message.parts:
            if isinstance(part, ToolCallPart) and part.name == call.name:
                if call.id and part.id == call.id:
                    return part
                named = part
    return named


def forwarded(result: Payload | None, starts: tuple[str, ...]) -> bool:
    """Tell whether a transfer tool's own output holds the payload, outside of the call."""
    if result is None or not starts:
        return False
    return any(_carries(text, starts) for text in texts_of(_without_calls(result.value)))


def _without_calls(value: Value, depth: int = 0) -> Value:
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in {"tool_calls", "additional_kwargs"}}
        return {k: _without_calls(v, depth + 1) for k, v in kept.items()} if depth < 64 else {}
    if isinstance(value, list):
        return [_without_calls(v, depth + 1) for v in value] if depth < 64 else []
    return value
