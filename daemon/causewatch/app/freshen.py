"""Gives recorded requests fresh ids and times, so that they can be sent again as new runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def freshen(bodies: Sequence[bytes], *, salt: str, now_ns: int) -> list[bytes]:
    """Return OTLP trace requests with ids that depend on ``salt``, ending at ``now_ns``.

    Requests that belong to one run must be given together: ids stay consistent among them, and all
    times move by the same amount.
    """
    requests = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    latest_ns = max((span.end_time_unix_nano for span in _spans(requests)), default=now_ns)
    for span in _spans(requests):
        _move(span, salt, now_ns - latest_ns)
    return [request.SerializeToString() for request in requests]


def copied_traces(body: bytes, *, salt: str, by_ns: int) -> bytes:
    """Return an OTLP trace request with ids that depend on ``salt``, moved in time."""
    request = ExportTraceServiceRequest.FromString(body)
    for span in _spans([request]):
        _move(span, salt, by_ns)
    return request.SerializeToString()


def copied_logs(body: bytes, *, salt: str, by_ns: int) -> bytes:
    """Return an OTLP logs request the same way: its records stay with the spans they belong to."""
    request = ExportLogsServiceRequest.FromString(body)
    for resource_logs in request.resource_logs:
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                record.trace_id = _fresh(record.trace_id, salt)
                record.span_id = _fresh(record.span_id, salt)
                if record.time_unix_nano:
                    record.time_unix_nano += by_ns
                if record.observed_time_unix_nano:
                    record.observed_time_unix_nano += by_ns
    return request.SerializeToString()


def _spans(requests: Iterable[ExportTraceServiceRequest]) -> Iterator[Span]:
    for request in requests:
        for resource_spans in request.resource_spans:
            for scope_spans in resource_spans.scope_spans:
                yield from scope_spans.spans


def _move(span: Span, salt: str, by_ns: int) -> None:
    span.trace_id = _fresh(span.trace_id, salt)
    span.span_id = _fresh(span.span_id, salt)
    span.parent_span_id = _fresh(span.parent_span_id, salt)
    span.start_time_unix_nano += by_ns
    span.end_time_unix_nano += by_ns
    for event in span.events:
        event.time_unix_nano += by_ns
    for link in span.links:
        link.trace_id = _fresh(link.trace_id, salt)
        link.span_id = _fresh(link.span_id, salt)


def _fresh(old: bytes, salt: str) -> bytes:
    """Return another id of the same length; no id stays no id."""
    return hashlib.sha256(salt.encode() + old).digest()[: len(old)]
