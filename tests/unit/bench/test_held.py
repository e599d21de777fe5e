from __future__ import annotations

from collections import Counter

from bench.held import RUN_BYTES, beginnings
from bench.measure import Made, Plan
from bench.recorded.template import templates
from bench.recorded_load import CAPTURES
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def test_no_run_ends() -> None:
    """Each has the same number of spans, and none its root: a server has to wait for more."""
    recorded = templates([(CAPTURES / "strands__native__ok.jsonl.gz", "none")])
    plan = Plan(recordings=recorded, spans=1, warm_up_spans=1, corrupted=0.0, seed=1)
    made = Made(beginnings(plan, 20), in_memory=True)
    spans = [
        span
        for body in made.bodies()
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans
        for scoped in sent.scope_spans
        for span in scoped.spans
    ]
    assert made.spans == len(spans)
    by_trace = Counter(span.trace_id for span in spans)
    assert len(by_trace) == 20
    assert len(set(by_trace.values())) == 1
    assert all(span.parent_span_id for span in spans)
    assert 20 * RUN_BYTES <= made.bytes <= 20 * RUN_BYTES * 1.2
