"""Measure how long it takes to explain a run: from its spans to the assessment, and the whole way.

Usage: python -m bench.explain [FILE ...] [--runs 400] [--command 5] [--out FILE]

Without files, generated runs are measured, each with other names and values. With files (OTLP as
`causewatch explain` reads it), each run in them is measured once, at first sight. A row tells of
all runs of about one size; the last columns are what a run of 30 spans would take at that pace.
`whole way` reads, decodes, assembles, judges and writes JSON in this process, file by file;
`--command` starts `causewatch explain` so many times for each of the first files, start-up of the
interpreter included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.load import SPANS_PER_TRACE, bodies
from causewatch.app.allocator import spare_the_collector
from causewatch.app.assess import assess_files, graph_of, snapshots_of
from causewatch.app.clock import now_ns
from causewatch.app.files import Request, read_requests
from causewatch.blame.judge import judge
from causewatch.blame.render import explain_json
from causewatch.errors import InputError
from causewatch.graph.gathered import RunSnapshot

TARGET_SPANS = 30
WARM_UP_RUNS = 20
MAX_COMMAND_FILES = 5
SIZES = (15, 45, 150, 500)
"""Bounds of the rows: a run belongs to the first that it does not exceed, or to the last row."""


class Sample(NamedTuple):
    """One explained run; times in milliseconds."""

    spans: int
    wall_ms: float
    cpu_ms: float
    build_ms: float
    """What of the wall time went into the causal graph."""


class Row(NamedTuple):
    """All runs of about one size."""

    name: str
    runs: int
    spans: float
    median_ms: float
    p99_ms: float
    median_cpu_ms: float
    median_build_ms: float
    median_30_ms: float
    p99_30_ms: float


def explained(snapshot: RunSnapshot) -> Sample:
    """Explain one run and tell how long that took."""
    begun, begun_cpu = time.perf_counter(), time.process_time()
    graph = graph_of(snapshot)
    built = time.perf_counter()
    judge(graph)
    done, done_cpu = time.perf_counter(), time.process_time()
    return Sample(
        spans=len(snapshot.raw_spans),
        wall_ms=1e3 * (done - begun),
        cpu_ms=1e3 * (done_cpu - begun_cpu),
        build_ms=1e3 * (built - begun),
    )


def generated(runs: int, seed: int) -> list[RunSnapshot]:
    """Return generated runs; their values depend on the seed."""
    load = bodies(spans=runs * SPANS_PER_TRACE, seed=seed, start_ns=now_ns())
    requests = (
        Request(source="load", line=number, signal="traces", body=body)
        for number, body in enumerate(load, start=1)
    )
    return snapshots_of(requests, [])


def recorded(files: Sequence[str]) -> list[RunSnapshot]:
    """Return the runs of some files, each file by itself.

    Raises:
        InputError: when one of them cannot be read.
    """
    found: list[RunSnapshot] = []
    errors: list[InputError] = []
    for file in files:
        found += snapshots_of(read_requests([file], errors=errors), errors)
    if errors:
        raise errors[0]
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least ``share`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def rows_of(name: str, samples: Sequence[Sample]) -> Iterator[Row]:
    """Yield a row for each size of run."""
    bounds = (*SIZES, max((sample.spans for sample in samples), default=0))
    lowest = 0
    for bound in sorted(set(bounds)):
        near = [sample for sample in samples if lowest < sample.spans <= bound]
        if near:
            yield _row(name, near)
        lowest = bound


def _row(name: str, samples: Sequence[Sample]) -> Row:
    wall = [sample.wall_ms for sample in samples]
    for_30 = [TARGET_SPANS * sample.wall_ms / sample.spans for sample in samples]
    return Row(
        name=name,
        runs=len(samples),
        spans=statistics.fmean(sample.spans for sample in samples),
        median_ms=statistics.median(wall),
        p99_ms=percentile(wall, 0.99),
        median_cpu_ms=statistics.median(sample.cpu_ms for sample in samples),
        median_build_ms=statistics.median(sample.build_ms for sample in samples),
        median_30_ms=statistics.median(for_30),
        p99_30_ms=percentile(for_30, 0.99),
    )


def whole_way(files: Sequence[str]) -> Iterator[Sample]:
    """Yield how long it takes to read each file and to write what is explained of it."""
    for file in files:
        begun, begun_cpu = time.perf_counter(), time.process_time()
        spans = 0
        for assessment in assess_files([file]).assessments:
            spans += len(assessment.graph.steps)
            msgspec.json.encode(explain_json(assessment))
        wall, cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
        if spans:
            yield Sample(spans=spans, wall_ms=1e3 * wall, cpu_ms=1e3 * cpu, build_ms=0.0)


def commands(files: Sequence[str], times: int) -> Iterator[Sample]:
    """Yield how long ``causewatch explain`` takes as a command of its own."""
    for file in files[:MAX_COMMAND_FILES]:
        spans = sum(len(snapshot.raw_spans) for snapshot in recorded([file]))
        for _ in range(times):
            begun = time.perf_counter()
            command = [sys.executable, "-m", "causewatch.cli.main", "explain", "--traces", file]
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, timeout=60)
            wall_ms = 1e3 * (time.perf_counter() - begun)
            yield Sample(spans=spans, wall_ms=wall_ms, cpu_ms=0.0, build_ms=0.0)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    head = (
        "what", "runs", "spans a run", "median ms", "p99 ms", "CPU ms", "graph ms",
        "30 spans: median", "p99",
    )  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    lines += [
        f"| {row.name} | {row.runs} | {row.spans:.0f} | {row.median_ms:.2f} | {row.p99_ms:.2f} "
        f"| {row.median_cpu_ms:.2f} | {row.median_build_ms:.2f} | **{row.median_30_ms:.2f}** "
        f"| **{row.p99_30_ms:.2f}** |"
        for row in rows
    ]
    return "\n".join(lines)


def measured(files: Sequence[str], *, runs: int, times: int) -> list[Row]:
    """Measure files, or generated runs where none are given; imports are warmed up before.

    Raises:
        InputError: when a file cannot be read.
    """
    for snapshot in generated(WARM_UP_RUNS, seed=1):
        explained(snapshot)
    spare_the_collector()  # as the daemon and the commands do
    if files:
        rows = list(rows_of("explain", [explained(snapshot) for snapshot in recorded(files)]))
        rows += rows_of("whole way", list(whole_way(files)))
        return rows + list(rows_of("command", list(commands(files, times))))
    rows = list(rows_of("explain", [explained(snapshot) for snapshot in generated(runs, seed=2)]))
    with tempfile.TemporaryDirectory(prefix="causewatch-bench-") as folder:
        written = _written(Path(folder), min(runs, 100))
        rows += rows_of("whole way", list(whole_way(written)))
        return rows + list(rows_of("command", list(commands(written, times))))


def _written(folder: Path, runs: int) -> list[str]:
    """Write generated runs as files of one run each."""
    found: list[str] = []
    for number in range(runs):
        load = bodies(spans=SPANS_PER_TRACE, seed=1_000 + number, start_ns=now_ns())
        path = folder / f"{number}.pb"
        path.write_bytes(next(iter(load)))
        found.append(str(path))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.explain")
    parser.add_argument("files", nargs="*", help="OTLP files, as `causewatch explain` reads them")
    parser.add_argument("--runs", type=int, default=400, help="generated, where no file is given")
    parser.add_argument("--command", type=int, default=0, help="times to start the command")
    parser.add_argument("--out", type=Path, help="write the rows as JSON")
    given = parser.parse_args(argv)
    rows = measured(given.files, runs=max(given.runs, 1), times=max(given.command, 0))
    load = ", ".join(f"{load:.2f}" for load in os.getloadavg())
    print(f"{table(rows)}\n\nload average {load}; {len(os.sched_getaffinity(0))} cores")
    if given.out:
        found = json.dumps([row._asdict() for row in rows], indent=2)
        given.out.write_text(found + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
