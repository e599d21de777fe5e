"""AutoGen's runtime: every message a trace of its own, joined to its cause by a link only."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import UUID

from bench.stories.emit import Draft, Emitted, Layer, dumps, finish
from bench.stories.scene import Message, Node

CORE = "autogen-core"
RUNTIME = "autogen SingleThreadedAgentRuntime"


class Runtime:
    """Delivers what is said: create below the sender, publish and process elsewhere."""

    def __init__(self, agents: Sequence[str], rng: Random) -> None:
        self.drafts: list[Draft] = []
        self.tags: dict[str, tuple[str, ...]] = {}
        self._agents = agents
        self._rng = rng
        self._id = str(UUID(int=rng.getrandbits(128), version=4))

    def span(self, layer: Layer, start: int, end: int, above: Draft | None = None) -> Draft:
        """Record a span, in a trace of its own where nothing is above it."""
        made = Draft(
            layer=layer,
            trace=above.trace if above else f"{self._rng.getrandbits(128):032x}",
            id=f"{self._rng.getrandbits(64):016x}",
            parent=above.id if above else "",
            start=start,
            end=end,
        )
        self.drafts.append(made)
        return made

    def mark(self, tag: str, draft: Draft) -> None:
        """Remember the span of a tag."""
        if tag:
            self.tags[tag] = (*self.tags.get(tag, ()), draft.id)

    def deliver(
        self, told: dict[str, Any], kind: str, moment: int, sender: str, above: Draft | None
    ) -> Draft:
        """Record that a message goes to all agents; return the span that publishes it."""
        topic = f"group_topic_{self._id}.({self._id})-T"
        about = {"messaging.operation": "create", "messaging.destination": topic}
        about |= {"messaging.message.type": kind}
        create = self.span(
            Layer(name=f"autogen create {topic}", attributes=about, scope=RUNTIME),
            moment,
            moment + 1,
            above,
        )
        about = {"messaging.operation": "publish", "messaging.destination": topic}
        publish = self.span(
            Layer(name=f"autogen publish {topic}", attributes=about, scope=RUNTIME),
            moment + 2,
            moment + 3,
        )
        publish.links = ((create.trace, create.id),)
        for agent in self._agents if kind == "GroupChatAgentResponse" else ("Manager",):
            self.process(publish, agent, dumps(told), sender, (moment + 4, moment + 9))
        return publish

    def process(
        self, cause: Draft, agent: str, told: str, sender: str, span: tuple[int, int]
    ) -> Draft:
        """Record that an agent takes a message in."""
        where = f"{agent}_{self._id}.({self._id})-A"
        about = {
            "sender_agent_type": f"{sender}_{self._id}",
            "recipient_agent_type": f"{agent}_{self._id}",
            "recipient_agent_class": "ChatAgentContainer",
            "message": told,
            "messaging.operation": "process",
            "messaging.destination": where,
        }
        layer = Layer(name=f"autogen process {where}", attributes=about, scope=RUNTIME)
        made = self.span(layer, *span, above=cause)
        made.links = ((cause.trace, cause.id),)
        return made


def autogen(nodes: Sequence[Node], rng: Random) -> Emitted:
    """Return the spans of a group chat or a swarm as AutoGen records it."""
    names = dict.fromkeys(node.agent for node in nodes if node.kind == "agent")
    runtime = Runtime(tuple(names), rng)
    told = nodes[0].heard[0].text
    begun = {"messages": [{"source": "user", "content": told, "type": "TextMessage"}]}
    cause = runtime.deliver(begun, "GroupChatAgentResponse", 0, "Manager", None)
    for index, node in enumerate(nodes):
        if node.kind == "agent":
            cause = _invoke(runtime, nodes, index, cause)
    return finish(runtime.drafts, runtime.tags, CORE)


def _invoke(runtime: Runtime, nodes: Sequence[Node], index: int, cause: Draft) -> Draft:
    """Record one turn of an agent; return the span that publishes what it said."""
    node = nodes[index]
    span = (node.start, node.end)
    process = runtime.process(cause, node.agent, "{}", "Manager", span)
    about = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": node.agent}
    layer = Layer(
        name=f"invoke_agent {node.agent}", attributes=about | {"gen_ai.system": "autogen"}
    )
    invoke = runtime.span(layer, node.start + 10, node.end - 10, process)
    runtime.mark(node.tag, invoke)
    events: list[dict[str, Any]] = []
    said = ""
    for inner in _below(nodes, index):
        if inner.kind in ("tool", "handoff"):
            events.append(_tool(runtime, inner, invoke))
        elif inner.kind == "model" and inner.said is not None:
            runtime.mark(inner.tag, invoke)
            said = inner.said.text or said
            if inner.said.calls:
                events.append(_request(runtime, inner.said, inner, invoke))
    message = {"source": node.agent, "content": said, "type": "TextMessage"}
    told = {"response": {"chat_message": message, "inner_messages": events}, "name": node.agent}
    kind = "GroupChatAgentResponse"
    return runtime.deliver(told, kind, node.end - 12, node.agent, invoke)


def _below(nodes: Sequence[Node], index: int) -> list[Node]:
    inside, found = {index}, []
    for at in range(index + 1, len(nodes)):
        if nodes[at].parent in inside:
            inside.add(at)
            found.append(nodes[at])
    return found


def _tool(runtime: Runtime, node: Node, invoke: Draft) -> dict[str, Any]:
    """Record the run of a tool: what it took and returned is in messages only."""
    about = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": node.name}
    about |= {"gen_ai.tool.call.id": node.asked.id, "gen_ai.system": "autogen"}
    layer = Layer(name=f"execute_tool {node.name}", attributes=about)
    runtime.mark(node.tag, runtime.span(layer, node.start, node.end, invoke))
    got = {"content": dumps(node.result), "name": node.name, "call_id": node.asked.id}
    told = {"source": node.agent, "content": [got | {"is_error": node.failed}]}
    event = {**told, "type": "ToolCallExecutionEvent"}
    runtime.deliver({"message": event}, "GroupChatMessage", node.end, node.agent, invoke)
    return event


def _request(runtime: Runtime, said: Message, node: Node, invoke: Draft) -> dict[str, Any]:
    """Record that an agent asks for tools."""
    calls = [
        {"id": call.id, "arguments": dumps(call.arguments), "name": call.name}
        for call in said.calls
    ]
    event = {"source": node.agent, "content": calls, "type": "ToolCallRequestEvent"}
    runtime.deliver({"message": event}, "GroupChatMessage", node.end, node.agent, invoke)
    return event
