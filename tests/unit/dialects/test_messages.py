from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.dialects.messages import read_messages, read_part
from causewatch.model.limits import DEFAULT_PAYLOAD_LIMITS
from causewatch.model.step import Message, OtherPart, Part, TextPart, ToolCallPart, ToolResultPart
from causewatch.model.value import Value

ARGUMENTS: dict[str, Value] = {"order_id": "A-1"}


def text(role: str, content: str, name: str = "") -> Message:
    """Return a message of one text."""
    return Message(role=role, parts=(TextPart(content=content),), name=name)


def calls(*parts: Part) -> Message:
    """Return an assistant's message of these parts."""
    return Message(role="assistant", parts=parts)


CALL = ToolCallPart(id="c1", name="look", arguments=ARGUMENTS)
RESULT = Message(role="tool", parts=(ToolResultPart(id="c1", result={"ok": 1}),))
NAMED_RESULT = Message(role="tool", parts=(ToolResultPart(id="c1", name="look", result={"ok": 1}),))

SHAPES = [
    pytest.param(
        [
            {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
            {
                "role": "assistant",
                "parts": [
                    {"type": "tool_call", "id": "c1", "name": "look", "arguments": ARGUMENTS}
                ],
            },
            {
                "role": "tool",
                "parts": [{"type": "tool_call_response", "id": "c1", "response": '{"ok": 1}'}],
            },
        ],
        (text("user", "hi"), calls(CALL), RESULT),
        id="OTel GenAI parts",
    ),
    pytest.param(
        [
            {
                "role": "assistant",
                "parts": [
                    {
                        "type": "tool_call",
                        "id": "c1",
                        "name": "look",
                        "arguments": json.dumps(ARGUMENTS),
                    }
                ],
            },
            {
                "role": "user",
                "parts": [
                    {
                        "type": "tool_call_response",
                        "id": "c1",
                        "name": "look",
                        "result": {"ok": 1},
                    }
                ],
            },
        ],
        (
            calls(CALL),
            Message(role="user", parts=(ToolResultPart(id="c1", name="look", result={"ok": 1}),)),
        ),
        id="arguments as text, result instead of response",
    ),
    pytest.param(
        [
            {"role": "system", "content": "be good"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "look", "arguments": json.dumps(ARGUMENTS)},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": '{"ok": 1}'},
        ],
        (text("system", "be good"), text("user", "hi"), calls(CALL), RESULT),
        id="OpenAI chat",
    ),
    pytest.param(
        [
            {"role": "user", "content": "hi"},
            {
                "type": "function_call",
                "call_id": "c1",
                "name": "look",
                "arguments": json.dumps(ARGUMENTS),
            },
            {"type": "function_call_output", "call_id": "c1", "output": '{"ok": 1}'},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "done"}],
            },
        ],
        (text("user", "hi"), calls(CALL), RESULT, text("assistant", "done")),
        id="OpenAI Responses items",
    ),
    pytest.param(
        [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": ARGUMENTS}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": [{"text": '{"ok": 1}'}]}
                ],
            },
        ],
        (
            text("user", "hi"),
            calls(CALL),
            Message(role="user", parts=(ToolResultPart(id="c1", result={"ok": 1}),)),
        ),
        id="Anthropic blocks",
    ),
    pytest.param(
        [
            {"role": "user", "content": [{"text": "hi"}]},
            {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "c1", "name": "look", "input": ARGUMENTS}}],
            },
            {
                "role": "user",
                "content": [
                    {
                        "toolResult": {
                            "toolUseId": "c1",
                            "status": "success",
                            "content": [{"text": '{"ok": 1}'}],
                        }
                    }
                ],
            },
        ],
        (
            text("user", "hi"),
            calls(CALL),
            Message(role="user", parts=(ToolResultPart(id="c1", result={"ok": 1}),)),
        ),
        id="Bedrock blocks",
    ),
    pytest.param(
        {
            "model": "m",
            "config": {"system_instruction": "be good"},
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}]},
                {
                    "role": "model",
                    "parts": [{"function_call": {"id": "c1", "name": "look", "args": ARGUMENTS}}],
                },
                {
                    "role": "user",
                    "parts": [
                        {
                            "function_response": {
                                "id": "c1",
                                "name": "look",
                                "response": {"ok": 1},
                            }
                        }
                    ],
                },
            ],
        },
        (
            text("system", "be good"),
            text("user", "hi"),
            calls(CALL),
            Message(role="user", parts=(ToolResultPart(id="c1", name="look", result={"ok": 1}),)),
        ),
        id="Gemini request",
    ),
    pytest.param(
        {
            "messages": [
                {"type": "human", "data": {"content": "hi", "type": "human", "name": None}},
                {
                    "type": "ai",
                    "data": {
                        "content": "",
                        "type": "ai",
                        "tool_calls": [{"id": "c1", "name": "look", "args": ARGUMENTS}],
                    },
                },
                {
                    "type": "tool",
                    "data": {
                        "content": '{"ok": 1}',
                        "type": "tool",
                        "name": "look",
                        "tool_call_id": "c1",
                    },
                },
            ]
        },
        (
            text("user", "hi"),
            calls(CALL),
            Message(
                role="tool",
                name="look",
                parts=(ToolResultPart(id="c1", name="look", result={"ok": 1}),),
            ),
        ),
        id="LangChain dictionaries",
    ),
    pytest.param(
        {
            "messages": [
                [
                    {
                        "lc": 1,
                        "type": "constructor",
                        "id": ["langchain", "schema", "messages", "HumanMessage"],
                        "kwargs": {"content": "hi", "type": "human"},
                    },
                    {
                        "lc": 1,
                        "type": "constructor",
                        "id": ["langchain", "schema", "messages", "AIMessage"],
                        "kwargs": {
                            "content": "",
                            "tool_calls": [{"id": "c1", "name": "look", "args": ARGUMENTS}],
                        },
                    },
                ]
            ]
        },
        (text("user", "hi"), calls(CALL)),
        id="LangChain constructors",
    ),
    pytest.param(
        {"system": "be good", "prompt": "hi"},
        (text("system", "be good"), text("user", "hi")),
        id="Vercel prompt",
    ),
    pytest.param(
        [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "tool-call",
                        "toolCallId": "c1",
                        "toolName": "look",
                        "input": ARGUMENTS,
                    }
                ],
            },
            {
                "role": "tool",
                "content": [
                    {
                        "type": "tool-result",
                        "toolCallId": "c1",
                        "toolName": "look",
                        "output": {"type": "json", "value": {"ok": 1}},
                    }
                ],
            },
        ],
        (text("user", "hi"), calls(CALL), NAMED_RESULT),
        id="Vercel messages",
    ),
    pytest.param(
        {
            "message": {
                "role": "assistant",
                "contents": [{"message_content": {"type": "text", "text": "hi"}}],
                "tool_calls": [
                    {
                        "tool_call": {
                            "id": "c1",
                            "function": {"name": "look", "arguments": json.dumps(ARGUMENTS)},
                        }
                    }
                ],
            }
        },
        (calls(TextPart(content="hi"), CALL),),
        id="OpenInference nesting",
    ),
    pytest.param("hi", (text("user", "hi"),), id="plain text"),
    pytest.param('[{"role": "user", "content": "hi"}]', (text("user", "hi"),), id="JSON text"),
    pytest.param([{"text": "hi"}], (text("user", "hi"),), id="blocks without a message"),
]


@pytest.mark.parametrize(("recorded", "messages"), SHAPES)
def test_every_shape_gives_the_same_messages(recorded: Any, messages: tuple[Message, ...]) -> None:
    """The shapes in which frameworks write one conversation give one canonical form."""
    assert read_messages(recorded) == messages


@pytest.mark.parametrize(("recorded", "messages"), SHAPES)
def test_json_text_reads_like_the_structure(recorded: Any, messages: tuple[Message, ...]) -> None:
    """A value written as JSON text and one that came as a structure read alike."""
    wrapped = recorded if isinstance(recorded, str) else json.dumps(recorded)
    assert read_messages(wrapped) == messages


def test_events_of_a_group_chat_name_who_speaks() -> None:
    """AutoGen's events give a source for a role: the user, or an agent, or an agent's tools."""
    events: list[Value] = [
        {"source": "user", "type": "TextMessage", "content": "Prune row 4."},
        {"source": "gardener", "type": "ToolCallRequestEvent", "content": [
            {"id": "c1", "arguments": '{"row": 4}', "name": "look"}]},
        {"source": "gardener", "type": "ToolCallExecutionEvent", "content": [
            {"content": "12 grafts", "name": "look", "call_id": "c1", "is_error": False}]},
        {"source": "gardener", "type": "HandoffMessage", "content": "Over to you."},
    ]  # fmt: skip
    assert read_messages({"messages": events}) == (
        Message(role="user", parts=(TextPart(content="Prune row 4."),)),
        Message(
            role="assistant", parts=(ToolCallPart(id="c1", name="look", arguments={"row": 4}),)
        ),
        Message(role="tool", parts=(ToolResultPart(id="c1", name="look", result="12 grafts"),)),
        Message(role="assistant", parts=(TextPart(content="Over to you."),)),
    )


def test_text_in_two_places_counts_once() -> None:
    """OpenInference writes an answer both as ``content`` and as ``contents``."""
    message: Value = {
        "role": "assistant",
        "content": "done",
        "contents": [{"message_content": {"type": "text", "text": "done"}}],
    }
    assert read_messages(message) == (text("assistant", "done"),)


def test_a_call_in_two_places_counts_once() -> None:
    """Some write a call both as a content block and under ``tool_calls``."""
    message: Value = {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": ARGUMENTS}],
        "tool_calls": [{"id": "c1", "name": "look", "args": ARGUMENTS}],
    }
    assert read_messages(message) == (calls(CALL),)


@pytest.mark.parametrize(
    ("role", "canonical"),
    [
        ("human", "user"),
        ("HumanMessage", "user"),
        ("ai", "assistant"),
        ("model", "assistant"),
        ("SystemMessage", "system"),
        ("developer", "developer"),
        ("Critic", "critic"),
    ],
)
def test_roles_have_one_spelling(role: str, canonical: str) -> None:
    """Roles are canonical where they are known, lower case where they are not."""
    (message,) = read_messages({"role": role, "content": "x"})
    assert message.role == canonical


def test_a_finish_reason_is_kept() -> None:
    """Why a model stopped is on its message."""
    (message,) = read_messages({"role": "assistant", "parts": [], "finish_reason": "length"})
    assert message.finish_reason == "length"


def test_a_failed_result_says_so() -> None:
    """A block that marks its result as an error keeps the mark."""
    part = read_part(
        {"type": "tool_result", "tool_use_id": "c", "is_error": True, "content": "boom"}
    )
    assert part == ToolResultPart(id="c", result={"status": "error", "error": "boom"})


def test_what_is_not_understood_is_kept() -> None:
    """An image is no text, and is not lost either."""
    block: dict[str, Any] = {"type": "image_url", "image_url": {"url": "https://x"}}
    assert read_part(block) == OtherPart(type="image_url", content=block)


def test_arguments_that_do_not_parse_stay_text() -> None:
    """A call whose arguments were cut is still a call."""
    part = read_part({"type": "tool_call", "id": "c", "name": "n", "arguments": '{"a": "b'})
    assert part == ToolCallPart(id="c", name="n", arguments='{"a": "b')


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        1,
        True,
        [],
        {},
        [[[[[[[[[["deep"]]]]]]]]]],
        {"role": 1, "content": 2},
        {"role": "user", "content": {"a": {"b": 1}}},
        {"messages": {"messages": {"messages": {"messages": {"messages": {"messages": 1}}}}}},
        {"role": "assistant", "tool_calls": {"id": []}},
        {"role": "assistant", "tool_calls": "[1, null, {}]"},
        {"role": "tool", "content": None},
        {"type": "ai", "data": []},
        {"message": {"message": {"message": {"message": {"message": {"message": {}}}}}}},
        {"lc": 1, "kwargs": {"content": []}, "id": []},
        [{"role": "user"}, None, 3, "x", [{}]],
        {"function_call": {"name": {"a": 1}, "args": 1}},
        b"bytes",
        {"role": "user", "type": ["text"], "content": "x"},
        {"role": "user", "content": [{"type": {}, "text": "a"}]},
        {"role": "user", "content": '[{"type": []}]'},
        {"role": "tool", "content": [{"type": []}]},
        {"role": "tool", "tool_call_id": "c", "content": {"type": [], "content": "a"}},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": {}, "text": "a"}]},
    ],
)
def test_odd_values_never_raise(hostile: Any) -> None:
    """Messages come from strangers: what makes no sense gives fewer messages, not an exception."""
    assert isinstance(read_messages(hostile), tuple)


def test_the_number_of_messages_is_limited() -> None:
    """A million messages on one span do not become a million values."""
    limit = DEFAULT_PAYLOAD_LIMITS.max_messages_per_step
    many: list[Value] = [{"role": "user", "content": str(i)} for i in range(limit + 50)]
    assert len(read_messages(many)) == limit
