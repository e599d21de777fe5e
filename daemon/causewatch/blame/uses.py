"""Where content is used: handed over, acted on, answered with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from causewatch.blame.atoms import Atoms, atoms_of, atoms_of_text
from causewatch.faults.calls import Call, Run
from causewatch.faults.empty import is_empty
from causewatch.faults.outcome import answer_in, answer_text
from causewatch.faults.sources import Prompt, prompts_in
from causewatch.faults.text import fold, plain
from causewatch.model.graph import CausalGraph

UseKind = Literal["handoff", "act", "answer"]


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One place where an agent went on with content: in what step, when, with which values."""

    kind: UseKind
    step: int
    agent: str
    at_ns: int
    text: str
    atoms: Atoms
    handoff: int | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one call's result brought in: from when on, which values, and whether it was good.

    What a result only repeats of its call's arguments was supplied by whoever wrote those.
    """

    call: int
    end_ns: int
    atoms: Atoms
    text: str
    good: bool


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What blame looks at, prepared once for all candidates of a run."""

    graph: CausalGraph
    calls: tuple[Call, ...]
    uses: tuple[Use, ...]
    prompts: tuple[Prompt, ...]
    """What the run was told from outside: questions and instructions."""
    answer: int | None
    """The step of the final answer."""
    results: tuple[Result, ...]
    """What the calls found out, in order of time."""

    def call_at(self, step: int) -> Call | None:
        """Return the call whose step this is, or ``None``."""
        return next((call for call in self.calls if call.index == step), None)


def scene_of(run: Run) -> Scene:
    """Return a run as blame looks at it, prepared once for all who do."""
    return run.once(_scene)


def _scene(run: Run) -> Scene:
    graph, calls = run.graph, run.calls
    answer = answer_in(run)
    uses = [*_handoffs(graph), *_acts(calls), *_answer(graph, answer)]
    uses.sort(key=lambda use: (use.at_ns, use.step))
    return Scene(
        graph=graph,
        calls=calls,
        uses=tuple(uses),
        prompts=prompts_in(run),
        answer=answer,
        results=tuple(sorted(_results(calls), key=lambda result: result.end_ns)),
    )


def is_good(call: Call) -> bool:
    """Tell whether a call was answered, and well."""
    if call.result is None or call.step.span.status == "error":
        return False
    return call.failure is None and not is_empty(call.result.value)


def _results(calls: tuple[Call, ...]) -> Iterator[Result]:
    """Yield the results of the calls that find something out."""
    for call in calls:
        if call.delegates or call.answers or call.result is None:
            continue
        found = atoms_of(call.opened)
        asked = atoms_of(call.step.arguments.value) if call.step.arguments else Atoms()
        yield Result(
            call=call.index,
            end_ns=call.step.span.end_ns,
            atoms=Atoms(
                strong=found.strong - asked.strong,
                weak=found.weak - asked.weak,
                leaves=found.leaves - asked.leaves,
            ),
            text=fold(plain(call.result)),
            good=is_good(call),
        )


def told_before(scene: Scene, step: int) -> tuple[str, ...]:
    """Return what the run was told that cannot come from ``step``.

    That is what was told before it ended, and what agents that had spoken before are told later: a
    user's next message. What an agent that starts afterwards is told was made up from what went
    before, in whatever role it is recorded.
    """
    graph = scene.graph
    end_ns = graph.steps[step].span.end_ns
    spoke = {
        graph.owner[i]
        for i, other in enumerate(graph.steps)
        if other.kind == "model" and other.span.start_ns < end_ns
    }
    return tuple(
        prompt.text
        for prompt in scene.prompts
        if prompt.at_ns < end_ns or (graph.owner[prompt.step] in spoke - {""})
    )


def known_text(scene: Scene, told: tuple[str, ...], bad: int = -1) -> str:
    """Return, folded, what the run was told and found out well, the result of ``bad`` aside."""
    results = (result.text for result in scene.results if result.good and result.call != bad)
    return "\n".join((*map(fold, told), *results))


def _handoffs(graph: CausalGraph) -> list[Use]:
    found = []
    for index, handoff in enumerate(graph.handoffs):
        payload = handoff.sent or handoff.received
        is_history = handoff.sent is not None and handoff.sent.key.endswith("input.messages")
        if payload is None or is_history:
            continue
        step = handoff.performed_by
        if step is None:
            step = handoff.receiver if handoff.receiver is not None else handoff.sender
        found.append(
            Use(
                kind="handoff",
                step=step,
                agent=handoff.from_agent,
                at_ns=graph.steps[step].span.start_ns,
                text=plain(payload),
                atoms=atoms_of(payload.value),
                handoff=index,
            )
        )
    return found


def _acts(calls: tuple[Call, ...]) -> list[Use]:
    return [use_of(call) for call in calls if call.acts and not call.delegates]


def use_of(call: Call) -> Use:
    """Return a call as a use of what its arguments hold."""
    return Use(
        kind="act",
        step=call.index,
        agent=call.agent,
        at_ns=call.step.span.start_ns,
        text=plain(call.step.arguments),
        atoms=atoms_of(call.step.arguments.value) if call.step.arguments else Atoms(),
    )


def _answer(graph: CausalGraph, step: int | None) -> list[Use]:
    if step is None:
        return []
    text = answer_text(graph, step)
    return [
        Use(
            kind="answer",
            step=step,
            agent=graph.owner[step],
            at_ns=graph.steps[step].span.end_ns,
            text=text,
            atoms=atoms_of_text(text),
        )
    ]
