from __future__ import annotations

import json
import random
from collections import defaultdict

import pytest
from bench.load import SPANS_PER_TRACE, bodies, parser, trace
from bench.story import story
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

START_NS = 1_800_000_000_000_000_000


def load(spans: int, seed: int = 1, spans_per_request: int = 240) -> list[bytes]:
    """Return the requests of a load."""
    return list(
        bodies(spans=spans, seed=seed, start_ns=START_NS, spans_per_request=spans_per_request)
    )


def spans_of(body: bytes) -> list[Span]:
    """Return the spans of one request."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        span for r in request.resource_spans for scoped in r.scope_spans for span in scoped.spans
    ]


def attributes(span: Span) -> dict[str, str]:
    """Return a span's text attributes."""
    return {pair.key: pair.value.string_value for pair in span.attributes}


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Two runs of a benchmark measure the same work."""
    assert load(960) == load(960)


def test_another_seed_gives_other_traces() -> None:
    """Runs with different seeds never share a trace id, so nothing is taken for a duplicate."""
    ids = [{s.trace_id for body in load(960, seed) for s in spans_of(body)} for seed in (1, 2)]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize(
    ("spans", "per_request", "sizes"),
    [
        (480, 240, [240, 240]),
        (500, 240, [240, 240, 24]),
        (1, 240, [24]),
        (96, 48, [48, 48]),
        (48, 1, [24, 24]),
    ],
)
def test_requests_hold_whole_traces(spans: int, per_request: int, sizes: list[int]) -> None:
    """A load is rounded up to whole traces, a request down to them, but at least one."""
    assert [len(spans_of(body)) for body in load(spans, 1, per_request)] == sizes


def test_a_span_weighs_about_what_agent_spans_weigh() -> None:
    """The figures are for spans of 1.3 kB."""
    assert 1_250 <= sum(map(len, load(4_800))) / 4_800 <= 1_400


def test_each_trace_is_one_tree_in_the_order_of_its_ends() -> None:
    """One root, no orphans, children within their parent, exported when they end."""
    by_trace: dict[bytes, list[Span]] = defaultdict(list)
    for body in load(960):
        for span in spans_of(body):
            by_trace[span.trace_id].append(span)
    for spans in by_trace.values():
        assert len(spans) == SPANS_PER_TRACE
        known = {span.span_id: span for span in spans}
        assert len(known) == SPANS_PER_TRACE
        assert [s.name for s in spans if not s.parent_span_id] == ["harbour_desk"]
        ends = [span.end_time_unix_nano for span in spans]
        assert ends == sorted(ends)
        for span in spans:
            assert span.start_time_unix_nano < span.end_time_unix_nano
            if span.parent_span_id:
                parent = known[span.parent_span_id]
                assert parent.start_time_unix_nano <= span.start_time_unix_nano
                assert span.end_time_unix_nano <= parent.end_time_unix_nano


def test_both_conventions_are_spoken_in_equal_parts() -> None:
    """Half of the requests are OTel GenAI, half OpenInference."""
    said = [set(attributes(spans_of(body)[0])) for body in load(960)]
    assert ["gen_ai.operation.name" in keys for keys in said] == [True, False, True, False]
    assert ["openinference.span.kind" in keys for keys in said] == [False, True, False, True]


def test_what_a_tool_returns_is_read_by_the_next_model_call() -> None:
    """Lineage has something to find: results come back verbatim under the id of their call."""
    spans = trace(random.Random(1), convention="gen_ai", faulty=False, start_ns=START_NS)
    results = [a for s in spans if (a := attributes(s)).get("gen_ai.tool.call.result")]
    read = " ".join(attributes(s).get("gen_ai.input.messages", "") for s in spans)
    lookups = [a for a in results if not a["gen_ai.tool.name"].startswith("transfer_to_")]
    assert len(lookups) == 6
    for tool in lookups:
        assert tool["gen_ai.tool.call.id"] in read
        assert json.dumps(tool["gen_ai.tool.call.result"])[1:-1] in read


@pytest.mark.parametrize(("faulty", "unparsable"), [(False, 0), (True, 1)])
def test_only_a_faulty_run_has_a_cut_result(*, faulty: bool, unparsable: int) -> None:
    """Exactly one tool result of a faulty run is cut in the middle."""

    def broken(text: str) -> bool:
        try:
            json.loads(text)
        except ValueError:
            return True
        return False

    steps = story(random.Random(3), faulty=faulty)
    lookups = [s for s in steps if s.kind == "tool" and not s.name.startswith("transfer_to_")]
    assert sum(broken(step.given) for step in lookups) == unparsable


def test_every_step_has_an_output() -> None:
    """An empty output would be a fault of its own, and the load would measure something else."""
    assert [s.name for s in story(random.Random(1), faulty=False) if not s.given] == []


def test_the_command_line_wants_exactly_one_target() -> None:
    """Neither no target nor two are accepted."""
    with pytest.raises(SystemExit):
        parser().parse_args([])
    with pytest.raises(SystemExit):
        parser().parse_args(["--grpc", "a:1", "--http", "http://a:2"])
