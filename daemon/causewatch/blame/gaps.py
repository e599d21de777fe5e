"""What could not be checked: boundaries without content, and what would make them checkable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from causewatch.dialects.capture import capture_fix
from causewatch.faults.calls import Call
from causewatch.faults.lost_at_handoff import place_of
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.judgement import ContractVerdict, Unverifiable
from causewatch.model.step import ToolResultPart

MAX_GAPS_COUNT = 50
CUT_FIX = "raise the attribute length limit of the SDK, the Collector or the backend"


def gaps_of(
    graph: CausalGraph, calls: Sequence[Call], verdicts: Iterable[ContractVerdict]
) -> tuple[tuple[Unverifiable, ...], bool]:
    """Return what could not be checked, and whether any boundary could not be checked *at all*.

    A handoff with one side recorded is listed: its other side is not known. One with neither, a
    tool call with neither arguments nor result, and a contract without a verdict blind the run.
    """
    blind: list[Unverifiable] = []
    partial: list[Unverifiable] = []
    for handoff in graph.handoffs:
        gap = _handoff_gap(graph, handoff)
        if gap is not None:
            sides = (handoff.sent, handoff.received)
            (partial if any(s is not None and not s.cut for s in sides) else blind).append(gap)
    blind.extend(_call_gaps(graph, calls))
    blind.extend(_silence(graph))
    blind.extend(_contract_gaps(verdicts))
    return tuple((*blind, *partial)[:MAX_GAPS_COUNT]), bool(blind)


def _handoff_gap(graph: CausalGraph, handoff: Handoff) -> Unverifiable | None:
    between = f"{handoff.from_agent or 'unknown'} to {handoff.to_agent or 'unknown'}"
    step = place_of(handoff)
    fix = capture_fix(graph.steps[step])
    sides = {"sent": handoff.sent, "received": handoff.received}
    missing = [side for side, payload in sides.items() if payload is None]
    cut = [side for side, payload in sides.items() if payload is not None and payload.cut]
    if not missing and not cut:
        return None
    reason = " and ".join(
        [*(f"what was {side} is on no span" for side in missing),
         *(f"what was {side} was cut by telemetry" for side in cut)]
    )  # fmt: skip
    return Unverifiable(
        step=step, what=f"handoff from {between}", reason=reason, fix=fix if missing else CUT_FIX
    )


def _call_gaps(graph: CausalGraph, calls: Sequence[Call]) -> Iterator[Unverifiable]:
    seen = _answered_ids(graph)
    for call in calls:
        step = call.step
        if call.delegates or step.arguments is not None or step.documents:
            continue
        if step.result is not None or (step.call_id and step.call_id in seen):
            continue
        yield Unverifiable(
            step=call.index,
            what=f"result of {step.name}",
            reason="neither arguments nor result are on any span",
            fix=capture_fix(step),
        )


def _silence(graph: CausalGraph) -> Iterator[Unverifiable]:
    """Yield one gap for a run of model calls of which none has any content."""
    models = [step for step in graph.steps if step.kind == "model"]
    if not models or any(
        step.input_messages or step.output_messages or step.input or step.output for step in models
    ):
        return
    if any(step.arguments or step.result for step in graph.steps):
        return
    yield Unverifiable(
        step=None,
        what=f"{len(models)} model calls",
        reason="no message content is on any span",
        fix=capture_fix(models[0]),
    )


def _answered_ids(graph: CausalGraph) -> frozenset[str]:
    """Return the call ids whose results some model's messages show."""
    return frozenset(
        part.id
        for step in graph.steps
        for message in step.input_messages
        for part in message.parts
        if isinstance(part, ToolResultPart) and part.id
    )


def _contract_gaps(verdicts: Iterable[ContractVerdict]) -> Iterator[Unverifiable]:
    for verdict in verdicts:
        if verdict.verdict == "unverifiable":
            reason, _, fix = verdict.reason.partition(": ")
            yield Unverifiable(
                step=verdict.step, what=f"contract {verdict.contract}", reason=reason, fix=fix
            )
