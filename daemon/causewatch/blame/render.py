"""Show an assessment as JSON, for programs."""

from __future__ import annotations

from typing import Any

from causewatch.blame.verdicts import validation_of, verdicts_json
from causewatch.contracts.boundary import boundaries_of, standing_of
from causewatch.model.expectation import Boundary, HealthPart
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.judgement import Assessment, Blame

MAX_SHOWN_BOUNDARIES_COUNT = 200
"""Of a run with more handoffs ``explain`` lists the first; ``graph`` lists all."""


def explain_json(assessment: Assessment) -> dict[str, Any]:
    """Return what ``causewatch explain`` prints of one run; every key is always there."""
    graph, blame = assessment.graph, assessment.blame
    origin, symptom = blame.origin, blame.symptom
    return {
        "run": graph.run_id,
        "trace_ids": list(graph.trace_ids),
        "verdict": blame.verdict,
        "category": blame.category,
        "origin": None
        if origin is None
        else {
            **_named(graph, origin.step, origin.agent),
            "at": origin.at,
            "reason": origin.reason,
        },
        "propagators": [
            {"span_id": _span_id(graph, p.step), "agent": p.agent or None, "evidence": p.evidence}
            for p in blame.propagators
        ],
        "symptom": None if symptom is None else _named(graph, symptom.step, symptom.agent),
        "confidence": blame.confidence,
        "confidence_parts": None
        if blame.observed is None
        else {"observed": blame.observed, "attributed": blame.attributed},
        "path": [
            {**_named(graph, hop.step, hop.agent), "evidence": hop.evidence} for hop in blame.path
        ],
        "unverifiable": [
            {
                "span_id": None if gap.step is None else _span_id(graph, gap.step),
                "what": gap.what,
                "reason": gap.reason,
                "fix": gap.fix,
            }
            for gap in blame.unverifiable
        ],
        "blast_radius": _radius_json(graph, blame),
        "failed_by": [
            {
                "by": failing.by,
                "what": failing.what,
                "span_id": None if failing.step is None else _span_id(graph, failing.step),
                "about": None if failing.about is None else _span_id(graph, failing.about),
            }
            for failing in assessment.failed_by
        ],
        "contracts": verdicts_json(assessment),
        "health": _health_json(assessment),
        "boundaries": _boundaries_json(assessment),
        "novel": [
            {
                "kind": novel.kind,
                "edge": novel.edge or None,
                "fingerprint": novel.fingerprint,
                "path": novel.path or None,
                "span_id": _span_id(graph, novel.step),
            }
            for novel in assessment.novel
        ],
    }


def _health_json(assessment: Assessment) -> dict[str, Any] | None:
    """Return how well the context survived, and each transition with its share."""
    graph, health = assessment.graph, assessment.health
    if health is None:
        return None
    return {
        "score": health.score,
        "parts": [
            {
                **_ends(graph, part.handoff),
                "span_id": _place_id(graph, part),
                "score": part.score,
                "reason": part.reason,
            }
            for part in health.parts[:MAX_SHOWN_BOUNDARIES_COUNT]
        ],
    }


def _ends(graph: CausalGraph, handoff: int | None) -> dict[str, Any]:
    if handoff is None:
        return {"from": None, "to": None}
    found = graph.handoffs[handoff]
    return {"from": found.from_agent or None, "to": found.to_agent or None}


def _place_id(graph: CausalGraph, part: HealthPart) -> str | None:
    if part.handoff is not None:
        return graph.handoffs[part.handoff].span_id
    return None if part.step is None else _span_id(graph, part.step)


def _boundaries_json(assessment: Assessment) -> list[dict[str, Any]]:
    """Return what became of the context at each handoff; what changed ``graph`` shows."""
    graph = assessment.graph
    return [
        {
            "span_id": graph.handoffs[boundary.handoff].span_id,
            **_ends(graph, boundary.handoff),
            "intact": boundary.intact,
            "summary": boundary.summary,
            "checksum": boundary.checksum or None,
        }
        for boundary in boundaries_of(graph, assessment.redact)[:MAX_SHOWN_BOUNDARIES_COUNT]
    ]


def _radius_json(graph: CausalGraph, blame: Blame) -> dict[str, Any]:
    """Return what the corruption reached: the agents, and each place of theirs with its role."""
    return {
        "agents": list(dict.fromkeys(each.agent for each in blame.reached if each.agent)),
        "reached": [
            {
                **_named(graph, each.step, each.agent),
                "role": each.role,
                "evidence": each.evidence,
            }
            for each in blame.reached
        ],
    }


def graph_json(assessment: Assessment) -> dict[str, Any]:
    """Return what ``causewatch graph`` prints of one run."""
    graph = assessment.graph
    faults: dict[int, list[str]] = {}
    for fault in assessment.faults:
        names = faults.setdefault(fault.step, [])
        if fault.name not in names:
            names.append(fault.name)
    return {
        "run": graph.run_id,
        "trace_ids": list(graph.trace_ids),
        "workflow": graph.workflow or None,
        "agents": list(graph.agents),
        "steps": [
            _step_json(assessment, i, faults.get(i, []))
            for i, step in enumerate(graph.steps)
            if not step.derived
        ],
        "handoffs": [
            _handoff_json(assessment, handoff, boundary)
            for handoff, boundary in zip(
                graph.handoffs, boundaries_of(graph, assessment.redact), strict=True
            )
        ],
        "edges": [
            {
                "from": _span_id(graph, edge.source),
                "to": _span_id(graph, edge.target),
                "type": edge.type,
                "evidence": edge.evidence,
            }
            for edge in graph.edges
            if _span_id(graph, edge.source) != _span_id(graph, edge.target)
        ],
    }


def _step_json(assessment: Assessment, index: int, faults: list[str]) -> dict[str, Any]:
    graph = assessment.graph
    step = graph.steps[index]
    validation, violations = validation_of(assessment, index)
    return {
        "span_id": step.span.span_id,
        "step": step.kind,
        "name": step.name,
        "agent": graph.owner[index] or None,
        "tool": step.tool or None,
        "parent": step.span.parent_id or None,
        "dialect": step.dialect or None,
        "faults": faults,
        "validation": validation,
        "violations": violations,
    }


def _handoff_json(assessment: Assessment, handoff: Handoff, boundary: Boundary) -> dict[str, Any]:
    """Return one handoff, with the worst of its contracts' verdicts."""
    graph = assessment.graph
    verdicts = [v for v in assessment.verdicts if v.handoff == boundary.handoff]
    names = {verdict.verdict for verdict in verdicts}
    worst = next((n for n in ("violated", "unverifiable", "pass") if n in names), None)
    violations = (violation.name for verdict in verdicts for violation in verdict.violations)
    return {
        "span_id": handoff.span_id,
        "from": handoff.from_agent or None,
        "to": handoff.to_agent or None,
        "sender_span_id": _span_id(graph, handoff.sender),
        "receiver_span_id": None if handoff.receiver is None else _span_id(graph, handoff.receiver),
        "mode": handoff.mode,
        "derived": handoff.derived,
        "rule": handoff.rule,
        "verdict": worst,
        "violations": list(dict.fromkeys(violations)),
        "sent_sha256": handoff.sent_sha256 or None,
        "received_sha256": handoff.received_sha256 or None,
        "sent_bytes": handoff.sent_bytes,
        "received_bytes": handoff.received_bytes,
        "claimed": None if handoff.claim is None else standing_of(handoff),
        "intact": boundary.intact,
        "summary": boundary.summary,
        "delta": boundary.delta or None,
        "checksum": boundary.checksum or None,
    }


def _named(graph: CausalGraph, index: int, agent: str) -> dict[str, Any]:
    step = graph.steps[index]
    return {"span_id": step.span.span_id, "name": step.name, "agent": agent or None}


def _span_id(graph: CausalGraph, index: int) -> str:
    return graph.steps[index].span.span_id
