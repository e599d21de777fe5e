"""Kinds that only show in the tree: wrappers of one call, and agents that only hold others.

Spans stay, as steps of another kind, so that each model and tool call counts once.
"""

from __future__ import annotations

import msgspec

from causewatch.dialects.handoff_tools import normalised, target_of
from causewatch.dialects.table import GRAPH_NODE
from causewatch.graph.tree import Tree
from causewatch.model.step import Step, StepKind

_WORKING: frozenset[StepKind] = frozenset({"model", "tool", "retrieval", "agent", "handoff"})
_TWIN_FIELDS = ("arguments", "result", "call_id")


def refine(tree: Tree) -> Tree:
    """Return ``tree`` with duplicate calls and mere containers demoted."""
    steps = list(tree.steps)
    _demote_nested_models(tree, steps)
    _demote_tool_twins(tree, steps)
    _demote_handoff_marks(tree, steps)
    tree = tree.with_steps(steps)
    _demote_containers(tree, steps)
    _promote_nodes(tree, steps)
    return tree.with_steps(steps)


def _demoted(step: Step, kind: StepKind, reason: str) -> Step:
    return msgspec.structs.replace(step, kind=kind, reason=reason)


def _demote_nested_models(tree: Tree, steps: list[Step]) -> None:
    """A model step inside of a model step is the same call: the one with the content stays."""
    around = tree.nearest(_WORKING)
    for i, step in enumerate(tree.steps):
        if step.kind != "model":
            continue
        above = around[i]
        if above < 0 or tree.steps[above].kind != "model":
            continue
        outer_tells = tree.steps[above].input_messages or tree.steps[above].output_messages
        inner_tells = step.input_messages or step.output_messages
        if outer_tells and not inner_tells:
            steps[i] = _demoted(
                step, "other", "the same model call as its wrapper, which tells more"
            )
        else:
            steps[above] = _demoted(tree.steps[above], "other", "wrapper of a model call")


def _demote_tool_twins(tree: Tree, steps: list[Step]) -> None:
    """Client, transport and server of one call: the outermost stays, with what it lacks."""
    around = tree.nearest(_WORKING)
    for i in reversed(tree.downward):
        step = steps[i]
        if step.kind != "tool":
            continue
        above = around[i]
        if above < 0 or not _are_twins(steps[above], step):
            continue
        missing = {
            name: value
            for name in _TWIN_FIELDS
            if not getattr(steps[above], name) and (value := getattr(step, name))
        }
        steps[above] = msgspec.structs.replace(steps[above], **missing)
        steps[i] = _demoted(step, "other", "the same tool call as an enclosing span")


def _are_twins(outer: Step, inner: Step) -> bool:
    if outer.kind != "tool" or normalised(outer.tool) != normalised(inner.tool):
        return False
    if outer.call_id and inner.call_id and outer.call_id != inner.call_id:
        return False
    if outer.arguments is None or inner.arguments is None:
        return True
    return outer.arguments.value == inner.arguments.value


def _demote_handoff_marks(tree: Tree, steps: list[Step]) -> None:
    """Marks that a framework leaves while one handoff unwinds: the handoff counts once.

    A mark inside of the tool that hands over to the same agent adds nothing to it; of several
    marks under one agent to one target one stays, those inside of tools before all.
    """
    around = tree.nearest(_WORKING)
    marks = [i for i, step in enumerate(steps) if step.kind == "handoff" and step.handoff_to]
    marks.sort(key=lambda i: (around[i] < 0 or steps[around[i]].kind != "tool", i))
    seen: set[tuple[int, str]] = set()
    for i in marks:
        step, above = steps[i], around[i]
        agent = above
        while agent >= 0 and steps[agent].kind != "agent":
            agent = around[agent]
        key = (agent, normalised(step.handoff_to))
        if above >= 0 and _hands_over_to(steps[above], step.handoff_to):
            steps[i] = _demoted(step, "other", "mark of the tool call that hands over")
        elif agent >= 0 and key in seen:
            steps[i] = _demoted(step, "other", "mark of a handoff that another step performs")
        seen.add(key)


def _hands_over_to(tool: Step, agent: str) -> bool:
    if tool.kind != "tool":
        return False
    arguments = tool.arguments.value if tool.arguments else None
    target = target_of(tool.tool, arguments, {normalised(agent): agent}, tool.dialect)
    return target is not None and target.agent == agent


def _demote_containers(tree: Tree, steps: list[Step]) -> None:
    """An agent that calls neither model nor tool and only holds other agents is a workflow."""
    works = [False] * len(steps)
    holds: list[set[str]] = [set() for _ in steps]
    for i in reversed(tree.downward):
        step = steps[i]
        if step.kind == "agent" and not works[i] and holds[i] - {normalised(step.agent)}:
            steps[i] = _demoted(step, "workflow", "holds other agents and calls no model itself")
            step = steps[i]
        above = tree.parent[i]
        if above < 0:
            continue
        if step.kind == "agent":
            holds[above].add(normalised(step.agent))
            # A wrapper of the same agent works through it.
            works[above] |= normalised(steps[above].agent) == normalised(step.agent)
        elif step.kind in _WORKING:
            works[above] = True
        else:
            works[above] |= works[i]
            holds[above] |= holds[i]


def _promote_nodes(tree: Tree, steps: list[Step]) -> None:
    """Where no agents are named, the outermost nodes of a graph that call models are its agents.

    One such node alone is a loop inside of an agent, not an agent of several.
    """
    calls_model = [False] * len(steps)
    for i in reversed(tree.downward):
        if steps[i].kind == "agent":
            return
        above = tree.parent[i]
        if above >= 0 and (calls_model[i] or steps[i].kind == "model"):
            calls_model[above] = True
    found: dict[int, list[int]] = {}
    inside = [False] * len(steps)
    for i in tree.downward:
        above = tree.parent[i]
        inside[i] = above >= 0 and inside[above]
        if calls_model[i] and not inside[i] and steps[i].reason == GRAPH_NODE:
            inside[i] = True
            found.setdefault(above, []).append(i)
    for nodes in found.values():
        if len({steps[i].span.name for i in nodes}) > 1:
            for i in nodes:
                node = _demoted(steps[i], "agent", "a node of a graph that calls models")
                steps[i] = msgspec.structs.replace(node, agent=steps[i].span.name)
