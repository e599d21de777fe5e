"""Tool steps that run outside of their agent's spans, given to the agent that asked for them."""

from __future__ import annotations

import msgspec

from causewatch.graph.calls import Calls
from causewatch.graph.owners import Owners
from causewatch.graph.tree import Tree


def adopt(tree: Tree, owners: Owners, calls: Calls) -> Owners:
    """Return ``owners`` with each tool step of no agent given to the agent whose model called it.

    Workflow engines run a turn of an agent and the tools that it asked for as siblings: then only
    the call tells whose tool it is. What hangs below such a step stays as it is.
    """
    owner, head = list(owners.owner), list(owners.head)
    for i, (call, _) in calls.by_tool.items():
        if not owner[i] and owner[call.model] and tree.steps[i].kind == "tool":
            owner[i], head[i] = owner[call.model], head[call.model]
    if tuple(owner) == owners.owner:
        return owners
    return msgspec.structs.replace(owners, owner=tuple(owner), head=tuple(head))
