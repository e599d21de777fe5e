"""Hand-built runs for the tests of contracts, faults and blame: a small language of events."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from causewatch.model.graph import CausalGraph, Edge, EdgeType, Handoff
from causewatch.model.span import Span
from causewatch.model.step import (
    HandoffMode,
    Message,
    Payload,
    Step,
    StepKind,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

TICK_NS = 10_000_000
TRACE_ID = "ab" * 16


def payload(value: Any, *, cut: bool = False, key: str = "test") -> Payload:
    """Return a payload as a dialect would read it: text as it is, anything else as JSON."""
    raw = value if isinstance(value, str) else json.dumps(value)
    return Payload(value=value, raw=raw, key=key, cut=cut)


class RunBuilder:
    """Builds a causal graph event by event; every event takes one tick.

    Agents act in turn: ``agent`` starts one, ``call`` lets it ask for a tool and get the result,
    ``hand_over`` passes control to another agent, ``say`` ends with words.
    """

    def __init__(self, prompt: str = "Please look into case 7.", agent: str = "front") -> None:
        self.steps: list[dict[str, Any]] = []
        self.spans: list[dict[str, Any]] = []
        self.owner: list[str] = []
        self.parent: list[int] = []
        self.edges: list[Edge] = []
        self.handoffs: list[Handoff] = []
        self.now = 0
        self.history: list[Message] = []
        self.head = -1
        self.name = ""
        self.agent(agent, prompt)

    def _add(self, kind: StepKind, span_name: str, parent: int, **fields: Any) -> int:
        index = len(self.steps)
        self.now += TICK_NS
        self.spans.append(
            {
                "name": span_name,
                "start_ns": self.now,
                "end_ns": self.now + TICK_NS // 2,
                "status": fields.pop("status", "unset"),
            }
        )
        self.steps.append({"kind": kind, **fields})
        self.owner.append(self.name)
        self.parent.append(parent)
        above = parent
        while above >= 0:
            self.spans[above]["end_ns"] = self.now + TICK_NS
            above = self.parent[above]
        return index

    def _edge(self, source: int, target: int, kind: EdgeType, evidence: str) -> None:
        self.edges.append(Edge(source=source, target=target, type=kind, evidence=evidence))

    def agent(self, name: str, told: str, parent: int = -1) -> int:
        """Start an agent that is told something, and return the index of its step."""
        self.name = name
        self.history = [Message(role="user", parts=(TextPart(content=told),))] if told else []
        self.head = self._add("agent", f"invoke_agent {name}", parent, agent=name)
        return self.head

    def model(self, *parts: Any) -> int:
        """Let the current agent's model answer with these parts."""
        message = Message(role="assistant", parts=tuple(parts))
        index = self._add(
            "model",
            "chat",
            self.head,
            input_messages=tuple(self.history),
            output_messages=(message,),
        )
        self.history.append(message)
        return index

    def call(
        self,
        tool: str,
        arguments: Any,
        result: Any,
        *,
        kind: StepKind = "tool",
        status: str = "unset",
        cut: bool = False,
    ) -> int:
        """Let the agent call a tool; ``None`` is not recorded. Return the tool step."""
        call_id = f"call_{len(self.steps)}"
        turn = self.model(ToolCallPart(id=call_id, name=tool, arguments=arguments))
        index = self._add(
            kind,
            f"execute_tool {tool}",
            self.head,
            tool=tool,
            call_id=call_id,
            arguments=None if arguments is None else payload(arguments),
            result=None if result is None else payload(result, cut=cut),
            status=status,
        )
        self._edge(turn, index, "data", "tool_call_id")
        if result is not None:
            part = ToolResultPart(id=call_id, name=tool, result=result)
            self.history.append(Message(role="tool", parts=(part,)))
            # The next thing the agent's model does reads the result.
            self.edges.append(
                Edge(source=index, target=len(self.steps), type="data", evidence="tool_call_id")
            )
        return index

    def tool(self, part: ToolCallPart, result: Any) -> int:
        """Let a call run that a model turn has asked for; whoever shows its result says so."""
        return self._add(
            "tool",
            f"execute_tool {part.name}",
            self.head,
            tool=part.name,
            call_id=part.id,
            arguments=payload(part.arguments),
            result=payload(result),
        )

    def link(self, source: int, target: int) -> None:
        """Say that one step's output was found in another's input."""
        self._edge(source, target, "data", "tool_call_id")

    def say(self, text: str) -> int:
        """Let the agent answer in words."""
        return self.model(TextPart(content=text))

    def hand_over(
        self,
        to: str,
        sent: Any,
        received: Any = "same",
        *,
        mechanical: bool = True,
        mode: HandoffMode = "pass_control",
        result: Any = None,
        performed: bool = True,
    ) -> int:
        """Hand over to another agent. ``received="same"`` is all that was sent; ``None`` unknown.

        Return the index of the step that performs it (the receiver's, if none does).
        """
        sender, sender_name, call_id = self.head, self.name, f"call_{len(self.steps)}"
        tool = f"transfer_to_{to}"
        turn = self.model(ToolCallPart(id=call_id, name=tool, arguments=sent))
        by = None
        if performed:
            by = self._add(
                "tool",
                tool,
                self.head,
                tool=tool,
                call_id=call_id,
                arguments=None if sent is None else payload(sent),
                result=None if result is None else payload(result),
            )
            self._edge(turn, by, "data", "tool_call_id")
        texts = list(sent.values()) if isinstance(sent, dict) else [sent]
        told = "\n".join(map(str, texts)) if received == "same" else received
        receiver = self.agent(to, told if isinstance(told, str) else "", parent=-1)
        self._edge(by if by is not None else turn, receiver, "handoff", "handoff")
        self._edge(receiver, receiver + 1, "data", "input")
        self.handoffs.append(
            Handoff(
                span_id=f"{receiver:016x}",
                from_agent=sender_name,
                to_agent=to,
                derived=True,
                rule="test",
                confidence=0.95,
                mode=mode,
                sender=sender,
                receiver=receiver,
                performed_by=by,
                sent=None if sent is None else payload(sent),
                received=None if told is None else payload(told),
                received_by=None if told is None else receiver + 1,
                mechanical=mechanical,
            )
        )
        return receiver if by is None else by

    def graph(self) -> CausalGraph:
        """Return the causal graph of all events so far."""
        steps = []
        for index, (fields, span) in enumerate(zip(self.steps, self.spans, strict=True)):
            parent = self.parent[index]
            built = Span(
                trace_id=TRACE_ID,
                span_id=f"{index + 1:016x}",
                parent_id=f"{parent + 1:016x}" if parent >= 0 else "",
                **span,
            )
            steps.append(Step(span=built, dialect="test", reason="built by a test", **fields))
        count = len(steps)
        return CausalGraph(
            run_id="run-1",
            trace_ids=(TRACE_ID,),
            state="complete",
            workflow="desk",
            session="",
            steps=tuple(steps),
            owner=tuple(self.owner),
            parent=tuple(self.parent),
            edges=tuple(e for e in self.edges if e.target < count),
            handoffs=tuple(self._settled(h, count) for h in self.handoffs),
        )

    @staticmethod
    def _settled(handoff: Handoff, count: int) -> Handoff:
        """Return a handoff whose receiver has not spoken yet as received by the agent itself."""
        if handoff.received_by is None or handoff.received_by < count:
            return handoff
        return msgspec.structs.replace(handoff, received_by=handoff.receiver)


def one_handoff(sent: Any, received: Any, **fields: Any) -> CausalGraph:
    """Return a run of two agents with one handoff; each side is a payload, or ``None``."""
    run = RunBuilder()
    run.hand_over("back", {"text": "x"}, "x", **fields)
    run.say("Done.")
    graph = run.graph()
    handoff = msgspec.structs.replace(graph.handoffs[0], sent=sent, received=received)
    return msgspec.structs.replace(graph, handoffs=(handoff,))
