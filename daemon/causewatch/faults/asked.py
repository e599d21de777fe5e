"""Which recorded call answers which id: tool spans of some dialects do not say their call's id."""

from __future__ import annotations

from causewatch.faults.calls import Call, Run
from causewatch.model.step import Step, ToolCallPart
from causewatch.model.value import sha256_of


def calls_by_id(run: Run) -> dict[str, Call]:
    """Return the calls of a run by the ids under which models asked for them.

    Where a tool span has no id, it answers the first call of its name, in the model step that the
    graph says asked for it, that no other span answers; one with the same arguments goes first.
    """
    return run.once(_by_id)


def _by_id(run: Run) -> dict[str, Call]:
    found = {call.step.call_id: call for call in run.calls if call.step.call_id}
    by_step = {call.index: call for call in run.calls if not call.step.call_id}
    for edge in run.graph.edges:
        call = by_step.get(edge.target)
        if edge.type != "data" or call is None:
            continue
        waiting = [part for part in _parts(run.graph.steps[edge.source]) if part.id not in found]
        named = [part for part in waiting if part.name == call.step.name]
        same = [part for part in named if sha256_of(part.arguments) == call.arguments_key]
        for part in (*same, *named)[:1]:
            found[part.id] = call
    return found


def _parts(step: Step) -> list[ToolCallPart]:
    return [
        part
        for message in step.output_messages
        for part in message.parts
        if isinstance(part, ToolCallPart) and part.id
    ]
