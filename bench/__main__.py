"""Run the Collector and causewatch side by side on one load, and print ratios.

Fails (exit code 1) unless every incident that was planted in the load was found.

Usage: python -m bench [--rounds 3] [--spans 100000] [--corrupted 0.01,0.1] [--only KIND,KIND]
           [--paced 0.5] [--scale 100000,1000000] [--live 50000] [--out docs/explain/performance.md]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench import report
from bench.held import hold
from bench.machine import machine, revision
from bench.measure import Measured, Plan, Transport, measure
from bench.recorded_load import CAPTURES, recordings
from bench.report import Live
from bench.servers import KINDS, YARDSTICK, collector_binary
from causewatch.app.clock import now_ns

_MAX_ROUNDS, _MAX_SPANS, _MAX_LIVE = 50, 20_000_000, 1_000_000
_OPENING = """\
# Performance

<!-- Written by `python -m bench --out`; do not edit. -->

What causewatch costs beside the OpenTelemetry Collector, on one load and machine. The yardstick is
the Collector's own `tail_sampling`, which keeps or drops traces and sees no structure."""


class Results(NamedTuple):
    """All that was measured."""

    rounds: list[Measured]
    paced: list[Measured]
    scale: list[Measured]
    live: list[Live]


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    found.add_argument("--rounds", type=_upto(_MAX_ROUNDS), default=3)
    found.add_argument("--spans", type=_upto(_MAX_SPANS), default=100_000, help="in each round")
    found.add_argument(
        "--warm-up", type=_upto(_MAX_SPANS), default=30_000, help="spans before it, not measured"
    )
    found.add_argument(
        "--corrupted",
        type=_shares,
        default=[0.01],
        help="shares of runs that went wrong, by comma; the Collector is measured with the first",
    )
    found.add_argument("--only", type=_kinds, default=list(KINDS), help=", ".join(KINDS))
    found.add_argument("--transport", choices=["grpc", "http"], default="grpc")
    found.add_argument("--in-flight", type=_upto(64), default=8, help="requests at one time")
    found.add_argument("--captures", type=Path, default=CAPTURES, help="folder of recordings")
    found.add_argument(
        "--stories",
        type=int,
        default=0,
        help="made-up healthy runs as recordings: topologies, languages",
    )
    found.add_argument(
        "--paced", type=float, default=0.0, help="measure detection at this part of full load too"
    )
    found.add_argument("--scale", type=_sizes, default=[], help="numbers of spans, by comma")
    found.add_argument(
        "--live", type=_upto(_MAX_LIVE), help="measure memory with so many live runs"
    )
    found.add_argument("--out", type=Path, help="write the page")
    found.add_argument("--json", type=Path, help="write every measurement")
    return found


def _upto(limit: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not 1 <= value <= limit:
            raise argparse.ArgumentTypeError(f"must be between 1 and {limit:,}")
        return value

    return number


def _sizes(text: str) -> list[int]:
    return [_upto(_MAX_SPANS)(each) for each in text.split(",")]


def _shares(text: str) -> list[float]:
    shares = [float(each) for each in text.split(",")]
    if not all(0 <= share <= 1 for share in shares):
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return shares


def _kinds(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if wrong := [name for name in names if name not in KINDS]:
        raise argparse.ArgumentTypeError(f"knows {', '.join(KINDS)}, not {', '.join(wrong)}")
    return names


def available(names: Sequence[str]) -> list[str]:
    """Return the servers that can be measured here; says on stderr what is left out, and why."""
    found = list(names)
    for name in names:
        kind = KINDS[name]
        if kind.needs_collector and collector_binary() is None:
            print(f"{name}: no Collector in the cache (deploy/collector/build)", file=sys.stderr)
            found.remove(name)
        elif not kind.is_there():
            print(f"{name}: this version of causewatch has none", file=sys.stderr)
            found.remove(name)
    return found


def plan_of(given: argparse.Namespace) -> Plan:
    """Return the plan that a command line asks for, with the first share of corrupted runs."""
    transport: Transport = given.transport
    return Plan(
        recordings=recordings(given.captures, given.stories),
        spans=given.spans,
        warm_up_spans=given.warm_up,
        corrupted=given.corrupted[0],
        seed=1,
        transport=transport,
        in_flight=given.in_flight,
    )


def rounds(given: argparse.Namespace, plan: Plan, names: Sequence[str]) -> list[Measured]:
    """Measure round by round; with further shares only what judges, beside the yardstick."""
    found = []
    for share in given.corrupted:
        again = share != given.corrupted[0]
        chosen = [n for n in names if not again or KINDS[n].judges or n == YARDSTICK]
        for number in range(given.rounds):
            for name in chosen:
                this = msgspec.structs.replace(plan, corrupted=share, seed=2 * number + 1)
                found.append(_measured(name, this))
    return found


def paced(
    given: argparse.Namespace, plan: Plan, names: Sequence[str], full: Sequence[Measured]
) -> list[Measured]:
    """Measure what judges at a part of the load that it was able to judge."""
    found = []
    for name in names if given.paced else ():
        rates = [one.judged_per_s for one in full if one.kind == name]
        if not KINDS[name].judges or not rates:
            continue
        spans_per_request = plan.spans / max(1, len(full[0].acks_ms))
        rate = given.paced * max(rates) / spans_per_request
        found.append(_measured(name, msgspec.structs.replace(plan, requests_per_s=rate)))
    return found


def _measured(name: str, plan: Plan) -> Measured:
    found = measure(name, plan)
    verdict = ""
    if found.found is not None:
        verdict = (
            f", {found.found.found} of {found.found.planted} incidents found,"
            f" {found.found.alarmed} of {found.found.healthy} healthy runs alarmed"
        )
    print(
        f"{name} ({100 * plan.corrupted:g} %, {found.spans:,} spans):"
        f" {found.cpu_s_per_million:.1f} CPU-s per million, {found.rss_mib:,.0f} MiB{verdict}",
        file=sys.stderr,
    )
    return found


def page(given: argparse.Namespace, results: Results) -> str:
    """Return what was measured as a page of documentation."""
    now = datetime.fromtimestamp(now_ns() / 1e9, tz=UTC)
    parts = [_OPENING, f"Measured on {now:%d %B %Y} at commit `{revision()}`, with {_about()}."]
    if given.stories:
        parts.append(f"{given.stories} of the recordings are made-up runs in which all is well.")
    for share in given.corrupted:
        same = [one for one in results.rounds if one.corrupted == share]
        times = "1 round" if given.rounds == 1 else f"{given.rounds} rounds"
        load = f"{times} of {given.spans:,} spans over {given.transport}"
        parts += [
            f"## {100 * share:g} % of runs corrupted: {load}",
            report.costs(report.rows_of(same)),
        ]
        if any(one.found for one in same):
            parts.append(report.verdicts(same))
    if results.paced:
        parts += [f"## Detection at {given.paced:g} of full load", report.verdicts(results.paced)]
    if results.scale:
        parts += ["## From small loads to large ones", report.scale(results.scale)]
    if results.live:
        parts += ["## Live runs", report.live(results.live)]
    found = [one.found for one in results.rounds if one.found]
    if found:
        parts += ["## What was judged in full", _IN_FULL, report.second_passes(found)]
    return "\n\n".join([*parts, "## Method", report.method(), _command(given)]) + "\n"


_IN_FULL = (
    "Runs that are like others which had nothing to tell are passed over; all others are judged in"
    "\nfull. These are healthy runs; of corrupted ones all are."
)


def _about() -> str:
    host = machine()
    return (
        f"{host['cores']} cores of {host['cpu']}, {host['memory_gib']} GiB, Python"
        f" {host['python']}, Linux {host['kernel']}; {_native()}"
    )


def _native() -> str:
    from causewatch.likeness.native import LIBRARY  # noqa: PLC0415  # not in every version

    return "likenesses by compiled code" if LIBRARY.exists() else "likenesses by Python"


def _command(given: argparse.Namespace) -> str:
    words = ["python -m bench", f"--rounds {given.rounds}", f"--spans {given.spans}"]
    words.append(f"--corrupted {','.join(f'{share:g}' for share in given.corrupted)}")
    words += [f"--stories {given.stories}"] if given.stories else []
    words += [f"--paced {given.paced:g}"] if given.paced else []
    words += [f"--scale {','.join(map(str, given.scale))}"] if given.scale else []
    words += [f"--live {given.live}"] if given.live else []
    return f"Again, with `{' '.join(words)} --out FILE`."


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the page, write what was asked for; 1 unless every incident was found."""
    given = parser().parse_args(argv)
    names = available(given.only)
    plan = plan_of(given)
    full = rounds(given, plan, names)
    sized = [name for name in names if KINDS[name].judges][:1]
    results = Results(
        rounds=full,
        paced=paced(given, plan, names, full),
        scale=[
            _measured(name, msgspec.structs.replace(plan, spans=spans))
            for name in sized
            for spans in given.scale
        ],
        live=[
            hold(name, plan, given.live)
            for name in names
            if given.live and (KINDS[name].judges or name == YARDSTICK)
        ],
    )
    text = page(given, results)
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1))
    return 0 if _missed(results) == 0 else 1


def _missed(results: Results) -> int:
    """Return how many planted incidents were not found; each is named on stderr."""
    missed = [
        name
        for one in (*results.rounds, *results.paced, *results.scale)
        if one.found is not None
        for name in one.found.missed
    ]
    for name in missed:
        print(f"not found: {name}", file=sys.stderr)
    return len(missed)


if __name__ == "__main__":
    sys.exit(main())
