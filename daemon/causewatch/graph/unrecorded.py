"""Tool calls that no span records, read from the messages that show them.

A plain model client has no tool spans: a model asks for a call, the program runs it, and a later
model call is given the result. Such a call becomes a step of its own, between the two; its span is
that of the model call which was first given the result, so that what is said of it names a span
that was received.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from causewatch.dialects.unwrap import payload_of
from causewatch.graph.tree import SKEW_NS, Tree, rooted, span_order
from causewatch.model.step import Step, ToolCallPart, ToolResultPart

MAX_SHOWN_COUNT = 1_000
SHOWN = "a call that only messages show"
_CALLS = frozenset({"tool", "retrieval", "handoff", "agent", "workflow"})


def show_calls(tree: Tree) -> Tree:
    """Return ``tree`` with the calls that only messages show.

    Only for runs of bare model calls: with an agent framework, a call without a span was recorded
    in another way, or not run.
    """
    if any(step.kind in _CALLS for step in tree.steps):
        return tree
    shown = list(_shown(tree))
    if not shown:
        return tree
    steps = [*tree.steps, *(step for step, _ in shown)]
    above = [*tree.parent, *(parent for _, parent in shown)]
    order = sorted(range(len(steps)), key=lambda i: (*span_order(steps[i].span), i))
    place = {old: new for new, old in enumerate(order)}
    return rooted([steps[i] for i in order], [place.get(above[i], above[i]) for i in order])


def _shown(tree: Tree) -> Iterator[tuple[Step, int]]:
    """Yield the calls that were asked for and answered, with the parent of the model that asked."""
    asked: dict[str, tuple[ToolCallPart, int]] = {}
    models = [i for i, step in enumerate(tree.steps) if step.kind == "model"]
    count = 0
    for i in models:
        taken = [call for call in _answers(tree.steps[i]) if call.id in asked]
        for answer in taken[: MAX_SHOWN_COUNT - count]:
            call, asker = asked[answer.id]
            late = tree.steps[asker].span.end_ns > tree.steps[i].span.start_ns + SKEW_NS
            if late or (answer.name and answer.name != call.name):
                continue
            del asked[answer.id]
            count += 1
            yield _step(tree.steps[asker], tree.steps[i], call, answer), tree.parent[asker]
        for call in _asks(tree.steps[i]):
            asked[call.id] = (call, i)


def _asks(step: Step) -> Iterator[ToolCallPart]:
    for message in step.output_messages:
        yield from (p for p in message.parts if isinstance(p, ToolCallPart) and p.id and p.name)


def _answers(step: Step) -> list[ToolResultPart]:
    """Return the results that a model was given, each id once: the last one is the newest."""
    found: dict[str, ToolResultPart] = {}
    for message in step.input_messages:
        found.update((p.id, p) for p in message.parts if isinstance(p, ToolResultPart) and p.id)
    return list(found.values())


def _step(asker: Step, taker: Step, call: ToolCallPart, answer: ToolResultPart) -> Step:
    start_ns = min(asker.span.end_ns, taker.span.start_ns)
    span = msgspec.structs.replace(
        taker.span,
        name=f"execute_tool {call.name}",
        parent_id=asker.span.parent_id,
        start_ns=start_ns,
        end_ns=taker.span.start_ns,
        status="unset",
        status_message="",
        attributes={},
        events=(),
        links=(),
        dropped_attributes_count=0,
    )
    return Step(
        span=span,
        kind="tool",
        dialect=taker.dialect,
        reason=SHOWN,
        agent=asker.agent,
        tool=call.name,
        call_id=call.id,
        arguments=payload_of(call.arguments, "gen_ai.output.messages", cut=asker.messages_cut),
        result=payload_of(answer.result, "gen_ai.input.messages", cut=taker.messages_cut),
        derived=True,
    )
