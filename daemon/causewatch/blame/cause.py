"""The cause of a run's corruption, named so that it outlives the graph."""

from __future__ import annotations

from causewatch.model.finding import Cause, StepRef
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Assessment


def cause_of(assessment: Assessment) -> Cause:
    """Return origin, propagators, symptom and path of a run as names and ids, without payloads."""
    graph, blame = assessment.graph, assessment.blame
    origin, symptom = blame.origin, blame.symptom
    return Cause(
        category=blame.category or "",
        workflow=graph.workflow,
        origin=_ref(graph, origin.step, origin.agent, origin.reason) if origin else None,
        origin_reason=origin.reason if origin else "",
        origin_at=origin.at if origin else "output",
        propagators=tuple(_ref(graph, p.step, p.agent, p.evidence) for p in blame.propagators),
        symptom=_ref(graph, symptom.step, symptom.agent, "") if symptom else None,
        path=tuple(_ref(graph, hop.step, hop.agent, hop.evidence) for hop in blame.path),
        confidence=blame.confidence,
    )


def _ref(graph: CausalGraph, index: int, agent: str, evidence: str) -> StepRef:
    step = graph.steps[index]
    return StepRef(
        trace_id=step.span.trace_id,
        span_id=step.span.span_id,
        name=step.name,
        agent=agent,
        kind=step.kind,
        evidence=evidence,
    )
