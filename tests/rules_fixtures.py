"""Rules, findings and judged runs for the tests of ``rules``, each made with one short call."""

from __future__ import annotations

from collections.abc import Mapping

from causewatch.model.finding import Cause, Finding, StepRef
from causewatch.model.graph import CausalGraph, Edge, EdgeType, Handoff, RunState
from causewatch.model.span import Resource, Span
from causewatch.model.step import Payload, Step, StepKind
from causewatch.model.value import Value
from causewatch.rules.bundle import Bundle, Group
from causewatch.rules.file import load

SECOND_NS = 1_000_000_000


def bundle_of(text: str, **files: str) -> Bundle:
    """Return the bundle of ``a.yaml`` and other files; ``__`` in a name stands for a dot."""
    others = {name.replace("__", "."): content.encode() for name, content in files.items()}
    return load({"a.yaml": text.encode(), **others})


def group_of(rule: str = "", *, group: str = "", signature: str = "{ true }") -> Group:
    """Return a group ``g`` with a rule ``A``; both take further keys, indented or one a line."""
    lines = ["groups:", "- name: g"]
    lines += [f"  {line}" for line in group.splitlines()]
    lines += ["  rules:", "  - alert: A", f"    signature: '{signature}'"]
    lines += [f"    {line}" for line in rule.splitlines()]
    return bundle_of("\n".join(lines) + "\n").groups[0]


def finding(
    run: str,
    at_s: float,
    *,
    labels: Mapping[str, str] | None = None,
    rule_id: str = "g/A",
    origin: str = "",
    evidence: tuple[str, ...] = (),
) -> Finding:
    """Return a finding of a run, so many seconds after the epoch."""
    step = StepRef(trace_id="t", span_id="s", name=origin, agent="") if origin else None
    return Finding(
        rule_id=rule_id,
        rule_version="v",
        run_id=run,
        trace_ids=(run,),
        labels=labels or {},
        at_ns=round(at_s * SECOND_NS),
        cause=Cause(origin=step),
        evidence=evidence,
    )


def payload(value: Value) -> Payload:
    """Return a payload as a span would carry it."""
    return Payload(value=value, raw=str(value), key="k")


def step_of(
    span_id: str,
    kind: StepKind,
    *,
    parent: str = "",
    name: str = "",
    tool: str = "",
    at_s: int = 0,
    attributes: Mapping[str, Value] | None = None,
) -> Step:
    """Return a step of trace ``t``; a tool has arguments and a result."""
    span = Span(
        trace_id="t",
        span_id=span_id,
        parent_id=parent,
        name=name or span_id,
        start_ns=at_s * SECOND_NS,
        end_ns=(at_s + 1) * SECOND_NS,
        attributes=attributes or {},
        resource=Resource(attributes={"service.name": "shop"}),
    )
    return Step(
        span=span,
        kind=kind,
        dialect="otel_genai",
        reason="test",
        tool=tool,
        arguments=payload({"q": 1}) if tool else None,
        result=payload({"rows": []}) if tool else None,
    )


def handoff_of(*, derived: bool = True, performed_by: int | None = None) -> Handoff:
    """Return a handoff from step 1's agent to step 3's."""
    return Handoff(
        span_id="h" * 16,
        from_agent="finder",
        to_agent="writer",
        derived=derived,
        rule="test",
        confidence=0.9,
        mode="pass_control",
        sender=1,
        receiver=3,
        performed_by=performed_by,
        sent=payload({"facts": [1, 2]}),
        received=payload({"facts": [1]}),
    )


def run_of(
    *,
    state: RunState = "complete",
    handoffs: tuple[Handoff, ...] = (),
    edges: tuple[tuple[int, int, EdgeType], ...] = ((2, 1, "data"), (1, 3, "handoff")),
) -> CausalGraph:
    """Return a run: a root, an agent with a tool, and a second agent after it."""
    return CausalGraph(
        run_id="run",
        trace_ids=("t",),
        state=state,
        workflow="shop",
        session="s-1",
        steps=(
            step_of("root", "workflow"),
            step_of("a1", "agent", parent="root", name="finder", at_s=1),
            step_of("t1", "tool", parent="a1", name="execute lookup", tool="lookup", at_s=1),
            step_of("a2", "agent", parent="root", name="writer", at_s=3),
        ),
        owner=("", "finder", "finder", "writer"),
        parent=(-1, 0, 1, 0),
        edges=tuple(Edge(source=a, target=b, type=t, evidence="test") for a, b, t in edges),
        handoffs=handoffs,
    )
