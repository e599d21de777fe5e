"""Print how often each rule fires on labelled runs: hits on those that went wrong, false alarms.

Usage: python -m bench.packs [--captures DIR] [--agentdojo DIR] [--agentrx DIR]
           [--stories N] [--seed S] [--rules PATH] [--runs] [--out FILE]

The rules are those that ship with causewatch, unless told. A run counts as healthy when it is an
`ok` capture, a benign run that did what it was asked to (AgentDojo), one that passed (AgentRx), or
a made-up run with no fault. Of all of them together at most one in a hundred may be alarmed;
otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from bench import captures, failed_runs, injections
from bench.detection import rows_of
from bench.stories.make import make
from bench.verdicts import assessed, share, spans_of_file, spans_of_lines
from causewatch.app.rulefiles import load_bundle
from causewatch.blame.judge import judge
from causewatch.faults.known import Known
from causewatch.graph.build import build
from causewatch.model.span import Span
from causewatch.resources import shipped
from causewatch.rules.bundle import Bundle
from causewatch.rules.evaluate import evaluate

MAX_FALSE_SHARE = 0.01


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled run: healthy, or not; ``healthy`` is ``None`` where the label does not say."""

    name: str
    source: str
    healthy: bool | None
    spans: Sequence[Span]


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """The alerts that one run makes."""

    name: str
    source: str
    healthy: bool | None
    alerts: tuple[str, ...]


def of_captures(folder: Path) -> Iterator[Run]:
    """Yield the captures that a manifest lists."""
    for capture in captures.captures_of(folder):
        yield Run(
            name=capture.file,
            source="captures",
            healthy=capture.fault == "none",
            spans=spans_of_file(folder / f"{capture.file}.gz"),
        )


def of_injections(folder: Path) -> Iterator[Run]:
    """Yield runs with and without an attack; an attack that failed is neither well nor wrong."""
    labels = injections.labels_of(folder / "ground_truth.jsonl")
    for trace_id, spans in injections.spans_of(folder / "traces.jsonl.gz").items():
        label = labels.get(trace_id)
        if label is not None:
            verdict = {"benign": True if label.utility else None, "hijacked": False}
            healthy = verdict.get(label.condition)
            yield Run(name=trace_id, source="agentdojo", healthy=healthy, spans=spans)


def of_endings(folder: Path) -> Iterator[Run]:
    """Yield runs that passed or failed."""
    runs = injections.spans_of(folder / "traces.jsonl.gz")
    for label in failed_runs.labels_of(folder / "ground_truth.jsonl"):
        if label.trace_id in runs:
            spans = runs[label.trace_id]
            yield Run(name=label.trace_id, source="agentrx", healthy=not label.failed, spans=spans)


def fired(run: Run, bundle: Bundle) -> Fired:
    """Return the alerts that the rules make of a run, each once."""
    known = Known(trust=bundle.trust)
    if run.source in {"captures", "stories"}:
        found = assessed(run.spans)
    else:
        found = [judge(build(run_id=run.name, spans=run.spans), bundle.contracts, known)]
    names = {
        finding.labels["alertname"]
        for assessment in found
        for group in bundle.groups
        for finding in evaluate(group, assessment, 1).findings
    }
    return Fired(name=run.name, source=run.source, healthy=run.healthy, alerts=tuple(sorted(names)))


def table(found: Sequence[Fired], rules: Iterable[str]) -> str:
    """Return a line for each rule: its hits by source, and its false alarms."""
    sources = list(dict.fromkeys(one.source for one in found))
    head = ["rule", *(f"hits in {source}" for source in sources), "false alarms"]
    rows = [
        [rule, *(str(_count(found, rule, source)) for source in sources), str(_false(found, rule))]
        for rule in rules
    ]
    healthy = [one for one in found if one.healthy]
    wrong = [[o for o in found if o.source == s and o.healthy is False] for s in sources]
    any_rule = [share(sum(1 for one in part if one.alerts), len(part)) for part in wrong]
    alarmed = sum(1 for one in healthy if one.alerts)
    return rows_of([head, *rows, ["any", *any_rule, share(alarmed, len(healthy))]])


def _count(found: Sequence[Fired], rule: str, source: str) -> int:
    return sum(1 for o in found if o.source == source and o.healthy is False and rule in o.alerts)


def _false(found: Sequence[Fired], rule: str) -> int:
    return sum(1 for one in found if one.healthy and rule in one.alerts)


def is_quiet(found: Sequence[Fired]) -> bool:
    """Tell whether at most one healthy run in a hundred is alarmed."""
    healthy = [one for one in found if one.healthy]
    alarmed = sum(1 for one in healthy if one.alerts)
    return alarmed <= MAX_FALSE_SHARE * len(healthy)


def by_source(found: Sequence[Fired]) -> str:
    """Return how many healthy runs of each source are alarmed."""
    counts = Counter(one.source for one in found if one.healthy)
    alarmed = Counter(one.source for one in found if one.healthy and one.alerts)
    rows = [[source, share(alarmed[source], count)] for source, count in counts.items()]
    return rows_of([["healthy runs", "alarmed"], *rows])


def _given(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.packs")
    for name in ("captures", "agentdojo", "agentrx"):
        parser.add_argument(f"--{name}", type=Path, help="folder of the labelled runs")
    parser.add_argument("--stories", type=int, default=0, help="how many runs to make up")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up runs")
    parser.add_argument("--rules", type=Path, help="rule file or folder; the shipped ones")
    parser.add_argument("--runs", action="store_true", help="list every healthy run alarmed")
    parser.add_argument("--out", type=Path, help="write what fired as JSON")
    return parser.parse_args(argv)


def _runs(given: argparse.Namespace) -> Iterator[Run]:
    if given.captures:
        yield from of_captures(given.captures)
    if given.agentdojo:
        yield from of_injections(given.agentdojo)
    if given.agentrx:
        yield from of_endings(given.agentrx)
    for request, label in make(given.seed, given.stories):
        spans = spans_of_lines([msgspec.json.encode(request)])
        yield Run(name=label.run, source="stories", healthy=not label.faulty, spans=spans)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for; exit with 1 when too many healthy runs are alarmed."""
    given = _given(argv)
    bundle = load_bundle([given.rules or shipped("rules")]).bundle
    found = [fired(run, bundle) for run in _runs(given)]
    rules = [rule.alertname for group in bundle.groups for rule in group.rules]
    print(table(found, [*rules, *(["ContractViolated"] if bundle.contracts else [])]))
    print(f"\n{by_source(found)}")
    for one in found if given.runs else ():
        if one.healthy and one.alerts:
            print(f"- false alarm {one.source} {one.name}: {', '.join(one.alerts)}")
    if given.out:
        text = json.dumps(msgspec.to_builtins(found), indent=2)
        given.out.write_text(text + "\n", encoding="utf-8")
    return 0 if is_quiet(found) else 1


if __name__ == "__main__":
    sys.exit(main())
