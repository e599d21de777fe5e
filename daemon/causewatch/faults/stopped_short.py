"""A model that had to stop, at its token limit or a filter, and whose words were handed on."""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.faults.calls import Run
from causewatch.faults.lost_at_handoff import place_of
from causewatch.faults.text import fold, texts
from causewatch.model.graph import Handoff
from causewatch.model.judgement import Fault
from causewatch.model.step import Step, TextPart, ToolCallPart

HANDED_CONFIDENCE = 0.75
ANSWER_CONFIDENCE = 0.35
"""Who reads a cut answer sees it: a finding, no corruption that spread."""
MIN_TAIL_CHARS = 12
TAIL_CHARS = 40
_LENGTH = frozenset(
    {"length", "max_tokens", "max_output_tokens", "token_limit", "model_length", "maxtokens"}
)
_FILTER = frozenset({"content_filter", "content_filtered", "safety", "recitation", "blocklist"})


def detect_stopped_short(run: Run) -> Iterator[Fault]:
    """Yield a fault for each handoff that carries what a model was stopped in the middle of.

    The handoff must carry the end of those words; a final answer that stopped short is a weak fault
    of its own.
    """
    graph = run.graph
    stopped = [(i, why) for i, step in enumerate(graph.steps) if (why := _why(step))]
    if not stopped:
        return
    last = max(
        (i for i, step in enumerate(graph.steps) if step.kind == "model"),
        key=lambda i: graph.steps[i].span.end_ns,
    )
    for i, why in stopped:
        tail = _tail(graph.steps[i])
        end_ns = graph.steps[i].span.end_ns
        for index, handoff in enumerate(graph.handoffs):
            begun_ns = graph.steps[place_of(handoff)].span.start_ns
            if tail and begun_ns >= end_ns and _carries(handoff, tail):
                yield Fault(
                    name="cut_off",
                    step=i,
                    handoff=index,
                    reason=f"the model of {graph.owner[i] or 'the sender'} {why},"
                    " and what it had said until then was handed over",
                    confidence=HANDED_CONFIDENCE,
                )
                break
        else:
            if i == last:
                reason = f"the model {why} in the final answer"
                yield Fault(name="cut_off", step=i, reason=reason, confidence=ANSWER_CONFIDENCE)


def _why(step: Step) -> str:
    if step.kind != "model" or not step.finish_reason:
        return ""
    reason = step.finish_reason.strip().strip("[]\"'").lower()
    if reason in _LENGTH:
        return "stopped at its token limit"
    return "was stopped by a content filter" if reason in _FILTER else ""


def _tail(step: Step) -> str:
    """Return the last words of what a model said or asked for, folded."""
    parts = [part for message in step.output_messages for part in message.parts]
    last = parts[-1] if parts else None
    match last:
        case TextPart(content=content):
            said = [content]
        case ToolCallPart(arguments=arguments):
            said = list(texts(arguments))[-1:]
        case _:
            said = []
    tail = fold(said[-1][-4 * TAIL_CHARS :])[-TAIL_CHARS:] if said else ""
    return tail if len(tail) >= MIN_TAIL_CHARS else ""


def _carries(handoff: Handoff, tail: str) -> bool:
    """Tell whether what was handed over ends as the model did: nobody went on with it."""
    return any(
        fold(text[-4 * TAIL_CHARS :]).endswith(tail)
        for payload in (handoff.sent, handoff.received)
        if payload is not None and not payload.cut
        for text in texts(payload.value)
    )
