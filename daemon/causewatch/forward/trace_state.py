"""Writes into a span with which probability it was kept, as the trace state has it."""

from __future__ import annotations

from opentelemetry.proto.trace.v1 import trace_pb2

from causewatch.sampling.decision import Decision
from causewatch.sampling.threshold import ALWAYS
from causewatch.sampling.trace_state import with_threshold


def sampled(body: bytes, trace_id: str, decision: Decision | None) -> bytes:
    """Return the bytes of a span with the decision on its run in its trace state.

    Only the trace whose randomness decided has the threshold. A span of another trace of the run
    was kept at a probability that its own randomness tells nothing of: unless that was 1, its
    threshold is erased.

    A field that stands twice in a message counts as it stands last
    (https://protobuf.dev/programming-guides/encoding/#last-one-wins): the new state is appended.
    """
    if decision is None or (decision.threshold is None and decision.probability is not None):
        return body
    is_told = trace_id == decision.trace_id or decision.threshold == ALWAYS
    before = trace_pb2.Span.FromString(body).trace_state
    threshold = decision.threshold if is_told else None
    after = with_threshold(before, threshold, trace_id=trace_id)
    if after == before:
        return body
    if not after:
        # An empty text is not written at all, so that nothing could be appended.
        raw = trace_pb2.Span.FromString(body)
        raw.trace_state = ""
        return raw.SerializeToString()
    return body + trace_pb2.Span(trace_state=after).SerializeToString()
