"""What agents were asked and what they answered, where their own spans do not say it as values.

Most instrumentations put messages on an agent's span, or only on those of its model calls. A
contract for an agent is about the question that it got and the answer that it gave.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from causewatch.dialects.unwrap import payload_of
from causewatch.graph.owners import Owners
from causewatch.graph.tree import Tree
from causewatch.model.step import Message, Payload, Step, ToolCallPart


def tell(tree: Tree, owners: Owners) -> Tree:
    """Return ``tree`` with the inputs and outputs of agents' steps filled in from messages.

    The question is the last user message of the agent's first input; the answer is what the agent
    said last, unless that asked for a tool. The agent's own span counts before its model steps.
    """
    steps = list(tree.steps)
    for i, step in enumerate(tree.steps):
        if step.kind != "agent" or (step.input is not None and step.output is not None):
            continue
        models = [tree.steps[m] for m in owners.models.get(owners.head[i], ())]
        steps[i] = msgspec.structs.replace(
            step,
            input=step.input or _first(_questions([step, *models[:1]])),
            output=step.output or _first(_answers([step, *models[-1:]])),
        )
    return tree.with_steps(steps)


def _first(found: Iterator[Payload]) -> Payload | None:
    return next(found, None)


def _questions(steps: list[Step]) -> Iterator[Payload]:
    for step in steps:
        asked = [m for m in step.input_messages if m.role == "user" and m.text]
        if asked:
            yield payload_of(asked[-1].text, "gen_ai.input.messages", cut=step.messages_cut)


def _answers(steps: list[Step]) -> Iterator[Payload]:
    for step in steps:
        if step.output_messages and _answers_in(step.output_messages[-1]):
            text = step.output_messages[-1].text
            yield payload_of(text, "gen_ai.output.messages", cut=step.messages_cut)


def _answers_in(message: Message) -> bool:
    """Tell whether a message is an answer: words, and no call of a tool."""
    has_call = any(isinstance(part, ToolCallPart) for part in message.parts)
    return bool(message.text.strip()) and not has_call
