"""Show a path, or a whole causal graph, as a Mermaid flowchart: agents are sub-graphs.

Names and evidence come from outside, and Mermaid has no quoting that covers all of its syntax: so
each character of a label that is neither a letter, a digit nor plain punctuation is written as an
entity code, which no parser of Mermaid reads as anything but that character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from causewatch.blame.safe import safe
from causewatch.model.graph import CausalGraph, Edge
from causewatch.model.judgement import Assessment, Blame

MAX_LABEL_CHARS = 60
MAX_NODES_COUNT = 60
"""Of a whole graph: browsers draw more, but nobody reads it."""
MAX_EDGES_COUNT = 150
_PLAIN = frozenset(" .,:_/-")
_LIST_MARK = re.compile(r"^(?:\d+\.|-)(?=\s|$)")
_SHAPES = {
    "model": ("(", ")"), "agent": ("([", "])"), "workflow": ("([", "])"), "handoff": ("{{", "}}"),
    "retrieval": ("[(", ")]"), "memory": ("[(", ")]"),
}  # fmt: skip
_ARROWS = {"data": "-->", "handoff": "==>", "link": "-.->"}
_CLASSES = (
    "classDef origin stroke:#c0392b,stroke-width:3px",
    "classDef propagator stroke:#d68910,stroke-width:3px",
    "classDef symptom stroke:#8e44ad,stroke-width:3px",
)


class _Arrow(msgspec.Struct, frozen=True, kw_only=True):
    source: int
    target: int
    shape: str
    label: str = ""


def explain_mermaid(assessment: Assessment) -> str:
    """Return the path of one run as a flowchart, from origin to symptom; its nodes are steps."""
    graph, blame = assessment.graph, assessment.blame
    arrows = [
        _Arrow(source=one.step, target=two.step, shape="-->", label=two.evidence)
        for one, two in zip(blame.path, blame.path[1:], strict=False)
    ]
    nodes = {hop.step: hop.agent for hop in blame.path}
    for propagator in blame.propagators:
        nodes.setdefault(propagator.step, propagator.agent)
    told = f"run {graph.run_id} {blame.verdict}" + (f", {blame.category}" if blame.category else "")
    return _flowchart(graph, blame, nodes, arrows, told)


def graph_mermaid(assessment: Assessment) -> str:
    """Return the causal graph of one run as a flowchart: its working steps and what flowed.

    At most ``MAX_NODES_COUNT`` steps are drawn: those of the path first, then in order of time.
    """
    graph, blame = assessment.graph, assessment.blame
    wanted = [hop.step for hop in blame.path]
    ends = {i for e in graph.edges if e.type in _ARROWS for i in (e.source, e.target)}
    wanted += [i for i, s in enumerate(graph.steps) if i in ends or s.kind in _WORKING]
    kept = list(dict.fromkeys(wanted))
    shown = sorted(kept[:MAX_NODES_COUNT])
    nodes = {i: graph.owner[i] for i in shown}
    arrows = [
        _Arrow(source=edge.source, target=edge.target, shape=_ARROWS[edge.type], label=_why(edge))
        for edge in graph.edges
        if edge.type in _ARROWS and edge.source in nodes and edge.target in nodes
    ]
    told = f"run {graph.run_id}, {len(shown)} of {len(graph.steps)} steps"
    return _flowchart(graph, blame, nodes, arrows[:MAX_EDGES_COUNT], told)


_WORKING = frozenset({"model", "tool", "retrieval", "handoff"})


def _why(edge: Edge) -> str:
    """Return what an arrow of a whole graph says: an id on each would hide the graph."""
    return "" if edge.type == "data" else edge.type


def _flowchart(
    graph: CausalGraph,
    blame: Blame,
    nodes: Mapping[int, str],
    arrows: Sequence[_Arrow],
    told: str,
) -> str:
    lines = [f"%% {_comment(told)}", "flowchart TD"]
    lines += (f"  {line}" for line in _CLASSES)
    roles = _roles(blame)
    lanes: dict[str, list[int]] = {}
    for index, agent in nodes.items():
        lanes.setdefault(agent, []).append(index)
    for number, (agent, members) in enumerate(lanes.items()):
        indent = "    " if agent else "  "
        if agent:
            lines.append(f'  subgraph a{number}["{label(agent)}"]')
        lines += (f"{indent}{_node(graph, index, roles)}" for index in members)
        lines += ["  end"] if agent else []
    lines += (f"  {line}" for line in _drawn(arrows))
    return "\n".join(lines) + "\n"


def _drawn(arrows: Sequence[_Arrow]) -> Iterator[str]:
    for arrow in arrows:
        said = f'|"{label(arrow.label)}"|' if arrow.label else ""
        yield f"n{arrow.source} {arrow.shape}{said} n{arrow.target}"


def _node(graph: CausalGraph, index: int, roles: Mapping[int, str]) -> str:
    step = graph.steps[index]
    opening, closing = _SHAPES.get(step.kind, ("[", "]"))
    role = f":::{roles[index]}" if index in roles else ""
    return f'n{index}{opening}"{label(step.name)}"{closing}{role}'


def _roles(blame: Blame) -> dict[int, str]:
    """Return what each step of a run is to its corruption; the origin outranks the others."""
    found = {propagator.step: "propagator" for propagator in blame.propagators}
    if blame.symptom is not None:
        found[blame.symptom.step] = "symptom"
    if blame.origin is not None:
        found[blame.origin.step] = "origin"
    return found


def label(text: str) -> str:
    """Return a text as the inside of a quoted label; one without printable text is ``unnamed``."""
    shown = safe(text) or "unnamed"
    if len(shown) > MAX_LABEL_CHARS:
        shown = shown[: MAX_LABEL_CHARS - 1] + "…"
    # Labels are Markdown too, in which these would begin a list.
    marks = {match.end() - 1 for match in _LIST_MARK.finditer(shown)}
    return "".join(
        c if (c.isalnum() or c in _PLAIN) and at not in marks else f"#{ord(c)};"
        for at, c in enumerate(shown)
    )


def _comment(text: str) -> str:
    """Return a text fit for a comment, which ends with its line and may not hold directives."""
    return "".join(c for c in safe(text) if c.isalnum() or c in _PLAIN)
