"""Explains how the spans in files were understood: dialect, kind and the origin of every field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from causewatch.app.assess import all_requests, graph_of, snapshots_of
from causewatch.dialects.explain import Explanation, explain
from causewatch.dialects.table import Dialect
from causewatch.dialects.tables import SHIPPED
from causewatch.errors import InputError
from causewatch.graph.beside import beside
from causewatch.graph.gathered import RunSnapshot
from causewatch.model.step import StepKind


class Understood(msgspec.Struct, frozen=True, kw_only=True):
    """One span of a run, explained, and what the run's causal graph made of it.

    ``kind`` and ``agent`` are those of the graph: a graph knows more than a span, such as whose
    work a step is part of.
    """

    run: str
    explanation: Explanation
    kind: StepKind
    agent: str


def understand_files(
    paths: Sequence[str],
    errors: list[InputError],
    dialects: Sequence[Dialect] = SHIPPED,
    store: Path | None = None,
) -> Iterator[Understood]:
    """Yield every span of the files, run by run; what cannot be read goes to ``errors``."""
    for snapshot in snapshots_of(all_requests(paths, store, errors), errors):
        yield from _of_run(snapshot, dialects)


def _of_run(snapshot: RunSnapshot, dialects: Sequence[Dialect]) -> Iterator[Understood]:
    logs = beside(snapshot.spans, snapshot.logs)
    graph = graph_of(snapshot, dialects)
    for index, step in enumerate(graph.steps):
        key = (step.span.trace_id, step.span.span_id)
        yield Understood(
            run=snapshot.run_id,
            explanation=explain(step.span, logs.get(key, ()), dialects),
            kind=step.kind,
            agent=graph.owner[index],
        )
