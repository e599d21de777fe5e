"""The causal graph of one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from causewatch.dialects.table import Dialect
from causewatch.dialects.tables import SHIPPED
from causewatch.dialects.understand import understand
from causewatch.graph.adopt import adopt
from causewatch.graph.beside import beside
from causewatch.graph.calls import pair
from causewatch.graph.graft import graft
from causewatch.graph.handoffs import find
from causewatch.graph.harvest import harvest
from causewatch.graph.lineage import trace_data
from causewatch.graph.links import link
from causewatch.graph.owners import Owners, own
from causewatch.graph.refine import refine
from causewatch.graph.tell import tell
from causewatch.graph.tree import Tree, grow, unique
from causewatch.graph.twins import merge_twins
from causewatch.graph.uncut import uncut
from causewatch.graph.unrecorded import show_calls
from causewatch.model.graph import CausalGraph, Edge, EdgeType, Handoff, RunState
from causewatch.model.span import LogRecord, Span
from causewatch.model.step import Step


def build(
    *,
    run_id: str,
    spans: Sequence[Span],
    logs: Sequence[LogRecord] = (),
    state: RunState = "complete",
    dialects: Sequence[Dialect] = SHIPPED,
) -> CausalGraph:
    """Return the causal graph of a run.

    Args:
        run_id: id of the run.
        spans: its spans, of one or several traces, in any order; a span that came twice counts
        once.
        logs: log records; those that carry a span's ids are read with it, evaluations that carry
        none with the root, the others are left out.
        state: how complete the run is.
        dialects: the tables by which spans are understood.

    Returns:
        The graph. It depends only on the set of spans, not on their order. Never raises on odd
        spans.
    """
    tree = merge_twins(refine(graft(grow(_understood(spans, logs, dialects)))))
    tree = show_calls(harvest(tree))
    owners = own(tree)
    links = link(tree)
    calls = pair(tree, owners)
    owners = adopt(tree, owners, calls)
    tree = uncut(tree, calls)
    handoffs = find(tree, owners, calls, links)
    tree = tell(tree, owners)
    edges = (
        *_tree_edges(tree),
        *(_edge(a, b, "link", "span link") for a, b in links.pairs),
        *_handoff_edges(handoffs),
        *trace_data(tree, owners, calls, handoffs),
    )
    return CausalGraph(
        run_id=run_id,
        trace_ids=tuple(dict.fromkeys(step.span.trace_id for step in tree.steps)),
        state=state,
        workflow=_workflow(tree, owners),
        session=next((step.session for step in tree.steps if step.session), ""),
        steps=tree.steps,
        owner=owners.owner,
        parent=tree.parent,
        edges=edges,
        handoffs=handoffs,
    )


def _understood(
    spans: Sequence[Span], logs: Sequence[LogRecord], dialects: Sequence[Dialect]
) -> list[Step]:
    by_span = beside(spans, logs)
    return [
        understand(span, by_span.get((span.trace_id, span.span_id), ()), dialects)
        for span in unique(spans)
    ]


def _edge(source: int, target: int, kind: EdgeType, evidence: str) -> Edge:
    return Edge(source=source, target=target, type=kind, evidence=evidence)


def _tree_edges(tree: Tree) -> Iterator[Edge]:
    """Each step is called by its parent and returns to it."""
    for i, parent in enumerate(tree.parent):
        if parent >= 0:
            said = tree.steps[i].span.parent_id
            evidence = "parent span" if said else "remote call"
            yield _edge(parent, i, "call", evidence)
            yield _edge(i, parent, "return", evidence)


def _handoff_edges(handoffs: Sequence[Handoff]) -> Iterator[Edge]:
    for handoff in handoffs:
        if handoff.receiver is not None and handoff.receiver != handoff.sender:
            yield _edge(handoff.sender, handoff.receiver, "handoff", handoff.rule)


def _workflow(tree: Tree, owners: Owners) -> str:
    """Return what a span says, else the name of a workflow, of the first agent or of a root."""
    said = next((step.workflow for step in tree.steps if step.workflow), "")
    if said:
        return said
    for i, step in enumerate(tree.steps):
        if step.kind == "workflow":
            return step.agent or step.span.name
        if owners.owner[i]:
            return owners.owner[i]
    return tree.steps[0].span.name if tree.steps else ""
