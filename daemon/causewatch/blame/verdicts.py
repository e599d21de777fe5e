"""Show what contracts say: the worst verdict on a step, and every one that was not kept."""

from __future__ import annotations

from typing import Any

from causewatch.blame.safe import safe
from causewatch.model.judgement import Assessment, ContractVerdict, HandoffVerdictName

MAX_SHOWN_COUNT = 100
"""Of more verdicts that are no pass the first are shown."""
MAX_TOLD_COUNT = 5
"""So many of them are told to people in one story."""
_WORST_FIRST: tuple[HandoffVerdictName, ...] = ("violated", "unverifiable", "pass")


def validation_of(assessment: Assessment, step: int) -> tuple[HandoffVerdictName | None, list[str]]:
    """Return the worst verdict of the contracts on a step, and the names of their violations.

    Those on handoffs are left aside. ``None`` where no contract binds the step.
    """
    bound = [v for v in assessment.verdicts if v.handoff is None and v.step == step]
    names = dict.fromkeys(each.name for verdict in bound for each in verdict.violations)
    found = {verdict.verdict for verdict in bound}
    return next((each for each in _WORST_FIRST if each in found), None), list(names)


def verdicts_json(assessment: Assessment) -> list[dict[str, Any]]:
    """Return every verdict that is no pass, with its violations."""
    return [
        {
            "contract": verdict.contract,
            **_place(assessment, verdict),
            "verdict": verdict.verdict,
            "reason": verdict.reason or None,
            "violations": [
                {
                    "name": violation.name,
                    "side": violation.side,
                    "pointer": violation.pointer,
                    "message": violation.message,
                    "severity": violation.severity,
                }
                for violation in verdict.violations
            ],
        }
        for verdict in _not_kept(assessment)[:MAX_SHOWN_COUNT]
    ]


def violated_lines(assessment: Assessment) -> list[str]:
    """Return a sentence for each violated contract: which, where, and its first violation."""
    violated = [v for v in _not_kept(assessment) if v.verdict == "violated"]
    lines = []
    for verdict in violated[:MAX_TOLD_COUNT]:
        first = verdict.violations[0]
        place = _place(assessment, verdict)
        where = f" at {first.pointer}" if first.pointer else ""
        more = len(verdict.violations) - 1
        lines.append(
            f"contract {safe(verdict.contract)} on {safe(str(place['name']))}: {first.name}"
            f" ({first.side}){safe(where)}, {safe(first.message)}"
            + (f"; and {more} more" if more else "")
        )
    rest = len(violated) - MAX_TOLD_COUNT
    return [*lines, f"and {rest} more"] if rest > 0 else lines


def _not_kept(assessment: Assessment) -> list[ContractVerdict]:
    return [verdict for verdict in assessment.verdicts if verdict.verdict != "pass"]


def _place(assessment: Assessment, verdict: ContractVerdict) -> dict[str, Any]:
    """Return where a verdict stands: its handoff, by its own id, or its step."""
    graph = assessment.graph
    if verdict.handoff is None:
        step = graph.steps[verdict.step]
        agent = graph.owner[verdict.step] or None
        return {"span_id": step.span.span_id, "name": step.name, "agent": agent}
    handoff = graph.handoffs[verdict.handoff]
    name = f"handoff {handoff.from_agent or '?'} → {handoff.to_agent or '?'}"
    return {"span_id": handoff.span_id, "name": name, "agent": handoff.from_agent or None}
