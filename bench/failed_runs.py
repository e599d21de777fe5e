"""Runs known to have ended well or badly: who is blamed, and who is blamed for nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.injections import spans_of
from causewatch.blame.ending import Ending
from causewatch.blame.judge import judge
from causewatch.graph.build import build
from causewatch.model.span import Span


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A label: how a run ended, and which step of which agent was decisive."""

    trace_id: str
    subset: str
    failed: bool = True
    agent: str = ""
    span_id: str = ""
    step: int = 0
    """Counted from 0, the first one after the user's task."""


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """How often an agent and a step were named rightly."""

    name: str
    runs: int
    named: int
    """Runs of which anything was named at all."""
    agent: int
    step: int


def labels_of(path: Path) -> list[Failed]:
    """Return the labels of a file, one a line."""
    lines = path.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Failed) for line in lines if line.strip()]


def ended(folder: Path) -> dict[str, Counter[str]]:
    """Return the verdicts of runs by subset and by how they ended."""
    runs = spans_of(folder / "traces.jsonl.gz")
    found: dict[str, Counter[str]] = {}
    for label in labels_of(folder / "ground_truth.jsonl"):
        if label.trace_id not in runs:
            continue
        group = f"{label.subset}, {'failed' if label.failed else 'passed'}"
        verdict = judge(build(run_id=label.trace_id, spans=runs[label.trace_id])).blame.verdict
        found.setdefault(group, Counter())[verdict] += 1
    return dict(sorted(found.items()))


def blamed(folder: Path, subset: str) -> list[Placed]:
    """Return how well failed runs are explained, beside always naming the step after the first."""
    runs = spans_of(folder / "traces.jsonl.gz")
    labels = [
        label
        for label in labels_of(folder / "ground_truth.jsonl")
        if label.subset == subset and label.trace_id in runs
    ]
    ours = [_judged(label, runs[label.trace_id]) for label in labels]
    return [
        _placed("explain --failed", labels, ours),
        _placed("always step 1", labels, [_second(runs[label.trace_id]) for label in labels]),
    ]


def _judged(label: Failed, spans: Sequence[Span]) -> tuple[str, str] | None:
    """Return the agent and the span that are blamed."""
    found = judge(build(run_id=label.trace_id, spans=spans), ending=Ending(failed=True))
    origin = found.blame.origin
    if origin is None:
        return None
    return _answer(found.graph.steps[origin.step].span)


def _second(spans: Sequence[Span]) -> tuple[str, str] | None:
    """Return the second step after the user's task: a position, not an explanation."""
    ordered = sorted(spans, key=lambda span: span.start_ns)
    return _answer(ordered[2]) if len(ordered) > 2 else None


def _answer(span: Span) -> tuple[str, str]:
    """Return who acted in a span, and its id; a tool acts in its own name there."""
    name = span.attributes.get("gen_ai.agent.name") or span.attributes.get("gen_ai.tool.name")
    return str(name or ""), span.span_id


def _placed(
    name: str, labels: Sequence[Failed], answers: Sequence[tuple[str, str] | None]
) -> Placed:
    pairs = [
        (label, answer) for label, answer in zip(labels, answers, strict=True) if answer is not None
    ]
    return Placed(
        name=name,
        runs=len(labels),
        named=len(pairs),
        agent=sum(answer[0] == label.agent for label, answer in pairs),
        step=sum(answer[1] == label.span_id for label, answer in pairs),
    )
