"""Chat messages that a framework wrote down as the text form of its Python objects.

LlamaIndex and smolagents record ``ChatMessage(role=<MessageRole.TOOL: 'tool'>, ...)``. Only the
role, the texts, and the ids, names and arguments of calls are read; the rest is left.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from causewatch.model.value import Value

MAX_CHAT_REPR_CHARS = 1_000_000
_HEAD = re.compile(r"ChatMessage\(role=<MessageRole\.\w{1,40}: '([\w-]{1,40})'>")
_LITERAL = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_TEXT = re.compile(r"(?:\btext=|'text': |\bcontent=)(?=['\"])")
_CALL = re.compile(r"\bid='([^'\\]{1,200})', function=\w{1,80}\(arguments=(?=['\"])")
_NAME = re.compile(r", name='([^'\\]{1,200})'")
_CALL_ID = re.compile(r"'tool_call_id': '([^'\\]{1,200})'")


def read_chat_repr(text: str) -> dict[str, Value] | None:
    """Return the message that ``text`` is the text form of, as a plain object, or ``None``.

    Time is linear in the text's length: what is not closed ends the reading.
    """
    head = _HEAD.match(text) if len(text) <= MAX_CHAT_REPR_CHARS else None
    if head is None:
        return None
    calls: list[Value] = []
    first_text = _TEXT.search(text, head.end())
    before_texts = text[head.end() : first_text.start()] if first_text else text[head.end() :]
    for found, arguments, end in _literals(_CALL, text, head.end()):
        name = _NAME.match(text, end)
        if name:
            call = {"id": found.group(1), "name": name.group(1), "arguments": arguments}
            calls.append({"type": "tool_call", **call})
    said = [content for _, content, _ in _literals(_TEXT, text, head.end())]
    message: dict[str, Value] = {"role": head.group(1), "content": "\n".join(said)}
    if calls:
        message["tool_calls"] = calls
    if call_id := _CALL_ID.search(before_texts):
        message["tool_call_id"] = call_id.group(1)
    return message


def _literals(
    opening: re.Pattern[str], text: str, at: int
) -> Iterator[tuple[re.Match[str], str, int]]:
    """Yield each match of ``opening`` with the string literal after it and where that ends."""
    while (found := opening.search(text, at)) is not None:
        literal = _LITERAL.match(text, found.end())
        if literal is None:
            return
        at = literal.end()
        try:
            value = ast.literal_eval(literal.group())
        except (ValueError, SyntaxError, MemoryError):
            continue
        yield found, value, at
