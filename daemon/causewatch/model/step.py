"""A step: a span understood."""

from __future__ import annotations

from typing import Literal

import msgspec

from causewatch.model.kept import kept
from causewatch.model.span import Span
from causewatch.model.value import Value, leaves, sha256_of

StepKind = Literal[
    "workflow", "agent", "model", "tool", "retrieval", "memory",
    "handoff", "guardrail", "evaluation", "message", "other",
]  # fmt: skip
HandoffMode = Literal["pass_control", "return_to_caller"]


class Payload(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What went into or came out of a step.

    ``value`` is the unwrapped JSON value where ``raw`` parses as JSON (also double-encoded, or
    inside of a framework's message envelope), else the text itself. ``cut`` says that *telemetry*
    cut it (an SDK, Collector or backend limit): then nothing may be concluded from what is missing.
    """

    value: Value
    raw: str
    key: str
    """The span attribute it was read from, for evidence."""
    cut: bool = False

    @property
    def size_bytes(self) -> int:
        """Return the size of the raw text in UTF-8 bytes."""
        return len(self.raw.encode("utf-8", "surrogatepass"))

    @kept
    def sha256(self) -> str:
        """Return the digest of the canonical value: asked for by many."""
        return sha256_of(self.value)

    @kept
    def leaves(self) -> list[tuple[str, Value]]:
        """Return each scalar of the value with its nearest key, listed once for all who ask."""
        return leaves(self.value)

    @kept
    def strings(self) -> list[str]:
        """Return the texts among these."""
        return [leaf for _, leaf in self.leaves if isinstance(leaf, str)]


class TextPart(msgspec.Struct, frozen=True, kw_only=True, tag="text", tag_field="part"):
    """Text of a message (also reasoning)."""

    content: str


class ToolCallPart(msgspec.Struct, frozen=True, kw_only=True, tag="tool_call", tag_field="part"):
    """A model asking for a tool. ``arguments`` is parsed where it parses.

    ``recorded`` is false where the message only says that there was a call: content was off.
    """

    id: str
    name: str
    arguments: Value = None
    recorded: bool = True


class ToolResultPart(
    msgspec.Struct, frozen=True, kw_only=True, tag="tool_call_response", tag_field="part"
):
    """A tool's answer as the model sees it. ``result`` is unwrapped where it parses.

    ``recorded`` is false where the message only says that there was an answer: content was off.
    """

    id: str
    name: str = ""
    result: Value = None
    recorded: bool = True


class OtherPart(msgspec.Struct, frozen=True, kw_only=True, tag="other", tag_field="part"):
    """Any other part (blob, file, uri, ...), kept as it is."""

    type: str
    content: Value = None


Part = TextPart | ToolCallPart | ToolResultPart | OtherPart


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One chat message; ``role`` is system, user, assistant, tool or developer."""

    role: str
    parts: tuple[Part, ...] = ()
    name: str = ""
    finish_reason: str = ""

    @property
    def text(self) -> str:
        """Return the text parts, one a line."""
        return "\n".join(part.content for part in self.parts if isinstance(part, TextPart))


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One retrieved document."""

    id: str = ""
    content: str = ""
    score: float | None = None


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a step used, as its own span says; ``None`` is not said.

    Never a sum: agents' spans repeat what the model calls inside of them used, so add up the model
    calls only. ``input_tokens`` include the cached ones where a provider follows OpenTelemetry.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None
    """In the currency of the instrumentation, US dollars unless it says otherwise."""


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One judgement of a step by an evaluator or a person, as recorded on or beside its span."""

    name: str = ""
    score: float | None = None
    label: str = ""
    explanation: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A span understood: its kind, its names and its payloads, whatever the dialect.

    ``None`` and empty mean "this span does not say". ``agent`` is what the span itself says; the
    owning agent, inherited where the span is silent, is ``CausalGraph.owner``.
    """

    span: Span
    kind: StepKind
    dialect: str
    """Id of the dialect that gave the kind, such as ``otel_genai`` or ``openinference``; empty if
    none.
    """
    reason: str
    """Why this dialect and kind, for ``causewatch dialects explain``."""
    operation: str = ""
    agent: str = ""
    agent_id: str = ""
    workflow: str = ""
    session: str = ""
    model: str = ""
    tool: str = ""
    call_id: str = ""
    arguments: Payload | None = None
    result: Payload | None = None
    input: Payload | None = None
    output: Payload | None = None
    system: tuple[Message, ...] = ()
    input_messages: tuple[Message, ...] = ()
    output_messages: tuple[Message, ...] = ()
    messages_cut: bool = False
    query: str = ""
    documents: tuple[Document, ...] = ()
    finish_reason: str = ""
    error_type: str = ""
    error_message: str = ""
    handoff_from: str = ""
    handoff_to: str = ""
    handoff_mode: HandoffMode | None = None
    usage: Usage | None = None
    evaluations: tuple[Evaluation, ...] = ()

    derived: bool = False
    """No span records this step: it is read from messages, and its span is one that shows it."""

    @property
    def name(self) -> str:
        """Return what people call this step: the tool's or agent's name, else the span's name."""
        if self.kind in {"tool", "retrieval"} and self.tool:
            return self.tool
        return self.span.name
