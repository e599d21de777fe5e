"""Chat messages, in whatever shape a framework writes them, to canonical ``Message`` values.

One tolerant reader serves all: OTel GenAI parts, OpenAI chat and Responses items, Anthropic and
Bedrock blocks, Gemini contents, LangChain messages (three serialisations), Vercel messages,
OpenInference's nesting. Shapes are told apart by their own keys, so a dialect's table only has to
say where the messages are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import cast

import msgspec

from causewatch.dialects.chat_repr import read_chat_repr
from causewatch.dialects.unwrap import is_shallow, parse, unwrap
from causewatch.model.limits import DEFAULT_PAYLOAD_LIMITS
from causewatch.model.step import Message, OtherPart, Part, TextPart, ToolCallPart, ToolResultPart
from causewatch.model.value import Value

_ROLES = {
    "human": "user", "humanmessage": "user", "humanmessagechunk": "user", "user": "user",
    "ai": "assistant", "aimessage": "assistant", "aimessagechunk": "assistant",
    "assistant": "assistant", "model": "assistant",
    "systemmessage": "system", "system": "system", "developer": "developer",
    "toolmessage": "tool", "functionmessage": "tool", "function": "tool", "tool": "tool",
    "tool-call": "assistant", "tool-response": "tool",
    "function_call": "assistant", "reasoning": "assistant",
    "function_call_output": "tool",
}  # fmt: skip
_TEXT = frozenset({"text", "input_text", "output_text", "reasoning", "thinking", "summary_text"})
_CALL = frozenset(
    {"tool_call", "tool_use", "tool-call", "function_call", "toolUse", "toolCall", "function"}
)
_RESULT = frozenset(
    {"tool_call_response", "tool_result", "tool-result", "function_call_output", "toolResult",
     "function_response", "tool_response"}
)  # fmt: skip
_CALL_OR_RESULT = _CALL | _RESULT
_BLOCK = _TEXT | _CALL_OR_RESULT
_PLAIN_BLOCK = frozenset({"text", "toolUse", "toolResult", "cachePoint"})
_NESTED = ("message", "data", "kwargs", "message_content", "tool_call")
_FINISH = ("finish_reason", "finishReason", "stop_reason")
_ENVELOPES = (
    "tool_call", "message_content", "function_call", "function_response", "toolUse", "toolResult",
    "toolCall",
)  # fmt: skip
_ASKING = ("tool_calls", "function_call")
_HOLDERS = (
    "messages", "prompt", "completion", "contents", "content", "generations", "choices",
    "candidates", "output", "raw_input",
)  # fmt: skip
_MAX_NESTING_COUNT = 6
_IN_LIST_DEPTH = 2
MAX_KEPT_BYTES = 4_096
"""Longer messages are read anew each time: keeping them would cost memory."""


def read_messages(value: Value, role: str = "user") -> tuple[Message, ...]:
    """Return the messages that ``value`` holds, at most ``max_messages_per_step``.

    Args:
        value: one message, many, nested lists of them, or JSON text of any of these.
        role: who says plain text.
    """
    messages = _each_once(value, role) if isinstance(value, str) else None
    found = _items(value, role, 0) if messages is None else messages
    return tuple(islice(found, DEFAULT_PAYLOAD_LIMITS.max_messages_per_step))


def _each_once(text: str, role: str) -> list[Message] | None:
    """Return the messages of a JSON list, or ``None`` where it is none, or none of messages.

    Each turn of an agent repeats its whole history, so what was read of a message is kept: a run
    then costs what it says, not how often that is repeated.
    """
    if text[:1] != "[":
        return None
    try:
        items = msgspec.json.decode(text.encode(), type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    found: list[Message] = []
    for item in items:
        raw = bytes(item)
        make = _message_of if len(raw) <= MAX_KEPT_BYTES else _message_of.__wrapped__
        messages = make(raw, role)
        if messages is None:
            return None
        found += messages
    return found


@lru_cache(maxsize=1024)
def _message_of(raw: bytes, role: str) -> tuple[Message, ...] | None:
    try:
        item: Value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    # The list around it is one level.
    if not is_shallow(item, DEFAULT_PAYLOAD_LIMITS.max_json_depth - 1):
        return None
    if not isinstance(item, dict) or not _is_message(item):
        return None
    return tuple(_items(item, role, _IN_LIST_DEPTH))


def _items(value: Value, role: str, depth: int) -> Iterator[Message]:
    if depth > _MAX_NESTING_COUNT or value is None:
        return
    if isinstance(value, str):
        parsed = parse(value)
        if isinstance(parsed, dict | list):
            yield from _items(parsed, role, depth + 1)
        elif (message := read_chat_repr(value)) is not None:
            yield from _items(message, role, depth + 1)
        elif value:
            yield Message(role=role, parts=(TextPart(content=value),))
    elif isinstance(value, list):
        yield from _list_items(value, role, depth)
    elif isinstance(value, dict):
        yield from _dict_items(value, role, depth)


def _list_items(value: list[Value], role: str, depth: int) -> Iterator[Message]:
    """A list holds messages, or it is the content of one message."""
    if any(isinstance(item, dict) and _is_message(item) for item in value):
        for item in value:
            yield from _items(item, role, depth + 1)
    elif all(isinstance(item, dict) for item in value):
        parts = tuple(part for item in value if (part := read_part(item)) is not None)
        if parts:
            only_results = all(isinstance(part, ToolResultPart) for part in parts)
            yield Message(role="tool" if only_results else role, parts=parts)
    else:
        for item in value:
            yield from _items(item, role, depth + 1)


def _is_message(item: dict[str, Value]) -> bool:
    if "role" in item or "parts" in item or "message" in item or _is_candidate(item):
        return True
    kind = item.get("type")
    if _is_event(item):
        return True
    if "lc" in item and isinstance(item.get("kwargs"), dict):
        return True
    return (
        isinstance(kind, str)
        and ((kind.lower() in _ROLES and kind != "reasoning") or kind == "message")
        and ("content" in item or "data" in item or "call_id" in item or "output" in item)
    )


def _is_event(item: dict[str, Value]) -> bool:
    """Tell whether this is an event of AutoGen's agents, which names who it comes from."""
    return all(isinstance(item.get(name), str) for name in ("source", "type")) and "content" in item


def _dict_items(value: dict[str, Value], role: str, depth: int) -> Iterator[Message]:
    if _is_message(value):
        yield from _one(value, role, depth)
        return
    for name, said_by in (("system", "system"), ("system_instruction", "system")):
        if isinstance(text := value.get(name), str) and text:
            yield Message(role=said_by, parts=(TextPart(content=text),))
    if isinstance(config := value.get("config"), dict):
        yield from _dict_items({"system": config.get("system_instruction")}, role, depth + 1)
    for name in _HOLDERS:
        inner = value.get(name)
        if inner:
            yield from _items(inner, role, depth + 1)
            return
    part = read_part(value)
    if part is not None and not isinstance(part, OtherPart):
        yield Message(role=role, parts=(part,))


def _one(value: dict[str, Value], role: str, depth: int) -> Iterator[Message]:
    """Read one message; envelopes around it are opened first."""
    for name in _NESTED if not value.keys().isdisjoint(_NESTED) else ():
        inner = value.get(name)
        if isinstance(inner, dict) and "role" not in value:
            kind = _last_id(value) or value.get("type")
            yield from _items({"type": kind, **_finishing(value), **inner}, role, depth + 1)
            return
        if name == "message" and isinstance(inner, str):
            yield from _items(inner, role, depth + 1)
            return
    if _is_candidate(value):
        yield from _items(
            {**_finishing(value), **cast("dict[str, Value]", value["content"])}, role, depth + 1
        )
        return
    says = _role_of(value, role)
    parts = tuple(_parts_of(value, says))
    if _is_event(value) and parts and all(isinstance(part, ToolResultPart) for part in parts):
        says = "tool"
    # The name of an item that is itself a call is the tool's, not a participant's.
    name = "" if _text(value.get("type")) in _CALL_OR_RESULT else _text(value.get("name"))
    yield Message(role=says, parts=parts, name=name, finish_reason=_finish(value))


def _is_candidate(item: dict[str, Value]) -> bool:
    """Tell an answer in Gemini's form: its content is the message."""
    content = item.get("content")
    return "role" not in item and isinstance(content, dict) and "parts" in content


def _finishing(value: dict[str, Value]) -> dict[str, Value]:
    """Return why an answer ended, where the envelope says so and the message does not."""
    return {name: value[name] for name in _FINISH if isinstance(value.get(name), str)}


def _last_id(value: dict[str, Value]) -> str:
    ids = value.get("id")
    return ids[-1] if isinstance(ids, list) and ids and isinstance(ids[-1], str) else ""


def _role_of(value: dict[str, Value], role: str) -> str:
    for name in ("role", "type"):
        said = value.get(name)
        if isinstance(said, str) and said.lower() in _ROLES:
            return _ROLES[said.lower()]
    said = value.get("role")
    if isinstance(said, str) and said:
        return said.lower()
    if _is_event(value):
        # Of a group chat's participants only the user is none of its agents.
        return "user" if value["source"] == "user" else "assistant"
    return role


def _finish(value: dict[str, Value]) -> str:
    for name in _FINISH:
        if isinstance(said := value.get(name), str):
            return said
    metadata = value.get("response_metadata")
    return _text(metadata.get("finish_reason")) if isinstance(metadata, dict) else ""


def _parts_of(value: dict[str, Value], role: str) -> list[Part]:
    if _text(value.get("type")) in _CALL_OR_RESULT:
        part = read_part(value)
        return [] if part is None else [part]
    if role == "tool" and not isinstance(value.get("parts"), list):
        call_id = _call_id(value)
        whole = value.get("contents", value.get("content"))
        if call_id or not _holds_results(whole):
            result = unwrap(whole).value
            return [ToolResultPart(id=call_id, name=_text(value.get("name")), result=result)]
    seen: set[str] = set()
    found: list[Part] = []
    for name in ("parts", "content", "contents"):
        if inner := value.get(name):
            _add_content(found, inner, seen)
    found += _calls_in(value, seen)
    return found


def _calls_in(value: dict[str, Value], seen: set[str]) -> Iterator[Part]:
    """Yield the calls that a message keeps beside its content."""
    extra = value.get("additional_kwargs")
    nested = extra.get("tool_calls") if isinstance(extra, dict) else None
    if not nested and value.keys().isdisjoint(_ASKING):
        return
    for item in _as_list(value.get("tool_calls")) or _as_list(nested):
        part = read_part(item, kind="tool_call")
        if part is not None and not (
            isinstance(part, ToolCallPart) and part.id and part.id in seen
        ):
            yield part
    if (
        isinstance(single := value.get("function_call"), dict)
        and value.get("type") != "function_call"
        and (part := read_part(single, kind="tool_call")) is not None
    ):
        yield part


def _holds_results(content: Value) -> bool:
    if isinstance(content, str):
        content = parse(content)
    return isinstance(content, list) and any(
        isinstance(item, dict) and (_text(item.get("type")) in _RESULT or "toolResult" in item)
        for item in content
    )


def _add_content(found: list[Part], content: Value, seen: set[str]) -> None:
    """Add the parts of a message's content, each text once."""
    if isinstance(content, str):
        blocks = parse(content) if content.startswith("[{") else content
        if isinstance(blocks, list) and _holds_blocks(blocks):
            content = blocks
        elif content and content not in seen:
            seen.add(content)
            found.append(TextPart(content=content))
            return
    for item in _as_list(content):
        part = read_part(item)
        if isinstance(part, TextPart):
            if part.content in seen:
                continue
            seen.add(part.content)
        elif isinstance(part, ToolCallPart):
            seen.add(part.id)
        if part is not None:
            found.append(part)


def _holds_blocks(blocks: list[Value]) -> bool:
    return all(
        isinstance(b, dict) and (_text(b.get("type")) in _BLOCK or b.keys() <= _PLAIN_BLOCK)
        for b in blocks
    )


def read_part(value: Value, kind: str = "") -> Part | None:
    """Return the canonical part that one content block is, ``None`` where it is empty.

    What is not understood becomes ``OtherPart``.

    Args:
        value: the block.
        kind: its type, where the place says it and the block does not.
    """
    if isinstance(value, str):
        return TextPart(content=value) if value else None
    if not isinstance(value, dict):
        return None
    for name in _ENVELOPES if not value.keys().isdisjoint(_ENVELOPES) else ():
        inner = value.get(name)
        if isinstance(inner, dict):
            return read_part(inner, kind=str(inner.get("type") or _NAMED.get(name, kind)))
    return _read_block(value, kind)


def _read_block(value: dict[str, Value], kind: str) -> Part | None:
    said = value.get("type")
    kind = _kind_of_part(value, kind)
    if kind in _CALL:
        return _tool_call(value)
    if kind in _RESULT:
        return _tool_result(value)
    if text := _block_text(value, kind):
        return TextPart(content=text)
    is_told = said or not _is_empty_text(value)
    return OtherPart(type=_text(said), content=value) if is_told else None


def _kind_of_part(value: dict[str, Value], kind: str) -> str:
    """Return an item's own type, that of its place, or what its keys show it to be."""
    said = value.get("type")
    if isinstance(said, str) and said in _BLOCK:
        return said
    if kind or said is not None:
        return kind
    if ("toolName" in value and ("input" in value or "args" in value)) or {
        "name", "arguments"
    } <= set(value):  # fmt: skip
        return "tool_call"
    return "tool_result" if "content" in value and "call_id" in value else ""


_NAMED = {
    "tool_call": "tool_call", "function_call": "tool_call", "toolUse": "tool_call",
    "toolCall": "tool_call", "function_response": "tool_result", "toolResult": "tool_result",
}  # fmt: skip


def _is_empty_text(value: dict[str, Value]) -> bool:
    return not value or set(value) <= {"text", "content", "type"}


def _block_text(value: dict[str, Value], kind: str) -> str:
    for name in ("content", "text", "thinking", "summary"):
        inner = value.get(name)
        if isinstance(inner, str) and (kind in _TEXT or "type" not in value):
            return inner
        if isinstance(inner, list) and kind in _TEXT:
            return "\n".join(_text(i.get("text")) for i in inner if isinstance(i, dict))
    return ""


_ARGUMENTS = ("arguments", "args", "input")
_RESULTS = ("response", "result", "content", "output")


def _tool_call(value: dict[str, Value]) -> ToolCallPart:
    function = value.get("function")
    inner = function if isinstance(function, dict) else value
    arguments: Value = None
    for name in _ARGUMENTS:
        if inner.get(name) is not None:
            arguments = inner[name]
            break
    return ToolCallPart(
        id=_call_id(value),
        name=_text(inner.get("name") or inner.get("toolName")),
        arguments=parse(arguments) if isinstance(arguments, str) else arguments,
        recorded=any(name in inner for name in _ARGUMENTS),
    )


def _tool_result(value: dict[str, Value]) -> ToolResultPart:
    result: Value = None
    for name in _RESULTS:
        if value.get(name) is not None:
            result = value[name]
            break
    if isinstance(result, dict) and set(result) == {"type", "value"}:
        result = result["value"]
    if value.get("status") == "error" or value.get("is_error") is True:
        result = {"type": "tool_result", "status": "error", "content": result}
    return ToolResultPart(
        id=_call_id(value),
        name=_text(value.get("name") or value.get("toolName")),
        result=unwrap(result).value,
        recorded=any(name in value for name in _RESULTS),
    )


def _call_id(value: dict[str, Value]) -> str:
    for name in ("tool_call_id", "toolCallId", "tool_use_id", "toolUseId", "call_id", "id"):
        if isinstance(found := value.get(name), str) and found:
            return found
    return ""


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _as_list(value: Value) -> list[Value]:
    if isinstance(value, str) and value[:1] == "[":
        value = parse(value)
    if isinstance(value, dict):
        return [value]
    return value if isinstance(value, list) else []
