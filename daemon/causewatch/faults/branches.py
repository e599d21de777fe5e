"""Work done in parallel, to be joined: the calls of one model turn, and agents side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from causewatch.faults.calls import Run
from causewatch.faults.text import plain
from causewatch.model.graph import CausalGraph
from causewatch.model.step import Payload

MAX_GROUPS_COUNT = 50
MAX_BRANCHES_COUNT = 40


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """One of several parallel pieces of work. ``text`` is what it came to."""

    step: int
    end_ns: int
    text: str
    name: str
    asked: str
    """What it was asked: two branches that were asked the same may stand for each other."""
    is_structured: bool


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Branches that began from one point."""

    branches: tuple[Branch, ...]
    kind: Literal["call", "agent"]


def groups_of(run: Run) -> Iterator[Group]:
    """Yield the groups of parallel branches of a run, at most ``MAX_GROUPS_COUNT``."""
    left = MAX_GROUPS_COUNT
    for group in (*_calls(run), *_agents(run.graph)):
        if not left:
            return
        left -= 1
        yield group


def _calls(run: Run) -> Iterator[Group]:
    """Yield the calls that one model turn asked for at once."""
    calls = {call.index: call for call in run.calls if not call.delegates}
    asked: dict[int, list[int]] = {}
    for edge in run.graph.edges:
        is_data = edge.type == "data" and edge.target in calls
        if is_data and run.graph.steps[edge.source].kind == "model":
            asked.setdefault(edge.source, []).append(edge.target)
    for indices in asked.values():
        if len(indices) > 1:
            found = [calls[i] for i in indices[:MAX_BRANCHES_COUNT]]
            yield Group(
                branches=tuple(
                    Branch(
                        step=call.index,
                        end_ns=call.step.span.end_ns,
                        text=plain(call.result),
                        name=call.step.name,
                        asked=call.arguments_key,
                        is_structured=_is_structured(call.result),
                    )
                    for call in found
                ),
                kind="call",
            )


def _agents(graph: CausalGraph) -> Iterator[Group]:
    """Yield the agents that ran side by side under one parent."""
    below: dict[int, list[int]] = {}
    for i, step in enumerate(graph.steps):
        if step.kind == "agent" and graph.parent[i] >= 0:
            below.setdefault(graph.parent[i], []).append(i)
    for siblings in below.values():
        group: list[int] = []
        ends_ns = 0
        for i in siblings:
            span = graph.steps[i].span
            if group and span.start_ns >= ends_ns:
                yield from _agent_group(graph, group)
                group = []
            group.append(i)
            ends_ns = max(ends_ns, span.end_ns) if len(group) > 1 else span.end_ns
        yield from _agent_group(graph, group)


def _are_apart(graph: CausalGraph, group: list[int]) -> bool:
    """Tell whether none of some agents handed over to another: then they work in turn."""
    return not any(h.sender in group and h.receiver in group for h in graph.handoffs)


def _agent_group(graph: CausalGraph, group: list[int]) -> Iterator[Group]:
    if len(group) > 1 and _are_apart(graph, group):
        found = (_agent(graph, i) for i in group[:MAX_BRANCHES_COUNT])
        yield Group(branches=tuple(found), kind="agent")


def _agent(graph: CausalGraph, index: int) -> Branch:
    step = graph.steps[index]
    text = plain(step.output)
    if not text:
        said = [
            message.text
            for i, other in enumerate(graph.steps)
            if other.kind == "model" and is_below(graph, i, index)
            for message in other.output_messages
            if message.text
        ]
        text = said[-1] if said else ""
    return Branch(
        step=index,
        end_ns=step.span.end_ns,
        text=text,
        name=graph.owner[index] or step.name,
        asked="" if step.input is None else step.input.raw,
        is_structured=_is_structured(step.output),
    )


def _is_structured(payload: Payload | None) -> bool:
    return payload is not None and isinstance(payload.value, dict | list)


def is_below(graph: CausalGraph, index: int, above: int) -> bool:
    """Tell whether a step lies below another in the tree."""
    while index >= 0 and index != above:
        index = graph.parent[index]
    return index == above
