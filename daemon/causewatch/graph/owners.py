"""Which agent each step belongs to, and where one activation of an agent begins."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import msgspec

from causewatch.dialects.handoff_tools import by_normalised, normalised, target_of
from causewatch.graph.claims import is_call
from causewatch.graph.tree import SKEW_NS, Tree
from causewatch.model.step import Step, StepKind

_BARRIERS: frozenset[StepKind] = frozenset({"agent", "tool"})


class Owners(msgspec.Struct, frozen=True, kw_only=True):
    """Agents by step.

    ``owner[i]`` is the agent's name, empty if none. ``head[i]`` is the step with which the
    activation that step i belongs to begins (of several wrappers the outermost), -1 if none.
    ``heads`` are these, in order. ``models`` are the model steps of an activation, in order.
    """

    owner: tuple[str, ...]
    head: tuple[int, ...]
    heads: tuple[int, ...]
    models: dict[int, tuple[int, ...]]
    names: tuple[str, ...]
    """The run's agents, in order of appearance."""


def own(tree: Tree) -> Owners:
    """Return the owners of all steps of ``tree``."""
    names = tuple(dict.fromkeys(s.agent for s in tree.steps if _own_name(s)))
    owner = _inherit(tree, names)
    _own_wrappers(tree, owner)
    head = _heads(tree, owner)
    heads = tuple(i for i, first in enumerate(head) if first == i)
    return Owners(
        owner=tuple(owner),
        head=tuple(head),
        heads=heads,
        models=_models(tree.steps, owner, head, heads),
        names=tuple(dict.fromkeys((*names, *(name for name in owner if name)))),
    )


def _own_name(step: Step) -> str:
    return "" if step.kind == "workflow" else step.agent


def _inherit(tree: Tree, names: Sequence[str]) -> list[str]:
    owner = [""] * len(tree.steps)
    delegated: dict[int, str] = {}
    agents = by_normalised(names)
    for i in tree.downward:
        above = tree.parent[i]
        inherited = delegated.get(above) or owner[above] if above >= 0 else ""
        step = tree.steps[i]
        owner[i] = _own_name(step) or inherited
        if step.kind == "tool" and (target := _delegate(step, agents)):
            delegated[i] = target
        elif step.handoff_to and is_call(step):
            delegated[i] = agents.get(normalised(step.handoff_to), step.handoff_to)
    return owner


def _delegate(step: Step, agents: Mapping[str, str]) -> str:
    """Return the agent for which works what is below a delegation tool without agent span."""
    arguments = step.arguments.value if step.arguments else None
    target = target_of(step.tool, arguments, agents, step.dialect)
    return target.agent if target and target.mode == "return_to_caller" else ""


def _own_wrappers(tree: Tree, owner: list[str]) -> None:
    """A step around an agent that bears the agent's name is the agent's, too."""
    for i in reversed(tree.downward):
        above = tree.parent[i]
        if above < 0 or owner[above] or not owner[i]:
            continue
        name, agent = normalised(tree.steps[above].span.name), normalised(owner[i])
        if tree.steps[above].kind != "workflow" and (name == agent or name.endswith("_" + agent)):
            owner[above] = owner[i]


def _heads(tree: Tree, owner: Sequence[str]) -> list[int]:
    """Return for each step the head of its activation."""
    head = [-1] * len(tree.steps)
    barrier = [-1] * len(tree.steps)
    for i in tree.downward:
        above = tree.parent[i]
        around, stop = (head[above], barrier[above]) if above >= 0 else (-1, -1)
        step = tree.steps[i]
        if step.kind == "agent":
            same = stop >= 0 and tree.steps[stop].kind == "agent" and owner[stop] == owner[i]
            head[i] = head[stop] if same else i
        elif around >= 0 and owner[i] != owner[around]:
            head[i] = -1
        else:
            head[i] = around
        barrier[i] = i if step.kind in _BARRIERS else stop
    return head


def _models(
    steps: Sequence[Step], owner: Sequence[str], head: Sequence[int], heads: Sequence[int]
) -> dict[int, tuple[int, ...]]:
    """Return the model steps by activation; those outside of any go to their agent's latest."""
    found: dict[int, list[int]] = {i: [] for i in heads}
    starts: dict[str, list[tuple[int, int]]] = {}
    for i in heads:
        starts.setdefault(owner[i], []).append((steps[i].span.start_ns, i))
    for i, step in enumerate(steps):
        if step.kind != "model":
            continue
        at = head[i]
        if at < 0 and (of_agent := starts.get(owner[i])):
            before = bisect_left(of_agent, (step.span.start_ns + SKEW_NS, 0))
            at = of_agent[max(before - 1, 0)][1]
        if at >= 0:
            found[at].append(i)
    return {i: tuple(models) for i, models in found.items()}
