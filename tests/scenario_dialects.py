"""The words of real dialects: what one span of a scenario says, as attributes.

Sources: the OpenTelemetry GenAI semantic conventions, and OpenInference's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from causewatch.model.span import SpanKind
from scenario_language import DialectName, SpanWord

Part = tuple[Literal["text", "call", "result"], str, str, Any]
"""What it is, the call's id, the tool's name, and the text, arguments or result."""
Message = tuple[str, tuple[Part, ...]]
"""The role, and what it says."""
Attributes = dict[str, Any]


class Facts(msgspec.Struct):
    """What one span has to say, whatever its dialect; ``UNSET`` is not recorded."""

    word: SpanWord
    name: str
    agent: str = ""
    arguments: Any = msgspec.UNSET
    result: Any = msgspec.UNSET
    call_id: str = ""
    asked: tuple[Message, ...] = ()
    said: Message | None = None
    finish: str = "stop"
    returns: bool = False
    bare: bool = False


class Spoken(NamedTuple):
    """A span's name, kind and attributes."""

    name: str
    kind: SpanKind
    attributes: Attributes


def texts_of(value: Any) -> Iterator[str]:
    """Yield the texts inside of a JSON value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from texts_of(member)


def silent(facts: Facts) -> Facts:
    """Return what is left where instrumentation records no content."""
    unset = msgspec.UNSET
    return msgspec.structs.replace(facts, arguments=unset, result=unset, asked=(), said=None)


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _given(key: str, value: Any) -> Attributes:
    return {} if value is msgspec.UNSET or value is None else {key: _json(value)}


def _query(given: Any) -> Any:
    return next(texts_of(given), given) if isinstance(given, dict) else given


# -- OpenTelemetry GenAI

_OPERATIONS: Mapping[SpanWord, str] = {
    "workflow": "invoke_workflow", "agent": "invoke_agent", "model": "chat",
    "tool": "execute_tool", "call": "execute_tool", "retrieval": "retrieval",
    "handoff": "handoff", "guardrail": "guardrail",
}  # fmt: skip


def _genai(facts: Facts) -> Spoken:
    operation = _OPERATIONS.get(facts.word)
    if operation is None or facts.bare:
        return Spoken(facts.name or facts.word, "internal", {})
    attributes: Attributes = {"gen_ai.operation.name": operation}
    if facts.agent:
        attributes["gen_ai.agent.name"] = facts.agent
    attributes |= _GENAI[facts.word](facts) if facts.word in _GENAI else {}
    if facts.word == "model":
        return Spoken("chat mini-1", "client", attributes)
    return Spoken(f"{operation} {facts.name}".strip(), "internal", attributes)


def _genai_agent(facts: Facts) -> Attributes:
    """Write an agent's task and answer as messages."""
    attributes: Attributes = {}
    if isinstance(facts.arguments, str):
        told = {"role": "user", "parts": [{"type": "text", "content": facts.arguments}]}
        attributes["gen_ai.input.messages"] = _json([told])
    if isinstance(facts.result, str):
        parts = [{"type": "text", "content": facts.result}]
        said = {"role": "assistant", "parts": parts, "finish_reason": "stop"}
        attributes["gen_ai.output.messages"] = _json([said])
    return attributes


def _genai_model(facts: Facts) -> Attributes:
    attributes: Attributes = {
        "gen_ai.request.model": "mini-1",
        "gen_ai.response.finish_reasons": [facts.finish],
    }
    if facts.asked:
        attributes["gen_ai.input.messages"] = _json(list(map(_genai_message, facts.asked)))
    if facts.said is not None:
        said = {**_genai_message(facts.said), "finish_reason": facts.finish}
        attributes["gen_ai.output.messages"] = _json([said])
    return attributes


def _genai_message(message: Message) -> dict[str, Any]:
    role, parts = message
    return {"role": role, "parts": [_genai_part(part) for part in parts]}


def _genai_part(part: Part) -> dict[str, Any]:
    kind, call_id, name, content = part
    if kind == "text":
        return {"type": "text", "content": content}
    if kind == "call":
        return {"type": "tool_call", "id": call_id, "name": name, "arguments": content}
    return {"type": "tool_call_response", "id": call_id, "response": content}


def _genai_tool(facts: Facts) -> Attributes:
    return {
        "gen_ai.tool.name": facts.name,
        **({"gen_ai.tool.call.id": facts.call_id} if facts.call_id else {}),
        **_given("gen_ai.tool.call.arguments", facts.arguments),
        **_given("gen_ai.tool.call.result", facts.result),
    }


def _genai_retrieval(facts: Facts) -> Attributes:
    return {
        "gen_ai.tool.name": facts.name,
        **({"gen_ai.tool.call.id": facts.call_id} if facts.call_id else {}),
        **_given("gen_ai.retrieval.query.text", _query(facts.arguments)),
        **_given("gen_ai.retrieval.documents", facts.result),
    }


def _genai_handoff(facts: Facts) -> Attributes:
    return {
        "gen_ai.handoff.from_agent": facts.agent,
        "gen_ai.handoff.to_agent": facts.name,
        "gen_ai.transfer.mode": "return_to_caller" if facts.returns else "pass_control",
    }


_GENAI: Mapping[SpanWord, Callable[[Facts], Attributes]] = {
    "workflow": lambda facts: {"gen_ai.workflow.name": facts.name},
    "agent": _genai_agent,
    "model": _genai_model,
    "tool": _genai_tool,
    "call": _genai_tool,
    "retrieval": _genai_retrieval,
    "handoff": _genai_handoff,
}

# -- OpenInference

_KINDS: Mapping[SpanWord, str] = {
    "workflow": "CHAIN", "agent": "AGENT", "model": "LLM", "tool": "TOOL", "call": "TOOL",
    "retrieval": "RETRIEVER", "handoff": "TOOL", "guardrail": "GUARDRAIL",
}  # fmt: skip
_NAMES: Mapping[SpanWord, str] = {"model": "ChatModel", "handoff": "handoff to {}"}


def _openinference(facts: Facts) -> Spoken:
    kind = _KINDS.get(facts.word)
    if kind is None or facts.bare:
        return Spoken(facts.name or facts.word, "internal", {"openinference.span.kind": "CHAIN"})
    attributes: Attributes = {"openinference.span.kind": kind}
    attributes |= _OPENINFERENCE[facts.word](facts) if facts.word in _OPENINFERENCE else {}
    return Spoken(_NAMES.get(facts.word, "{}").format(facts.name), "internal", attributes)


def _values(facts: Facts) -> Attributes:
    return _given("input.value", facts.arguments) | _given("output.value", facts.result)


def _openinference_model(facts: Facts) -> Attributes:
    attributes: Attributes = {"llm.model_name": "mini-1", "llm.finish_reason": facts.finish}
    for number, message in enumerate(facts.asked):
        attributes |= _flat(f"llm.input_messages.{number}.message.", message)
    if facts.said is not None:
        attributes |= _flat("llm.output_messages.0.message.", facts.said)
    return attributes


def _flat(prefix: str, message: Message) -> Attributes:
    """Write one message as indexed attributes."""
    role, parts = message
    attributes: Attributes = {f"{prefix}role": role}
    number = 0
    for kind, call_id, name, content in parts:
        if kind == "text":
            attributes[f"{prefix}content"] = content
        elif kind == "result":
            attributes[f"{prefix}tool_call_id"] = call_id
            attributes[f"{prefix}content"] = _json(content)
        else:
            call = f"{prefix}tool_calls.{number}.tool_call."
            attributes[f"{call}id"] = call_id
            attributes[f"{call}function.name"] = name
            attributes[f"{call}function.arguments"] = _json(content)
            number += 1
    return attributes


def _openinference_retrieval(facts: Facts) -> Attributes:
    attributes = _given("input.value", _query(facts.arguments))
    for number, document in enumerate(facts.result or ()):
        for key, value in document.items():
            attributes[f"retrieval.documents.{number}.document.{key}"] = value
    return attributes


_OPENINFERENCE: Mapping[SpanWord, Callable[[Facts], Attributes]] = {
    "agent": lambda f: {"agent.name": f.agent, "graph.node.id": f.agent, **_values(f)},
    "model": _openinference_model,
    "tool": lambda facts: {"tool.name": facts.name, **_values(facts)},
    "call": lambda facts: {"tool.name": facts.name, **_values(facts)},
    "retrieval": _openinference_retrieval,
    "handoff": lambda facts: {"input.value": facts.agent, "output.value": facts.name},
}

SCOPES: Mapping[DialectName, str] = {
    "genai": "scenario.instrumentation",
    "openinference": "openinference.instrumentation.scenario",
}
WRITERS: Mapping[DialectName, Callable[[Facts], Spoken]] = {
    "genai": _genai,
    "openinference": _openinference,
}
