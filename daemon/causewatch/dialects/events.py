"""Chat messages of which each came as one span event or log record."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from causewatch.dialects.messages import read_messages
from causewatch.dialects.unwrap import parse
from causewatch.model.span import Attributes
from causewatch.model.step import Message
from causewatch.model.value import Value

MAX_KEPT_CHARS = 4_096
"""Longer messages are read anew each time: keeping them would cost memory."""
_EVENT_KEYS = ("message", "content", "role", "tool_calls", "id", "finish_reason")
"""All attributes of an event that make its message."""
_EVENT_ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}


def messages_of(event: str, attributes: Attributes) -> tuple[Message, ...]:
    """Return the messages of an event; its name tells the role.

    Each turn of an agent repeats its whole history, so what was read of short texts is kept.
    """
    role = _EVENT_ROLES.get(event.removeprefix("gen_ai.").partition(".")[0], "assistant")
    told = [(name, attributes[name]) for name in _EVENT_KEYS if name in attributes]
    texts = tuple((name, value) for name, value in told if isinstance(value, str))
    if len(texts) < len(told) or sum(len(value) for _, value in texts) > MAX_KEPT_CHARS:
        return _event_messages(attributes, role)
    return _kept_event(texts, role)


@lru_cache(maxsize=1024)
def _kept_event(told: tuple[tuple[str, str], ...], role: str) -> tuple[Message, ...]:
    return _event_messages(dict(told), role)


def _event_messages(attributes: Attributes, role: str) -> tuple[Message, ...]:
    body = attributes.get("message", attributes.get("content"))
    said = attributes.get("role")
    calls = attributes.get("tool_calls")
    call_id = attributes.get("id")
    finish = attributes.get("finish_reason")
    inner = parse(body) if isinstance(body, str) else body
    if isinstance(inner, dict) and ("content" in inner or "tool_calls" in inner or "role" in inner):
        messages = read_messages({"role": role, **inner}, role)
    elif isinstance(inner, dict) and "message" in inner:
        messages = read_messages(inner, role)
    else:
        item: dict[str, Value] = {"role": said or role, "content": body}
        if calls is not None:
            item["tool_calls"] = calls
        if role == "tool" and isinstance(call_id, str):
            item["tool_call_id"] = call_id
        messages = read_messages(item, role)
    if isinstance(finish, str) and messages and not messages[-1].finish_reason:
        last = msgspec.structs.replace(messages[-1], finish_reason=finish)
        messages = (*messages[:-1], last)
    return messages
