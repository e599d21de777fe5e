"""Measure how the cost of a graph and of its judgement grows with a run's steps and bytes.

Usage: python -m bench.lineage [--repeat 3] [--out FILE]

A run is looked at as a whole (``build``, of which lineage is a part, and ``judge``), in the shapes
in which agent systems are recorded. The exponent is the slope of time over size, both as
logarithms: 1 is linear, 2 is quadratic.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.machine import machine
from causewatch.blame.judge import judge
from causewatch.graph.build import build
from causewatch.model.span import Resource, Span

STEPS = (30, 100, 300, 1_000, 3_000)
HISTORY_STEPS = (30, 60, 120, 240, 480)
"""With the history repeated in each turn, bytes grow with the square of the steps."""
RUN_BYTES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_MS = 1_000_000
_START_NS = 1_700_000_000_000_000_000
_RESULT_BYTES = 400
_SMALL_RUN_BYTES = 30_000
"""What 31 steps take without any content: a smaller run has 5 steps."""
_LEAST_S = 0.02
"""Shorter times are mostly what any run costs, whatever its size: they would flatten the slope."""


class Point(NamedTuple):
    """One run: its size, and the CPU seconds that it took."""

    steps: int
    payload_bytes: int
    build_s: float
    judge_s: float


class Shape(NamedTuple):
    """One way to record a run, and the sizes at which it is measured."""

    name: str
    by: str
    """What the exponent is over: steps or bytes."""
    sizes: tuple[int, ...]
    make: Callable[[int], list[Span]]


class Writer:
    """Writes the spans of one run, one after the other, from a seed."""

    def __init__(self, seed: int = 1) -> None:
        self.spans: list[Span] = []
        self.random = random.Random(seed)  # a load, not a secret
        self._now_ns = _START_NS
        self._resource = Resource(attributes={"service.name": "bench"})
        self._vocabulary = [f"{self.random.randrange(16**6):06x}"[:5] + "er" for _ in range(5_000)]

    def words(self, count_bytes: int) -> str:
        """Return about so many bytes of text."""
        return " ".join(self.random.choices(self._vocabulary, k=max(count_bytes // 8, 3)))

    def span(self, parent: str, operation: str, name: str, **attributes: object) -> str:
        """Append a span of one millisecond and return its id."""
        span_id = f"{len(self.spans) + 1:016x}"
        written = {
            f"gen_ai.{key.replace('__', '.')}": value
            if isinstance(value, str)
            else json.dumps(value)
            for key, value in attributes.items()
        }
        self.spans.append(
            Span(
                trace_id="b" * 32,
                span_id=span_id,
                parent_id=parent,
                name=f"{operation} {name}",
                start_ns=self._now_ns,
                end_ns=self._now_ns + _MS,
                attributes={"gen_ai.operation.name": operation, **written},
                resource=self._resource,
            )
        )
        self._now_ns += 2 * _MS
        return span_id

    def agent(self, parent: str, name: str) -> str:
        """Append an agent's span; it ends when ``close`` says so."""
        return self.span(parent, "invoke_agent", name, agent__name=name)

    def close(self, span_id: str) -> None:
        """End a span now."""
        at = int(span_id, 16) - 1
        span = self.spans[at]
        self.spans[at] = Span(
            trace_id=span.trace_id,
            span_id=span.span_id,
            parent_id=span.parent_id,
            name=span.name,
            start_ns=span.start_ns,
            end_ns=self._now_ns,
            attributes=span.attributes,
            resource=span.resource,
        )

    def model(self, parent: str, shown: Sequence[object], part: object) -> None:
        """Append a model call that was shown messages and answered with one part."""
        said = [{"role": "assistant", "parts": [part], "finish_reason": "stop"}]
        self.span(parent, "chat", "m", input__messages=list(shown), output__messages=said)

    def tool(self, parent: str, name: str, call_id: str, arguments: object, result: object) -> None:
        """Append a tool call."""
        more = {"tool__call__id": call_id} if call_id else {}
        self.span(
            parent,
            "execute_tool",
            name,
            tool__name=name,
            tool__call__arguments=arguments,
            tool__call__result=result,
            **more,
        )


def _text(role: str, text: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def loop(
    steps: int, *, with_ids: bool, in_prompt: bool, history: bool, result_bytes: int
) -> list[Span]:
    """Return a run of one agent that calls a tool again and again.

    Args:
        steps: how many spans.
        with_ids: whether calls and results carry ids.
        in_prompt: whether results are pasted into user messages, as plain text.
        history: whether each turn shows the whole conversation, or its last messages only.
        result_bytes: the size of each result.
    """
    writer = Writer()
    root = writer.agent("", "reader")
    shown: list[object] = [_text("user", "Read all of the meters of this station, one by one.")]
    while len(writer.spans) < steps:
        number = len(writer.spans)
        call_id = f"call_{number}" if with_ids else ""
        arguments = {"meter": f"MT-{number}"}
        call = {"type": "tool_call", "id": call_id, "name": "read_meter", "arguments": arguments}
        result = {
            "reading": f"{writer.random.randrange(10**9)}",
            "note": writer.words(result_bytes),
        }
        writer.model(root, shown if history else shown[-2:], call)
        writer.tool(root, "read_meter", call_id, arguments, result)
        if in_prompt:
            shown.append(_text("user", f"Observation: {json.dumps(result)}"))
        else:
            answer = {"type": "tool_call_response", "id": call_id, "response": result}
            shown.append({"role": "assistant", "parts": [call]})
            shown.append({"role": "tool", "parts": [answer]})
    writer.model(root, shown if history else shown[-2:], {"type": "text", "content": "All read."})
    writer.close(root)
    return writer.spans


def team(steps: int) -> list[Span]:
    """Return a run in which a planner delegates again and again to two agents by turns."""
    writer = Writer()
    root = writer.agent("", "planner")
    shown: list[object] = [_text("user", "Plan the berths of this week.")]
    while len(writer.spans) < steps:
        number = len(writer.spans)
        name = ("scout", "clerk")[number // 6 % 2]
        task = {"task": f"Look up berth B-{number}: {writer.words(120)}"}
        call = {
            "type": "tool_call",
            "id": f"ask_{number}",
            "name": f"ask_{name}",
            "arguments": task,
        }
        writer.model(root, shown[-2:], call)
        found = f"Berth B-{number} is free. {writer.words(200)}"
        at = writer.span(
            root,
            "execute_tool",
            f"ask_{name}",
            tool__name=f"ask_{name}",
            tool__call__id=f"ask_{number}",
            tool__call__arguments=task,
            tool__call__result=found,
        )
        inner = writer.agent(at, name)
        look = {"berth": f"B-{number}"}
        asked = {"type": "tool_call", "id": f"look_{number}", "name": "look_up", "arguments": look}
        writer.model(inner, [_text("user", task["task"])], asked)
        seen = {"free": True, "note": found[-80:]}
        writer.tool(inner, "look_up", f"look_{number}", look, seen)
        back = {"type": "tool_call_response", "id": f"look_{number}", "response": seen}
        told = [_text("user", task["task"]), {"role": "tool", "parts": [back]}]
        writer.model(inner, told, {"type": "text", "content": found})
        writer.close(inner)
        writer.close(at)
        answer = {"type": "tool_call_response", "id": f"ask_{number}", "response": found}
        shown.append({"role": "assistant", "parts": [call]})
        shown.append({"role": "tool", "parts": [answer]})
    writer.close(root)
    return writer.spans


def _looped(
    *, with_ids: bool, in_prompt: bool = False, history: bool = False
) -> Callable[[int], list[Span]]:
    def make(steps: int) -> list[Span]:
        return loop(
            steps,
            with_ids=with_ids,
            in_prompt=in_prompt,
            history=history,
            result_bytes=_RESULT_BYTES,
        )

    return make


def _sized(*, with_ids: bool, in_prompt: bool = False) -> Callable[[int], list[Span]]:
    """Results are recorded twice, where they come from and where they are shown."""

    def make(run_bytes: int) -> list[Span]:
        steps = 5 if run_bytes < _SMALL_RUN_BYTES else 31
        return loop(
            steps,
            with_ids=with_ids,
            in_prompt=in_prompt,
            history=False,
            result_bytes=run_bytes // steps,
        )

    return make


SHAPES: tuple[Shape, ...] = (
    Shape("call ids", "steps", STEPS, _looped(with_ids=True)),
    Shape("no ids", "steps", STEPS, _looped(with_ids=False)),
    Shape("results in prompts", "steps", STEPS, _looped(with_ids=False, in_prompt=True)),
    Shape("a team", "steps", STEPS, team),
    Shape("history, call ids", "bytes", HISTORY_STEPS, _looped(with_ids=True, history=True)),
    Shape(
        "history, results in prompts",
        "bytes",
        HISTORY_STEPS,
        _looped(with_ids=False, in_prompt=True, history=True),
    ),
    Shape("large results, call ids", "bytes", RUN_BYTES, _sized(with_ids=True)),
    Shape("large results in prompts", "bytes", RUN_BYTES, _sized(with_ids=False, in_prompt=True)),
)


def measure(spans: Sequence[Span], repeat: int) -> Point:
    """Return the median cost of building and judging one run.

    As in ``timeit``, Python's collector of cycles stays out of it: how often it looks at everything
    that is alive depends on the process around, not on the run.
    """
    times: list[tuple[float, float]] = []
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(repeat):
            gc.collect()
            times.append(_timed(spans))
    finally:
        if was_enabled:
            gc.enable()
    return Point(
        steps=len(spans),
        payload_bytes=payload_bytes(spans),
        build_s=statistics.median(each[0] for each in times),
        judge_s=statistics.median(each[1] for each in times),
    )


def _timed(spans: Sequence[Span]) -> tuple[float, float]:
    begun = time.process_time()
    graph = build(run_id="bench", spans=spans)
    built = time.process_time()
    judge(graph)
    return built - begun, time.process_time() - built


def payload_bytes(spans: Sequence[Span]) -> int:
    """Return the size of all attributes that are text."""
    return sum(
        len(value) for span in spans for value in span.attributes.values() if isinstance(value, str)
    )


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Return the slope of time over size on logarithmic axes, by least squares."""
    points = [(math.log(x), math.log(y)) for x, y in zip(sizes, seconds, strict=True)]
    mean_x = statistics.fmean(x for x, _ in points)
    mean_y = statistics.fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else math.nan


def slope(shape: Shape, points: Sequence[Point], cost: Callable[[Point], float]) -> float:
    """Return the exponent over the points that are large enough to tell; the last two at least."""
    kept = [point for point in points if cost(point) >= _LEAST_S]
    kept = kept if len(kept) >= 2 else list(points[-2:])
    sizes = [point.steps if shape.by == "steps" else point.payload_bytes for point in kept]
    return exponent(sizes, [cost(point) for point in kept])


def rows(repeat: int, sizes_count: int | None = None) -> Iterator[dict[str, object]]:
    """Yield one row for each shape, measured at its first ``sizes_count`` sizes, or at all."""
    for shape in SHAPES:
        points = [measure(shape.make(size), repeat) for size in shape.sizes[:sizes_count]]
        last = points[-1]
        yield {
            "shape": shape.name,
            "by": shape.by,
            "largest_steps": last.steps,
            "largest_bytes": last.payload_bytes,
            "largest_ms": round((last.build_s + last.judge_s) * 1000, 1),
            "build_exponent": round(slope(shape, points, lambda p: p.build_s), 2),
            "judge_exponent": round(slope(shape, points, lambda p: p.judge_s), 2),
            "exponent": round(slope(shape, points, lambda p: p.build_s + p.judge_s), 2),
            "points": [point._asdict() for point in points],
        }


def table(found: Sequence[dict[str, object]]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| run | over | largest: steps, kB, ms | build | judge | **whole** |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['shape']} | {row['by']} | {row['largest_steps']}, "
        f"{int(str(row['largest_bytes'])) // 1000:,}, {row['largest_ms']} "
        f"| {row['build_exponent']} | {row['judge_exponent']} | **{row['exponent']}** |"
        for row in found
    ]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.lineage")
    parser.add_argument("--repeat", type=int, default=3, help="measurements of each run")
    parser.add_argument("--sizes", type=int, help="only the first so many sizes of each shape")
    parser.add_argument("--out", type=Path, help="write everything measured as JSON")
    given = parser.parse_args(argv)
    found = list(rows(max(given.repeat, 1), given.sizes))
    print(f"{table(found)}\n\n{json.dumps(machine())}")
    if given.out:
        text = json.dumps({"machine": machine(), "rows": found}, indent=2)
        given.out.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
