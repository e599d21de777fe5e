"""Measurements as tables: what each server cost, in ratios to the Collector's tail sampling."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from bench.children import ROOT
from bench.found import Found
from bench.measure import Measured
from bench.servers import DECISION_WAIT_S, KINDS, NUM_TRACES, QUIET_S, YARDSTICK


class Row(NamedTuple):
    """The median of the measurements of one server."""

    kind: str
    rounds: int
    cpu: tuple[float, float, float]
    """Least, median, most CPU seconds for a million spans."""
    rss_mib: float
    peak_mib: float
    ack_ms: tuple[float, float]
    """The median, and what 99 of 100 stay below."""
    acknowledged_per_s: float
    judged_per_s: float
    second_pass: float | None
    detected_s: tuple[float, float] | None
    """The same two of detection; ``None`` where nothing is detected."""
    monotone_s: tuple[float, float] | None
    """The same of what a monotone rule detected."""


def method() -> str:
    """Return how all this is measured."""
    text = (ROOT / "bench" / "method.md").read_text(encoding="utf-8")
    return text.strip().format(
        decision_wait_s=DECISION_WAIT_S, num_traces=NUM_TRACES, quiet_s=QUIET_S
    )


def rows_of(measured: Sequence[Measured]) -> list[Row]:
    """Return a row for each server, in the order in which they were first measured."""
    kinds = dict.fromkeys(one.kind for one in measured)
    return [_row(kind, [one for one in measured if one.kind == kind]) for kind in kinds]


def _row(kind: str, same: Sequence[Measured]) -> Row:
    cpu = [one.cpu_s_per_million for one in same]
    detected = [took for one in same if one.found for took in one.found.detected_s]
    monotone = [took for one in same if one.found for took in one.found.detected_by_monotone_s]
    passes = [one.second_pass for one in same if one.second_pass is not None]
    return Row(
        kind=kind,
        rounds=len(same),
        cpu=(min(cpu), statistics.median(cpu), max(cpu)),
        rss_mib=statistics.median(one.rss_mib for one in same),
        peak_mib=statistics.median(one.peak_rss_mib for one in same),
        ack_ms=both([took for one in same for took in one.acks_ms]),
        acknowledged_per_s=statistics.median(one.acknowledged_per_s for one in same),
        judged_per_s=statistics.median(one.judged_per_s for one in same),
        second_pass=statistics.median(passes) if passes else None,
        detected_s=both(detected) if detected else None,
        monotone_s=both(monotone) if monotone else None,
    )


def both(values: Sequence[float]) -> tuple[float, float]:
    """Return the median, and the 99th percentile (the nearest rank)."""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def costs(rows: Sequence[Row]) -> str:
    """Return what each server cost, with ratios to tail sampling where that was measured."""
    yard = next((row for row in rows if row.kind == YARDSTICK), None)
    lines = [
        [
            KINDS[row.kind].what,
            f"{row.cpu[0]:.1f} / **{row.cpu[1]:.1f}** / {row.cpu[2]:.1f}",
            _ratio(row.cpu[1], yard and yard.cpu[1]),
            f"{row.rss_mib:,.0f} / {row.peak_mib:,.0f}",
            _ratio(row.rss_mib, yard and yard.rss_mib),
            f"{row.ack_ms[0]:.0f} / {row.ack_ms[1]:.0f}",
            f"{row.acknowledged_per_s:,.0f}",
        ]
        for row in rows
    ]
    head = [
        "what",
        "CPU seconds for a million spans: least / **median** / most",
        f"CPU: times `{YARDSTICK}`",
        "MiB resident: at the end / peak",
        f"resident: times `{YARDSTICK}`",
        "ms until acknowledged: p50 / p99",
        "acknowledged spans/s",
    ]
    return table([head, *lines])


def verdicts(measured: Sequence[Measured]) -> str:
    """Return what was found, beside what was alarmed for nothing."""
    head = [
        "what",
        "corrupted",
        "planted incidents found",
        "healthy runs alarmed",
        "runs judged in full",
        "s until detected: p50 / p99",
        "by a monotone rule",
        "judged spans/s",
    ]
    lines = [head]
    for kind in dict.fromkeys(one.kind for one in measured if one.found):
        same = [one for one in measured if one.kind == kind and one.found]
        found = [one.found for one in same if one.found]
        (row,) = rows_of(same)
        lines.append(
            [
                KINDS[kind].what,
                f"{100 * same[0].corrupted:g} %",
                f"{sum(one.found for one in found):,} of {sum(one.planted for one in found):,}",
                f"{sum(one.alarmed for one in found):,} of {sum(one.healthy for one in found):,}",
                _percent(row.second_pass),
                _times(row.detected_s),
                _times(row.monotone_s),
                f"{row.judged_per_s:,.0f}",
            ]
        )
    return table(lines)


def second_passes(found: Iterable[Found]) -> str:
    """Return for each recording how many of its runs were judged in full."""
    shares: dict[str, list[float]] = {}
    for one in found:
        for name, share in one.passed_over.items():
            shares.setdefault(name, []).append(1 - share)
    lines = [[name, _percent(statistics.mean(each))] for name, each in sorted(shares.items())]
    return table([["runs made of", "judged in full"], *lines])


def scale(measured: Sequence[Measured]) -> str:
    """Return how the cost for a span grows with the load."""
    lines = [
        [
            f"{one.spans:,}",
            f"{one.cpu_s_per_million:.1f}",
            f"{one.peak_rss_mib:,.0f}",
            _percent(one.second_pass),
        ]
        for one in measured
    ]
    head = ["spans", "CPU seconds for a million", "MiB resident at most", "runs judged in full"]
    return table([head, *lines])


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What a server held for runs that had not ended."""

    kind: str
    runs: int
    spans: int
    sent_mib: float
    """What they are on the wire."""
    rss_mib: float
    peak_rss_mib: float


def live(found: Sequence[Live]) -> str:
    """Return the memory that live runs take."""
    yard = next((one.rss_mib for one in found if one.kind == YARDSTICK), None)
    lines = [
        [
            KINDS[one.kind].what,
            f"{one.runs:,}",
            f"{one.spans:,}",
            f"{one.sent_mib:,.0f}",
            f"{one.rss_mib:,.0f} / {one.peak_rss_mib:,.0f}",
            _ratio(one.rss_mib, yard),
        ]
        for one in found
    ]
    head = [
        "what",
        "live runs",
        "spans",
        "MiB sent",
        "MiB resident: now / peak",
        f"times `{YARDSTICK}`",
    ]
    return table([head, *lines])


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a Markdown table; the first is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)


def _ratio(value: float, yard: float | None) -> str:
    return f"{value / yard:.2f}" if yard else "-"


def _times(seconds: tuple[float, float] | None) -> str:
    return "-" if seconds is None else f"{seconds[0]:.1f} / {seconds[1]:.1f}"


def _percent(share: float | None) -> str:
    return "100 %" if share is None else f"{100 * share:.1f} %"
