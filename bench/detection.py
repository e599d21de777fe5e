"""Print what is found, and what is seen where nothing is, on every labelled data set there is.

Usage: python -m bench.detection [--captures DIR] [--agentdojo DIR] [--agentrx DIR] [--whowhen DIR]
           [--stories N] [--seed S] [--runs] [--out FILE]

Each option adds a section; a DIR holds `traces.jsonl.gz` and `ground_truth.jsonl`, the captures'
one a `MANIFEST.yaml`. Made-up stories need no files. `--runs` lists every run that is not right.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench import captures, failed_runs, injections, made_up
from bench.verdicts import MEASURES, Measured, Tally, share, tallied

FAULTY_HEAD = ("group", "runs", *MEASURES)
HEALTHY_HEAD = ("group", "runs", "called corrupted", "unverifiable")


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one data set."""

    title: str
    text: str
    """Markdown."""
    figures: Any
    """What goes into the JSON."""


def rows_of(tables: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose first row is its head."""
    head, *rows = tables
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def outcomes(title: str, measured: Sequence[Measured], *, listed: bool) -> Section:
    """Return the section of runs with a planted fault each, or none: by group, then by dialect."""
    parts = parted(measured)
    tables = [
        rows_of([FAULTY_HEAD, *_faulty(parts["faulty"])]),
        _verdict_table(parts["healthy"]),
    ]
    if parts["no content"]:
        tables.append(f"Without content:\n\n{_verdict_table(parts['no content'])}")
    if listed:
        tables.append("\n".join(_listed(measured)))
    figures: dict[str, Any] = {name: _figures(part) for name, part in parts.items()}
    figures["wrong"] = [one for one in measured if not is_right(one)]
    return Section(title=title, text="\n\n".join(tables), figures=figures)


def parted(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Return the runs that hold a fault, those that hold none, and those that show no content."""
    shown = [one for one in measured if one.has_content]
    return {
        "faulty": [one for one in shown if one.expected.faulty],
        "healthy": [one for one in shown if not one.expected.faulty],
        "no content": [one for one in measured if not one.has_content],
    }


def is_right(one: Measured) -> bool:
    """Tell whether a healthy run is not corrupted, or both ends of a fault's way are right."""
    if not one.has_content:
        return one.outcome.verdict == "unverifiable"
    return one.outcome.whole if one.expected.faulty else not one.outcome.detected


def _rows(measured: Sequence[Measured]) -> list[tuple[str, Tally]]:
    """Return the tallies of all, of each group, and of each dialect."""
    groups = tallied(measured, lambda one: one.group)
    dialects = tallied(measured, lambda one: f"in {one.dialect}")
    return [("all", Tally.of(measured)), *groups, *dialects]


def _faulty(measured: Sequence[Measured]) -> list[list[str]]:
    return [
        [name, str(tally.runs), *(_cell(name, tally.counts[key], tally.runs) for key in MEASURES)]
        for name, tally in _rows(measured)
    ]


def _verdicts(measured: Sequence[Measured]) -> list[list[str]]:
    return [
        [
            name,
            str(tally.runs),
            _cell(name, tally.verdicts["corrupted"], tally.runs),
            _cell(name, tally.verdicts["unverifiable"], tally.runs),
        ]
        for name, tally in _rows(measured)
    ]


def _verdict_table(measured: Sequence[Measured]) -> str:
    return rows_of([HEALTHY_HEAD, *_verdicts(measured)])


def _cell(name: str, count: int, of: int) -> str:
    """Return a share where there are enough runs for one, else the count."""
    return share(count, of) if name == "all" else str(count)


def _figures(measured: Sequence[Measured]) -> dict[str, Any]:
    return {
        "all": Tally.of(measured),
        "groups": dict(tallied(measured, lambda one: one.group)),
        "dialects": dict(tallied(measured, lambda one: one.dialect)),
    }


def _listed(measured: Sequence[Measured]) -> list[str]:
    """Return a line for every run that is not right: false alarms, wrong places, misses."""
    wrong = [one for one in measured if not is_right(one)]
    kinds = sorted((_kind(one), one.group, one.run, one) for one in wrong)
    return [
        f"- {kind[2:]} {one.run} {group} ({one.dialect}; {one.about}): {one.outcome.verdict} "
        f"{one.outcome.said} {one.outcome.reason}".rstrip()
        for kind, group, _, one in kinds
    ]


def _kind(one: Measured) -> str:
    if not one.expected.faulty:
        return "1 false alarm"
    return "2 wrong place" if one.outcome.detected else "3 miss"


def injected(folder: Path) -> Section:
    """Return the section of runs with and without injected instructions."""
    rows = injections.both(folder / "traces.jsonl.gz", folder / "ground_truth.jsonl")
    figures = [row._asdict() for row in rows]
    return Section(title="Injected instructions", text=injections.table(rows), figures=figures)


def ended(folder: Path) -> Section:
    """Return the section of runs that passed or failed: passed ones are not to be corrupted."""
    found = failed_runs.ended(folder)
    rows = [
        [name, str(counts.total()), share(counts["corrupted"], counts.total())]
        for name, counts in found.items()
    ]
    text = rows_of([("runs", "count", "called corrupted"), *rows])
    return Section(title="Runs that passed or failed", text=text, figures=found)


def blamed(folder: Path, subset: str) -> Section:
    """Return the section of runs known to have failed."""
    found = failed_runs.blamed(folder, subset)
    rows = [
        [one.name, str(one.runs), *(share(n, one.runs) for n in (one.named, one.agent, one.step))]
        for one in found
    ]
    text = rows_of([("failed runs", "count", "anything named", "agent", "step"), *rows])
    return Section(title=f"Failed runs ({subset})", text=text, figures=found)


def sections(given: argparse.Namespace) -> Iterable[Section]:
    """Yield the sections that were asked for."""
    if given.captures:
        measured = captures.measured(given.captures)
        yield outcomes("Captures", measured, listed=given.runs)
    if given.agentdojo:
        yield injected(given.agentdojo)
    if given.agentrx:
        yield ended(given.agentrx)
    if given.whowhen:
        yield blamed(given.whowhen, given.subset)
    if given.stories:
        made = list(made_up.measured(given.seed, given.stories))
        yield outcomes(f"Stories (seed {given.seed})", made, listed=given.runs)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.detection")
    for name in ("captures", "agentdojo", "agentrx", "whowhen"):
        parser.add_argument(f"--{name}", type=Path, help="folder of the labelled runs")
    parser.add_argument("--subset", default="algo", help="of the failed runs")
    parser.add_argument("--stories", type=int, default=0, help="how many runs to make up")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up runs")
    parser.add_argument("--runs", action="store_true", help="list every run that is not right")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    given = parser.parse_args(argv)
    figures: dict[str, Any] = {}
    for section in sections(given):
        print(f"## {section.title}\n\n{section.text}\n", flush=True)
        figures[section.title] = section.figures
    if given.out:
        whole = json.dumps(msgspec.to_builtins(figures), indent=2, ensure_ascii=False)
        given.out.write_text(whole + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
