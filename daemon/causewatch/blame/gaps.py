"""What could not be checked: boundaries without content, and what would make them checkable.

A gap *blinds* a run when a handoff or a call could not be checked at all: then no verdict of
healthy is given. Other gaps are told beside whatever the verdict is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from causewatch.dialects.capture import (
    WITHHELD_FIX,
    WITHHELD_REASON,
    capture_fix,
    limit_fix,
)
from causewatch.faults.calls import Call
from causewatch.faults.lost_at_handoff import place_of
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.judgement import ContractVerdict, Unverifiable
from causewatch.model.step import Message, Payload, Step, StepKind, ToolResultPart
from causewatch.model.withheld import is_withheld_from

MAX_GAPS_COUNT = 50
MISSING_SPAN_FIX = (
    "send all spans of the run here: look for errors of the exporter, full queues, a sampler that"
    " decides span by span, a filter, and services that export elsewhere"
)
WRONG_CLAIM_FIX = (
    "look for what changes attributes on the way (a processor of the Collector), and use one"
    " version of causewatch.instrument in all agents"
)
EVICTED_FIX = "raise runs.max_run_mib in causewatch.yaml, if the run is a large one"
_WORK: frozenset[StepKind] = frozenset({"agent", "model", "tool", "retrieval"})


class Gap(NamedTuple):
    """What could not be checked, and whether that leaves nothing to check there."""

    told: Unverifiable
    blinds: bool


def gaps_of(
    graph: CausalGraph, calls: Sequence[Call], verdicts: Iterable[ContractVerdict]
) -> tuple[tuple[Unverifiable, ...], bool]:
    """Return what could not be checked, and whether any boundary could not be checked *at all*.

    A handoff with one side recorded is listed: its other side is not known. One with neither, a
    tool call of which nothing, or only the start of its result is recorded, an agent whose caller
    is missing, and a contract without a verdict blind the run.
    """
    gaps = (
        *_handoff_gaps(graph),
        *_call_gaps(graph, calls),
        *_model_gaps(graph),
        *_missing_spans(graph),
        *_evicted(graph),
        *_lost_links(graph),
        *_contract_gaps(verdicts),
    )
    ordered = sorted(gaps, key=lambda gap: not gap.blinds)
    told = tuple(gap.told for gap in ordered[:MAX_GAPS_COUNT])
    return told, any(gap.blinds for gap in gaps)


def _handoff_gaps(graph: CausalGraph) -> Iterator[Gap]:
    for handoff in graph.handoffs:
        told = handoff_gap(graph, handoff)
        if told is not None:
            sides = (handoff.sent, handoff.received)
            is_known = bool(_imprinted(handoff))
            yield Gap(told, not is_known and all(side is None or side.cut for side in sides))
        yield from _wrong_claims(handoff)


def _wrong_claims(handoff: Handoff) -> Iterator[Gap]:
    """Yield a gap for a claim that its own content contradicts: what counts is the content."""
    if handoff.claim is None or not handoff.claim.wrong:
        return
    sides = " and ".join(handoff.claim.wrong)
    told = Unverifiable(
        step=place_of(handoff),
        what=_between(handoff),
        reason=f"the digest claimed of what was {sides} is not that of the recorded content",
        fix=WRONG_CLAIM_FIX,
    )
    yield Gap(told, blinds=False)


def _between(handoff: Handoff) -> str:
    return f"handoff from {handoff.from_agent or 'unknown'} to {handoff.to_agent or 'unknown'}"


def _imprinted(handoff: Handoff) -> tuple[str, ...]:
    """Return the sides whose digest and shape the agents' own instrumentation gives."""
    claim = handoff.claim
    if claim is None:
        return ()
    sides = {"sent": claim.sent, "received": claim.received}
    return tuple(side for side, imprint in sides.items() if imprint is not None)


def handoff_gap(graph: CausalGraph, handoff: Handoff) -> Unverifiable | None:
    """Return what of a handoff is on no span, or was lost on the way, if anything."""
    index = place_of(handoff)
    step = graph.steps[index]
    known = _imprinted(handoff)
    both = {"sent": handoff.sent, "received": handoff.received}
    sides = {side: payload for side, payload in both.items() if side not in known}
    missing = [side for side, payload in sides.items() if payload is None]
    cut = {side: payload for side, payload in sides.items() if payload and payload.cut}
    if not missing and not cut:
        return None
    reasons = [f"what was {side} is on no span" for side in missing]
    reasons += [f"what was {side} was {_loss(step, payload)}" for side, payload in cut.items()]
    fix = capture_fix(step) if missing else _loss_fix(step, next(iter(cut.values())))
    return Unverifiable(step=index, what=_between(handoff), reason=" and ".join(reasons), fix=fix)


def _loss(step: Step, payload: Payload) -> str:
    """Say how telemetry lost a payload, or the rest of it."""
    if _is_withheld(step):
        return WITHHELD_REASON
    if payload.raw:
        return f"cut by telemetry after {len(payload.raw)} characters"
    count = step.span.dropped_attributes_count
    word = "attribute"
    if not count:
        count, word = step.span.dropped_events_count, "event"
    return f"perhaps among the {_many(count, word)} that the SDK dropped"


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _is_withheld(step: Step) -> bool:
    return is_withheld_from(step.span.attributes)


def _loss_fix(step: Step, payload: Payload) -> str:
    if _is_withheld(step):
        return WITHHELD_FIX
    if payload.raw:
        return limit_fix("length")
    return limit_fix("attributes" if step.span.dropped_attributes_count else "events")


def _call_gaps(graph: CausalGraph, calls: Sequence[Call]) -> Iterator[Gap]:
    seen = answered_ids(graph)
    for call in calls:
        step = call.step
        if call.delegates or step.documents or (step.call_id and step.call_id in seen):
            continue
        told = call_gap(call.index, step)
        if told is not None:
            yield Gap(told, blinds=True)


def call_gap(index: int, step: Step) -> Unverifiable | None:
    """Return why the result of a call cannot be checked, if it cannot."""
    result = step.result
    if result is None and step.arguments is None:
        reason, fix = "neither arguments nor result are on any span", capture_fix(step)
    elif result is not None and result.cut:
        reason, fix = f"the result was {_loss(step, result)}", _loss_fix(step, result)
    else:
        return None
    return Unverifiable(step=index, what=f"result of {step.name}", reason=reason, fix=fix)


def _model_gaps(graph: CausalGraph) -> Iterator[Gap]:
    """Yield one gap for model calls without any content, one for those with a part of it."""
    models = [i for i, step in enumerate(graph.steps) if step.kind == "model"]
    if not models:
        return
    if not any(has_content(graph.steps[i]) for i in models):
        yield from _silence(graph, models)
        return
    cut = [i for i in models if graph.steps[i].messages_cut]
    if cut:
        first = graph.steps[cut[0]]
        dropped = bool(first.span.dropped_attributes_count or first.span.dropped_events_count)
        how = "are incomplete: the SDK dropped some" if dropped else "were cut by telemetry"
        fix = limit_fix("attributes" if dropped else "length")
        if _is_withheld(first):
            how, fix = f"were {WITHHELD_REASON}", WITHHELD_FIX
        told = Unverifiable(
            step=cut[0],
            what=f"messages of {_many(len(cut), 'model call')}",
            reason=f"the messages {how}",
            fix=fix,
        )
        yield Gap(told, blinds=len(cut) == len(models) and not _has_calls(graph))


def _silence(graph: CausalGraph, models: Sequence[int]) -> Iterator[Gap]:
    if _has_calls(graph):
        return
    told = Unverifiable(
        step=None,
        what=_many(len(models), "model call"),
        reason="no message content is on any span",
        fix=capture_fix(graph.steps[models[0]]),
    )
    yield Gap(told, blinds=True)


def _has_calls(graph: CausalGraph) -> bool:
    return any(step.arguments or step.result for step in graph.steps)


def has_content(step: Step) -> bool:
    """Tell whether a model's span says anything of what it was told or answered."""
    return bool(
        step.input or step.output or _says(step.input_messages) or _says(step.output_messages)
    )


def _says(messages: Iterable[Message]) -> bool:
    """Tell whether any message has parts: hidden texts leave messages that say nothing."""
    return any(message.parts for message in messages)


def _missing_spans(graph: CausalGraph) -> Iterator[Gap]:
    """Yield a gap for each span that is named as a parent and never came.

    That one span above everything is missing is ordinary: it belongs to whoever called. A hole
    inside of the run is told; it blinds the run where an agent hangs below it, whose task came
    from nobody knows whom.
    """
    orphans: dict[tuple[str, str], int] = {}
    for i, parent in enumerate(graph.parent):
        step = graph.steps[i]
        if parent == -2 and step.kind in _WORK:
            orphans.setdefault((step.span.trace_id, step.span.parent_id), i)
    rooted = {graph.steps[i].span.trace_id for i, parent in enumerate(graph.parent) if parent == -1}
    if len(orphans) == 1 and not rooted:
        return
    told_to = {handoff.receiver for handoff in graph.handoffs}
    for (trace_id, parent_id), index in orphans.items():
        step = graph.steps[index]
        told = Unverifiable(
            step=index,
            what=f"what led to {step.name}",
            reason=f"the span above it ({parent_id}) never arrived",
            fix=MISSING_SPAN_FIX,
        )
        is_unknown = step.kind == "agent" or not graph.owner[index]
        yield Gap(told, blinds=trace_id in rooted and is_unknown and index not in told_to)


def _evicted(graph: CausalGraph) -> Iterator[Gap]:
    if graph.state == "evicted":
        reason = "the run was judged without all of its spans: they take too much memory"
        told = Unverifiable(step=None, what="the rest of the run", reason=reason, fix=EVICTED_FIX)
        yield Gap(told, blinds=False)


def _lost_links(graph: CausalGraph) -> Iterator[Gap]:
    for i, step in enumerate(graph.steps):
        count = step.span.dropped_links_count
        if count:
            told = Unverifiable(
                step=i,
                what=f"what else led to {step.name}",
                reason=f"the SDK dropped {_many(count, 'span link')}",
                fix=limit_fix("links"),
            )
            yield Gap(told, blinds=False)


def answered_ids(graph: CausalGraph) -> frozenset[str]:
    """Return the call ids whose results some model's messages show, whole."""
    return frozenset(
        part.id
        for step in graph.steps
        if not step.messages_cut
        for message in step.input_messages
        for part in message.parts
        if isinstance(part, ToolResultPart) and part.id
    )


def _contract_gaps(verdicts: Iterable[ContractVerdict]) -> Iterator[Gap]:
    for verdict in verdicts:
        if verdict.verdict == "unverifiable":
            reason, _, fix = verdict.reason.partition(": ")
            told = Unverifiable(
                step=verdict.step, what=f"contract {verdict.contract}", reason=reason, fix=fix
            )
            yield Gap(told, blinds=True)
