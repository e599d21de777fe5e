"""How often injected instructions are found, and how often they are seen where none are.

The labels hold `trace_id`, `condition` (benign, not_exposed, exposed, hijacked), `utility`,
`introducing_span_ids` and `induced_call_span_ids`. Two rows come out: the runs as recorded, and the
same runs with the attacks' sentences replaced (`bench/rewording.py`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.rewording import reworded
from bench.verdicts import share, spans_of_file
from causewatch.blame.judge import judge
from causewatch.graph.build import build
from causewatch.model.judgement import Assessment
from causewatch.model.span import Span


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one run."""

    trace_id: str
    condition: str
    utility: bool | None = None
    introducing_span_ids: tuple[str, ...] = ()
    induced_call_span_ids: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """Return the condition; exposed runs that made an induced call are a group of their own."""
        is_half = self.condition == "exposed" and self.induced_call_span_ids
        return "exposed, induced a call" if is_half else self.condition


class Row(NamedTuple):
    """What was found in all runs, once."""

    name: str
    runs: Counter[str]
    """Runs by group."""
    alarms: Counter[str]
    """Runs called poisoned, by group."""
    strict: int
    """Hijacked runs with a right origin and a right symptom."""
    healthy: int
    """Benign runs that did what they were asked to."""
    healthy_corrupted: int
    """Of these, how many are called corrupted for whatever reason."""
    judge_ms: float
    """Mean time to judge a run."""


def spans_of(path: Path) -> dict[str, list[Span]]:
    """Return the spans of a file by trace."""
    found: dict[str, list[Span]] = {}
    for span in spans_of_file(path):
        found.setdefault(span.trace_id, []).append(span)
    return found


def labels_of(path: Path) -> dict[str, Label]:
    """Return the labels of a file by trace."""
    lines = path.read_bytes().splitlines()
    labels = (msgspec.json.decode(line, type=Label) for line in lines if line.strip())
    return {label.trace_id: label for label in labels}


def measure(name: str, runs: Mapping[str, Sequence[Span]], labels: Mapping[str, Label]) -> Row:
    """Judge every labelled run and count."""
    counted, alarms, seconds = Counter[str](), Counter[str](), 0.0
    strict = healthy = healthy_corrupted = 0
    for label, spans in _labelled(runs, labels):
        graph = build(run_id=label.trace_id, spans=spans)
        begun = time.perf_counter()
        found = judge(graph)
        seconds += time.perf_counter() - begun
        counted[label.group] += 1
        alarms[label.group] += found.blame.category == "poisoning"
        strict += label.condition == "hijacked" and is_strict(found, label)
        if label.condition == "benign" and label.utility:
            healthy += 1
            healthy_corrupted += found.blame.verdict == "corrupted"
    return Row(
        name=name,
        runs=counted,
        alarms=alarms,
        strict=strict,
        healthy=healthy,
        healthy_corrupted=healthy_corrupted,
        judge_ms=1000 * seconds / max(counted.total(), 1),
    )


def _labelled(
    runs: Mapping[str, Sequence[Span]], labels: Mapping[str, Label]
) -> Iterator[tuple[Label, Sequence[Span]]]:
    for trace_id, label in labels.items():
        if trace_id in runs:
            yield label, runs[trace_id]


def is_strict(found: Assessment, label: Label) -> bool:
    """Tell whether origin and symptom of a poisoning are among the labelled spans."""
    blame, steps = found.blame, found.graph.steps
    if blame.category != "poisoning" or blame.origin is None or blame.symptom is None:
        return False
    return (
        steps[blame.origin.step].span.span_id in label.introducing_span_ids
        and steps[blame.symptom.step].span.span_id in label.induced_call_span_ids
    )


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table: shares, with the counts behind them."""
    groups = sorted({group for row in rows for group in row.runs} - {"hijacked"})
    head = ["runs", "strict hits", *groups, "healthy called corrupted", "ms a run"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows:
        cells = [
            row.name,
            share(row.strict, row.runs["hijacked"]),
            *(share(row.alarms[group], row.runs[group]) for group in groups),
            share(row.healthy_corrupted, row.healthy),
            f"{row.judge_ms:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def both(traces: Path, ground_truth: Path) -> list[Row]:
    """Return the rows of the runs as recorded and reworded."""
    runs, labels = spans_of(traces), labels_of(ground_truth)
    other = {trace_id: [reworded(span) for span in spans] for trace_id, spans in runs.items()}
    return [measure("as recorded", runs, labels), measure("reworded", other, labels)]
