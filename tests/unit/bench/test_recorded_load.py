from __future__ import annotations

import functools
import itertools
import re
from collections import defaultdict
from pathlib import Path
from random import Random

import pytest
from bench.recorded.template import Template, labelled, templates
from bench.recorded_load import Load, Mix, Request, batch, recordings
from bench.verdicts import assessed
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from causewatch.otlp.decode import decode_traces

START_NS = 1_800_000_000_000_000_000
CAPTURES = Path(__file__).parents[2] / "captures"
FEW = ("pydantic-ai__native__ok", "strands__native__ok", "pydantic-ai__native__truncated_handoff")


@functools.cache
def few() -> tuple[Template, ...]:
    """Return three short recordings."""
    return tuple(templates(one for one in labelled(CAPTURES) if one[0].name.startswith(FEW)))


def load(spans: int, seed: int = 1, corrupted: float = 0.1) -> list[Request]:
    """Return the requests of a small load."""
    mix = Mix(corrupted=corrupted, at_once=5, request_bytes=50_000)
    made = Load(few(), seed=seed, start_ns=START_NS, mix=mix)
    return list(made.requests(spans))


def spans_of(requests: list[Request]) -> list[Span]:
    """Return all spans in the order in which they come."""
    return [
        span
        for request in requests
        for resource_spans in ExportTraceServiceRequest.FromString(request.body).resource_spans
        for scoped in resource_spans.scope_spans
        for span in scoped.spans
    ]


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Two servers of one round are sent the same."""
    assert load(300) == load(300)
    assert load(300) != load(300, seed=2)


def test_the_truth_names_every_trace_and_its_requests() -> None:
    """Every span that was sent belongs to one run of the truth, which says when it ended."""
    requests = load(600)
    truths = [truth for request in requests for truth in request.ended]
    last: dict[str, int] = {}
    count: dict[str, int] = defaultdict(int)
    for number, request in enumerate(requests):
        for span in spans_of([request]):
            last[span.trace_id.hex()] = number
            count[span.trace_id.hex()] += 1
    assert {trace: truth.last_request for truth in truths for trace in truth.trace_ids} == last
    assert {trace: truth.spans for truth in truths for trace in truth.trace_ids} == count
    assert sum(request.spans for request in requests) == sum(count.values()) >= 600


def test_the_asked_share_is_corrupted() -> None:
    """Faulty runs come evenly: the share holds also in a short load."""
    truths = [truth for request in load(4_000) for truth in request.ended]
    faulty = [truth for truth in truths if truth.fault != "none"]
    assert len(faulty) == len(truths) // 10
    assert {truth.fault for truth in faulty} == {"truncated_handoff"}


def test_runs_are_interleaved_and_each_is_in_the_order_of_its_ends() -> None:
    """As from many agents at one time."""
    spans = spans_of(load(600))
    switches = sum(a.trace_id != b.trace_id for a, b in itertools.pairwise(spans))
    assert switches > 100
    by_trace: dict[bytes, list[int]] = defaultdict(list)
    for span in spans:
        by_trace[span.trace_id].append(span.end_time_unix_nano)
    assert all(ends == sorted(ends) for ends in by_trace.values())


def test_no_two_runs_of_a_recording_say_the_same() -> None:
    """Ids, numbers and words differ; structure and sizes do not."""
    (template,) = (one for one in few() if one.name == FEW[0])
    dice = Random(1)
    first, second = (template.run(dice, START_NS) for _ in range(2))
    assert [len(span) for span in first.spans] == [len(span) for span in second.spans]
    assert all(a != b for a, b in zip(first.spans, second.spans, strict=True))
    assert first.trace_ids != second.trace_ids


def test_facts_agree_within_a_run() -> None:
    """The price of the order is another one in each run, and everywhere the same in one."""
    (template,) = (one for one in few() if one.name == FEW[0])
    dice = Random(2)
    runs = [b"".join(template.run(dice, START_NS).spans) for _ in range(2)]
    asked = [set(re.findall(rb"order A-\d+ \(EUR ([\d.]+)\)", run)) for run in runs]
    refunded = [set(re.findall(rb"EUR ([\d.]+) \(charge", run)) for run in runs]
    assert asked == refunded
    assert [len(one) for one in asked] == [1, 1]
    assert asked[0] != asked[1]
    assert not any(b"249.9" in run or b"T-5567" in run for run in runs)


def test_no_two_runs_share_a_session() -> None:
    """Not even where the recording's session has no number in it."""
    (file,) = (one for one in labelled(CAPTURES) if one[0].name.startswith("vercel-ai__native__ok"))
    (template,) = templates([file])
    dice = Random(4)
    sessions = []
    for _ in range(2):
        run = template.run(dice, START_NS)
        spans = decode_traces(batch(run, 0, len(run.spans))).spans
        keys = [key for key in spans[0].attributes if key.lower().endswith("sessionid")]
        sessions.append({str(span.attributes[keys[0]]) for span in spans})
    assert [len(one) for one in sessions] == [1, 1]
    assert sessions[0] != sessions[1]


def test_each_process_plays_one_run_after_the_other() -> None:
    """What belongs together is told by the process where nothing else tells it."""
    by_process: dict[str, list[bytes]] = defaultdict(list)
    for request in load(600):
        for sent in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            (process,) = (
                pair.value.string_value
                for pair in sent.resource.attributes
                if pair.key == "service.instance.id"
            )
            by_process[process].append(sent.scope_spans[0].spans[0].trace_id)
    assert len(by_process) > 5
    for traces in by_process.values():
        assert len([trace for trace, _ in itertools.groupby(traces)]) == len(set(traces))


@pytest.mark.slow
def test_a_run_made_of_a_recording_is_judged_as_the_recording_is() -> None:
    """Variation neither hides what was planted nor looks like a fault of its own."""
    dice = Random(3)
    for template in recordings(stories=60):
        found = []
        for number in range(3):
            run = template.run(dice, START_NS + number * 10**12)
            body = batch(run, 0, len(run.spans))
            found.append(assessed(decode_traces(body).spans))
        told = {any(one.blame.verdict == "corrupted" for one in runs) for runs in found}
        assert told == {template.fault != "none"}, template.name
