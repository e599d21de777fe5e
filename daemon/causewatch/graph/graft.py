"""Remote agents whose trace context was not carried to them, hung where they were called.

The A2A Python SDK records spans on both sides and propagates nothing: the remote agent's work then
is a trace of its own. It is hung below the client's span that was open all the time and whose tool
call, or whose model, sent just what the agent was asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.graph.boundary import folded, probes, texts_of
from causewatch.graph.tree import ROOT, SKEW_NS, Tree, rehung
from causewatch.model.step import Step

CLIENT = "a2a.client."
SERVER = "a2a.server."
MAX_PLACES_COUNT = 1_000
MAX_LATE_NS = 5_000_000_000
"""A server may still close its queues when the client has its answer."""


def graft(tree: Tree) -> Tree:
    """Return ``tree`` with remote agents below the calls that reached them, where that is clear."""
    servers = [i for i in _roots(tree) if _below(tree, i, SERVER) and not _below(tree, i, CLIENT)]
    if not servers:
        return tree
    clients = [i for i, step in enumerate(tree.steps) if step.span.name.startswith(CLIENT)]
    parents: dict[int, int] = {}
    for server in servers:
        asked = _asked(tree, server)
        places = [i for i in clients[:MAX_PLACES_COUNT] if _encloses(tree, i, server)]
        calls = {_call_around(tree, i) for i in places} - {None}
        told = {i for i in calls if i is not None and _tells(tree.steps[i], asked)}
        if len(told) == 1:
            (call,) = told
            parents[server] = max(i for i in places if _call_around(tree, i) == call)
    return rehung(tree, parents)


def _roots(tree: Tree) -> Iterator[int]:
    return (i for i, parent in enumerate(tree.parent) if parent == ROOT)


def _below(tree: Tree, root: int, prefix: str) -> bool:
    names = (tree.steps[i].span.name for i in (root, *tree.descendants(root)))
    return any(name.startswith(prefix) for name in names)


def _asked(tree: Tree, server: int) -> frozenset[str]:
    """Return what the first agent or model of a remote trace was asked, folded."""
    for i in (server, *tree.descendants(server)):
        step = tree.steps[i]
        if step.kind in {"agent", "model"}:
            told = [m.text for m in step.input_messages if m.role == "user"]
            told.extend(texts_of(step.input.value) if step.input is not None else ())
            if told:
                return frozenset(folded(text) for text in told)
    return frozenset()


def _encloses(tree: Tree, client: int, server: int) -> bool:
    outer, inner = tree.steps[client].span, tree.steps[server].span
    return (
        outer.trace_id != inner.trace_id
        and outer.start_ns <= inner.start_ns + SKEW_NS
        and inner.start_ns <= outer.end_ns + SKEW_NS
        and inner.end_ns <= outer.end_ns + MAX_LATE_NS
    )


def _call_around(tree: Tree, client: int) -> int | None:
    """Return the tool call in which a client's span is."""
    return next((i for i in tree.ancestors(client) if tree.steps[i].kind == "tool"), None)


def _tells(tool: Step, asked: frozenset[str]) -> bool:
    """Tell whether the remote agent was asked what a tool's argument says, or its beginning.

    What was cut on the way still starts so.
    """
    starts = probes(tool.arguments.value) if tool.arguments is not None else ()
    return any(start in question for start in starts for question in asked)
