"""All content of a run in order of time, each text once: who was told, said, asked, found what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from causewatch.faults.text import leaves
from causewatch.model.facts import tokens_of
from causewatch.model.graph import CausalGraph
from causewatch.model.step import (
    Message,
    OtherPart,
    Payload,
    Step,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from causewatch.model.value import Value

Side = Literal["found", "said", "asked", "told"]
"""A tool's result, an agent's own words and calls, a tool's arguments, what an agent was given."""
_RANK: dict[Side, int] = {"found": 0, "said": 0, "asked": 1, "told": 2}
_TEXT_TYPES = frozenset({"text", "reasoning", "thinking", "refusal"})
_EARLIER = re.compile(r'"previous_response_id"\s*:\s*"[^"]')
MAX_CONTENTS_COUNT = 20_000
MAX_CONTENT_CHARS = 400_000


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """One text that was not there before, with the step that shows it first."""

    at_ns: int
    step: int
    side: Side
    text: str
    call_id: str = ""
    """Of a tool's result in a message: the call that it answers."""


class Timeline:
    """The contents of a run in order of time, and where each possible fact stands first."""

    def __init__(self, graph: CausalGraph) -> None:
        found = sorted(_contents(graph), key=lambda each: (each.at_ns, _RANK[each.side]))
        unique: dict[str, Content] = {}
        for content in found[:MAX_CONTENTS_COUNT]:
            unique.setdefault(content.text, content)
        self.contents = tuple(unique.values())
        self.tokens = tuple(tuple(tokens_of(content.text)) for content in self.contents)
        """What may be facts in each content."""
        self.first: dict[str, int] = {}
        """The number of the content in which a token stands first."""
        for number, tokens in enumerate(self.tokens):
            for token in tokens:
                self.first.setdefault(token, number)

    def stands_before(self, text: str, number: int) -> bool:
        """Tell whether ``text`` stands anywhere, however joined, before a content."""
        wanted = text.lower()
        return any(wanted in content.text.lower() for content in self.contents[:number])


def text_of(value: Value) -> str:
    """Return the scalars of a value, one a line, as text."""
    if isinstance(value, str):
        return value[:MAX_CONTENT_CHARS]
    found: list[str] = []
    left = MAX_CONTENT_CHARS
    for _, leaf in leaves(value):
        if leaf is not None and not isinstance(leaf, bool) and left > 0:
            found.append(str(leaf)[:left])
            left -= len(found[-1])
    return "\n".join(found)


def sees_all(step: Step) -> bool:
    """Tell whether all that a model step was given is on its span, as text.

    A call that goes on from an earlier response is given what the provider keeps of it as well.
    """
    if step.messages_cut or not step.input_messages or _goes_on(step):
        return False
    return not any(
        isinstance(part, OtherPart) and part.content and part.type not in _TEXT_TYPES
        for message in step.input_messages
        for part in message.parts
    )


def _goes_on(step: Step) -> bool:
    for key, value in step.span.attributes.items():
        if isinstance(value, str) and value:
            if "previous_response" in key:
                return True
            if key.endswith("invocation_parameters") and _EARLIER.search(value):
                return True
    return False


def _contents(graph: CausalGraph) -> Iterator[Content]:
    asked = _asked(graph)
    # A message that later turns repeat is one object: it is no news there.
    repeated: set[int] = set()
    for index, step in enumerate(graph.steps):
        start_ns = step.span.start_ns
        end_ns = max(min(step.span.end_ns, asked.get(index, step.span.end_ns)), start_ns + 1)
        match step.kind:
            case "model":
                for message in (*step.system, *step.input_messages):
                    if id(message) in repeated:
                        continue
                    repeated.add(id(message))
                    yield from _message(message, start_ns, index, "told")
                for message in step.output_messages:
                    yield from _message(message, end_ns, index, "said")
            case "tool" | "retrieval" | "memory":
                yield from _payload(step.arguments, start_ns, index, "asked")
                yield from _text(step.query, start_ns, index, "asked")
                yield from _payload(step.result, end_ns, index, "found")
                for document in step.documents:
                    yield from _text(document.content, end_ns, index, "found")
                    yield from _text(document.id, end_ns, index, "found")
            case _:
                yield from _payload(step.input, start_ns, index, "told")
                yield from _payload(step.output, end_ns, index, "said")


def _asked(graph: CausalGraph) -> dict[int, int]:
    """Return when the first call of each model step began: some run inside of the step's span."""
    found: dict[int, int] = {}
    for edge in graph.edges:
        if edge.type == "data" and graph.steps[edge.target].kind in {"tool", "retrieval"}:
            begun_ns = graph.steps[edge.target].span.start_ns
            found[edge.source] = min(begun_ns, found.get(edge.source, begun_ns))
    return found


def _message(message: Message, at_ns: int, step: int, side: Side) -> Iterator[Content]:
    for part in message.parts:
        match part:
            case TextPart(content=content):
                yield from _text(content, at_ns, step, side)
            case ToolCallPart(arguments=arguments):
                yield from _text(text_of(arguments), at_ns, step, side)
            case ToolResultPart(result=result, id=call_id):
                text = text_of(result)
                if text:
                    yield Content(at_ns=at_ns, step=step, side=side, text=text, call_id=call_id)
            case OtherPart(content=content):
                yield from _text(text_of(content), at_ns, step, side)


def _payload(payload: Payload | None, at_ns: int, step: int, side: Side) -> Iterator[Content]:
    if payload is not None:
        yield from _text(text_of(payload.value), at_ns, step, side)


def _text(text: str, at_ns: int, step: int, side: Side) -> Iterator[Content]:
    if text:
        yield Content(at_ns=at_ns, step=step, side=side, text=text)
