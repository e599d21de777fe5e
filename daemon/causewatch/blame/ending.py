"""How a run ended, as somebody knows it who does not go by its spans."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from causewatch.blame.evaluation import bad_evaluations
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Failing
from causewatch.model.limits import ScoreLimit


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller knows: that the run ended wrong, or the very step where that was seen."""

    failed: bool = False
    symptom: str = ""
    """A span id, or the beginning of one."""


NOT_KNOWN = Ending()


def failings_of(
    graph: CausalGraph, ending: Ending, limits: Sequence[ScoreLimit]
) -> tuple[Failing, ...]:
    """Return why the run is known to have ended wrong, the surest first: empty if nobody says so.

    The step that a person names comes first, then what the caller says, then bad evaluations.
    """
    found: list[Failing] = []
    if ending.symptom and (steps := steps_of(graph, ending.symptom)):
        step = steps[0]
        found.append(Failing(by="symptom", what="it was seen there", step=step, about=step))
    if ending.failed:
        found.append(Failing(by="caller", what="the caller says so"))
    return (*found, *bad_evaluations(graph, limits))


def steps_of(graph: CausalGraph, span_id: str) -> tuple[int, ...]:
    """Return the steps whose span id begins so, in whatever case it is written."""
    wanted = span_id.lower()
    return tuple(i for i, step in enumerate(graph.steps) if step.span.span_id.startswith(wanted))
