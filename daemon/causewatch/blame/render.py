"""Show an assessment: as JSON for programs, as a story for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from causewatch.blame.safe import safe
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.judgement import Assessment, Blame, Hop

RESET = "\x1b[0m"
_COLOURS = {"corrupted": "\x1b[31m", "healthy": "\x1b[32m", "unverifiable": "\x1b[33m"}
BOLD, DIM = "\x1b[1m", "\x1b[2m"
MAX_SHOWN_GAPS_COUNT = 5


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
        "steps": [_step_json(graph, i, faults.get(i, [])) for i in range(len(graph.steps))],
        "handoffs": [
            _handoff_json(assessment, i, handoff) for i, handoff in enumerate(graph.handoffs)
        ],
        "edges": [
            {
                "from": _span_id(graph, edge.source),
                "to": _span_id(graph, edge.target),
                "type": edge.type,
                "evidence": edge.evidence,
            }
            for edge in graph.edges
        ],
    }


def _step_json(graph: CausalGraph, index: int, faults: list[str]) -> dict[str, Any]:
    step = graph.steps[index]
    return {
        "span_id": step.span.span_id,
        "step": step.kind,
        "name": step.name,
        "agent": graph.owner[index] or None,
        "tool": step.tool or None,
        "parent": step.span.parent_id or None,
        "dialect": step.dialect or None,
        "faults": faults,
    }


def _handoff_json(assessment: Assessment, index: int, handoff: Handoff) -> dict[str, Any]:
    """Return one handoff, with the worst of its contracts' verdicts."""
    graph = assessment.graph
    verdicts = [verdict for verdict in assessment.verdicts if verdict.handoff == index]
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
        "sent_sha256": handoff.sent.sha256 if handoff.sent else None,
        "received_sha256": handoff.received.sha256 if handoff.received else None,
    }


def explain_text(assessment: Assessment, colour: bool = False) -> str:  # noqa: FBT002 - the agreed form
    """Return the story of one run: what was first corrupted, who passed it on, where it surfaced.

    Names and payload excerpts come from outside, so they are stripped of control characters.
    """
    paint = _Paint(colour=colour)
    blame = assessment.blame
    run = safe(assessment.graph.run_id)
    lines = [f"run {run}  {paint.verdict(blame.verdict)}{_summary(blame)}"]
    lines += _story(assessment.graph, blame)
    lines += _drawn(assessment.graph, blame.path, paint)
    lines += _gaps(blame, paint)
    return "\n".join(lines) + "\n"


class _Paint:
    """Adds colour where it is wanted."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def verdict(self, name: str) -> str:
        return self.wrap(name, _COLOURS[name] + BOLD)

    def dim(self, text: str) -> str:
        return self.wrap(text, DIM)

    def wrap(self, text: str, code: str) -> str:
        return f"{code}{text}{RESET}" if self._colour else text


def _summary(blame: Blame) -> str:
    if blame.category is None:
        return ""
    sure = "" if blame.confidence is None else f", confidence {blame.confidence:.2f}"
    return f" ({blame.category.replace('_', ' ')}{sure})"


def _story(graph: CausalGraph, blame: Blame) -> Iterator[str]:
    """Yield who did it, in three sentences."""
    if blame.origin is not None:
        origin = blame.origin
        yield f"  First corrupted by {_who(graph, origin.step, origin.agent)}"
        yield f"    {safe(origin.reason)}"
    for propagator in blame.propagators:
        agent = safe(propagator.agent) or "an unnamed agent"
        yield f"  → passed on by {agent} in {_step_name(graph, propagator.step)}"
        yield f"    {safe(propagator.evidence)}"
    if blame.symptom is not None:
        yield f"  → surfaced at {_who(graph, blame.symptom.step, blame.symptom.agent)}"
    elif blame.category == "loop":
        yield "  → the run harmed itself: the repeats did nothing"


def _drawn(graph: CausalGraph, path: tuple[Hop, ...], paint: _Paint) -> Iterator[str]:
    """Yield the path as a column of steps, each with the evidence that leads to it."""
    if not path:
        return
    yield ""
    last = len(path) - 1
    for number, hop in enumerate(path):
        mark = "●" if number == 0 else "◆" if number == last else "○"
        if number:
            yield f"  │ {paint.dim(safe(hop.evidence))}"
        agent = f"{safe(hop.agent)} · " if hop.agent else ""
        span = paint.dim(_span_id(graph, hop.step))
        yield f"  {mark} {agent}{_step_name(graph, hop.step)}  {span}"


def _gaps(blame: Blame, paint: _Paint) -> Iterator[str]:
    if not blame.unverifiable:
        return
    yield ""
    yield f"  Not verifiable ({len(blame.unverifiable)}):"
    for gap in blame.unverifiable[:MAX_SHOWN_GAPS_COUNT]:
        yield f"  ? {safe(gap.what)}: {safe(gap.reason)}"
        yield f"    {paint.dim(safe(gap.fix))}"
    rest = len(blame.unverifiable) - MAX_SHOWN_GAPS_COUNT
    if rest > 0:
        yield f"    and {rest} more"


def _who(graph: CausalGraph, index: int, agent: str) -> str:
    """Return a step for people: its kind and name, and whose it is."""
    step = graph.steps[index]
    kind = step.kind if step.kind != "other" else "step"
    owner = f" of {safe(agent)}" if agent else ""
    return f"{kind} {_step_name(graph, index)}{owner} (span {step.span.span_id})"


def _step_name(graph: CausalGraph, index: int) -> str:
    return safe(graph.steps[index].name) or "(unnamed)"


def _named(graph: CausalGraph, index: int, agent: str) -> dict[str, Any]:
    step = graph.steps[index]
    return {"span_id": step.span.span_id, "name": step.name, "agent": agent or None}


def _span_id(graph: CausalGraph, index: int) -> str:
    return graph.steps[index].span.span_id
