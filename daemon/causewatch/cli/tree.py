"""Draws a causal graph as text: the tree of steps with owners and faults, then the handoffs."""

from __future__ import annotations

from causewatch.blame.verdicts import validation_of
from causewatch.model.judgement import Assessment

MAX_NAME_CHARS = 80


def graph_text(assessment: Assessment) -> str:
    """Return a run as an indented tree. Names are cut and cleared of control characters."""
    graph = assessment.graph
    faults: dict[int, list[str]] = {}
    for fault in assessment.faults:
        faults.setdefault(fault.step, []).append(fault.name)
    lines = [
        f"run {graph.run_id}  workflow {shown(graph.workflow) or '-'}  {len(graph.steps)} steps"
    ]
    for index, depth in _in_tree_order(graph.parent):
        step = graph.steps[index]
        owner = f"  [{shown(graph.owner[index])}]" if graph.owner[index] else ""
        marks = f"  ! {', '.join(faults[index])}" if index in faults else ""
        validation, violations = validation_of(assessment, index)
        names = f": {', '.join(violations)}" if violations else ""
        told = f"  contract {validation}{names}" if validation is not None else ""
        lines.append(f"{'  ' * (depth + 1)}{step.kind:<9} {shown(step.name)}{owner}{marks}{told}")
    for handoff in graph.handoffs:
        sent = "?" if handoff.sent_bytes is None else handoff.sent_bytes
        received = "?" if handoff.received_bytes is None else handoff.received_bytes
        lines.append(
            f"  handoff {shown(handoff.from_agent)} → {shown(handoff.to_agent)}"
            f"  sent {sent} B, received {received} B  ({handoff.rule})"
        )
    counts: dict[str, int] = {}
    for edge in graph.edges:
        counts[edge.type] = counts.get(edge.type, 0) + 1
    lines.append(
        "  edges " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    )
    return "\n".join(lines)


def _in_tree_order(parents: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return (index, depth) with children below their parents; what a cycle hides comes last."""
    children: dict[int, list[int]] = {}
    for index, parent in enumerate(parents):
        children.setdefault(max(parent, -1), []).append(index)
    order: list[tuple[int, int]] = []
    stack = [(index, 0) for index in reversed(children.get(-1, []))]
    while stack:
        index, depth = stack.pop()
        order.append((index, depth))
        stack.extend((child, depth + 1) for child in reversed(children.get(index, [])))
    seen = {index for index, _ in order}
    return order + [(index, 0) for index in range(len(parents)) if index not in seen]


def shown(text: str) -> str:
    """Return a name fit for a terminal: printable characters only, at most 80."""
    clean = "".join(character for character in text if character.isprintable())
    return clean if len(clean) <= MAX_NAME_CHARS else clean[: MAX_NAME_CHARS - 1] + "…"
