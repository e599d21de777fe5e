"""Arrival order, batches, repetitions and skewed clocks change neither a graph nor its blame."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import pytest
from bench.explain import generated

from causewatch.blame.ending import NOT_KNOWN, Ending
from causewatch.blame.judge import judge
from causewatch.blame.render import explain_json, graph_json
from causewatch.graph.assemble import RunAssembler
from causewatch.graph.build import build
from causewatch.graph.tree import SKEW_NS
from causewatch.model.judgement import Assessment
from causewatch.model.span import Span
from graph_fixtures import BASE_NS, CAPTURES, SECOND_NS, capture

NAMES = sorted(path.name.removesuffix(".jsonl.gz") for path in CAPTURES.glob("*.jsonl.gz"))
GENERATED = [list(snapshot.spans) for snapshot in generated(4, seed=77)]
SLOWER = 1_000
"""Recorded models answer in a millisecond; real ones take a thousand times as long."""


def told(assessment: Assessment) -> dict[str, Any]:
    """Return all that is told of a run, but for what order alone decides."""
    graph = graph_json(assessment)
    graph["steps"] = sorted(graph["steps"], key=lambda step: str(step["span_id"]))
    graph["edges"] = sorted(map(str, graph["edges"]))
    return {"graph": graph, "blame": explain_json(assessment)}


def judged(spans: Sequence[Span], ending: Ending = NOT_KNOWN) -> dict[str, Any]:
    """Build and judge a run."""
    return told(judge(build(run_id="run", spans=spans), ending=ending))


def assembled(batches: Iterable[Sequence[Span]]) -> list[dict[str, Any]]:
    """Return what is told of the runs of spans that arrive in batches."""
    assembler = RunAssembler()
    now_ns = BASE_NS
    for number, batch in enumerate(batches, start=1):
        now_ns += SECOND_NS // 10
        assembler.add(batch, [], batch=number, now_ns=now_ns)
    runs = assembler.due(now_ns + 100 * SECOND_NS)
    found = [judged(run.spans) for run in runs]
    return sorted(found, key=lambda each: min(each["graph"]["trace_ids"]))


def cut(spans: Sequence[Span], rng: random.Random) -> list[Sequence[Span]]:
    """Cut spans into batches of random sizes."""
    found, at = [], 0
    while at < len(spans):
        size = rng.randrange(1, 12)
        found.append(spans[at : at + size])
        at += size
    return found


def all_runs() -> list[Any]:
    """Return every recorded run, and generated ones."""
    recorded = [pytest.param(lambda name=name: capture(name), id=name) for name in NAMES]
    made = [
        pytest.param(lambda spans=spans: spans, id=f"generated-{number}")
        for number, spans in enumerate(GENERATED)
    ]
    return recorded + made


RUNS = pytest.mark.parametrize("run", all_runs())
Source = Callable[[], list[Span]]


@RUNS
@pytest.mark.parametrize("ending", [NOT_KNOWN, Ending(failed=True)], ids=["", "failed"])
def test_order_and_repetition_change_nothing(run: Source, ending: Ending) -> None:
    """However spans are shuffled and repeated, the same is told of them."""
    spans = run()
    expected = judged(spans, ending)
    for seed in range(3):
        rng = random.Random(seed)
        shuffled = [*spans, *rng.choices(spans, k=len(spans) // 2)]
        rng.shuffle(shuffled)
        assert judged(shuffled, ending) == expected


@RUNS
def test_batches_change_nothing(run: Source) -> None:
    """However spans are cut into batches, in whatever order and how often they come."""
    spans = run()
    expected = assembled([spans])
    for seed in range(3):
        rng = random.Random(seed)
        shuffled = [*spans, *rng.choices(spans, k=len(spans) // 3)]
        rng.shuffle(shuffled)
        assert assembled(cut(shuffled, rng)) == expected


def slowed(spans: Sequence[Span]) -> list[Span]:
    """Return a run that takes a thousand times as long."""
    first_ns = min(span.start_ns for span in spans)

    def later(time_ns: int) -> int:
        return first_ns + SLOWER * (time_ns - first_ns)

    return [
        msgspec.structs.replace(s, start_ns=later(s.start_ns), end_ns=later(s.end_ns))
        for s in spans
    ]


def moved(spans: Sequence[Span], by_ns: dict[str, int]) -> list[Span]:
    """Return a run whose agents run on machines with clocks of their own."""
    graph = build(run_id="run", spans=spans)
    owners = {
        step.span.span_id: owner for step, owner in zip(graph.steps, graph.owner, strict=True)
    }
    shift = {span.span_id: by_ns.get(owners[span.span_id], 0) for span in spans}
    return [
        msgspec.structs.replace(
            s, start_ns=s.start_ns + shift[s.span_id], end_ns=s.end_ns + shift[s.span_id]
        )
        for s in spans
    ]


@RUNS
def test_clocks_within_the_allowance_change_nothing(run: Source) -> None:
    """Each agent's clock may be off by some of the allowance, two of them by all of it."""
    spans = slowed(run())
    expected = judged(spans)
    agents = expected["graph"]["agents"]
    for seed in range(3):
        rng = random.Random(seed)
        by_ns = {agent: rng.randrange(-SKEW_NS // 2, SKEW_NS // 2 + 1) for agent in agents}
        assert judged(moved(spans, by_ns)) == expected


@RUNS
def test_when_a_run_took_place_changes_nothing(run: Source) -> None:
    """A run of last year is told like one of today."""
    spans = run()
    shift_ns = -300 * 86_400 * SECOND_NS
    earlier = [
        msgspec.structs.replace(s, start_ns=s.start_ns + shift_ns, end_ns=s.end_ns + shift_ns)
        for s in spans
    ]
    assert judged(earlier) == judged(spans)
