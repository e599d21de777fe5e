"""Takes back a suspicion: a value that seems cut by telemetry, but that the model saw just so.

A limit of the SDK or the Collector cuts what is recorded, never what the model is given. Where a
message shows the same text (and is whole itself), the content was cut by the agent system.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from causewatch.graph.boundary import folded
from causewatch.graph.calls import Calls
from causewatch.graph.tree import Tree
from causewatch.model.step import Payload, Step, ToolResultPart
from causewatch.model.value import Value


def uncut(tree: Tree, calls: Calls) -> Tree:
    """Return ``tree`` with the marks of telemetry cuts taken back where messages refute them."""
    suspects = [i for i, step in enumerate(tree.steps) if _is_suspect(step)]
    if not suspects:
        return tree
    shown = _shown_results(tree.steps)
    steps = list(tree.steps)
    for i in suspects:
        step = steps[i]
        call = calls.by_tool.get(i)
        asked = [call[0].part.arguments] if call and not _is_cut(tree.steps[call[0].model]) else []
        results = shown.get(calls.ids_of(i, step), [])
        steps[i] = msgspec.structs.replace(
            step,
            arguments=_refuted(step.arguments, asked),
            result=_refuted(step.result, results),
        )
    return tree.with_steps(steps)


def _is_suspect(step: Step) -> bool:
    return any(p is not None and p.cut and p.raw for p in (step.arguments, step.result))


def _is_cut(model: Step) -> bool:
    return model.messages_cut


def _shown_results(steps: Iterable[Step]) -> dict[str, list[Value]]:
    """Return the tool results that whole messages show, by call id; of a repeated history, one."""
    found: dict[str, list[Value]] = {}
    for step in steps:
        if step.kind != "model" or _is_cut(step):
            continue
        for message in step.input_messages:
            for part in message.parts:
                if isinstance(part, ToolResultPart) and part.id and part.id not in found:
                    found[part.id] = [part.result]
    return found


def _refuted(payload: Payload | None, shown: list[Value]) -> Payload | None:
    if payload is None or not payload.cut or not any(_same(payload.value, v) for v in shown):
        return payload
    return msgspec.structs.replace(payload, cut=False)


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return folded(one) == folded(other)
    return one == other
