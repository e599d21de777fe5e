"""LangGraph as three instrumentations record it: nodes twice, serialized messages, control flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.stories.emit import Event, Layer, dumps
from bench.stories.openinference import KIND
from bench.stories.openinference import model as model_attributes
from bench.stories.scene import Call, Message, Node

ROLES = {"system": "system", "user": "human", "assistant": "ai", "tool": "tool"}


def _tool_call(call: Call) -> dict[str, Any]:
    return {"name": call.name, "args": call.arguments, "id": call.id, "type": "tool_call"}


def serialized(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return messages as LangChain writes its own."""
    found = []
    for message in messages:
        role = ROLES[message.role]
        data: dict[str, Any] = {"content": message.text, "additional_kwargs": {}, "type": role}
        if message.call is not None:
            data |= {"content": dumps(message.result), "name": message.call.name}
            data |= {"tool_call_id": message.call.id, "status": "success"}
        if message.calls:
            data["tool_calls"] = [_tool_call(call) for call in message.calls]
        found.append({"type": role, "data": data})
    return found


def _result(node: Node) -> dict[str, Any]:
    return serialized([Message(role="tool", call=node.call, result=node.result)])[0]


def _left(target: str) -> Event:
    """Return the exception that LangGraph raises inside itself to pass control on."""
    said = f"Command(graph='__parent__', update={{}}, goto='{target}')"
    about = {"exception.type": "langgraph.errors.ParentCommand", "exception.message": said}
    return Event(name="exception", attributes=about)


def _metadata(node: Node, session: str, name: str) -> dict[str, Any]:
    """Return what LangGraph knows of the node it runs."""
    space = f"{node.agent}:{session}"
    return {
        "thread_id": session,
        "langgraph_node": name,
        "langgraph_checkpoint_ns": space,
        "lc_agent_name": node.agent,
    }


def langgraph(node: Node, session: str) -> tuple[Layer, ...]:
    """Dress a node as OpenInference's instrumentation of LangChain does."""

    def chain(name: str, kind: str = "CHAIN", **more: Any) -> Layer:
        events = more.pop("events", ())
        about = {KIND: kind, "session.id": session}
        about |= {"metadata": dumps(_metadata(node, session, name))}
        about |= {f"{key}.value": dumps(value) for key, value in more.items()}
        return Layer(name=name, attributes=about, events=events)

    heard = {"messages": serialized(node.heard)}
    said = {"messages": serialized([node.said] if node.said else [])}
    if node.kind == "workflow":
        return (chain("LangGraph", input=heard, output=said),)
    if node.kind == "agent":
        return tuple(chain(node.agent, "AGENT", input=heard, output=said) for _ in range(2))
    if node.kind == "model":
        whole = model_attributes(node) | {"session.id": session}
        whole["metadata"] = dumps(_metadata(node, session, "model"))
        update = [{"graph": None, "update": said}]
        return (
            chain("model", input=heard, output=update),
            Layer(name="ChatOpenAI", attributes=whole),
        )
    if node.kind in ("tool", "handoff"):
        return _langgraph_tool(node, chain)
    return (chain("merge", output={"messages": node.result}),) if node.kind == "merge" else ()


def _langgraph_tool(node: Node, chain: Any) -> tuple[Layer, ...]:
    given = list(node.asked.arguments.values())
    bare = given[0] if len(given) == 1 else node.asked.arguments
    update = {"graph": "__parent__", "update": {"messages": [_result(node)]}, "goto": node.target}
    is_handoff = node.kind == "handoff"
    about = {
        KIND: "AGENT" if "agent" in node.name else "TOOL",
        "tool.name": node.name,
        "input.value": dumps(bare),
        "output.value": dumps(update if is_handoff else _result(node)),
        "output.mime_type": "application/json",
    }
    events = (_left(node.target),) if is_handoff else ()
    around = {} if is_handoff else {"output": {"messages": [_result(node)]}}
    outer = chain("tools", input=[_tool_call(node.asked)], events=events, **around)
    own = {key: outer.attributes[key] for key in ("session.id", "metadata")}
    return (outer, Layer(name=node.name, attributes=about | own))


def langsmith(node: Node, session: str) -> tuple[Layer, ...]:
    """Dress a node as the LangSmith SDK exports it."""

    def run(name: str, kind: str, given: Any, got: Any, **more: Any) -> Layer:
        operation = {"llm": "chat", "tool": "execute_tool"}.get(kind, kind)
        about = {"langsmith.span.kind": kind, "gen_ai.operation.name": operation}
        about |= {"langsmith.trace.name": name, "gen_ai.system": "langchain"}
        about |= {
            f"langsmith.metadata.{key}": value
            for key, value in _metadata(node, session, name).items()
        }
        about |= {"gen_ai.prompt": dumps(given), "gen_ai.completion": dumps(got)}
        return Layer(name=name, attributes=about | more)

    heard = {"messages": _constructed(node.heard, flat=True)}
    said = {"messages": _constructed([node.said] if node.said else [], flat=True)}
    if node.kind == "workflow":
        return (run("LangGraph", "chain", heard, said),)
    if node.kind == "agent":
        return (run(node.agent, "chain", heard, said), run(node.agent, "chain", heard, said))
    if node.kind == "model":
        out = {"generations": [[_generation(node.reply)]], "llm_output": {}}
        given = {"messages": [_constructed(node.heard)]}
        about = {"gen_ai.request.model": "gpt-4o-mini"}
        llm = run("ChatOpenAI", "llm", given, out, **about)
        return (run("model", "chain", heard, said), llm)
    if node.kind in ("tool", "handoff"):
        got = _constructed([Message(role="tool", call=node.call, result=node.result)], flat=True)
        about = {"gen_ai.tool.name": node.name, "gen_ai.tool.call.id": node.asked.id}
        inner = run(node.name, "tool", node.asked.arguments, {"output": got[0]}, **about)
        calls = {"input": [_tool_call(node.asked)]}
        return (run("tools", "chain", calls, {"messages": got}), inner)
    return (run("merge", "chain", {}, {"messages": node.result}),) if node.kind == "merge" else ()


def _constructed(messages: Sequence[Message], *, flat: bool = False) -> list[dict[str, Any]]:
    """Return messages as LangSmith writes them: inside models as constructors, else flat."""
    found = []
    for made in serialized(messages):
        name = {"human": "HumanMessage", "ai": "AIMessage", "tool": "ToolMessage"}
        kind = name.get(made["type"], "SystemMessage")
        path = ["langchain", "schema", "messages", kind]
        whole = {"lc": 1, "type": "constructor", "id": path, "kwargs": made["data"]}
        found.append(made["data"] if flat else whole)
    return found


def _generation(said: Message) -> dict[str, Any]:
    return {"text": said.text, "type": "ChatGeneration", "message": _constructed([said])[0]}


def langfuse(node: Node, session: str) -> tuple[Layer, ...]:
    """Dress a node as the Langfuse SDK does: input and output of every observation as JSON."""
    kinds = {"workflow": "chain", "turn": "", "model": "generation", "merge": "span"}
    kind = kinds.get(node.kind, "tool" if node.kind == "handoff" else node.kind)
    if not kind:
        return ()
    about: dict[str, Any] = {"langfuse.observation.type": kind, "langfuse.session.id": session}
    heard: Any = _openai(node.heard)
    said: Any = _openai([node.said])[0] if node.said else None
    if node.kind in ("tool", "handoff"):
        heard, said = node.asked.arguments, node.result
    if node.kind == "model":
        about["langfuse.observation.model.name"] = "gpt-4o-mini"
    if node.kind == "merge":
        heard, said = {}, node.result
    about["langfuse.observation.input"] = dumps(heard)
    about["langfuse.observation.output"] = dumps(said)
    return (Layer(name=node.agent if kind == "agent" else node.name, attributes=about),)


def _openai(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return messages as the OpenAI chat API takes them."""
    found = []
    for message in messages:
        made: dict[str, Any] = {"role": message.role, "content": message.text}
        if message.call is not None:
            made |= {"content": dumps(message.result), "tool_call_id": message.call.id}
        if message.calls:
            made["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": dumps(call.arguments)},
                }
                for call in message.calls
            ]
        found.append(made)
    return found
