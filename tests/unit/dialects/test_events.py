"""Messages that came as events: what is kept of one must not be told of another."""

from __future__ import annotations

import pytest

from causewatch.dialects.events import MAX_KEPT_CHARS, messages_of
from causewatch.model.span import Attributes
from causewatch.model.step import Message, TextPart, ToolCallPart, ToolResultPart

CALLS = '[{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]'
CALL = ToolCallPart(id="c1", name="look", arguments={})


def text(role: str, content: str, finish_reason: str = "") -> Message:
    """Return a message of one text."""
    return Message(role=role, parts=(TextPart(content=content),), finish_reason=finish_reason)


@pytest.mark.parametrize(
    ("name", "attributes", "expected"),
    [
        ("gen_ai.user.message", {"content": "hi"}, text("user", "hi")),
        ("gen_ai.system.message", {"content": "hi"}, text("system", "hi")),
        ("gen_ai.user.message", {"content": "hi", "role": "system"}, text("system", "hi")),
        ("gen_ai.choice", {"content": "hi"}, text("assistant", "hi")),
        (
            "gen_ai.choice",
            {"message": '{"content": "hi"}', "finish_reason": "stop"},
            text("assistant", "hi", "stop"),
        ),
        (
            "gen_ai.assistant.message",
            {"content": "hi", "tool_calls": CALLS},
            Message(role="assistant", parts=(TextPart(content="hi"), CALL)),
        ),
        (
            "gen_ai.tool.message",
            {"content": "hi", "id": "c1"},
            Message(role="tool", parts=(ToolResultPart(id="c1", result="hi"),)),
        ),
        (
            "gen_ai.user.message",
            {"content": [{"type": "text", "text": "hi"}]},
            text("user", "hi"),
        ),
    ],
)
def test_the_name_tells_the_role(name: str, attributes: Attributes, expected: Message) -> None:
    """The same attributes are another message under another name, asked for in any order."""
    for _ in range(2):
        assert messages_of(name, attributes) == (expected,)
        assert messages_of("gen_ai.user.message", {"content": "other"}) == (text("user", "other"),)


def test_a_message_that_a_turn_repeats_is_read_once() -> None:
    """A history costs what it says, not how often it is repeated; long texts are not kept."""
    short, long = {"content": "hi"}, {"content": "x" * (MAX_KEPT_CHARS + 1)}
    name = "gen_ai.user.message"
    assert messages_of(name, short)[0] is messages_of(name, dict(short))[0]
    assert messages_of(name, long)[0] is not messages_of(name, dict(long))[0]
    assert messages_of(name, long) == messages_of(name, dict(long))


def test_what_is_nothing_is_told_from_what_is_absent() -> None:
    """An empty message is not taken for one whose content stands elsewhere."""
    assert messages_of("gen_ai.user.message", {"message": None, "content": "hi"}) != messages_of(
        "gen_ai.user.message", {"content": "hi"}
    )
