"""All content of a run in order of time, each text once: who was told, said, asked, found what."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

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
from causewatch.model.value import Value, leaves

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
        found = _contents(graph)
        found.sort(key=_time_and_rank)
        unique: dict[str, Content] = {}
        for content in found[:MAX_CONTENTS_COUNT]:
            unique.setdefault(content.text, content)
        self.contents = tuple(unique.values())
        self.tokens = tuple(tokens_of(content.text) for content in self.contents)
        """What may be facts in each content."""
        self.first: dict[str, int] = {}
        """The number of the content in which a token stands first."""
        for number, tokens in enumerate(self.tokens):
            for token in tokens:
                if token not in self.first:
                    self.first[token] = number

    def stands_before(self, text: str, number: int) -> bool:
        """Tell whether ``text`` stands anywhere, however joined, before a content."""
        wanted = text.lower()
        return any(wanted in content.text.lower() for content in self.contents[:number])


def text_of(value: Value) -> str:
    """Return the scalars of a value, one a line, as text."""
    if isinstance(value, str):
        return value[:MAX_CONTENT_CHARS]
    if value is None:
        return ""
    return _text_of_leaves(leaves(value))


def _text_of_leaves(found: list[tuple[str, Value]]) -> str:
    scalars = [
        str(leaf)
        for _, leaf in found
        if leaf is not None and leaf is not True and leaf is not False
    ]
    text = "\n".join(scalars)
    return text if len(text) <= MAX_CONTENT_CHARS else _bounded(scalars)


def _bounded(scalars: list[str]) -> str:
    """Return texts, one a line, as far as they are within the limit together."""
    found: list[str] = []
    left = MAX_CONTENT_CHARS
    for scalar in scalars:
        if left > 0:
            found.append(scalar[:left])
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


def _time_and_rank(content: Content) -> tuple[int, int]:
    return content.at_ns, _RANK[content.side]


def _contents(graph: CausalGraph) -> list[Content]:
    asked = _asked(graph)
    found = _Contents()
    # A message that later turns repeat is one object: it is no news there.
    repeated: set[int] = set()
    for index, step in enumerate(graph.steps):
        start_ns = step.span.start_ns
        end_ns = max(min(step.span.end_ns, asked.get(index, step.span.end_ns)), start_ns + 1)
        match step.kind:
            case "model":
                for message in (*step.system, *step.input_messages):
                    if id(message) not in repeated:
                        repeated.add(id(message))
                        found.message(message, start_ns, index, "told")
                for message in step.output_messages:
                    found.message(message, end_ns, index, "said")
            case "tool" | "retrieval" | "memory":
                found.payload(step.arguments, start_ns, index, "asked")
                found.text(step.query, start_ns, index, "asked")
                found.payload(step.result, end_ns, index, "found")
                for document in step.documents:
                    found.text(document.content, end_ns, index, "found")
                    found.text(document.id, end_ns, index, "found")
            case _:
                found.payload(step.input, start_ns, index, "told")
                found.payload(step.output, end_ns, index, "said")
    return found.listed


def _asked(graph: CausalGraph) -> dict[int, int]:
    """Return when the first call of each model step began: some run inside of the step's span."""
    found: dict[int, int] = {}
    for edge in graph.edges:
        if edge.type == "data" and graph.steps[edge.target].kind in {"tool", "retrieval"}:
            begun_ns = graph.steps[edge.target].span.start_ns
            found[edge.source] = min(begun_ns, found.get(edge.source, begun_ns))
    return found


class _Contents:
    """The texts of a run as they are met, those without any character left out."""

    def __init__(self) -> None:
        self.listed: list[Content] = []

    def text(self, text: str, at_ns: int, step: int, side: Side, call_id: str = "") -> None:
        """Note a text."""
        if text:
            self.listed.append(
                Content(at_ns=at_ns, step=step, side=side, text=text, call_id=call_id)
            )

    def payload(self, payload: Payload | None, at_ns: int, step: int, side: Side) -> None:
        """Note the scalars of a payload."""
        if payload is not None:
            value = payload.value
            text = text_of(value) if isinstance(value, str) else _text_of_leaves(payload.leaves)
            self.text(text, at_ns, step, side)

    def message(self, message: Message, at_ns: int, step: int, side: Side) -> None:
        """Note what a message says, asks for and shows."""
        for part in message.parts:
            match part:
                case TextPart(content=content):
                    self.text(content, at_ns, step, side)
                case ToolCallPart(arguments=arguments):
                    self.text(text_of(arguments), at_ns, step, side)
                case ToolResultPart(result=result, id=call_id):
                    self.text(text_of(result), at_ns, step, side, call_id)
                case OtherPart(content=content):
                    self.text(text_of(content), at_ns, step, side)
