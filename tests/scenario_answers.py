"""What can be said of an answer, in the words of ``tests/scenarios``: values to short texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from causewatch.contracts.boundary import boundaries_of
from causewatch.graph.build import build
from causewatch.model.expectation import Deviation
from causewatch.model.graph import CausalGraph, RunState
from causewatch.model.judgement import Assessment, ContractVerdict
from causewatch.signatures.error import SignatureError
from causewatch.signatures.signature import Result
from scenario_spans import Written

NONE = "none"


class Run:
    """One run, and what names its spans have."""

    def __init__(self, written: Written, state: RunState = "complete") -> None:
        self.names = written.names
        run_id = written.spans[0].trace_id
        self.graph: CausalGraph = build(run_id=run_id, spans=written.spans, state=state)

    def name(self, node: int) -> str:
        """Return the scenario's name for a step, or ``a>b`` for a derived handoff."""
        if node < len(self.graph.steps):
            return self.names[self.graph.steps[node].span.span_id]
        derived = [handoff for handoff in self.graph.handoffs if handoff.derived]
        handoff = derived[node - len(self.graph.steps)]
        return f"{handoff.from_agent}>{handoff.to_agent}"


def spans_told(result: Result, run: Run) -> str:
    """Return the names of all spans found, whichever set they are in."""
    nodes = {node for nodes in result.spansets for node in nodes}
    return " ".join(sorted(map(run.name, nodes))) or NONE


def sets_told(result: Result, run: Run) -> str:
    """Return the span sets, apart by bars."""
    sets = (" ".join(sorted(map(run.name, nodes))) for nodes in result.spansets)
    return " | ".join(sorted(sets)) or NONE


def bindings_told(result: Result, run: Run) -> str:
    """Return the bindings, each as ``a=x b=y``, apart by bars."""
    found = (
        " ".join(f"{name}={run.name(node)}" for name, node in binding.items())
        for binding in result.bindings
    )
    return " | ".join(sorted(found)) or NONE


def paths_told(result: Result, run: Run) -> str:
    """Return the attached paths, from cause to effect."""
    return " | ".join(" ".join(map(run.name, path)) for path in sorted(result.paths)) or NONE


SIGNATURE: Mapping[str, Callable[[Result, Run], str]] = {
    "spans": spans_told,
    "none": spans_told,
    "sets": sets_told,
    "bindings": bindings_told,
    "path": paths_told,
}


def in_order(text: str) -> str:
    """Return names that were written in any order as the answers have them."""
    return " | ".join(sorted(" ".join(sorted(part.split())) for part in text.split("|")))


def error_told(error: SignatureError) -> tuple[str, str]:
    """Return stage and place of an error, and its sentence."""
    return f"error {error.stage} {error.line}:{error.column}", str(error)


def _violations(verdict: ContractVerdict) -> str:
    listed = sorted({f"{v.name} {v.pointer or '/'}" for v in verdict.violations})
    return f"{verdict.verdict} {', '.join(listed)}".strip()


def verdicts_told(verdicts: Sequence[ContractVerdict]) -> str:
    """Return ``pass``, ``violated NAME /pointer, …`` or ``unverifiable``, apart by bars."""
    return " | ".join(map(_violations, verdicts)) or NONE


def verdict_in_order(text: str) -> str:
    """Return an expected verdict with its violations in the order in which they are told."""
    parts = []
    for part in text.split("|"):
        verdict, _, violations = part.strip().partition(" ")
        listed = sorted(each.strip() for each in violations.split(","))
        parts.append(f"{verdict} {', '.join(listed)}".strip())
    return " | ".join(parts)


def messages_told(verdicts: Sequence[ContractVerdict]) -> str:
    """Return all that violations say to people."""
    return " / ".join(
        f"{v.message} ({v.expected} / {v.actual})" for each in verdicts for v in each.violations
    )


def handoffs_bound(verdicts: Sequence[ContractVerdict]) -> str:
    """Return each handoff that a contract bound, with its verdict."""
    bound = (each for each in verdicts if each.handoff is not None)
    return " | ".join(f"{v.from_agent}>{v.to_agent} {v.verdict}" for v in bound) or NONE


def severities_told(verdicts: Sequence[ContractVerdict]) -> str:
    """Return the severities of all violations, each once."""
    return " ".join(dict.fromkeys(v.severity for each in verdicts for v in each.violations)) or NONE


def reasons_told(verdicts: Sequence[ContractVerdict]) -> str:
    """Return why verdicts are unverifiable."""
    return " / ".join(verdict.reason for verdict in verdicts)


def deviations_told(deviations: Sequence[Deviation], run: Run) -> str:
    """Return each deviation as its kind, node, the step at fault and the child, apart by bars."""
    found = (f"{d.kind} {d.node} {run.name(d.at)} {d.child}".strip() for d in deviations)
    return " | ".join(found) or NONE


def verdict_told(judged: Assessment, _: Run) -> str:
    """Return the run's verdict; of one that is corrupted, with its category."""
    blame = judged.blame
    return f"{blame.verdict} {blame.category}" if blame.category else blame.verdict


def _step(run: Run, step: int | None) -> str:
    return NONE if step is None else run.name(step)


_INTACT = {True: "yes", False: "no", None: "unknown"}
RUN: Mapping[str, Callable[[Assessment, Run], str]] = {
    "healthy": verdict_told,
    "corrupted": verdict_told,
    "unverifiable": verdict_told,
    "origin": lambda a, run: _step(run, a.blame.origin.step if a.blame.origin else None),
    "at": lambda a, _: a.blame.origin.at if a.blame.origin else NONE,
    "symptom": lambda a, run: _step(run, a.blame.symptom.step if a.blame.symptom else None),
    "propagator": lambda a, _: " ".join(p.agent for p in a.blame.propagators) or NONE,
    "path": lambda a, run: " ".join(run.name(hop.step) for hop in a.blame.path) or NONE,
    "faults": lambda a, run: (
        " ".join(sorted(f"{f.name}:{run.name(f.step)}" for f in a.faults)) or NONE
    ),
    "handoffs": lambda a, _: (
        " ".join(f"{h.from_agent}>{h.to_agent}" for h in a.graph.handoffs) or NONE
    ),
    "health": lambda a, _: (
        NONE if a.health is None or a.health.score is None else f"{a.health.score:g}"
    ),
    "intact": lambda a, _: (
        " ".join(
            f"{a.graph.handoffs[b.handoff].to_agent}:{_INTACT[b.intact]}"
            for b in boundaries_of(a.graph, a.redact)
        )
        or NONE
    ),
    "gaps": lambda a, run: (
        " ".join(
            dict.fromkeys(run.name(g.step) for g in a.blame.unverifiable if g.step is not None)
        )
        or NONE
    ),
}
