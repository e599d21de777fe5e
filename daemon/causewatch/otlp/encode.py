"""Spans and log records to OTLP protobuf, grouped by resource and scope in order of appearance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from causewatch.model.span import Attributes, LogRecord, Scope, Span
from causewatch.model.value import Value

_MIN_INT64, _MAX_INT64 = -(2**63), 2**63 - 1
_KIND_NUMBERS = {
    "unspecified": trace_pb2.Span.SPAN_KIND_UNSPECIFIED,
    "internal": trace_pb2.Span.SPAN_KIND_INTERNAL,
    "server": trace_pb2.Span.SPAN_KIND_SERVER,
    "client": trace_pb2.Span.SPAN_KIND_CLIENT,
    "producer": trace_pb2.Span.SPAN_KIND_PRODUCER,
    "consumer": trace_pb2.Span.SPAN_KIND_CONSUMER,
}
_STATUS_NUMBERS = {
    "unset": trace_pb2.Status.STATUS_CODE_UNSET,
    "ok": trace_pb2.Status.STATUS_CODE_OK,
    "error": trace_pb2.Status.STATUS_CODE_ERROR,
}


class _Pairs(Protocol):
    """A repeated KeyValue field."""

    def add(self) -> KeyValue: ...


def encode_traces(spans: Sequence[Span]) -> bytes:
    """Return an ``ExportTraceServiceRequest`` with all ``spans``.

    Spans that share one ``Resource`` or ``Scope`` object share it in the request too; equal but
    distinct objects do not, as comparing attributes would cost more than it saves.
    """
    request = ExportTraceServiceRequest()
    groups: dict[int, trace_pb2.ResourceSpans] = {}
    scoped_groups: dict[tuple[int, int], trace_pb2.ScopeSpans] = {}
    for span in spans:
        group = groups.get(id(span.resource))
        if group is None:
            group = groups[id(span.resource)] = request.resource_spans.add()
            fill_attributes(group.resource.attributes, span.resource.attributes)
        key = (id(span.resource), id(span.scope))
        scoped = scoped_groups.get(key)
        if scoped is None:
            scoped = scoped_groups[key] = group.scope_spans.add()
            fill_scope(scoped.scope, span.scope)
        fill_span(scoped.spans.add(), span)
    return request.SerializeToString()


def encode_logs(records: Sequence[LogRecord]) -> bytes:
    """Return an ``ExportLogsServiceRequest`` with all ``records``, grouped as spans are."""
    request = ExportLogsServiceRequest()
    groups: dict[int, logs_pb2.ResourceLogs] = {}
    scoped_groups: dict[tuple[int, int], logs_pb2.ScopeLogs] = {}
    for record in records:
        group = groups.get(id(record.resource))
        if group is None:
            group = groups[id(record.resource)] = request.resource_logs.add()
            fill_attributes(group.resource.attributes, record.resource.attributes)
        key = (id(record.resource), id(record.scope))
        scoped = scoped_groups.get(key)
        if scoped is None:
            scoped = scoped_groups[key] = group.scope_logs.add()
            fill_scope(scoped.scope, record.scope)
        _fill_record(scoped.log_records.add(), record)
    return request.SerializeToString()


def fill_span(raw: trace_pb2.Span, span: Span) -> None:
    """Write ``span`` into an empty message; its resource and scope have messages of their own."""
    raw.trace_id = bytes.fromhex(span.trace_id)
    raw.span_id = bytes.fromhex(span.span_id)
    raw.parent_span_id = bytes.fromhex(span.parent_id)
    raw.name = span.name
    raw.kind = _KIND_NUMBERS[span.kind]
    raw.start_time_unix_nano = span.start_ns
    raw.end_time_unix_nano = span.end_ns
    raw.trace_state = span.trace_state
    raw.dropped_attributes_count = span.dropped_attributes_count
    raw.dropped_events_count = span.dropped_events_count
    raw.dropped_links_count = span.dropped_links_count
    if span.status != "unset" or span.status_message:
        raw.status.code = _STATUS_NUMBERS[span.status]
        raw.status.message = span.status_message
    fill_attributes(raw.attributes, span.attributes)
    for event in span.events:
        raw_event = raw.events.add(name=event.name, time_unix_nano=event.time_ns)
        fill_attributes(raw_event.attributes, event.attributes)
    for link in span.links:
        raw_link = raw.links.add(
            trace_id=bytes.fromhex(link.trace_id), span_id=bytes.fromhex(link.span_id)
        )
        fill_attributes(raw_link.attributes, link.attributes)


def _fill_record(raw: logs_pb2.LogRecord, record: LogRecord) -> None:
    raw.time_unix_nano = record.time_ns
    raw.trace_id = bytes.fromhex(record.trace_id)
    raw.span_id = bytes.fromhex(record.span_id)
    raw.event_name = record.event_name
    raw.severity_number = record.severity_number  # type: ignore[assignment]  # open enum: any int
    if record.body is not None:
        _fill_value(raw.body, record.body)
    fill_attributes(raw.attributes, record.attributes)


def fill_scope(raw: InstrumentationScope, scope: Scope) -> None:
    """Write ``scope`` into an empty message."""
    raw.name = scope.name
    raw.version = scope.version
    fill_attributes(raw.attributes, scope.attributes)


def fill_attributes(pairs: _Pairs, attributes: Attributes) -> None:
    """Append ``attributes`` to a repeated KeyValue field, which is not looked at."""
    for key, value in attributes.items():
        pair = pairs.add()
        pair.key = key
        _fill_value(pair.value, value)


def _fill_value(raw: AnyValue, value: Value) -> None:
    match value:
        case None:
            raw.SetInParent()
        case bool():
            raw.bool_value = value
        case str():
            raw.string_value = value
        case int() if _MIN_INT64 <= value <= _MAX_INT64:
            raw.int_value = value
        case int() | float():
            raw.double_value = float(value)
        case bytes():
            raw.bytes_value = value
        case list():
            raw.array_value.SetInParent()
            for item in value:
                _fill_value(raw.array_value.values.add(), item)
        case dict():
            raw.kvlist_value.SetInParent()
            fill_attributes(raw.kvlist_value.values, value)
