"""Writes what to paste into a rule file so that reviewed edges and shapes are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from causewatch.app.assess import STATE_FILE, graph_of, snapshots_of
from causewatch.app.files import read_requests
from causewatch.blame.judge import judge
from causewatch.dialects.table import Dialect
from causewatch.errors import InputError
from causewatch.rules.acceptance_text import Accepted, acceptance_file
from causewatch.rules.newness import is_lesson, shape_in
from causewatch.store.archive import Told, told_runs


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A rule file, what was left out and why, and what could not be read."""

    text: str
    notes: tuple[str, ...]
    errors: tuple[InputError, ...]


def acceptance(
    paths: Sequence[str], store: Path | None, dialects: Sequence[Dialect], *, workflow: str
) -> Acceptance:
    """Return the edges and shapes to accept, of workflows whose name fits the glob ``workflow``.

    Of a store these are the ones that were told as new, of files all that their good runs have.
    """
    errors: list[InputError] = []
    notes: list[str] = []
    told: tuple[Told, ...] = ()
    if store is not None:
        try:
            told = told_runs(store / STATE_FILE)
        except InputError as error:
            errors.append(error)
    fits = [run for run in told if fnmatchcase(run.workflow, workflow)]
    found = [*_of_store(fits), *_of_files(paths, dialects, workflow, notes, errors)]
    if not found:
        notes.append("nothing new was told, and no good run was found")
    return Acceptance(text=acceptance_file(found), notes=tuple(notes), errors=tuple(errors))


def _of_store(runs: Iterable[Told]) -> Iterator[Accepted]:
    for run in runs:
        when = datetime.fromtimestamp(run.ended_at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M UTC")
        doubt = "" if run.verdict == "healthy" else f", {run.verdict}"
        for novel in run.novel:
            yield Accepted(
                path=novel.path,
                workflow=run.workflow,
                item=novel.edge or novel.fingerprint,
                remark=f"told {when}, run {run.run_id[:12]}{doubt}",
            )


def _of_files(
    paths: Sequence[str],
    dialects: Sequence[Dialect],
    workflow: str,
    notes: list[str],
    errors: list[InputError],
) -> Iterator[Accepted]:
    left_out = 0
    for snapshot in snapshots_of(read_requests(paths, errors=errors), errors):
        graph = graph_of(snapshot, dialects)
        shape = shape_in(graph) if fnmatchcase(graph.workflow, workflow) else None
        if shape is None:
            continue
        if not is_lesson(judge(graph)):
            left_out += 1
            continue
        for item in (*shape.edges, shape.fingerprint):
            yield Accepted(workflow=graph.workflow, item=item)
    if left_out:
        notes.append(f"left out runs that are judged corrupted or ended wrong: {left_out}")
