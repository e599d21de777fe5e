"""The nodes of a run as path templates see them, each with its children.

A *visit* is one activation of an agent, one tool call, or the run itself. Its children are the
agents, tools and retrievals directly below it: model calls, messages and plumbing are looked
through, and what an agent's framework runs beside the agent's span still is the agent's. A handoff
is a child of its sender, whoever runs the receiver, and takes the place of the tool that did it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from causewatch.graph.tree import ORPHAN, ROOT
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.step import Step

VisitKind = Literal["workflow", "agent", "tool"]
NOWHERE = -1
"""The visit of a step whose parent has not arrived."""
_BESIDE = "sibling_sequence"
"""Agents that merely follow each other are children of whoever runs them, and nobody's handoff."""


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """One child of a visit."""

    name: str
    kind: Literal["agent", "tool"]
    step: int
    """Index of its step; of a handoff the step that did it, else the receiver's."""
    start_ns: int
    end_ns: int
    is_handoff: bool = False
    by: str = ""
    """Of a handoff: the name of the tool that did it."""
    host: str = ""
    """Tells clocks apart."""

    @property
    def shown(self) -> str:
        """Return the name as content models write it."""
        return f"-> {self.name}" if self.is_handoff else self.name


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One activation of a node, with its children in order of start."""

    name: str
    kind: VisitKind
    step: int
    start_ns: int
    end_ns: int
    """Of a visit in several turns the end of the last."""
    host: str = ""
    children: tuple[Child, ...] = ()


def visits_of(graph: CausalGraph) -> tuple[Visit, ...]:
    """Return the visits of a run: the run itself, then agents and tools, parents first."""
    return _Walk(graph).visits()


def is_whole(graph: CausalGraph) -> bool:
    """Tell whether nothing can be missing: the run is complete, and no parent of a step is."""
    return graph.is_whole and ORPHAN not in graph.parent


class _Draft:
    """A visit while its children are gathered."""

    def __init__(self, name: str, kind: VisitKind, step: int, end_ns: int) -> None:
        self.name = name
        self.kind = kind
        self.step = step
        self.end_ns = end_ns
        self.children: list[Child] = []
        self.works_beside = False
        """Whether tools of it ran outside of its span."""
        self.last_agent = NOWHERE
        """The visit of the agent that was last below this one, and which child that is."""
        self.last_child = 0
        self.called_from: tuple[int, int] | None = None
        """Of a tool called by an agent: the agent's visit, and which child of it the call is."""


class _Walk:
    """One pass over the steps of a run, parents before children."""

    def __init__(self, graph: CausalGraph) -> None:
        self._graph = graph
        end_ns = max((step.span.end_ns for step in graph.steps), default=0)
        self._drafts = [_Draft(graph.workflow, "workflow", _root_of(graph), end_ns)]
        self._within = [NOWHERE] * len(graph.steps)
        """For each step the visit that its children belong to."""
        self._latest: dict[str, int] = {}
        """The last visit of each agent."""
        handoffs = [h for h in graph.handoffs if h.rule != _BESIDE]
        self._handoffs = handoffs
        self._by_step = {h.performed_by: h for h in handoffs if h.performed_by is not None}
        for handoff in handoffs:
            if (tool := _tool_around(graph, handoff)) is not None:
                self._by_step.setdefault(tool, handoff)
        self._by_receiver: dict[int, list[Handoff]] = {}
        for handoff in handoffs:
            if handoff.receiver is not None:
                self._by_receiver.setdefault(handoff.receiver, []).append(handoff)
        self._virtual: set[int] = set()

    def visits(self) -> tuple[Visit, ...]:
        for i in _downward(self._graph.parent):
            self._enter(i)
        for handoff in self._handoffs:
            self._hand_over(handoff)
        return tuple(
            self._visit(draft)
            for number, draft in enumerate(self._drafts)
            if draft.children or number not in self._virtual
        )

    def _visit(self, draft: _Draft) -> Visit:
        steps = self._graph.steps
        return Visit(
            name=draft.name,
            kind=draft.kind,
            step=draft.step,
            start_ns=steps[draft.step].span.start_ns if steps else 0,
            end_ns=draft.end_ns,
            host=_host_of(steps[draft.step]) if steps else "",
            children=tuple(sorted(draft.children, key=lambda c: (c.start_ns, c.end_ns))),
        )

    def _enter(self, i: int) -> None:
        above = self._graph.parent[i]
        up = self._within[above] if above >= 0 else (0 if above == ROOT else NOWHERE)
        step = self._graph.steps[i]
        if step.kind == "agent":
            self._within[i] = self._agent(i, up)
        elif step.kind in {"tool", "retrieval"}:
            self._within[i] = self._tool(i, step, up)
        else:
            self._within[i] = up

    def _agent(self, i: int, up: int) -> int:
        name = self._graph.owner[i]
        parent = self._drafts[up] if up >= 0 else None
        received = self._by_receiver.get(i, ())
        is_inner = parent is not None and parent.kind == "agent" and parent.name == name
        if is_inner and not received:
            return up  # a wrapper of the same activation
        if parent is not None and not received and self._goes_on(parent, name):
            end_ns = self._graph.steps[i].span.end_ns
            child = parent.children[parent.last_child]
            parent.children[parent.last_child] = msgspec.structs.replace(child, end_ns=end_ns)
            self._drafts[parent.last_agent].end_ns = end_ns
            return parent.last_agent
        number = self._new(name, "agent", i)
        if parent is not None and not received and parent.called_from is not None:
            # An agent that calls one of its own name hands over nothing, but calls it all the same.
            self._call(name, up, *parent.called_from)
        elif parent is not None:
            parent.last_agent, parent.last_child = number, len(parent.children)
            if not any(self._is_called_by(handoff, parent, i) for handoff in received):
                parent.children.append(self._child(i, name, "agent"))
            else:
                parent.last_agent = NOWHERE
        return number

    def _call(self, name: str, tool: int, home: int, at: int) -> None:
        """Let a tool call be that of the agent below it."""
        calls = self._drafts[home].children
        call = calls[at]
        agent = msgspec.structs.replace(
            call, name=name, kind="agent", is_handoff=True, by=call.by or call.name
        )
        if call.is_handoff:
            calls.append(agent)
        else:
            calls[at] = agent
        self._virtual.add(tool)

    def _goes_on(self, parent: _Draft, name: str) -> bool:
        """Tell whether a visit goes on: some frameworks run its tools beside it, turn by turn."""
        if parent.last_agent == NOWHERE:
            return False
        last = self._drafts[parent.last_agent]
        return last.works_beside and last.name == name

    def _is_called_by(self, handoff: Handoff, parent: _Draft, receiver: int) -> bool:
        """Tell whether the handoff is why the receiver stands below this parent."""
        performer = handoff.performed_by
        above = self._graph.parent[receiver]
        while performer is not None and above >= 0 and above != performer:
            above = self._graph.parent[above]
        nested = performer is not None and above == performer
        return nested or (parent.kind == "agent" and parent.name == handoff.from_agent)

    def _tool(self, i: int, step: Step, up: int) -> int:
        home = self._home_of(i, up)
        handoff = self._by_step.get(i)
        if handoff is not None:
            if handoff.receiver is not None:
                return up
            # The receiver has no span of its own: what it does stands below the tool.
            number = self._new(handoff.to_agent, "agent", i)
            self._virtual.add(number)
            return number
        number = self._new(step.name, "tool", i)
        if home >= 0:
            calls = self._drafts[home].children
            calls.append(self._child(i, step.name, "tool"))
            if self._drafts[home].kind == "agent":
                self._drafts[number].called_from = home, len(calls) - 1
        return number

    def _home_of(self, i: int, up: int) -> int:
        """Return the visit that a tool belongs to: its owner's, wherever its span hangs."""
        owner = self._graph.owner[i]
        parent = self._drafts[up] if up >= 0 else None
        if parent is not None and (parent.kind == "tool" or parent.name == owner or not owner):
            return up
        latest = self._latest.get(owner)
        if latest is None:
            return up
        self._drafts[latest].works_beside = True
        return latest

    def _hand_over(self, handoff: Handoff) -> None:
        """Make a handoff a child of its sender."""
        performer, receiver = handoff.performed_by, handoff.receiver
        at = performer if performer is not None else receiver
        if at is None:
            return
        home = self._within[handoff.sender]
        if performer is not None and self._graph.steps[performer].kind == "tool":
            home = self._sender_of(performer, home)
        if home < 0 or self._drafts[home].kind != "agent":
            return
        step = self._graph.steps[at]
        by = step.name if performer is not None and step.kind == "tool" else ""
        child = self._child(at, handoff.to_agent, "agent")
        self._drafts[home].children.append(msgspec.structs.replace(child, is_handoff=True, by=by))

    def _sender_of(self, performer: int, home: int) -> int:
        """Return the visit around a tool that hands over, where an agent's is."""
        above = self._graph.parent[performer]
        around = self._within[above] if above >= 0 else NOWHERE
        is_agent = around >= 0 and self._drafts[around].kind == "agent"
        owns = is_agent and self._drafts[around].name == self._graph.owner[performer]
        return around if owns else home

    def _new(self, name: str, kind: VisitKind, step: int) -> int:
        number = len(self._drafts)
        span = self._graph.steps[step].span
        self._drafts.append(_Draft(name, kind, step, max(span.start_ns, span.end_ns)))
        if kind == "agent":
            self._latest[name] = number
        return number

    def _child(self, i: int, name: str, kind: Literal["agent", "tool"]) -> Child:
        span = self._graph.steps[i].span
        return Child(
            name=name,
            kind=kind,
            step=i,
            start_ns=span.start_ns,
            end_ns=max(span.start_ns, span.end_ns),
            host=_host_of(self._graph.steps[i]),
        )


def _host_of(step: Step) -> str:
    attributes = step.span.resource.attributes
    parts = (attributes.get(key) for key in ("host.name", "service.name", "service.instance.id"))
    return "/".join(str(part) for part in parts if part)


def _tool_around(graph: CausalGraph, handoff: Handoff) -> int | None:
    """Return the tool that a handoff with a span of its own was made in, or ``None``."""
    if handoff.derived:
        return None
    for start in (handoff.receiver, handoff.performed_by):
        at = graph.parent[start] if start is not None else ROOT
        while at >= 0 and graph.steps[at].kind != "agent":
            if graph.steps[at].kind == "tool":
                return at
            at = graph.parent[at]
    return None


def _root_of(graph: CausalGraph) -> int:
    roots = [i for i, above in enumerate(graph.parent) if above == ROOT]
    return next((i for i in roots if graph.steps[i].kind == "workflow"), next(iter(roots), 0))


def _downward(parent: tuple[int, ...]) -> list[int]:
    """Return all steps, parents before their children, siblings in order of start."""
    below: dict[int, list[int]] = {}
    for i, above in enumerate(parent):
        below.setdefault(max(above, ROOT), []).append(i)
    order: list[int] = []
    waiting = list(reversed(below.get(ROOT, [])))
    while waiting:
        i = waiting.pop()
        order.append(i)
        waiting.extend(reversed(below.get(i, ())))
    return order
