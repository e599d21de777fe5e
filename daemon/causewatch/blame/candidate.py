"""Candidates: where a run's corruption may have begun, before it is known to have spread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from causewatch.faults.lost_at_handoff import place_of
from causewatch.model.expectation import Deviation
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Category, ContractVerdict, Fault, FaultName, ViolationName

Spread = Literal["values", "receiver", "call", "use", "none"]
"""How a candidate does harm: by its values used later, by its receiver acting, by the call that it
made happen, by what its detector saw come of it, or by itself.
"""

MIN_FAULT_CONFIDENCE = 0.4
CONTRACT_CONFIDENCE = 0.95
DEVIATION_CONFIDENCE = 0.95

CATEGORY_OF_FAULT: dict[FaultName, tuple[Category, Spread]] = {
    "failure": ("tool_failure", "values"),
    "rate_limited": ("tool_failure", "values"),
    "truncated": ("truncation", "values"),
    "malformed": ("serialization", "values"),
    "empty": ("empty", "values"),
    "missing_shape": ("truncation", "values"),
    "stale": ("stale", "values"),
    "low_score": ("empty", "values"),
    "unknown_agent": ("tool_failure", "values"),
    "injected": ("poisoning", "call"),
    "repeated_call": ("loop", "none"),
    "ping_pong": ("loop", "none"),
    "lost_at_handoff": ("truncation", "receiver"),
    "cut_off": ("truncation", "receiver"),
    "flattened": ("serialization", "receiver"),
    "changed_fact": ("ungrounded", "use"),
    "ungrounded": ("ungrounded", "use"),
    "unused_result": ("lost_result", "use"),
    "out_of_order": ("ordering", "use"),
}
"""Faults that may start a corruption. The others are findings of their own, for signatures."""

CATEGORY_OF_VIOLATION: dict[ViolationName, Category] = {
    "schema": "schema",
    "truncation": "truncation",
    "serialization": "serialization",
    "ordering": "ordering",
    "poisoning": "poisoning",
    "missing": "truncation",
    "delta": "other",
    "empty": "empty",
    "stale": "stale",
    "low_score": "empty",
}

PRIORITY: tuple[Category, ...] = (
    "poisoning", "tool_failure", "stale", "serialization", "truncation", "ordering", "schema",
    "empty", "loop", "ungrounded", "missing_step", "lost_result", "path", "other",
)  # fmt: skip
"""Of several candidates on one step the first of these names it: an error text is no injection."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A step, or a handoff, where corruption may have begun."""

    step: int
    category: Category
    reason: str
    confidence: float
    spread: Spread
    handoff: int | None = None
    at: Literal["input", "output"] = "output"
    fault: FaultName | None = None
    induced: int | None = None
    is_deviation: bool = False
    """A run that left its path did so for a reason: this is the origin where none is found."""


def candidates_of(
    graph: CausalGraph,
    faults: Iterable[Fault],
    verdicts: Iterable[ContractVerdict],
    deviations: Iterable[Deviation] = (),
) -> tuple[Candidate, ...]:
    """Return the candidates among faults, violated contracts and deviations from paths.

    There is one for each step and category.
    """
    found = [
        *_of_faults(graph, faults),
        *_of_verdicts(graph, verdicts),
        *map(_of_deviation, deviations),
    ]
    best: dict[tuple[int, Category], Candidate] = {}
    for candidate in found:
        key = candidate.step, candidate.category
        if key not in best or candidate.confidence > best[key].confidence:
            best[key] = candidate
    return tuple(best.values())


def _of_faults(graph: CausalGraph, faults: Iterable[Fault]) -> Iterator[Candidate]:
    for fault in faults:
        candidate = candidate_of(graph, fault) if fault.confidence >= MIN_FAULT_CONFIDENCE else None
        if candidate is not None:
            yield candidate


def candidate_of(graph: CausalGraph, fault: Fault) -> Candidate | None:
    """Return a fault as a candidate, ``None`` for one that cannot start a corruption."""
    if fault.name not in CATEGORY_OF_FAULT:
        return None
    category, spread = CATEGORY_OF_FAULT[fault.name]
    if fault.name == "changed_fact" and _was_carried(graph, fault):
        category = "serialization"
    if fault.name == "flattened" and fault.handoff is None:
        spread = "values" if fault.induced is None else "use"
    return Candidate(
        step=fault.step,
        category=category,
        reason=fault.reason,
        confidence=fault.confidence,
        spread=spread,
        handoff=fault.handoff,
        at=fault.at,
        fault=fault.name,
        induced=fault.induced,
    )


def _was_carried(graph: CausalGraph, fault: Fault) -> bool:
    """Tell whether code changed a fact: what a model makes up, code garbles."""
    shown = fault.at == "input" and graph.steps[fault.step].kind == "model"
    return fault.handoff is not None or shown


def _of_deviation(deviation: Deviation) -> Candidate:
    return Candidate(
        step=deviation.at,
        category="missing_step" if deviation.kind == "required" else "path",
        reason=f"path {deviation.path} left at {deviation.message}",
        confidence=DEVIATION_CONFIDENCE,
        spread="none",
        is_deviation=True,
    )


def _of_verdicts(graph: CausalGraph, verdicts: Iterable[ContractVerdict]) -> Iterator[Candidate]:
    """Yield violated contracts; a step that later kept the same contract has recovered."""
    listed = tuple(verdicts)
    for verdict in listed:
        if verdict.verdict != "violated" or not verdict.violations:
            continue
        if verdict.handoff is None and _kept_later(graph, verdict, listed):
            continue
        ranked = sorted(
            verdict.violations, key=lambda v: PRIORITY.index(CATEGORY_OF_VIOLATION[v.name])
        )
        worst = ranked[0]
        place = f" at {worst.pointer}" if worst.pointer else ""
        performed = True
        step = verdict.step
        if verdict.handoff is not None:
            handoff = graph.handoffs[verdict.handoff]
            step, performed = place_of(handoff), handoff.performed_by is not None
        yield Candidate(
            step=step,
            category=CATEGORY_OF_VIOLATION[worst.name],
            reason=f"contract {verdict.contract} violated: {worst.name}{place}, {worst.message}",
            confidence=CONTRACT_CONFIDENCE,
            spread="receiver" if verdict.handoff is not None else "none",
            handoff=verdict.handoff,
            at="output" if performed else "input",
        )


def _kept_later(
    graph: CausalGraph, verdict: ContractVerdict, verdicts: tuple[ContractVerdict, ...]
) -> bool:
    """Tell whether the same call was made again and then kept the contract."""
    name = graph.steps[verdict.step].name
    return any(
        other.rule_id == verdict.rule_id
        and other.verdict == "pass"
        and other.step > verdict.step
        and graph.steps[other.step].name == name
        for other in verdicts
    )
