"""What crossed from one agent to another: as it was sent, and as it arrived."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from causewatch.faults.calls import Run
from causewatch.faults.lost_at_handoff import place_of
from causewatch.faults.text import fold
from causewatch.model.graph import Handoff
from causewatch.model.step import Payload

MIN_WORDS_CHARS = 12


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """The two sides of a handoff, both whole; ``handoff`` is its index."""

    handoff: int
    sent: Payload
    received: Payload


def crossings_of(run: Run) -> tuple[Crossing, ...]:
    """Return what crossed in each handoff of which both sides are recorded.

    Where agents share one history, the sender's own last words may stand in it in another form than
    they were said: code that keeps the history changed them.
    """
    return run.once(_crossings)


def _crossings(run: Run) -> tuple[Crossing, ...]:
    return tuple(_each(run))


def _each(run: Run) -> Iterator[Crossing]:
    said: frozenset[str] | None = None
    for index, handoff in enumerate(run.graph.handoffs):
        sent, received = handoff.sent, handoff.received
        if received is None or received.cut or (sent is not None and sent.cut):
            continue
        if sent is not None and not sent.key.endswith("input.messages"):
            yield Crossing(handoff=index, sent=sent, received=received)
        retold = _told_by_others(run, handoff)
        if retold:
            said = _said(run) if said is None else said
            yield from _retold(run, index, [each for each in retold if fold(each) not in said])


def _said(run: Run) -> frozenset[str]:
    return frozenset(
        fold(message.text)
        for step in run.graph.steps
        if step.kind == "model"
        for message in step.output_messages
    )


def _told_by_others(run: Run, handoff: Handoff) -> list[str]:
    """Return what the receiver's first input shows as said by agents."""
    if handoff.received_by is None or run.graph.steps[handoff.received_by].messages_cut:
        return []
    step = run.graph.steps[handoff.received_by]
    texts = (message.text for message in step.input_messages if message.role == "assistant")
    return [text for text in texts if len(text) >= MIN_WORDS_CHARS]


def _retold(run: Run, index: int, altered: list[str]) -> Iterator[Crossing]:
    """Yield the last words of the sender that the receiver was not shown, and what it was shown."""
    handoff = run.graph.handoffs[index]
    if not altered or handoff.received_by is None:
        return
    steps, owner = run.graph.steps, run.graph.owner
    begun_ns = steps[place_of(handoff)].span.end_ns
    shown = fold("\n".join(m.text for m in steps[handoff.received_by].input_messages))
    missing = [
        message.text
        for i, step in enumerate(steps)
        if step.kind == "model"
        and owner[i] == handoff.from_agent
        and step.span.start_ns <= begun_ns
        for message in step.output_messages
        if len(message.text) >= MIN_WORDS_CHARS and fold(message.text) not in shown
    ]
    if missing:
        yield Crossing(
            handoff=index,
            sent=_payload(missing[-1], "gen_ai.output.messages"),
            received=_payload(altered[-1], "gen_ai.input.messages"),
        )


def _payload(text: str, key: str) -> Payload:
    return Payload(value=text, raw=text, key=key)
