"""Attribute a run's corruption: origin, propagators, symptom, and the path between them.

The algorithm: faults and violated contracts are *candidates*; a candidate counts only if its
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
from causewatch.blame.spread import Spread, spread_of
from causewatch.blame.uses import Scene, Use, scene_of
from causewatch.faults.calls import Call, calls_of
from causewatch.faults.repeated_call import repeats_of
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Blame, ContractVerdict, Fault, Hop, Origin, Symptom

MIN_CONFIDENCE = 0.4
"""Weaker than this is no verdict: a page that is wrong costs more than a hint that is missing."""
MAX_CANDIDATES_COUNT = 20
"""The earliest candidates looked at: the origin is among the first, and a run may hold hundreds."""
SURE_CONFIDENCE = 0.5
"""Candidates below this, such as an empty result, are looked at only where nothing better is."""
CLEARLY_BETTER = 0.3
"""An early weak candidate yields to a later one that is so much surer."""


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate whose corruption spread."""

    candidate: Candidate
    spread: Spread
    confidence: float


def attribute(
    graph: CausalGraph, faults: Sequence[Fault], verdicts: Sequence[ContractVerdict]
) -> Blame:
    """Return who introduced the corruption of ``graph``, who passed it on, where it surfaced."""
    calls = calls_of(graph)
    gaps, blind = gaps_of(graph, calls, verdicts)
    case = _chosen(graph, calls, candidates_of(graph, faults, verdicts))
    if case is None:
        return Blame(verdict="unverifiable" if blind else "healthy", unverifiable=gaps)
    candidate, spread = case.candidate, case.spread
    symptom = spread.symptom
    return Blame(
        verdict="corrupted",
        category=candidate.category,
        origin=Origin(
            step=candidate.step,
            agent=_origin_agent(graph, candidate),
            at=candidate.at,
            reason=candidate.reason,
        ),
        propagators=propagators_of(graph, candidate, spread),
        symptom=None if symptom is None else Symptom(step=symptom, agent=graph.owner[symptom]),
        confidence=round(case.confidence, 2),
        path=_path(graph, candidate, spread),
        unverifiable=gaps,
    )


def _chosen(
    graph: CausalGraph, calls: tuple[Call, ...], candidates: tuple[Candidate, ...]
) -> _Case | None:
    """Return the candidate to blame: the earliest that spread, unless a later one is far surer."""
    if not candidates:
        return None
    scene = scene_of(graph, calls)
    candidates = tuple(sorted(candidates, key=lambda each: _order(graph, each)))
    sure = [candidate for candidate in candidates if candidate.confidence >= SURE_CONFIDENCE]
    cases = _cases(scene, sure)
    if not cases:
        cases = _cases(scene, [candidate for candidate in candidates if candidate not in sure])
    if not cases:
        return None
    surest = max(case.confidence for case in cases)
    sound = [case for case in cases if case.confidence >= surest - CLEARLY_BETTER]
    return min(sound, key=lambda case: _order(graph, case.candidate))


def _cases(scene: Scene, candidates: Sequence[Candidate]) -> list[_Case]:
    """Return the candidates whose corruption spread, with enough confidence."""
    cases: list[_Case] = []
    for candidate in candidates[:MAX_CANDIDATES_COUNT]:
        spread = spread_of(scene, candidate)
        if spread is None:
            continue
        confidence = candidate.confidence * spread.factor
        if confidence >= MIN_CONFIDENCE:
            cases.append(_Case(candidate=candidate, spread=spread, confidence=confidence))
    return cases


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


def _path(graph: CausalGraph, candidate: Candidate, spread: Spread) -> tuple[Hop, ...]:
    """Return the path, for a loop its repeats."""
    if candidate.category != "loop":
        uses = spread.uses or _silent(graph, spread)
        evidence = spread.evidence or ("acted or answered after it",)
        return path_of(graph, candidate.step, uses, evidence, candidate.reason)
    step = graph.steps[candidate.step]
    agent = graph.owner[candidate.step]
    repeats = repeats_of(graph, candidate.step)[:10]
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
