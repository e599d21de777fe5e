"""The text forms of Python chat messages."""

from __future__ import annotations

import time

import pytest

from causewatch.dialects.chat_repr import MAX_CHAT_REPR_CHARS, read_chat_repr
from causewatch.dialects.messages import read_messages
from causewatch.model.step import TextPart, ToolCallPart, ToolResultPart

USER = (
    "ChatMessage(role=<MessageRole.USER: 'user'>, additional_kwargs={}, "
    "blocks=[TextBlock(block_type='text', text='Prune row 4, please.')])"
)
TOOL = (
    "ChatMessage(role=<MessageRole.TOOL: 'tool'>, additional_kwargs={'tool_call_id': 'call_7'}, "
    "blocks=[TextBlock(block_type='text', text='{\"grafts\": 12}')])"
)
CALL = (
    "ChatMessage(role=<MessageRole.ASSISTANT: 'assistant'>, additional_kwargs={'tool_calls': ["
    "ChoiceDeltaToolCall(index=0, id='call_7', function=ChoiceDeltaToolCallFunction("
    "arguments='{\"row\": 4}', name='look'), type='function')]}, "
    "blocks=[TextBlock(block_type='text', text='')])"
)
LISTED = (
    "ChatMessage(role=<MessageRole.SYSTEM: 'system'>, "
    "content=[{'type': 'text', 'text': \"You're a gardener.\\nBe brief.\"}], tool_calls=None)"
)


def test_who_said_it_is_read() -> None:
    """The role is the message's own, not that of the place where it stands."""
    (message,) = read_messages([USER], "assistant")
    assert (message.role, message.text) == ("user", "Prune row 4, please.")


def test_a_tools_answer_is_no_word_of_the_user() -> None:
    """A tool's answer keeps its call id and is opened like any other result."""
    (message,) = read_messages([TOOL])
    assert message.parts == (ToolResultPart(id="call_7", result={"grafts": 12}),)


def test_calls_are_read() -> None:
    """A call has its id, its name and its arguments."""
    (message,) = read_messages([CALL])
    assert message.role == "assistant"
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    assert calls == [ToolCallPart(id="call_7", name="look", arguments={"row": 4})]


def test_contents_in_a_list_are_read() -> None:
    """Both kinds of quotes, and escapes, are Python's."""
    (message,) = read_messages(LISTED)
    assert message.role == "system"
    assert message.parts == (TextPart(content="You're a gardener.\nBe brief."),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ChatMessage",
        "ChatMessage(role='user', content='hello')",
        "He wrote ChatMessage(role=<MessageRole.USER: 'user'>, text='x')",
        "ChatMessage(role=<MessageRole.USER: 'user'>" + "x" * MAX_CHAT_REPR_CHARS,
    ],
)
def test_other_text_stays_text(text: str) -> None:
    """Only the text form itself is read, and only up to a limit."""
    assert read_chat_repr(text) is None


@pytest.mark.parametrize(
    "text",
    [
        USER[:-20],
        "ChatMessage(role=<MessageRole.USER: 'user'>, text='\\x')",
        "ChatMessage(role=<MessageRole.USER: 'user'>, id='a', function=F(arguments='{}'",
    ],
)
def test_broken_text_forms_are_read_as_far_as_they_go(text: str) -> None:
    """Payloads are cut and forged; nothing of that raises."""
    message = read_chat_repr(text)
    assert message is not None
    assert message["role"] == "user"


def test_reading_is_linear() -> None:
    """Openings that are never closed do not each cost a walk to the end."""
    text = "ChatMessage(role=<MessageRole.USER: 'user'>, " + "text='" * 100_000
    start = time.thread_time()
    read_chat_repr(text)
    assert time.thread_time() - start < 5.0  # a walk for each would take minutes
