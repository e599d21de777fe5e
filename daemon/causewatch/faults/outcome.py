"""What came of a run: what its agents handed on, did, and answered in the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from causewatch.faults.calls import Run
from causewatch.faults.empty import is_empty
from causewatch.faults.lost_at_handoff import place_of
from causewatch.faults.text import plain
from causewatch.faults.timeline import text_of
from causewatch.model.graph import CausalGraph
from causewatch.model.step import TextPart, ToolCallPart

OutcomeKind = Literal["act", "handoff", "answer"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that came of a run, with all that it says."""

    kind: OutcomeKind
    step: int
    agent: str
    at_ns: int
    text: str


def outcomes_of(run: Run) -> tuple[Outcome, ...]:
    """Return what came of a run, in order of time. An act that failed came to nothing."""
    return run.once(_outcomes)


def _outcomes(run: Run) -> tuple[Outcome, ...]:
    found = [*_acts(run), *_handoffs(run.graph), *_answer(run)]
    return tuple(sorted(found, key=lambda each: (each.at_ns, each.step)))


def final_answer(graph: CausalGraph) -> int | None:
    """Return the step with the run's last words: the model turn that ended last without a call.

    What a model says as a judge, within an evaluation or a guardrail, is none of the run's words.
    """
    ends: list[tuple[int, int]] = []
    judges = judges_of(graph)
    for i, step in enumerate(graph.steps):
        if step.kind != "model" or not step.output_messages or i in judges:
            continue
        parts = [part for message in step.output_messages for part in message.parts]
        says = any(isinstance(part, TextPart) and part.content.strip() for part in parts)
        if says and not any(isinstance(part, ToolCallPart) for part in parts):
            ends.append((step.span.end_ns, i))
    if ends:
        return max(ends)[1]
    spoken = [
        i
        for i, step in enumerate(graph.steps)
        if step.kind in {"agent", "workflow"} and step.output
    ]
    return max(spoken, key=lambda i: graph.steps[i].span.end_ns, default=None)


def answer_in(run: Run) -> int | None:
    """Return the same of a run that is looked at by many."""
    return run.once(_answer_of)


def _answer_of(run: Run) -> int | None:
    return final_answer(run.graph)


def judges_of(graph: CausalGraph) -> frozenset[int]:
    """Return the steps that are, or are within, evaluations and guardrails."""
    judging = {i for i, s in enumerate(graph.steps) if s.kind in {"evaluation", "guardrail"}}
    if not judging:
        return frozenset()
    found: set[int] = set()
    for i in range(len(graph.steps)):
        above = i
        while above >= 0 and above not in judging:
            above = graph.parent[above]
        if above >= 0:
            found.add(i)
    return frozenset(found)


def answer_text(graph: CausalGraph, step: int) -> str:
    """Return what a step says in the end."""
    found = graph.steps[step]
    said = "\n".join(message.text for message in found.output_messages)
    return said or plain(found.output)


def _acts(run: Run) -> Iterator[Outcome]:
    for call in run.calls:
        step = call.step
        if not call.acts or call.delegates or step.arguments is None:
            continue
        if step.span.status == "error":
            continue
        value = None if step.result is None else step.result.value
        if step.result is not None and not is_empty(value) and call.failure is not None:
            continue
        yield Outcome(
            kind="act",
            step=call.index,
            agent=call.agent,
            at_ns=step.span.start_ns,
            text=text_of(step.arguments.value),
        )


def _handoffs(graph: CausalGraph) -> Iterator[Outcome]:
    for handoff in graph.handoffs:
        sent = handoff.sent
        if sent is not None and not sent.key.endswith("input.messages"):
            place = place_of(handoff)
            yield Outcome(
                kind="handoff",
                step=place,
                agent=handoff.from_agent,
                at_ns=graph.steps[place].span.start_ns,
                text=text_of(sent.value),
            )


def _answer(run: Run) -> Iterator[Outcome]:
    graph, step = run.graph, answer_in(run)
    if step is not None:
        yield Outcome(
            kind="answer",
            step=step,
            agent=graph.owner[step],
            at_ns=graph.steps[step].span.end_ns,
            text=answer_text(graph, step),
        )
