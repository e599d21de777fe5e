"""Attribute a run's corruption: origin, propagators, symptom, and the path between them.

The algorithm: faults, violated contracts and deviations from
paths are *candidates*; a candidate counts only if its
corruption spread (its values, or values nothing explains, reached a handoff, an acting call or the
answer; a loop harms by itself); of those that did, the earliest is the origin.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from causewatch.blame.atoms import Atoms
from causewatch.blame.candidate import PRIORITY, Candidate, candidates_of
from causewatch.blame.gaps import gaps_of
from causewatch.blame.path import path_of
from causewatch.blame.propagate import propagators_of
from causewatch.blame.radius import reached_from
from causewatch.blame.slice import before
from causewatch.blame.spread import Spread, spread_of
from causewatch.blame.suspect import suspect_of
from causewatch.blame.uses import Scene, Use, scene_of
from causewatch.faults.calls import Run
from causewatch.faults.repeated_call import repeats_of
from causewatch.model.expectation import Deviation
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import (
    Blame,
    ContractVerdict,
    Failing,
    Fault,
    Hop,
    Origin,
    RunVerdictName,
    Symptom,
    Unverifiable,
)

MIN_CONFIDENCE = 0.4
"""Weaker than this is no verdict: a page that is wrong costs more than a hint that is missing."""
MAX_CANDIDATES_COUNT = 20
"""The earliest candidates looked at: the origin is among the first, and a run may hold hundreds."""
SURE_CONFIDENCE = 0.5
"""Candidates below this, such as an empty result, are looked at only where nothing better is."""
CLEARLY_BETTER = 0.3
"""An early weak candidate yields to a later one that is so much surer."""


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate whose corruption spread, or is suspected to have."""

    candidate: Candidate
    spread: Spread
    observed: float
    attributed: float

    @property
    def confidence(self) -> float:
        """Return how sure it is that this is why."""
        return self.observed * self.attributed


def attribute(
    run: Run,
    faults: Sequence[Fault],
    verdicts: Sequence[ContractVerdict],
    failed_by: Sequence[Failing] = (),
    deviations: Sequence[Deviation] = (),
) -> Blame:
    """Return who introduced the corruption of a run, who passed it on, where it surfaced.

    The verdict is what the evidence says. Of a run that is known to have ended wrong (``failed_by``
    says why) an origin is named all the same, and the path ends where that was seen.
    """
    graph = run.graph
    gaps, blind = gaps_of(graph, run.calls, verdicts)
    candidates = candidates_of(graph, faults, verdicts, deviations)
    scene = scene_of(run) if candidates or failed_by else None
    cases = [] if scene is None else _sound(scene, candidates)
    verdict: RunVerdictName = "unverifiable" if blind else "healthy"
    if cases:
        verdict = "corrupted"
    case = min(cases, key=lambda case: _order(graph, case.candidate), default=None)
    if scene is not None and failed_by:
        case = _of_failed(scene, cases, faults, failed_by)
    if scene is None or case is None:
        return Blame(verdict=verdict, unverifiable=gaps)
    return _blame(scene, case, verdict, gaps)


def _blame(
    scene: Scene, case: _Case, verdict: RunVerdictName, gaps: tuple[Unverifiable, ...]
) -> Blame:
    graph, candidate, spread = scene.graph, case.candidate, case.spread
    symptom = spread.symptom
    return Blame(
        verdict=verdict,
        category=candidate.category,
        origin=Origin(
            step=candidate.step,
            agent=_origin_agent(graph, candidate),
            at=candidate.at,
            reason=candidate.reason,
        ),
        propagators=propagators_of(scene, candidate, spread),
        symptom=None if symptom is None else Symptom(step=symptom, agent=graph.owner[symptom]),
        confidence=round(case.confidence, 2),
        observed=round(case.observed, 2),
        attributed=round(case.attributed, 2),
        path=_path(scene, candidate, spread),
        reached=reached_from(scene, candidate, spread),
        unverifiable=gaps,
    )


def _sound(scene: Scene, candidates: tuple[Candidate, ...]) -> list[_Case]:
    """Return the cases for a verdict: of those that spread, the surest and what is near to it.

    The earliest of them is the origin. That a run left its path is a cause only where none is
    found that may have led to it.
    """
    candidates = tuple(sorted(candidates, key=lambda each: _order(scene.graph, each)))
    deviating = [candidate for candidate in candidates if candidate.is_deviation]
    others = [candidate for candidate in candidates if not candidate.is_deviation]
    sure = [candidate for candidate in others if candidate.confidence >= SURE_CONFIDENCE]
    cases = _cases(scene, sure) or _cases(scene, deviating)
    if not cases:
        cases = _cases(scene, [candidate for candidate in others if candidate not in sure])
    surest = max((case.confidence for case in cases), default=0.0)
    return [case for case in cases if case.confidence >= surest - CLEARLY_BETTER]


def _cases(scene: Scene, candidates: Sequence[Candidate]) -> list[_Case]:
    """Return the candidates whose corruption spread, with enough confidence."""
    cases: list[_Case] = []
    for candidate in candidates[:MAX_CANDIDATES_COUNT]:
        spread = spread_of(scene, candidate)
        if spread is None:
            continue
        # What strengthens a weak observation makes it surer that there was something wrong.
        observed = min(1.0, candidate.confidence * max(1.0, spread.factor))
        case = _Case(
            candidate=candidate,
            spread=spread,
            observed=observed,
            attributed=min(1.0, spread.factor),
        )
        if case.confidence >= MIN_CONFIDENCE:
            cases.append(case)
    return cases


def _of_failed(
    scene: Scene, cases: Sequence[_Case], faults: Sequence[Fault], failed_by: Sequence[Failing]
) -> _Case | None:
    """Return the likeliest case of a run that ended wrong.

    A proven corruption comes first, where it can have led to what was seen; else what is suspect.
    """
    graph = scene.graph
    seen = next((failing.about for failing in failed_by if failing.about is not None), None)
    for allowed in (None,) if seen is None else before(graph, seen):
        found = [case for case in cases if allowed is None or case.candidate.step in allowed]
        if found:
            case = min(found, key=lambda case: _order(graph, case.candidate))
            return case if seen is None else _seen_at(scene, case, seen)
    suspect = suspect_of(scene, faults, seen)
    if suspect is None:
        return None
    case = _Case(
        candidate=suspect.candidate,
        spread=suspect.spread,
        observed=suspect.observed,
        attributed=suspect.attributed,
    )
    return case if seen is None else _seen_at(scene, case, seen)


def _seen_at(scene: Scene, case: _Case, symptom: int) -> _Case:
    """Return a case with the step where a person saw it as its symptom: what came later is cut."""
    spread = case.spread
    if spread.symptom == symptom:
        return case
    graph = scene.graph
    end_ns = graph.steps[symptom].span.end_ns
    kept = [
        (use, why)
        for use, why in zip(spread.uses, spread.evidence, strict=False)
        if use.at_ns <= end_ns and use.step != symptom
    ]
    last = Use(
        kind="answer",
        step=symptom,
        agent=graph.owner[symptom],
        at_ns=graph.steps[symptom].span.start_ns,
        text="",
        atoms=Atoms(),
    )
    ended = Spread(
        uses=(*(use for use, _ in kept), last),
        symptom=symptom,
        evidence=(*(why for _, why in kept), "seen here"),
        factor=spread.factor,
    )
    return msgspec.structs.replace(case, spread=ended)


def _order(graph: CausalGraph, candidate: Candidate) -> tuple[int, int, int]:
    """Order by when the corruption was there: an output at its step's end, an input at its start.

    A step that runs others (a delegation) hands over at its start.
    """
    span = graph.steps[candidate.step].span
    early = candidate.at == "input" or candidate.handoff is not None
    return (
        span.start_ns if early else span.end_ns,
        PRIORITY.index(candidate.category),
        candidate.step,
    )


def _origin_agent(graph: CausalGraph, candidate: Candidate) -> str:
    owner = graph.owner[candidate.step]
    if candidate.handoff is None or owner:
        return owner
    return graph.handoffs[candidate.handoff].from_agent


def _path(scene: Scene, candidate: Candidate, spread: Spread) -> tuple[Hop, ...]:
    """Return the path, for a loop its repeats."""
    graph = scene.graph
    if candidate.category != "loop" or spread.uses:
        uses = spread.uses or _silent(graph, spread)
        evidence = spread.evidence or ("acted or answered after it",)
        return path_of(graph, candidate.step, uses, evidence, candidate.reason)
    step = graph.steps[candidate.step]
    agent = graph.owner[candidate.step]
    repeats = repeats_of(scene.calls, candidate.step)[:10]
    return (
        Hop(step=candidate.step, agent=agent, evidence=candidate.reason),
        *(Hop(step=i, agent=agent, evidence=f"{step.name} again, same result") for i in repeats),
    )


def _silent(graph: CausalGraph, spread: Spread) -> tuple[Use, ...]:
    """Return the symptom as a use where no values prove one, as for a violated contract."""
    if spread.symptom is None:
        return ()
    step = graph.steps[spread.symptom]
    return (
        Use(
            kind="act",
            step=spread.symptom,
            agent=graph.owner[spread.symptom],
            at_ns=step.span.start_ns,
            text="",
            atoms=Atoms(),
        ),
    )
