"""Dialects that follow the GenAI conventions: messages of parts, as attributes or in an event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.stories.emit import Event, Layer, dumps
from bench.stories.scene import Message, Node

MODEL = "gpt-4o-mini"


def parts_of(messages: Sequence[Message], *, quoted: bool = False) -> list[dict[str, Any]]:
    """Return messages of parts; ``quoted`` writes arguments as text, as some frameworks do."""
    found = []
    for message in messages:
        parts: list[dict[str, Any]] = []
        if message.call is not None:
            told = {"type": "tool_call_response", "id": message.call.id}
            parts.append(told | {"response": message.result})
        elif message.text:
            parts.append({"type": "text", "content": message.text})
        for call in message.calls:
            given = dumps(call.arguments) if quoted else call.arguments
            parts.append(
                {"type": "tool_call", "id": call.id, "name": call.name, "arguments": given}
            )
        found.append({"role": message.role, "parts": parts})
    return found


def _contents(node: Node, *, quoted: bool = False) -> dict[str, Any]:
    """Return the three content attributes of a call of a model."""
    finish = "tool_call" if node.reply.calls else "stop"
    out = [{**parts_of([node.reply], quoted=quoted)[0], "finish_reason": finish}]
    told = [message for message in node.heard if message.role == "system"]
    heard = [message for message in node.heard if message.role != "system"]
    found = {
        "gen_ai.input.messages": dumps(parts_of(heard, quoted=quoted)),
        "gen_ai.output.messages": dumps(out),
    }
    if told:
        parts = [{"type": "text", "content": message.text} for message in told]
        found["gen_ai.system_instructions"] = dumps(parts)
    return found


def genai(node: Node, session: str) -> tuple[Layer, ...]:
    """Dress a node as the conventions of version 1.37 and later say."""
    known = {"gen_ai.conversation.id": session, "gen_ai.provider.name": "openai"}
    if node.kind == "model":
        about = {"gen_ai.operation.name": "chat", "gen_ai.request.model": MODEL}
        return (Layer(name=f"chat {MODEL}", attributes=about | known | _contents(node)),)
    return _plain(node, known)


def genai_event(node: Node, session: str) -> tuple[Layer, ...]:
    """Dress a node likewise, with the messages of a model's call in an event."""
    if node.kind != "model":
        return genai(node, session)
    about = {"gen_ai.operation.name": "chat", "gen_ai.request.model": MODEL}
    event = Event(name="gen_ai.client.inference.operation.details", attributes=_contents(node))
    known = {"gen_ai.conversation.id": session}
    return (Layer(name=f"chat {MODEL}", attributes=about | known, events=(event,)),)


def _plain(node: Node, known: dict[str, Any], *, own: bool = False) -> tuple[Layer, ...]:
    """Dress what is no call of a model; ``own`` puts the agent's name on tools too."""
    if node.kind == "workflow":
        about = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": node.name}
        return (Layer(name=f"invoke_workflow {node.name}", attributes=about | known),)
    if node.kind == "agent":
        about = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": node.agent}
        return (Layer(name=f"invoke_agent {node.agent}", attributes=about | known),)
    if node.kind in ("tool", "handoff"):
        who = {"gen_ai.agent.name": node.agent} if own else {}
        return (Layer(name=f"execute_tool {node.name}", attributes=_tool(node) | who),)
    if node.kind == "merge":
        return (Layer(name="merge", attributes={}),)
    return ()


def _tool(node: Node) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": node.name,
        "gen_ai.tool.call.id": node.asked.id,
        "gen_ai.tool.call.arguments": dumps(node.asked.arguments),
        "gen_ai.tool.call.result": dumps(node.result),
    }


def pydantic_ai(node: Node, session: str) -> tuple[Layer, ...]:
    """Dress a node as pydantic-ai does: the agent on every span, its messages twice."""
    known = {"gen_ai.agent.name": node.agent, "gen_ai.agent.call.id": f"{session}-{node.agent}"}
    if node.kind == "model":
        about = {"gen_ai.operation.name": "chat", "gen_ai.request.model": MODEL}
        about |= {"gen_ai.system": "openai", "gen_ai.provider.name": "openai"}
        contents = _contents(node, quoted=True)
        return (Layer(name=f"chat {MODEL}", attributes=about | known | contents),)
    if node.kind == "agent":
        said = node.said.text if node.said else ""
        told = [*node.heard, *([node.said] if node.said else [])]
        about = {
            "gen_ai.operation.name": "invoke_agent",
            "agent_name": node.agent,
            "model_name": MODEL,
            "final_result": said,
            "pydantic_ai.all_messages": dumps(parts_of(told, quoted=True)),
            "logfire.msg": f"{node.agent} run",
        }
        return (Layer(name=f"invoke_agent {node.agent}", attributes=about | known),)
    if node.kind in ("workflow", "merge"):
        return (Layer(name=node.name, attributes={"logfire.msg": node.name}),)
    return _plain(node, known, own=True)


def openllmetry(node: Node, session: str) -> tuple[Layer, ...]:
    """Dress a node as OpenLLMetry's instrumentation of the OpenAI Agents SDK does."""
    known = {"gen_ai.provider.name": "openai", "gen_ai.conversation.id": session}
    if node.kind == "workflow":
        about = {"traceloop.span.kind": "workflow", "traceloop.workflow.name": node.name}
        return (Layer(name="Agent Workflow", attributes=about | known),)
    if node.kind == "agent":
        about = {"traceloop.span.kind": "agent", "gen_ai.operation.name": "invoke_agent"}
        about |= {"gen_ai.agent.name": node.agent}
        return (Layer(name=f"{node.agent}.agent", attributes=about | known),)
    if node.kind == "model":
        about = {"gen_ai.operation.name": "chat", "gen_ai.response.model": MODEL}
        contents = _contents(node)
        contents["gen_ai.input.messages"] = dumps(parts_of(node.heard))
        contents.pop("gen_ai.system_instructions", None)
        return (Layer(name="openai.response", attributes=about | known | contents),)
    if node.kind == "handoff":
        about = {"traceloop.span.kind": "handoff", "gen_ai.operation.name": "handoff"}
        about |= {"gen_ai.handoff.from_agent": node.agent, "gen_ai.agent.name": node.agent}
        return (Layer(name=f"{node.agent} → unknown.handoff", attributes=about | known),)
    return _openllmetry_rest(node)


def _openllmetry_rest(node: Node) -> tuple[Layer, ...]:
    """Dress tools, which have no call id, and what joins branches."""
    if node.kind == "tool":
        about = _tool(node) | {"traceloop.span.kind": "tool"}
        about.pop("gen_ai.tool.call.id")
        return (Layer(name=f"{node.name}.tool", attributes=about),)
    if node.kind == "merge":
        about = {"traceloop.span.kind": "task", "traceloop.entity.output": dumps(node.result)}
        return (Layer(name="merge.task", attributes=about),)
    return ()


def adk(node: Node, session: str) -> tuple[Layer, ...]:
    """Dress a node as Google's ADK does: transfers without a payload, results wrapped."""
    known = {"gen_ai.conversation.id": session}
    if node.kind == "model":
        about: dict[str, Any] = {"gen_ai.operation.name": "generate_content"}
        about["gen_ai.request.model"] = MODEL
        about |= {"gen_ai.agent.name": node.agent, "gen_ai.response.finish_reasons": ["stop"]}
        name = f"generate_content {MODEL}"
        return (Layer(name=name, attributes=about | known | _contents(node)),)
    if node.kind == "handoff":
        about = _tool(node) | {"gen_ai.tool.name": "transfer_to_agent"}
        about |= {"gen_ai.tool.call.arguments": dumps({"agent_name": node.target})}
        about |= {"gen_ai.tool.call.result": dumps({"result": None})}
        about |= {"gen_ai.agent.name": node.agent}
        return (Layer(name="execute_tool transfer_to_agent", attributes=about),)
    if node.kind == "tool":
        about = _tool(node) | {"gen_ai.agent.name": node.agent}
        if not isinstance(node.result, dict):
            about["gen_ai.tool.call.result"] = dumps({"result": node.result})
        return (Layer(name=f"execute_tool {node.name}", attributes=about),)
    return () if node.kind == "merge" else _plain(node, known)
