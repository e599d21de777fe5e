"""Payload text to its core value.

Frameworks wrap what a tool said: JSON inside of JSON, a Python ``repr``, a message envelope, a
list of content blocks. The core is what the tool said itself, so that the same answer compares
equal wherever it is seen. Text that is none of these stays text. Never raises; every step is
bounded by ``PayloadLimits``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from causewatch.model.limits import DEFAULT_PAYLOAD_LIMITS, PayloadLimits
from causewatch.model.step import Payload
from causewatch.model.value import Value

MAX_KEPT_CHARS = 4_096
"""Shorter texts are unwrapped once: the steps of a run repeat what others were given."""
MAX_LAYERS_COUNT = 8
MAX_PYTHON_REPR_CHARS = 65_536
_MISSING = object()
_UNKNOWN_ESCAPE = re.compile(r"\\[^\\'\"abfnrtv0-7xuUN\n]")
_BRACKETS = re.compile(r"[\[\](){}]")
_MESSAGE_KEYS = frozenset({"tool_call_id", "toolCallId", "tool_use_id"})
_MESSAGE_MARKS = frozenset({"tool_call_id", "status", "name"})
_TEXT_TYPES = frozenset({"text", "output_text", "input_text"})
_TOOL_TYPES = frozenset({"tool", "ToolMessage", "tool_result", "tool-result", "tool_call_response"})


class Unwrapped(msgspec.Struct, frozen=True, kw_only=True):
    """The core of a payload, and what its envelope told."""

    value: Value
    call_id: str = ""
    tool: str = ""


def parse(text: str, limits: PayloadLimits = DEFAULT_PAYLOAD_LIMITS) -> Value:
    """Return the JSON (or Python literal) that ``text`` holds, or ``text`` itself.

    Bare scalars stay text: ``"42"`` said by a tool is no number until a schema says so.
    """
    start = text.lstrip()[:1]
    if start not in ("{", "[", '"', "(", "'") or len(text) > limits.max_payload_bytes:
        return text
    if start in '{["':
        try:
            value: Value = msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            pass
        else:
            few = text.count("{") + text.count("[") <= limits.max_json_depth
            return value if few or is_shallow(value, limits.max_json_depth) else text
    return _python_literal(text, limits) if start != '"' else text


def is_shallow(value: Value, max_depth: int) -> bool:
    """Tell whether ``value`` nests at most ``max_depth`` levels deep."""
    level: list[Value] = [value]
    for _ in range(max_depth):
        deeper: list[Value] = []
        for item in level:
            if isinstance(item, dict):
                deeper.extend(v for v in item.values() if isinstance(v, dict | list))
            elif isinstance(item, list):
                deeper.extend(v for v in item if isinstance(v, dict | list))
        if not deeper:
            return True
        level = deeper
    return False


def _python_literal(text: str, limits: PayloadLimits) -> Value:
    """Read the ``repr()`` of plain values; anything else stays text."""
    if len(text) > MAX_PYTHON_REPR_CHARS or _UNKNOWN_ESCAPE.search(text) or "\0" in text:
        return text
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth += 1 if match.group() in "[({" else -1
        if depth > limits.max_json_depth:
            return text
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    if not isinstance(value, dict | list | tuple | set):
        return text
    return _plain(value)


def _plain(value: object) -> Value:
    """Turn Python's own containers into JSON's."""
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case set() | frozenset():
            return sorted((_plain(item) for item in value), key=repr)
        case None | str() | bool() | int() | float() | bytes():
            return value
        case _:
            return repr(value)


def unwrap(value: Value, limits: PayloadLimits = DEFAULT_PAYLOAD_LIMITS) -> Unwrapped:
    """Return the core of ``value`` and what its envelopes told of the call.

    Args:
        value: what was recorded, text or structure.
        limits: how much is looked at.
    """
    if limits is DEFAULT_PAYLOAD_LIMITS and isinstance(value, str) and len(value) <= MAX_KEPT_CHARS:
        return _kept(value)
    return _unwrapped(value, limits)


@lru_cache(maxsize=2048)
def _kept(text: str) -> Unwrapped:
    return _unwrapped(text, DEFAULT_PAYLOAD_LIMITS)


def _unwrapped(value: Value, limits: PayloadLimits) -> Unwrapped:
    call_id = tool = ""
    for _ in range(MAX_LAYERS_COUNT):
        inner: object = _MISSING
        if isinstance(value, str):
            parsed = parse(value, limits)
            inner = parsed if parsed is not value else _MISSING
        elif isinstance(value, dict):
            call_id = call_id or _first_text(value, _MESSAGE_KEYS)
            inner = _open_envelope(value)
            if inner is not _MISSING and _is_tool_message(value):
                tool = tool or _text(value.get("name"))
        elif isinstance(value, list):
            inner = _join_blocks(value)
        if inner is _MISSING:
            break
        value = inner  # type: ignore[assignment]  # each branch above yields a Value
    return Unwrapped(value=value, call_id=call_id, tool=tool)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _first_text(value: Mapping[str, Value], names: frozenset[str]) -> str:
    for name in names:
        if isinstance(found := value.get(name), str) and found:
            return found
    return ""


def _is_tool_message(value: Mapping[str, Value]) -> bool:
    return _text(value.get("type")) in _TOOL_TYPES or value.get("role") == "tool"


def _open_envelope(value: dict[str, Value]) -> object:
    """Return what one known envelope holds, or ``_MISSING``."""
    kind = value.get("type")
    data = value.get("data")
    if isinstance(kind, str) and isinstance(data, dict) and "content" in data and len(value) == 2:
        return {"type": kind, **data}
    if (inner := _open_engine(value)) is not _MISSING:
        return inner
    kwargs = value.get("kwargs")
    if isinstance(kwargs, dict):
        if "lc" in value and "content" in kwargs:
            return {"type": _last(value.get("id")), **kwargs}
        if value.get("args") == [] and "lc" not in value:
            return kwargs
    if len(value) == 1:
        return _open_single(value)
    return _open_message(value)


def _open_tool_output(value: dict[str, Value]) -> Value:
    """Open what LlamaIndex keeps of a tool's run: its text is what the model sees."""
    blocks = value.get("blocks")
    said = blocks if isinstance(blocks, list) and blocks else value["raw_output"]
    return {"status": "error", "error": unwrap_text(said)} if value["is_error"] else said


_CALLBACK_KEYS = frozenset(
    {"input_str", "inputs", "outputs", "output", "tags", "metadata", "kwargs"}
)
_CALLBACK_VALUES = ("inputs", "input_str", "outputs", "output")


def _open_engine(value: dict[str, Value]) -> object:
    """Open what an engine puts around arguments and results.

    LlamaIndex's tool outputs, and the arguments of LangChain's callbacks, of which one is the
    payload.
    """
    if "raw_output" in value and isinstance(value.get("is_error"), bool):
        return _open_tool_output(value)
    if not isinstance(value.get("kwargs"), dict) or not value.keys() <= _CALLBACK_KEYS:
        return _MISSING
    for name in _CALLBACK_VALUES:
        if value.get(name) is not None:
            return value[name]
    return _MISSING


def _last(value: Value) -> Value:
    return value[-1] if isinstance(value, list) and value else None


def _open_single(value: dict[str, Value]) -> object:
    """Open envelopes that have one member."""
    ((name, inner),) = value.items()
    if isinstance(inner, str):
        return _open_text(name, inner)
    if (
        name == "output"
        and isinstance(inner, dict)
        and ("kwargs" in inner or _is_tool_message(inner))
    ):
        return inner
    if name in {"toolResult", "tool_result"} and isinstance(inner, dict):
        return {"type": "tool_result", "tool_call_id": inner.get("toolUseId"), **inner}
    if (name == "content" and isinstance(inner, list)) or (
        name == "kwargs" and isinstance(inner, dict)
    ):
        return inner
    return _MISSING


def _open_text(name: str, inner: str) -> object:
    """Open an envelope around text."""
    if name in {"input_str", "text"}:
        return inner
    if name == "input" and isinstance(parse(inner), dict):
        # LangChain hands a tool's arguments on as the text of its one input.
        return inner
    if name == "result" and parse(inner) is not inner:
        # A wrapper that code puts around text results; a tool's own {"result": "text"} stays.
        return inner
    return _MISSING


def _open_message(value: dict[str, Value]) -> object:
    """Open a tool's message; one that reports an error keeps that news beside its content."""
    if "content" not in value:
        return _MISSING
    failed = value.get("isError") is True or value.get("status") == "error"
    content = value["content"]
    is_marked = value.get("type") == "ToolMessage" or not _MESSAGE_MARKS.isdisjoint(value)
    if _is_tool_message(value) and is_marked:
        return {"status": "error", "error": unwrap_text(content)} if failed else content
    if "isError" in value and isinstance(content, list):
        structured = value.get("structuredContent")
        if failed:
            return {"status": "error", "error": unwrap_text(content)}
        return structured if isinstance(structured, dict) else content
    if _text(value.get("type")) in _TEXT_TYPES and isinstance(content, str):
        return content
    return _MISSING


def unwrap_text(content: Value) -> Value:
    """Return joined content blocks as text, anything else as it is."""
    joined = _join_blocks(content) if isinstance(content, list) else content
    return content if joined is _MISSING else joined  # type: ignore[return-value]  # a Value or _MISSING


def _join_blocks(value: list[Value]) -> object:
    """Join a list of text blocks; a list with any other item is no list of blocks."""
    texts: list[str] = []
    for item in value:
        if not isinstance(item, dict):
            return _MISSING
        text = item.get("text", item.get("content"))
        if not isinstance(text, str) or not (
            _text(item.get("type")) in _TEXT_TYPES or (len(item) == 1 and "text" in item)
        ):
            if len(value) == 1 and set(item) == {"toolResult"}:
                return item
            return _MISSING
        texts.append(text)
    return "\n".join(texts) if texts else _MISSING


def raw_text(value: Value) -> str:
    """Return the text of a recorded value: itself, or compact JSON where it came structured."""
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeError, RecursionError):
        return repr(value)[:MAX_PYTHON_REPR_CHARS]


def payload_of(value: Value, key: str, *, cut: bool = False) -> Payload:
    """Return ``value`` as a payload read from the attribute ``key``."""
    return Payload(value=unwrap(value).value, raw=raw_text(value), key=key, cut=cut)
