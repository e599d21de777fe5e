"""Measure how long a handoff's contract takes: schemas on both sides, and the comparison.

Usage: python -m bench.contracts [--repeat 50] [--out FILE]

A brief of so many bytes is handed over, and arrives in one of several ways. The time is that of
`check` on a run with this one handoff, from compiled contract to verdict. The limits below are what
the command holds it to: with a median above one of them, it ends with exit code 1.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.machine import machine
from causewatch.contracts.check import check
from causewatch.contracts.compile import Contract, compile_contract
from causewatch.contracts.spec import Compare, CompareMode, ContractSpec, SchemaSource
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.span import Span
from causewatch.model.step import Payload, Step

SMALL_BYTES, MIDDLE_BYTES, LARGE_BYTES = 14_000, 100_000, 1_000_000
MANY_ITEMS_COUNT = 10_000
LIMITS_US = {SMALL_BYTES: 100, MIDDLE_BYTES: 2_000, LARGE_BYTES: 50_000}
"""Median of schemas and comparison where nothing was changed, for each size in bytes."""
LIMITS_MS = {"canonical": 2_000, "subset": 2_000, "semantic": 10_000}
"""Median where something was, for a payload of ``LARGE_BYTES`` or ``MANY_ITEMS_COUNT`` items."""
_MODES: tuple[CompareMode, ...] = ("exact", "canonical", "subset", "semantic")
_NS_PER_US = 1_000
_SCHEMA: Any = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["goal", "rows"],
    "properties": {
        "goal": {"type": "string", "minLength": 3},
        "rows": {"type": "array", "items": {"$ref": "#/$defs/row"}},
    },
    "$defs": {
        "row": {
            "type": "object",
            "required": ["order", "total"],
            "properties": {
                "order": {"type": "string", "pattern": "^PO-[0-9]+$"},
                "total": {"type": "number", "minimum": 0},
                "due": {"type": "string"},
                "note": {"type": "string"},
            },
        }
    },
}


class Case(NamedTuple):
    """One way in which a brief arrives, and the limit of its median."""

    name: str
    mode: CompareMode
    arrive: Callable[[dict[str, Any]], Any]
    is_changed: bool


class Row(NamedTuple):
    """One measured case; times in microseconds."""

    payload: str
    payload_bytes: int
    case: str
    mode: str
    verdict: str
    median_us: float
    p99_us: float
    limit_us: float


def same(value: dict[str, Any]) -> dict[str, Any]:
    """Let all arrive as it was sent."""
    return value


def respelled(value: dict[str, Any]) -> dict[str, Any]:
    """Let the members arrive in another order: the same value in other bytes."""
    rows = [dict(reversed(row.items())) for row in value["rows"]]
    return {"rows": rows, "goal": value["goal"]}


def shuffled(value: dict[str, Any]) -> dict[str, Any]:
    """Let the rows arrive in another order."""
    rows = list(value["rows"])
    random.Random(7).shuffle(rows)
    return {**value, "rows": rows}


def halved(value: dict[str, Any]) -> dict[str, Any]:
    """Let every other row get lost."""
    return {**value, "rows": value["rows"][::2]}


def as_texts(value: dict[str, Any]) -> dict[str, Any]:
    """Let each number arrive as text, and every tenth row get lost."""
    rows = [{**row, "total": str(row["total"])} for row in value["rows"]]
    return {**value, "rows": [row for i, row in enumerate(rows) if i % 10]}


def as_prose(value: dict[str, Any]) -> str:
    """Let a text arrive that tells most of it."""
    rows = (f"{row['order']} over {row['total']} by {row['due']}" for row in value["rows"])
    return f"{value['goal']}; {'; '.join(rows)}"


def replaced(value: dict[str, Any]) -> dict[str, Any]:
    """Let every row arrive as another one."""
    rows = [{**row, "order": f"PO-9{row['order'][3:]}", "note": "None."} for row in value["rows"]]
    return {**value, "rows": rows}


CASES = (
    *(Case("as it was sent", mode, same, is_changed=False) for mode in _MODES),
    *(
        Case(name, mode, arrive, is_changed=arrive is not respelled)
        for mode in _MODES[1:]
        for name, arrive in (
            ("keys in another order", respelled),
            ("rows in another order", shuffled),
            ("every other row lost", halved),
            ("numbers as text, rows lost", as_texts),
            ("every row another", replaced),
            ("as prose", as_prose),
        )
    ),
)


def brief(size_bytes: int, seed: int = 1) -> dict[str, Any]:
    """Return a brief of about so many bytes of JSON: a goal, and rows of orders."""
    chance = random.Random(seed)
    rows = []
    left = size_bytes
    while left > 0:
        row = {
            "order": f"PO-{chance.randrange(10**6, 10**7)}",
            "total": round(chance.uniform(1, 5_000), 2),
            "due": f"2026-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}",
            "note": " ".join(chance.choices(("load", "hull", "glass", "by", "noon", "dry"), k=12)),
        }
        rows.append(row)
        left -= len(msgspec.json.encode(row)) + 1
    return {"goal": "Settle these orders.", "rows": rows}


def brief_of(items_count: int) -> dict[str, Any]:
    """Return a brief of so many short rows."""
    rows = [{"order": f"PO-{i}", "total": i, "due": "2026-03-12"} for i in range(items_count)]
    return {"goal": "Settle these orders.", "rows": rows}


def handed_over(sent: Any, received: Any) -> CausalGraph:
    """Return a run with one handoff."""
    steps = tuple(
        Step(
            span=Span(
                trace_id="ab" * 16,
                span_id=f"{at:016x}",
                name=name,
                start_ns=at,
                end_ns=at + 1,
            ),
            kind="agent",
            dialect="",
            reason="",
            agent=name,
        )
        for at, name in ((1, "planner"), (3, "clerk"))
    )
    handoff = Handoff(
        span_id="1" * 16,
        from_agent="planner",
        to_agent="clerk",
        derived=True,
        rule="bench",
        confidence=1.0,
        mode="pass_control",
        sender=0,
        receiver=1,
        performed_by=None,
        sent=_payload(sent),
        received=_payload(received),
    )
    return CausalGraph(
        run_id="bench",
        trace_ids=("ab" * 16,),
        state="complete",
        workflow="",
        session="",
        steps=steps,
        owner=("planner", "clerk"),
        parent=(-1, -1),
        edges=(),
        handoffs=(handoff,),
    )


def _payload(value: Any) -> Payload:
    raw = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    # As received: a value of its own, read from its own text.
    held = value if isinstance(value, str) else msgspec.json.decode(raw)
    return Payload(value=held, raw=raw, key="bench")


def contract_of(mode: CompareMode) -> Contract:
    """Return a contract with a schema for what is sent and received, and a comparison."""
    spec = ContractSpec(
        name="bench",
        sent_schema=SchemaSource(value=_SCHEMA),
        received_schema=SchemaSource(value=_SCHEMA),
        compare=Compare(mode=mode, ignore=("/trace_id",)),
    )
    return compile_contract(spec, rule_id="bench")


def measured(name: str, sent: dict[str, Any], case: Case, repeat: int) -> Row:
    """Check one handoff many times and return how long that took."""
    contract = contract_of(case.mode)
    size_bytes = len(msgspec.json.encode(sent))
    graph = handed_over(sent, case.arrive(sent))
    (verdict,) = check(contract, graph)
    times = []
    gc.collect()
    for _ in range(repeat):
        begun = time.perf_counter_ns()
        check(contract, graph)
        times.append((time.perf_counter_ns() - begun) / _NS_PER_US)
    times.sort()
    return Row(
        payload=name,
        payload_bytes=size_bytes,
        case=case.name,
        mode=case.mode,
        verdict=verdict.verdict,
        median_us=statistics.median(times),
        p99_us=times[-1 - len(times) // 100],
        limit_us=limit_us(case, size_bytes),
    )


def limit_us(case: Case, size_bytes: int) -> float:
    """Return the limit of a case's median: of its size, scaled down from the next larger one."""
    if case.is_changed:
        return LIMITS_MS[case.mode] * 1_000
    bound = next((size for size in LIMITS_US if size_bytes <= size * 1.1), LARGE_BYTES)
    return LIMITS_US[bound]


def rows(repeat: int) -> Iterator[Row]:
    """Measure every case with every payload."""
    payloads = {
        "14 kB": brief(SMALL_BYTES),
        "100 kB": brief(MIDDLE_BYTES),
        "1 MB": brief(LARGE_BYTES),
        "10,000 items": brief_of(MANY_ITEMS_COUNT),
    }
    for name, sent in payloads.items():
        for case in CASES:
            large = case.is_changed and name != "14 kB"
            yield measured(name, sent, case, min(repeat, 3) if large else repeat)


def table(found: Sequence[Row]) -> str:
    """Return the rows for people."""
    lines = ["| payload | arrives | mode | verdict | median | p99 | limit |", "|" + "---|" * 7]
    lines += [
        f"| {row.payload} | {row.case} | {row.mode} | {row.verdict} | {row.median_us:,.0f} us"
        f" | {row.p99_us:,.0f} us | {row.limit_us:,.0f} us |"
        for row in found
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return 1 when a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=50, help="checks of each case (50)")
    parser.add_argument("--out", type=Path, help="write all figures to this JSON file")
    options = parser.parse_args(arguments)
    found = list(rows(options.repeat))
    print(table(found))  # what the command is for
    if options.out:
        told = {"machine": machine(), "rows": [row._asdict() for row in found]}
        options.out.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    late = [row for row in found if row.median_us > row.limit_us]
    for row in late:
        print(f"over its limit: {row.payload}, {row.case}, {row.mode}", file=sys.stderr)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
