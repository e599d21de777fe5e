"""Learns path templates from the good runs in files."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from causewatch.app.assess import all_requests, graph_of, snapshots_of
from causewatch.blame.judge import judge
from causewatch.dialects.table import Dialect
from causewatch.errors import InputError
from causewatch.paths.lesson import lesson_of
from causewatch.paths.visits import Visit, is_whole, visits_of
from causewatch.rules.path_text import path_file


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """A rule file, what was left out and why, and what could not be read."""

    text: str
    notes: tuple[str, ...]
    errors: tuple[InputError, ...]


def learn_paths(
    paths: Sequence[str], store: Path | None, dialects: Sequence[Dialect], *, workflow: str
) -> Learned:
    """Infer the path template of each workflow whose name fits the glob ``workflow``.

    Runs that are judged corrupted, that are not whole, or in which no agent or tool was seen teach
    nothing.
    """
    errors: list[InputError] = []
    runs: dict[str, list[tuple[Visit, ...]]] = {}
    corrupted_count = broken_count = 0
    for snapshot in snapshots_of(all_requests(paths, store, errors), errors):
        graph = graph_of(snapshot, dialects)
        visits = visits_of(graph)
        if not fnmatchcase(graph.workflow, workflow) or not any(v.children for v in visits):
            continue
        if not is_whole(graph):
            broken_count += 1
        elif judge(graph).blame.verdict == "corrupted":
            corrupted_count += 1
        else:
            runs.setdefault(graph.workflow, []).append(visits)
    lessons = [lesson_of(name, found) for name, found in runs.items()]
    return Learned(
        text=path_file(lessons),
        notes=tuple(_notes(corrupted_count, broken_count, len(lessons))),
        errors=tuple(errors),
    )


def _notes(corrupted_count: int, broken_count: int, lessons_count: int) -> list[str]:
    notes = []
    if corrupted_count:
        notes.append(f"left out runs that are judged corrupted: {corrupted_count}")
    if broken_count:
        notes.append(f"left out runs of which spans are missing: {broken_count}")
    if not lessons_count:
        notes.append("no good run with agents or tools was found")
    return notes
