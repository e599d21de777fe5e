"""What is told before a run is complete, however its spans arrive: never what it takes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causewatch.app.assess import graph_of
from causewatch.app.outgoing import Outgoing
from causewatch.app.rulefiles import load_bundle
from causewatch.blame.judge import judge
from causewatch.graph.assemble import RunAssembler
from causewatch.model.judgement import Assessment
from causewatch.model.span import Span
from causewatch.otlp.raw import process_of
from causewatch.resources import shipped
from causewatch.rules.bundle import Group
from causewatch.rules.evaluate import findings_of
from graph_fixtures import BASE_NS, SECOND_NS, capture

SLOW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BETWEEN_PROCESSES = "a2a-pydantic__httpx-prop__truncated_handoff"
CUT = "pydantic-ai__native__truncated_handoff"
IN_ONE = (
    CUT,
    "pydantic-ai__native__loop",
    "pydantic-ai__native__ok",
    "pydantic-ai__native__tool_error_swallowed",
    "vercel-ai__native__truncated_handoff",
    "openai-agents__openinference__poisoned_tool",
)
MAX_PARTS = 3
LONG_AFTER_NS = 3_600 * SECOND_NS

Told = tuple[str, tuple[tuple[str, str], ...], str, str]


@cache
def groups() -> tuple[Group, ...]:
    """Return the shipped rules."""
    return load_bundle([shipped("rules")]).bundle.groups


def told(assessment: Assessment) -> set[Told]:
    """Return what the rules find in a judged run: rule, labels, origin and category."""
    return {
        (
            found.rule_id,
            tuple(sorted(found.labels.items())),
            found.cause.origin.span_id if found.cause.origin else "",
            found.cause.category,
        )
        for group in groups()
        for found in findings_of(group, assessment, 0)
    }


def apart(spans: Sequence[Span], dice: Random, *, calls_show: bool) -> list[Span]:
    """Return a run with one to three of its subtrees in other processes.

    With ``calls_show`` the spans that call them are of kind client, as instrumentation makes them.
    """
    known = {span.span_id for span in spans}
    inner = [span for span in spans if span.parent_id in known]
    heads = dice.sample(inner, min(len(inner), dice.randint(1, MAX_PARTS)))
    names = {span.span_id: f"part {number}" for number, span in enumerate(heads)}
    callers = {span.parent_id for span in heads} if calls_show else set()
    process: dict[str, str] = {}
    for span in sorted(spans, key=lambda each: (each.start_ns, -each.end_ns)):
        process[span.span_id] = names.get(span.span_id, process.get(span.parent_id, ""))
    return [
        _in_process(
            msgspec.structs.replace(span, kind="client") if span.span_id in callers else span,
            process[span.span_id],
        )
        for span in spans
    ]


def _in_process(span: Span, name: str) -> Span:
    if not name:
        return span
    attributes = {**span.resource.attributes, "service.name": name}
    resource = msgspec.structs.replace(span.resource, attributes=attributes)
    return msgspec.structs.replace(span, resource=resource)


def sent(spans: Sequence[Span], dice: Random) -> Iterator[list[Span]]:
    """Yield batches: each process sends its spans as they end, at its own pace."""
    left: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda each: each.end_ns):
        left.setdefault(process_of(span), []).append(span)
    size = dice.choice([2, 5, len(spans)])
    while left:
        process = dice.choice(sorted(left))
        yield left[process][:size]
        left[process] = left[process][size:]
        if not left[process]:
            del left[process]


def whole(spans: Sequence[Span]) -> list[Assessment]:
    """Return the complete runs."""
    assembler = RunAssembler()
    assembler.add(spans, (), batch=1, now_ns=BASE_NS)
    return [judge(graph_of(snapshot)) for snapshot in assembler.due(BASE_NS + LONG_AFTER_NS)]


def early(batches: Iterator[list[Span]], outgoing: Outgoing) -> Iterator[Assessment]:
    """Yield what the pipeline would offer the rules while a run arrives."""
    assembler = RunAssembler()
    for number, batch in enumerate(batches, start=1):
        now_ns = BASE_NS + number * SECOND_NS
        assembler.add(batch, (), batch=number, now_ns=now_ns)
        for snapshot in assembler.changed(now_ns):
            assessment = judge(graph_of(snapshot))
            has_ended = outgoing.has_ended(snapshot, assessment.graph)
            blame = assessment.blame
            if has_ended or (blame.verdict == "corrupted" and blame.symptom is not None):
                yield msgspec.structs.replace(assessment, has_ended=has_ended)


def knowing(runs: Sequence[Assessment]) -> Outgoing:
    """Return what is known of calls after these runs."""
    outgoing = Outgoing()
    for run in runs:
        outgoing.learn(run.graph)
    return outgoing


def all_told(found: Sequence[Assessment]) -> set[Told]:
    """Return what the rules find in some judged runs."""
    return {each for assessment in found for each in told(assessment)}


@SLOW
@given(name=st.sampled_from(IN_ONE), seed=st.integers(0, 10**6), calls_show=st.booleans())
def test_what_is_told_early_of_a_run_of_several_processes_stays_true(
    name: str, seed: int, *, calls_show: bool
) -> None:
    """Whatever process sends first: rule, labels and cause are those of the complete run.

    Either the calls show as such, or a complete run was seen before.
    """
    dice = Random(seed)
    spans = apart(capture(name), dice, calls_show=calls_show)
    complete = whole(spans)
    outgoing = Outgoing() if calls_show else knowing(complete)
    found = list(early(sent(spans, dice), outgoing))
    assert all_told(found) <= all_told(complete)


@SLOW
@given(seed=st.integers(0, 10**6))
def test_a_run_between_two_services_is_told_when_its_last_span_is_there(seed: int) -> None:
    """Whichever of them sends last, and never anything else."""
    spans = capture(BETWEEN_PROCESSES)
    complete = whole(spans)
    found = list(early(sent(spans, Random(seed)), knowing(complete)))
    assert all_told(found) == all_told(complete) != set()


@pytest.mark.parametrize("name", IN_ONE)
def test_a_run_of_one_process_is_told_when_its_root_is_there(name: str) -> None:
    """All that the complete run tells, without a wait."""
    spans = capture(name)
    complete = whole(spans)
    found = list(early(sent(spans, Random(0)), knowing(complete)))
    assert all_told(found) == all_told(complete)
