"""The calls of a run: each tool or retrieval call once, seen on its innermost span."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import msgspec

from causewatch.faults.envelope import Failure, failure_of
from causewatch.faults.expand import expand
from causewatch.faults.known import NOTHING_KNOWN, Known
from causewatch.faults.timeline import Timeline
from causewatch.faults.words import is_answer_like, is_read_like
from causewatch.model.graph import CausalGraph
from causewatch.model.kept import kept
from causewatch.model.step import Payload, Step
from causewatch.model.value import Value

T = TypeVar("T")


class Call(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One tool or retrieval call. ``delegates`` is set when it hands over to another agent.

    What several detectors ask of its payloads is read once and kept beside them.
    """

    index: int
    step: Step
    agent: str
    delegates: bool
    acts: bool
    """It changes the world outside of the run, as far as its name and kind tell."""
    answers: bool
    """It only returns its agent's own answer, so its result is nothing found out."""

    @property
    def result(self) -> Payload | None:
        """Return the recorded result."""
        return self.step.result

    @kept
    def opened(self) -> Value:
        """Return the result with the JSON inside of its strings read; to be left as it is."""
        return None if self.step.result is None else expand(self.step.result.value)

    @kept
    def failure(self) -> Failure | None:
        """Return what the result says of its own failure, or ``None``."""
        return None if self.step.result is None else failure_of(self.opened)

    @kept
    def result_key(self) -> str:
        """Return the digest of the result, empty where there is none."""
        return "" if self.step.result is None else self.step.result.sha256

    @kept
    def arguments_key(self) -> str:
        """Return the digest of the canonical arguments, empty where there are none."""
        arguments = self.step.arguments
        return "" if arguments is None else arguments.sha256


class Run(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a detector looks at: the graph, and its calls, found once for all detectors."""

    graph: CausalGraph
    calls: tuple[Call, ...]
    trusted: frozenset[int] = frozenset()
    """The steps whose results may steer actions."""
    known: Known = NOTHING_KNOWN

    @kept
    def _made(self) -> dict[Callable[[Run], object], object]:
        return {}

    def once(self, make: Callable[[Run], T]) -> T:
        """Return what ``make`` makes of this run, made once for all who ask."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast("T", self._made[make])

    @kept
    def timeline(self) -> Timeline:
        """Return the contents of the run in order of time, read once for all detectors."""
        return Timeline(self.graph)


def calls_of(graph: CausalGraph) -> tuple[Call, ...]:
    """Return the calls of ``graph`` in order of start.

    A call is often recorded by several nested spans (a client, its SDK, the server): of nested
    spans of one tool only the innermost with content counts, since it is where the result came to
    be.
    """
    performers = {h.performed_by for h in graph.handoffs if h.performed_by is not None}
    wrappers = _wrappers(graph)
    return tuple(
        Call(
            index=i,
            step=step,
            agent=graph.owner[i],
            delegates=i in performers or bool(step.handoff_to),
            acts=step.kind == "tool"
            and i not in performers
            and not is_answer_like(step.name)
            and not is_read_like(step.name),
            answers=is_answer_like(step.name),
        )
        for i, step in enumerate(graph.steps)
        if step.kind in {"tool", "retrieval"} and i not in wrappers
    )


def _wrappers(graph: CausalGraph) -> frozenset[int]:
    """Return the tool steps that only wrap another span of the same call."""
    found: set[int] = set()
    for i, step in enumerate(graph.steps):
        if step.kind not in {"tool", "retrieval"}:
            continue
        above = graph.parent[i]
        while above >= 0 and graph.steps[above].kind not in {"agent", "model", "workflow"}:
            outer = graph.steps[above]
            if outer.kind in {"tool", "retrieval"} and _same_call(outer, step):
                # The one without content is the wrapper; of two with content, the outer one.
                found.add(i if step.result is None and outer.result is not None else above)
            above = graph.parent[above]
    return frozenset(found)


def _same_call(outer: Step, inner: Step) -> bool:
    """Tell whether two nested tool spans record one call."""
    if outer.call_id and inner.call_id and outer.call_id != inner.call_id:
        return False
    if outer.tool and outer.tool == inner.tool:
        return True
    return (
        outer.result is not None
        and inner.result is not None
        and outer.result.raw == inner.result.raw
    )
