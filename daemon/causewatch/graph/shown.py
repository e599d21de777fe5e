"""What each step was shown and what it gave, as texts that can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from causewatch.model.step import (
    Message,
    OtherPart,
    Part,
    Payload,
    Step,
    StepKind,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from causewatch.model.value import Value, canonical_bytes

RESULT_KINDS: frozenset[StepKind] = frozenset({"tool", "retrieval", "memory"})


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One text that was shown or given; ``value`` is its structure where it has one."""

    text: str
    value: Value = None


def fresh_messages(
    steps: Sequence[Step], turns: Iterable[Sequence[int]]
) -> dict[int, tuple[Message, ...]]:
    """Return, for each model step, what its input has that its agent's turn before had not.

    Most agents show the whole conversation anew in every turn: the beginning that two turns share
    is compared once and then left alone.

    Args:
        steps: the run's steps.
        turns: the indices of each agent's model steps, in order.
    """
    found: dict[int, tuple[Message, ...]] = {}
    for models in turns:
        before: tuple[Message, ...] = ()
        for model in models:
            messages = steps[model].input_messages
            same = 0
            for one, other in zip(before, messages, strict=False):
                if one != other:
                    break
                same += 1
            found[model] = messages[same:]
            before = messages
    return found


def spoken(value: Value) -> str:
    """Return ``value`` as text: itself, or its JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return msgspec.json.encode(value).decode()
    except (ValueError, TypeError, RecursionError):
        return canonical_bytes(value).decode("utf-8", "replace")


def piece_of(value: Value) -> Piece:
    """Return ``value`` as a piece."""
    return Piece(text=spoken(value), value=value if isinstance(value, dict | list) else None)


def piece_of_part(part: Part) -> Piece | None:
    """Return what a part of a message shows; a call in a history shows what its model said."""
    match part:
        case TextPart(content=content):
            return Piece(text=content) if content else None
        case ToolResultPart(result=result):
            return piece_of(result) if result not in (None, "") else None
        case OtherPart(content=content):
            return piece_of(content) if isinstance(content, str | dict | list) else None
        case ToolCallPart():
            return None


def pieces_of(message: Message) -> Iterator[Piece]:
    """Yield what a message shows."""
    for part in message.parts:
        if (piece := piece_of_part(part)) is not None:
            yield piece


def given(step: Step) -> tuple[Piece, ...]:
    """Return what a step gave: a result, documents, a model's words and calls."""
    match step.kind:
        case "model":
            return tuple(_said(step))
        case "tool" | "retrieval" | "memory":
            if step.documents:
                return tuple(Piece(text=d.content) for d in step.documents if d.content)
            return _of_payload(step.result)
        case "agent":
            return _of_payload(step.output)
        case _:
            return ()


def _said(step: Step) -> Iterator[Piece]:
    for message in step.output_messages:
        for part in message.parts:
            if isinstance(part, ToolCallPart):
                if part.arguments not in (None, "", {}):
                    yield piece_of(part.arguments)
            elif (piece := piece_of_part(part)) is not None:
                yield piece


def shown_to(step: Step) -> tuple[Piece, ...]:
    """Return all that a step was shown: of a model its messages, of another what it was given."""
    if step.kind != "model":
        return asked_of(step)
    messages = (*step.system, *step.input_messages)
    return tuple(piece for message in messages for piece in pieces_of(message))


def asked_of(step: Step) -> tuple[Piece, ...]:
    """Return what a step that is no model was given to work on."""
    is_given_arguments = step.kind in RESULT_KINDS
    found = _of_payload(step.arguments if is_given_arguments else step.input)
    if step.query:
        found = (*found, Piece(text=step.query))
    if step.kind == "memory" and not step.query:
        # What a memory is given to keep is recorded as its records.
        found = (*found, *given(step))
    return found


def _of_payload(payload: Payload | None) -> tuple[Piece, ...]:
    if payload is None or payload.value in (None, "", {}, []):
        return ()
    return (piece_of(payload.value),)
