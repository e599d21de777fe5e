"""Measure what signatures cost: many rules over one run, and one query over many traces.

Usage: python -m bench.signatures [--runs 7] [--traces 2000] [--out FILE]

Prints two tables. In the first, 10 to 10,000 rules are planned and evaluated over a run of 30
spans: rules for *other tools* (most cannot match), rules that are *alike* (a template filled in for
the tools of this run), and rules that are *all different* over the tools of this run. In the
second, one query is evaluated over 2,000 traces of 30 spans, which are in memory and understood,
as in a trace store; the yardstick is the 330 ms that a trace store's engine in Go took for
`{..} >> {..}` on two cores.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from causewatch.model.graph import EdgeType
from causewatch.model.span import Attributes, Span
from causewatch.signatures.plan import Plan
from causewatch.signatures.signature import Signature, compile_query
from causewatch.signatures.subject import Pairs, Subject, raw_subject

RUN_SPANS = 30
RULE_COUNTS = (10, 100, 1_000, 10_000)
YARDSTICK_MS = 330.0
QUERIES = (
    "{ span.kind = `tool` } >> { span.kind = `model` }",
    "{ span.kind = `agent` } >> { span.kind = `tool` && span.size > 400 }",
    "{ span.kind = `tool` } | count() > 5",
    "{ span.kind = `tool` } -[call]->> { span.kind = `model` }",
    "{ span.kind = `tool` && span.size > 400 }",
)
_KINDS = ("agent", "model", "tool")
_AGENTS = ("planner", "reader", "writer")
_TEMPLATES = (
    """{{ span.causewatch.tool = "tool_{tool}" && span.causewatch.fault = "truncated" }} as source
    -[flow]->> {{ span.causewatch.agent = "{agent}" && span.size > {size} }} as victim""",
    """{{ span.causewatch.tool = "tool_{tool}" && span.size > {size} }}
    >> {{ span.causewatch.agent = "{agent}" }}""",
    """{{ span.causewatch.tool = "tool_{tool}" }} as a
    -[data]-> {{ span.causewatch.agent = "{agent}" && span.size < a.span.size + {size} }}""",
    """{{ span.causewatch.tool = "tool_{tool}" }}
    && !{{ span.causewatch.agent = "{agent}" && span.size = {size} }}""",
)
_TOOLS_OF_A_RUN = 7


class RuleRow(NamedTuple):
    """What some rules cost over one run of ``RUN_SPANS`` spans."""

    rules: str
    rules_count: int
    asked: int
    """How many of them the plan asks."""
    median_ms: float


class QueryRow(NamedTuple):
    """What one query costs over many traces."""

    query: str
    traces: int
    matched: int
    median_ms: float

    @property
    def ratio(self) -> float:
        """Return the time by the yardstick's."""
        return self.median_ms / YARDSTICK_MS


def run_subject(rng: random.Random, size: int = RUN_SPANS) -> Subject:
    """Return a run as rules see it: steps, agents, tools, faults, data and handoff edges."""
    spans = tuple(
        _span("run", i, rng.randrange(i) if i else None, {"size": rng.randrange(1_000)})
        for i in range(size)
    )
    derived: tuple[Attributes, ...] = tuple(
        {
            "causewatch.step": rng.choice(_KINDS),
            "causewatch.agent": rng.choice(_AGENTS),
            "causewatch.tool": f"tool_{i % _TOOLS_OF_A_RUN}",
            "causewatch.fault": ["truncated"] if i % 9 == 0 else [],
        }
        for i in range(size)
    )
    edges: dict[EdgeType, Pairs] = {
        "data": [(rng.randrange(i), i) for i in range(1, size)],
        "handoff": [(rng.randrange(i), i) for i in range(1, size, 4)],
    }
    return Subject(spans=spans, derived=derived, edges=edges)


def rules(kind: str, count: int) -> list[Signature]:
    """Return ``count`` rules: for ``other tools``, ``alike`` or ``all different``."""
    texts = []
    for i in range(count):
        tool = i if kind == "other tools" else i % _TOOLS_OF_A_RUN
        size = 300 if kind == "alike" else i
        template = _TEMPLATES[i % len(_TEMPLATES)]
        texts.append(template.format(tool=tool, agent=_AGENTS[i % len(_AGENTS)], size=size))
    return [compile_query(text) for text in texts]


def measure_rules(kind: str, count: int, *, runs: int) -> RuleRow:
    """Plan once, then evaluate over a fresh subject ``runs`` times."""
    signatures = rules(kind, count)
    plan = Plan(signatures)
    asked = 0

    def once() -> None:
        nonlocal asked
        candidates = plan.candidates(subject)
        asked = len(candidates)
        for position in candidates:
            signatures[position].evaluate(subject)

    times = []
    for seed in range(runs):
        subject = run_subject(random.Random(seed))
        times.append(_ms(once))
    return RuleRow(rules=kind, rules_count=count, asked=asked, median_ms=statistics.median(times))


def traces(count: int) -> list[list[Span]]:
    """Return ``count`` traces of ``RUN_SPANS`` spans each."""
    rng = random.Random(1)
    return [_trace(f"{number:032x}", rng) for number in range(count)]


def _trace(trace_id: str, rng: random.Random) -> list[Span]:
    return [
        _span(
            trace_id,
            i,
            rng.randrange(max(0, i - 4), i) if i else None,
            {"kind": rng.choice(_KINDS), "size": rng.randrange(1_000)},
        )
        for i in range(RUN_SPANS)
    ]


def measure_query(query: str, spans: Sequence[Sequence[Span]], *, runs: int) -> QueryRow:
    """Evaluate a query over all traces ``runs`` times; nothing is remembered in between."""
    signature = compile_query(query)
    matched = 0

    def once() -> None:
        nonlocal matched
        matched = sum(signature.evaluate(subject).matched for subject in subjects)

    times = []
    for _ in range(runs):
        subjects = [raw_subject(each) for each in spans]
        times.append(_ms(once))
    return QueryRow(
        query=query, traces=len(spans), matched=matched, median_ms=statistics.median(times)
    )


def slope(rows: Sequence[RuleRow]) -> float:
    """Return the exponent of cost in the number of rules, from the least to the most of them."""
    first, last = rows[0], rows[-1]
    return math.log(last.median_ms / first.median_ms) / math.log(
        last.rules_count / first.rules_count
    )


def rule_table(rows: Sequence[RuleRow]) -> str:
    """Return the rows on rules as a Markdown table."""
    lines = ["| rules | count | asked | ms a run | exponent |", "|---|---|---|---|---|"]
    for kind in dict.fromkeys(row.rules for row in rows):
        same = [row for row in rows if row.rules == kind]
        for row in same:
            exponent = f"{slope(same):.2f}" if row is same[-1] else ""
            lines.append(
                f"| {row.rules} | {row.rules_count} | {row.asked} "
                f"| {row.median_ms:.2f} | {exponent} |"
            )
    return "\n".join(lines)


def query_table(rows: Sequence[QueryRow]) -> str:
    """Return the rows on queries as a Markdown table."""
    lines = ["| query | traces | matched | ms | by 330 ms |", "|---|---|---|---|---|"]
    for row in rows:
        query = row.query.replace("|", "\\|")
        lines.append(
            f"| `{query}` | {row.traces} | {row.matched} | {row.median_ms:.0f} | {row.ratio:.2f} |"
        )
    return "\n".join(lines)


def _span(trace_id: str, number: int, parent: int | None, attributes: Attributes) -> Span:
    return Span(
        trace_id=trace_id,
        span_id=f"{number:016x}",
        parent_id="" if parent is None else f"{parent:016x}",
        start_ns=number * 10,
        end_ns=number * 10 + 5,
        attributes=attributes,
    )


def _ms(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - begun)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print both tables, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.signatures")
    parser.add_argument("--runs", type=int, default=7, help="of which the median is printed")
    parser.add_argument("--traces", type=int, default=2_000, help="traces that are queried")
    parser.add_argument("--out", type=Path, help="write the rows as JSON")
    given = parser.parse_args(argv)
    rule_rows = [
        measure_rules(kind, count, runs=given.runs)
        for kind in ("other tools", "alike", "all different")
        for count in RULE_COUNTS
    ]
    print(rule_table(rule_rows))
    spans = traces(given.traces)
    query_rows = [measure_query(query, spans, runs=given.runs) for query in QUERIES]
    print(f"\n{query_table(query_rows)}")
    if given.out:
        rows = [*map(RuleRow._asdict, rule_rows), *map(QueryRow._asdict, query_rows)]
        given.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
