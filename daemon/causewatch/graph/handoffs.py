"""Where context passes from one agent to another.

From the surest mark to the weakest: what the agents' own instrumentation says; a span that is a
handoff; a tool call that frameworks use for one; a call of that kind that has no span; an agent
inside of a tool or of another agent; a span link; agents one after the other. Each activation of an
agent is received once, except over links, which may join several senders. That a nested agent
returns to its caller is no second handoff.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice

from causewatch.dialects.handoff_tools import Target, by_normalised, normalised, target_of
from causewatch.graph.calls import Call, Calls
from causewatch.graph.clocks import may_follow
from causewatch.graph.instrumented import Instrumented, instrumented
from causewatch.graph.links import Links, senders_of
from causewatch.graph.owners import Owners
from causewatch.graph.sides import Found, handoff_of
from causewatch.graph.tree import SKEW_NS, Tree
from causewatch.model.graph import Handoff
from causewatch.model.step import StepKind

MAX_TRIES_COUNT = 64
"""How many candidates are looked at for one handoff: runs with more are not told apart anyway."""

_AROUND: frozenset[StepKind] = frozenset({"agent", "tool", "handoff"})


class _Finder:
    """Finds the handoffs of one run; holds which calls and activations are accounted for."""

    def __init__(self, tree: Tree, owners: Owners, calls: Calls, links: Links) -> None:
        self.tree = tree
        self.steps = tree.steps
        self.owners = owners
        self.calls = calls
        self.agents = by_normalised(owners.names)
        self.claimed: set[int] = set()
        self.used: set[int] = set()
        self.links = links
        self.around = tree.nearest(_AROUND)
        self.starts: dict[str, list[tuple[int, int]]] = {}
        self.first_below: dict[int, int] = {}
        for i in owners.heads:
            name = normalised(owners.owner[i])
            self.starts.setdefault(name, []).append((self.steps[i].span.start_ns, i))
            self.first_below.setdefault(self.around[i], i)
        self.transfers = self._transfers()
        self.told = instrumented(tree, links)
        self.told_to: dict[int, set[str]] = {}

    def _transfers(self) -> dict[int, list[tuple[Call, Target]]]:
        """Return the calls of each activation that frameworks use for handoffs."""
        found: dict[int, list[tuple[Call, Target]]] = {}
        activation = {
            model: head for head, models in self.owners.models.items() for model in models
        }
        for call in self.calls.calls:
            step = self.steps[call.model]
            target = target_of(call.part.name, call.part.arguments, self.agents, step.dialect)
            if target is not None:
                found.setdefault(activation.get(call.model, -1), []).append((call, target))
        return found

    def claim(self, agent: str, after_ns: int) -> int | None:
        """Return the first unclaimed activation of ``agent`` that starts after ``after_ns``.

        Where there is none, the one that is under way: frameworks may go back to a running agent.
        """
        starts = self.starts.get(normalised(agent), [])
        first = bisect_left(starts, (after_ns - SKEW_NS, -1))
        for _, head in islice(starts, first, first + MAX_TRIES_COUNT):
            if head not in self.claimed:
                self.claimed.add(head)
                return head
        for _, head in reversed(starts[max(first - MAX_TRIES_COUNT, 0) : first]):
            if after_ns <= self.steps[head].span.end_ns:
                return head
        return None

    def sender_of(self, step: int, name: str = "") -> int:
        """Return the activation of a step, else the latest of the named agent, else the step."""
        if (head := self.owners.head[step]) >= 0 and name in ("", self.owners.owner[head]):
            return head
        starts = self.starts.get(normalised(name or self.owners.owner[step]), [])
        before = bisect_left(starts, (self.steps[step].span.start_ns + SKEW_NS, -1))
        return starts[before - 1][1] if before else (head if head >= 0 else step)

    def instrumented(self) -> Iterator[Found]:
        """Handoffs that the agents tell themselves; the calls that made them are used up."""
        # Of two that overlap, the one that ended first is whose receiver was done first.
        for each in sorted(self.told, key=lambda e: self.steps[e.performed_by].span.end_ns):
            i = each.performed_by
            step = self.steps[i]
            at_ns = step.span.start_ns
            to = self.agents.get(normalised(step.handoff_to), step.handoff_to)
            for end in {each.sent_at, each.received_at} - {None}:
                self._cover(end, to)
            sender = self.sender_of(i if each.sent_at is None else each.sent_at, step.handoff_from)
            call = self._transfer_call(sender, to, at_ns)
            yield Found(
                rule="instrumented",
                confidence=1.0,
                mode=step.handoff_mode or "pass_control",
                from_agent=step.handoff_from or self.owners.owner[sender],
                to_agent=to,
                sender=sender,
                receiver=self._told_receiver(each, to),
                performed_by=i,
                at_ns=at_ns,
                call=call[0] if call else None,
                has_payload=bool(call and call[1].has_payload),
                derived=False,
                told=each,
            )

    def _cover(self, end: int | None, to: str) -> None:
        """Note that the tool around an instrumented span, or below it, is no further handoff."""
        if end is not None:
            for i in (end, self.around[end]):
                self.told_to.setdefault(i, set()).add(normalised(to))

    def _is_told(self, tool: int, agent: str) -> bool:
        """Tell whether a handoff tool's span stands around or below an instrumented one."""
        return any(normalised(agent) in self.told_to.get(i, ()) for i in (tool, self.around[tool]))

    def _told_receiver(self, each: Instrumented, to: str) -> int | None:
        """Return the receiving activation, else the span that received, if it is one of its own."""
        at = each.received_at
        if at is not None and at != each.sent_at:
            head = self.owners.head[at]
            if head >= 0 and normalised(self.owners.owner[head]) == normalised(to):
                self.claimed.add(head)
                return head
            found = self.claim(to, self.steps[at].span.start_ns)
            return at if found is None else found
        below = self.first_below.get(each.performed_by)
        if below is not None and normalised(self.owners.owner[below]) == normalised(to):
            self.claimed.add(below)
            return below
        return self.claim(to, self.steps[each.performed_by].span.start_ns)

    def explicit(self) -> Iterator[Found]:
        """Spans that are handoffs."""
        told = {i for each in self.told for i in (each.sent_at, each.received_at)}
        for i, step in enumerate(self.steps):
            if step.kind != "handoff" or i in told:
                continue
            sender = self.sender_of(i, step.handoff_from)
            at_ns = step.span.start_ns
            to = self.agents.get(normalised(step.handoff_to), step.handoff_to)
            receiver = self.claim(to, at_ns) if to else self._next_other(sender, at_ns)
            if not to and receiver is not None:
                to = self.owners.owner[receiver]
            call = self._transfer_call(sender, to, at_ns)
            yield Found(
                rule="handoff_span",
                confidence=1.0 if receiver is not None else 0.8,
                mode=step.handoff_mode or "pass_control",
                from_agent=self.owners.owner[sender] or step.handoff_from,
                to_agent=to,
                sender=sender,
                receiver=receiver,
                performed_by=i,
                at_ns=at_ns,
                call=call[0] if call else None,
                has_payload=bool(call and call[1].has_payload),
                derived=False,
            )

    def _next_other(self, sender: int, after_ns: int) -> int | None:
        """Return the next unclaimed activation beside the sender: a span may name no target."""
        parent = self.tree.parent[sender]
        beside: Sequence[int] = self.tree.children[parent] if parent >= 0 else self.owners.heads
        name = self.owners.owner[sender]
        first = bisect_left(beside, after_ns - SKEW_NS, key=lambda i: self.steps[i].span.start_ns)
        for i in islice(beside, first, first + MAX_TRIES_COUNT):
            is_head = self.owners.head[i] == i and i not in self.claimed
            if is_head and self.owners.owner[i] != name:
                self.claimed.add(i)
                return i
        return None

    def _transfer_call(self, sender: int, to: str, at_ns: int) -> tuple[Call, Target] | None:
        """Return the sender's last call that hands over to ``to`` before ``at_ns``; use it up."""
        transfers = self.transfers.get(sender, [])
        end = bisect_left(
            transfers, at_ns + SKEW_NS, key=lambda each: self.steps[each[0].model].span.start_ns
        )
        for call, target in reversed(transfers[max(end - MAX_TRIES_COUNT, 0) : end]):
            fits = normalised(target.agent) == normalised(to)
            if fits and call.number not in self.used:
                self.used.add(call.number)
                return call, target
        return None

    def tools(self) -> Iterator[Found]:
        """Tool steps with a handoff tool's name."""
        for i, step in enumerate(self.steps):
            if step.kind != "tool":
                continue
            call = self.calls.by_tool.get(i, (None, ""))[0]
            arguments = step.arguments.value if step.arguments else None
            if arguments is None and call is not None:
                arguments = call.part.arguments
            target = target_of(step.tool, arguments, self.agents, step.dialect)
            if target is None or (call is not None and call.number in self.used):
                continue
            if self._is_told(i, target.agent):
                continue
            if call is not None:
                self.used.add(call.number)
            yield self._tool(i, target, call)

    def _tool(self, i: int, target: Target, call: Call | None) -> Found:
        below = self._below(i)
        receiver = (
            below if below is not None else self.claim(target.agent, self.steps[i].span.start_ns)
        )
        sender = self.sender_of(i)
        nested = below is not None
        return Found(
            rule="agent_under_tool" if nested else "handoff_tool",
            confidence=0.95 if receiver is not None else 0.7,
            mode="return_to_caller" if nested else target.mode,
            from_agent=self.owners.owner[i],
            to_agent=self.owners.owner[receiver] if receiver is not None else target.agent,
            sender=sender,
            receiver=receiver,
            performed_by=i,
            at_ns=self.steps[i].span.start_ns,
            call=call,
            has_payload=target.has_payload,
        )

    def _below(self, tool: int) -> int | None:
        """Return the first activation right below a tool, and claim it."""
        found = self.first_below.get(tool)
        if found is not None:
            self.claimed.add(found)
        return found

    def unseen(self) -> Iterator[Found]:
        """Handoff calls of a model that no span shows as run, where the target did start."""
        paired = {call.number for call, _ in self.calls.by_tool.values()}
        for sender, transfers in self.transfers.items():
            for call, target in transfers:
                if sender < 0 or call.number in self.used or call.number in paired:
                    continue
                at_ns = self.steps[call.model].span.end_ns
                receiver = self.claim(target.agent, at_ns) if target.known else None
                if receiver is None or receiver == sender:
                    continue
                self.used.add(call.number)
                yield Found(
                    rule="handoff_call",
                    confidence=0.8,
                    mode=target.mode,
                    from_agent=self.owners.owner[sender],
                    to_agent=self.owners.owner[receiver],
                    sender=sender,
                    receiver=receiver,
                    performed_by=None,
                    at_ns=at_ns,
                    call=call,
                    has_payload=target.has_payload,
                )

    def nested(self) -> Iterator[Found]:
        """Agents inside of a tool of another agent, or of another agent itself."""
        for i in self.owners.heads:
            around = self.around[i]
            if i in self.claimed or around < 0:
                continue
            sender = self.sender_of(around)
            name = self.owners.owner[i]
            # An agent whose tool step belongs to nobody was not handed anything by an agent.
            if self.owners.owner[sender] in ("", name):
                continue
            self.claimed.add(i)
            is_tool = self.steps[around].kind == "tool"
            call = self.calls.by_tool.get(around, (None, ""))[0] if is_tool else None
            yield Found(
                rule="agent_under_tool" if is_tool else "agent_under_agent",
                confidence=0.95 if is_tool else 0.8,
                mode="return_to_caller",
                from_agent=self.owners.owner[sender],
                to_agent=name,
                sender=sender,
                receiver=i,
                performed_by=around if is_tool else None,
                at_ns=self.steps[around if is_tool else i].span.start_ns,
                call=call,
            )

    def linked(self) -> Iterator[Found]:
        """Agents whose activation was started by a message: the span link leads to the sender."""
        for i in self.owners.heads:
            if i in self.claimed:
                continue
            for link in senders_of(self.tree, self.owners, self.links, i):
                if self.owners.owner[link.sender] == self.owners.owner[i]:
                    continue
                self.claimed.add(i)
                yield Found(
                    rule="link_edge",
                    confidence=0.8,
                    mode="pass_control",
                    from_agent=self.owners.owner[link.sender],
                    to_agent=self.owners.owner[i],
                    sender=link.sender,
                    receiver=i,
                    performed_by=link.performed_by,
                    at_ns=self.steps[i].span.start_ns,
                )

    def sequence(self) -> Iterator[Found]:
        """Agents one right after the other under one parent, with nothing else to tell how."""
        before: dict[int, int] = {}
        for i in self.owners.heads:
            parent = self.tree.parent[i]
            last = before.get(parent)
            before[parent] = i
            if last is None or parent < 0 or i in self.claimed:
                continue
            one, other = self.steps[last].span, self.steps[i].span
            # Two that began in the same millisecond may as well have run side by side.
            follows = one.end_ns <= other.start_ns or (
                one.start_ns < other.start_ns and may_follow(one.end_ns, other.start_ns)
            )
            if not follows or self.owners.owner[last] == self.owners.owner[i]:
                continue
            self.claimed.add(i)
            yield Found(
                rule="sibling_sequence",
                confidence=0.4,
                mode="pass_control",
                from_agent=self.owners.owner[last],
                to_agent=self.owners.owner[i],
                sender=last,
                receiver=i,
                performed_by=None,
                at_ns=self.steps[i].span.start_ns,
            )


def find(tree: Tree, owners: Owners, calls: Calls, links: Links) -> tuple[Handoff, ...]:
    """Return the handoffs of a run, in order of time."""
    finder = _Finder(tree, owners, calls, links)
    stages = (
        finder.instrumented, finder.explicit, finder.tools, finder.unseen, finder.nested,
        finder.linked, finder.sequence,
    )  # fmt: skip
    found = [each for stage in stages for each in stage()]
    found.sort(key=lambda each: (each.at_ns, each.sender, each.receiver or -1))
    ids: set[str] = set()
    return tuple(handoff_of(tree, owners, each, ids) for each in found)
