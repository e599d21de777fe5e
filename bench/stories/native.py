"""Frameworks with conventions of their own: Strands' events and Vercel's AI SDK."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bench.stories.emit import Event, Layer, dumps
from bench.stories.genai import MODEL
from bench.stories.scene import Message, Node


def strands(node: Node, session: str) -> tuple[Layer, ...]:
    """Dress a node as Strands Agents does: messages in events of the span."""
    about = {"gen_ai.system": "strands-agents", "session.id": session}
    if node.kind == "turn":
        about["gen_ai.operation.name"] = "execute_event_loop_cycle"
        return (Layer(name="execute_event_loop_cycle", attributes=about),)
    if node.kind == "model":
        about |= {"gen_ai.operation.name": "chat", "gen_ai.request.model": MODEL}
        events = _told(node.heard, _blocks(node.said) if node.said else "")
        return (Layer(name="chat", attributes=about, events=events),)
    if node.kind == "agent":
        about |= {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": node.agent}
        events = _told(node.heard[-1:], node.said.text if node.said else "")
        return (Layer(name=f"invoke_agent {node.agent}", attributes=about, events=events),)
    if node.kind == "workflow":
        about |= {"gen_ai.operation.name": "invoke_swarm", "gen_ai.agent.name": "swarm"}
        return (Layer(name="invoke_swarm", attributes=about),)
    if node.kind in ("tool", "handoff"):
        return (_strands_tool(node, about),)
    return ()


def _strands_tool(node: Node, about: dict[str, Any]) -> Layer:
    name, given = node.name, node.asked.arguments
    if node.kind == "handoff":
        said = node.heard[-1].text if node.heard else ""
        name, given = "handoff_to_agent", {"agent_name": node.target, "message": said}
    about = about | {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}
    about |= {"gen_ai.tool.call.id": node.asked.id, "gen_ai.tool.status": "success"}
    told = {"role": "tool", "content": dumps(given), "id": node.asked.id}
    got = {"message": dumps([{"text": dumps(node.result)}]), "id": node.asked.id}
    events = (
        Event(name="gen_ai.tool.message", attributes=told),
        Event(name="gen_ai.choice", attributes=got),
    )
    return Layer(name=f"execute_tool {name}", attributes=about, events=events)


def _told(heard: Sequence[Message], said: str) -> tuple[Event, ...]:
    found = []
    for message in heard:
        role = message.role
        name = f"gen_ai.{'tool' if role == 'tool' else role}.message"
        found.append(Event(name=name, attributes={"content": _blocks(message)}))
    found.append(Event(name="gen_ai.choice", attributes={"message": said}))
    return tuple(found)


def _blocks(message: Message) -> str:
    """Return the blocks of Bedrock's messages."""
    blocks: list[dict[str, Any]] = []
    if message.call is not None:
        told = {"toolUseId": message.call.id, "status": "success"}
        blocks.append({"toolResult": told | {"content": [{"text": dumps(message.result)}]}})
    elif message.text:
        blocks.append({"text": message.text})
    for call in message.calls:
        use = {"toolUseId": call.id, "name": call.name, "input": call.arguments}
        blocks.append({"toolUse": use})
    return dumps(blocks)


def vercel(node: Node, session: str) -> tuple[Layer, ...]:
    """Dress a node as Vercel's AI SDK does: agents are calls of `generateText`."""
    about: dict[str, Any] = {
        "resource.name": node.agent,
        "ai.telemetry.functionId": node.agent,
        "ai.telemetry.metadata.sessionId": session,
    }
    if node.kind == "agent":
        about |= {"operation.name": f"ai.generateText {node.agent}"}
        about |= {"ai.operationId": "ai.generateText", "ai.model.id": MODEL}
        about |= {"ai.prompt": dumps({"prompt": node.heard[-1].text if node.heard else ""})}
        about |= {"ai.response.text": node.said.text if node.said else ""}
        return (Layer(name="ai.generateText", attributes=about),)
    if node.kind == "model":
        about |= _generated(node)
        return (Layer(name="ai.generateText.doGenerate", attributes=about),)
    if node.kind in ("tool", "handoff"):
        about |= {"operation.name": f"ai.toolCall {node.agent}", "ai.operationId": "ai.toolCall"}
        about |= {"ai.toolCall.name": node.name, "ai.toolCall.id": node.asked.id}
        about |= {"ai.toolCall.args": dumps(node.asked.arguments)}
        about |= {"ai.toolCall.result": json.dumps(node.result, ensure_ascii=False)}
        return (Layer(name="ai.toolCall", attributes=about),)
    if node.kind in ("workflow", "merge"):
        return (Layer(name=node.name, attributes={}, scope="app"),)
    return ()


def _generated(node: Node) -> dict[str, Any]:
    calls = [
        {"toolCallId": call.id, "toolName": call.name, "input": dumps(call.arguments)}
        for call in node.reply.calls
    ]
    return {
        "operation.name": f"ai.generateText.doGenerate {node.agent}",
        "ai.operationId": "ai.generateText.doGenerate",
        "gen_ai.request.model": MODEL,
        "gen_ai.system": "openai.chat",
        "ai.prompt.messages": dumps([_vercel_message(message) for message in node.heard]),
        "ai.response.text": node.reply.text or None,
        "ai.response.toolCalls": dumps(calls) if calls else None,
        "ai.response.finishReason": "tool-calls" if calls else "stop",
    }


def _vercel_message(message: Message) -> dict[str, Any]:
    if message.role == "system":
        return {"role": "system", "content": message.text}
    parts: list[dict[str, Any]] = []
    if message.call is not None:
        kind = "text" if isinstance(message.result, str) else "json"
        told = {"type": "tool-result", "toolCallId": message.call.id}
        told |= {"toolName": message.call.name}
        parts.append({**told, "output": {"type": kind, "value": message.result}})
    elif message.text:
        parts.append({"type": "text", "text": message.text})
    for call in message.calls:
        told = {"type": "tool-call", "toolCallId": call.id, "toolName": call.name}
        parts.append({**told, "input": call.arguments})
    return {"role": message.role, "content": parts}
