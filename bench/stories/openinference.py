"""Dialects that follow OpenInference: indexed messages; of the Agents SDK and of CrewAI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.stories.emit import Layer, dumps
from bench.stories.genai import MODEL
from bench.stories.scene import Call, Message, Node

KIND = "openinference.span.kind"


def indexed(prefix: str, messages: Sequence[Message]) -> dict[str, Any]:
    """Return messages as OpenInference flattens them."""
    found: dict[str, Any] = {}
    for number, message in enumerate(messages):
        at = f"{prefix}.{number}.message."
        found[f"{at}role"] = message.role
        if message.call is not None:
            found[f"{at}content"] = dumps(message.result)
            found[f"{at}tool_call_id"] = message.call.id
        elif message.text:
            found[f"{at}content"] = message.text
        found |= _calls(at, message.calls)
    return found


def _calls(at: str, calls: Sequence[Call]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, call in enumerate(calls):
        here = f"{at}tool_calls.{number}.tool_call."
        found[f"{here}id"] = call.id
        found[f"{here}function.name"] = call.name
        found[f"{here}function.arguments"] = dumps(call.arguments)
    return found


def model(node: Node) -> dict[str, Any]:
    """Return the attributes of a call of a model."""
    return {
        KIND: "LLM",
        "llm.model_name": MODEL,
        "llm.system": "openai",
        **indexed("llm.input_messages", node.heard),
        **indexed("llm.output_messages", [node.reply]),
    }


def tool(node: Node) -> dict[str, Any]:
    """Return the attributes of a call of a tool."""
    is_text = isinstance(node.result, str)
    return {
        KIND: "TOOL",
        "tool.name": node.name,
        "input.value": dumps(node.asked.arguments),
        "input.mime_type": "application/json",
        "output.value": dumps(node.result),
        "output.mime_type": "text/plain" if is_text else "application/json",
    }


def openai_agents(node: Node, session: str) -> tuple[Layer, ...]:
    """Dress a node as the instrumentation of the OpenAI Agents SDK does."""
    if node.kind == "workflow":
        return (
            Layer(name="Agent workflow", attributes={KIND: "AGENT", "session.id": session}),
            Layer(name="Agent workflow", attributes={KIND: "CHAIN"}),
        )
    if node.kind == "agent":
        about = {KIND: "AGENT", "agent.name": node.agent, "graph.node.id": node.agent}
        return (Layer(name=node.agent, attributes=about),)
    if node.kind == "turn":
        return (Layer(name="turn", attributes={KIND: "CHAIN"}),)
    if node.kind == "model":
        return (Layer(name="response", attributes=model(node)),)
    if node.kind == "handoff":
        about = {KIND: "TOOL", "input.value": node.agent, "output.value": node.target}
        return (Layer(name=f"handoff to {node.target}", attributes=about),)
    about = tool(node) if node.kind == "tool" else {KIND: "CHAIN"}
    return (Layer(name=node.name, attributes=about),)


def crewai(node: Node, session: str) -> tuple[Layer, ...]:
    """Dress a node as the instrumentation of CrewAI does: no calls of models at all.

    An agent that works for another one has no span either: its tools hang below the delegation.
    """
    if node.kind == "workflow":
        return (_kickoff(node, session),)
    if node.kind == "agent" and node.is_delegated:
        return ()
    if node.kind == "agent":
        crew = (_kickoff(node, session),) if node.parent is None else ()
        return (*crew, _crew_member(node))
    if node.kind == "tool" and node.target:
        given = {"task": "Do your part.", "context": node.asked.arguments["task"]}
        about = tool(node) | {"tool.name": "Delegate work to coworker"}
        about["input.value"] = dumps(given | {"coworker": node.target})
        return (Layer(name="Delegate work to coworker.run", attributes=about),)
    if node.kind == "tool":
        return (Layer(name=f"{node.name}.run", attributes=tool(node)),)
    return ()


def _kickoff(node: Node, session: str) -> Layer:
    """Return the span of the whole crew: the only one that tells what the user asked for."""
    about = {KIND: "CHAIN", "input.value": dumps({"topic": session}), "crew_key": session}
    tasks = [{"description": _heard(node), "agent_role": node.agent, "tools_names": []}]
    about |= {"crew_tasks": dumps(tasks), "output.value": dumps({"raw": _said(node)})}
    return Layer(name="crew.kickoff", attributes=about)


def _crew_member(node: Node) -> Layer:
    given: dict[str, Any] = {"agent": {"role": node.agent, "goal": "Do it right."}}
    given |= {"context": _heard(node), "tools": []}
    about = {KIND: "AGENT", "graph.node.id": node.agent, "input.value": dumps(given)}
    about["output.value"] = dumps({"description": "Do your part.", "raw": _said(node)})
    return Layer(name=f"{node.agent}.work._execute_core", attributes=about)


def _said(node: Node) -> str:
    return node.said.text if node.said else ""


def _heard(node: Node) -> str:
    return node.heard[-1].text if node.heard else ""
