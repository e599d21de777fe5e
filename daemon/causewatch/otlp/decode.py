"""OTLP protobuf to spans and log records: what is malformed is left out, with a count and reason.

``count_traces`` and ``count_logs`` run the same checks without building values: a receiver says
which items it rejects before it acknowledges the rest.
"""

from __future__ import annotations

from collections import Counter

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from causewatch.model.span import (
    LogRecord,
    Resource,
    Scope,
    Span,
    SpanEvent,
    SpanKind,
    SpanLink,
    StatusCode,
)
from causewatch.model.value import Value
from causewatch.otlp.parse import parse_logs, parse_traces
from causewatch.otlp.reject import NotOtlpError, Rejected, RejectReason, rejected_of
from causewatch.otlp.values import TooDeepError, attributes_of, value_of

__all__ = [
    "Counted",
    "DecodedLogs",
    "DecodedTraces",
    "NotOtlpError",
    "Rejected",
    "count_logs",
    "count_traces",
    "decode_logs",
    "decode_traces",
]

MAX_NAME_BYTES = 64 * 1024
"""A span name is an identifier of low cardinality; past this it is a payload in disguise."""

MAX_TIME_NS = 2**63 - 1
"""Stores keep times as signed 64-bit integers."""

_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8
_ZERO_TRACE_ID, _ZERO_SPAN_ID = bytes(_TRACE_ID_BYTES), bytes(_SPAN_ID_BYTES)

_KINDS: tuple[SpanKind, ...] = (
    "unspecified",
    "internal",
    "server",
    "client",
    "producer",
    "consumer",
)
_STATUSES: tuple[StatusCode, ...] = ("unset", "ok", "error")


class DecodedTraces(msgspec.Struct, frozen=True, kw_only=True):
    """The usable spans of one request, in its order, and what was left out."""

    spans: tuple[Span, ...]
    rejected: tuple[Rejected, ...] = ()


class DecodedLogs(msgspec.Struct, frozen=True, kw_only=True):
    """The usable log records of one request, in its order, and what was left out."""

    records: tuple[LogRecord, ...]
    rejected: tuple[Rejected, ...] = ()


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """How many items of one request decoding would keep, and what it would leave out."""

    kept: int
    rejected: tuple[Rejected, ...] = ()


def decode_traces(body: bytes) -> DecodedTraces:
    """Return the spans of an ``ExportTraceServiceRequest``; empty bytes have none.

    Raises:
        NotOtlpError: the bytes are something else.
    """
    spans: list[Span] = []
    rejects: Counter[RejectReason] = Counter()
    for group in parse_traces(body).resource_spans:
        resource = resource_of(group.resource)
        for scoped in group.scope_spans:
            scope = scope_of(scoped.scope)
            for raw in scoped.spans:
                if reason := reason_against(raw):
                    rejects[reason] += 1
                else:
                    spans.append(span_of(raw, resource, scope))
    return DecodedTraces(spans=tuple(spans), rejected=rejected_of(rejects))


def decode_logs(body: bytes) -> DecodedLogs:
    """Return the records of an ``ExportLogsServiceRequest``; empty bytes have none.

    Raises:
        NotOtlpError: the bytes are something else.
    """
    records: list[LogRecord] = []
    rejects: Counter[RejectReason] = Counter()
    for group in parse_logs(body).resource_logs:
        resource = resource_of(group.resource)
        for scoped in group.scope_logs:
            scope = scope_of(scoped.scope)
            for raw in scoped.log_records:
                if reason := _record_reason(raw):
                    rejects[reason] += 1
                else:
                    records.append(_record(raw, resource, scope))
    return DecodedLogs(records=tuple(records), rejected=rejected_of(rejects))


def count_traces(body: bytes) -> Counted:
    """Return what ``decode_traces`` would keep and reject, at about a fifth of its cost.

    Raises:
        NotOtlpError: the bytes are no trace request.
    """
    reasons = [
        reason_against(raw)
        for group in parse_traces(body).resource_spans
        for scoped in group.scope_spans
        for raw in scoped.spans
    ]
    return _counted(reasons)


def count_logs(body: bytes) -> Counted:
    """Return what ``decode_logs`` would keep and reject, at about a fifth of its cost.

    Raises:
        NotOtlpError: the bytes are no logs request.
    """
    reasons = [
        _record_reason(raw)
        for group in parse_logs(body).resource_logs
        for scoped in group.scope_logs
        for raw in scoped.log_records
    ]
    return _counted(reasons)


def _counted(reasons: list[RejectReason | None]) -> Counted:
    rejects: Counter[RejectReason] = Counter(reason for reason in reasons if reason)
    return Counted(kept=len(reasons) - rejects.total(), rejected=rejected_of(rejects))


def reason_against(raw: trace_pb2.Span) -> RejectReason | None:
    trace_id, span_id = raw.trace_id, raw.span_id
    if len(trace_id) != _TRACE_ID_BYTES or trace_id == _ZERO_TRACE_ID:
        return "trace_id"
    if len(span_id) != _SPAN_ID_BYTES or span_id == _ZERO_SPAN_ID:
        return "span_id"
    if len(raw.parent_span_id) not in {0, _SPAN_ID_BYTES}:
        return "parent_id"
    if raw.start_time_unix_nano > MAX_TIME_NS or raw.end_time_unix_nano > MAX_TIME_NS:
        return "time_ns"
    # A character has at most four bytes: only a suspect is encoded to be measured.
    name = raw.name
    if len(name) * 4 > MAX_NAME_BYTES and len(name.encode()) > MAX_NAME_BYTES:
        return "name_bytes"
    return None


def _record_reason(raw: logs_pb2.LogRecord) -> RejectReason | None:
    if len(raw.trace_id) not in {0, _TRACE_ID_BYTES}:
        return "trace_id"
    if len(raw.span_id) not in {0, _SPAN_ID_BYTES}:
        return "span_id"
    if raw.time_unix_nano > MAX_TIME_NS or raw.observed_time_unix_nano > MAX_TIME_NS:
        return "time_ns"
    return None


def span_of(raw: trace_pb2.Span, resource: Resource, scope: Scope) -> Span:
    attributes, too_deep_count = attributes_of(raw.attributes)
    links = tuple(_link(link) for link in raw.links if _is_usable(link))
    return Span(
        trace_id=raw.trace_id.hex(),
        span_id=raw.span_id.hex(),
        parent_id="" if raw.parent_span_id == _ZERO_SPAN_ID else raw.parent_span_id.hex(),
        name=raw.name,
        kind=_KINDS[raw.kind] if 0 <= raw.kind < len(_KINDS) else "unspecified",
        start_ns=raw.start_time_unix_nano,
        end_ns=raw.end_time_unix_nano,
        status=_STATUSES[raw.status.code] if 0 <= raw.status.code < len(_STATUSES) else "unset",
        status_message=raw.status.message,
        trace_state=raw.trace_state,
        attributes=attributes,
        events=tuple(_event(event) for event in raw.events),
        links=links,
        resource=resource,
        scope=scope,
        dropped_attributes_count=raw.dropped_attributes_count + too_deep_count,
        dropped_events_count=raw.dropped_events_count,
        dropped_links_count=raw.dropped_links_count + len(raw.links) - len(links),
    )


def _event(raw: trace_pb2.Span.Event) -> SpanEvent:
    # A time past the limit would make the whole span unusable for a store.
    time_ns = min(raw.time_unix_nano, MAX_TIME_NS)
    return SpanEvent(name=raw.name, time_ns=time_ns, attributes=attributes_of(raw.attributes)[0])


def _is_usable(raw: trace_pb2.Span.Link) -> bool:
    return len(raw.trace_id) == _TRACE_ID_BYTES and len(raw.span_id) == _SPAN_ID_BYTES


def _link(raw: trace_pb2.Span.Link) -> SpanLink:
    return SpanLink(
        trace_id=raw.trace_id.hex(),
        span_id=raw.span_id.hex(),
        attributes=attributes_of(raw.attributes)[0],
    )


def _record(raw: logs_pb2.LogRecord, resource: Resource, scope: Scope) -> LogRecord:
    return LogRecord(
        time_ns=raw.time_unix_nano or raw.observed_time_unix_nano,
        trace_id="" if raw.trace_id == _ZERO_TRACE_ID else raw.trace_id.hex(),
        span_id="" if raw.span_id == _ZERO_SPAN_ID else raw.span_id.hex(),
        event_name=raw.event_name,
        severity_number=raw.severity_number,
        body=_body(raw),
        attributes=attributes_of(raw.attributes)[0],
        resource=resource,
        scope=scope,
    )


def _body(raw: logs_pb2.LogRecord) -> Value:
    try:
        return value_of(raw.body)
    except TooDeepError:
        return None


def resource_of(raw: resource_pb2.Resource) -> Resource:
    return Resource(attributes=attributes_of(raw.attributes)[0])


def scope_of(raw: InstrumentationScope) -> Scope:
    attributes, _ = attributes_of(raw.attributes)
    return Scope(name=raw.name, version=raw.version, attributes=attributes)
