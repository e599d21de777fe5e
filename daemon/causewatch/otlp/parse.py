"""OTLP bytes to protobuf messages, mended where a strict parser would refuse a whole batch.

A Collector puts the spans of many programs into one request. One string cut in the middle of a
UTF-8 character, or one value nested too deep, makes the protobuf runtime refuse all of them; Go
programs, which do not check, pass such strings on. So what does not parse is mended (invalid bytes
become U+FFFD, values past the depth limit become empty) and parsed again. Of trace requests this is
done span by span, and a span whose attributes, events or links cannot be read even so is kept with
its ids, name and times, and one dropped attribute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from causewatch.otlp.reject import NotOtlpError
from causewatch.otlp.variant import variant

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

MAX_MESSAGE_DEPTH = 90
"""Nested protobuf messages in one request; the runtime itself stops at 100."""

MAX_MEND_BYTES = 16 * 1024 * 1024
"""Mending walks each field in Python, so of one request only so much is mended."""

_SPAN_DEPTH = 4
"""Of a span in a request: below the request, its resource and its scope."""

_Framed = variant(
    {"ResourceSpans": ("resource", "scope_spans"), "ScopeSpans": ("scope", "spans")},
    as_bytes=("spans",),
)
_Head = variant(
    {
        "Span": (
            "trace_id", "span_id", "parent_span_id", "start_time_unix_nano", "end_time_unix_nano",
            "name",
        ),
    },
    as_bytes=("name",),
    of=Span.DESCRIPTOR,
)  # fmt: skip

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10

_AnyRequest = TypeVar("_AnyRequest", ExportTraceServiceRequest, ExportLogsServiceRequest)


def parse_traces(body: bytes) -> ExportTraceServiceRequest:
    """Return the trace request in ``body``; empty bytes are an empty request.

    Raises:
        NotOtlpError: the bytes are something else.
    """
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        request = _span_by_span(body)
    if body and not request.resource_spans:
        raise NotOtlpError("not an OTLP trace request: no resource_spans in it")
    return request


def parse_logs(body: bytes) -> ExportLogsServiceRequest:
    """Return the logs request in ``body``; empty bytes are an empty request.

    Raises:
        NotOtlpError: the bytes are something else.
    """
    request = _parse(ExportLogsServiceRequest, body)
    if body and not request.resource_logs:
        raise NotOtlpError("not an OTLP logs request: no resource_logs in it")
    return request


def _span_by_span(body: bytes) -> ExportTraceServiceRequest:
    """Return the request in a body that does not parse, of each span what can be read.

    Raises:
        NotOtlpError: it is no request, or breaks off inside a span or a resource.
    """
    try:
        framed = _Framed.FromString(body)
    except DecodeError:
        return _parse(ExportTraceServiceRequest, body)
    request = ExportTraceServiceRequest()
    left_bytes = MAX_MEND_BYTES
    for group in framed.resource_spans:
        found = request.resource_spans.add()
        found.resource.ParseFromString(group.resource.SerializeToString())
        for scoped in group.scope_spans:
            scope_spans = found.scope_spans.add()
            scope_spans.scope.ParseFromString(scoped.scope.SerializeToString())
            for raw in scoped.spans:
                try:
                    span = Span.FromString(raw)
                except DecodeError:
                    left_bytes -= len(raw)
                    span = _mended_span(raw) if left_bytes >= 0 else _head(raw)
                scope_spans.spans.append(span)
    return request


def _mended_span(raw: bytes) -> Span:
    try:
        return Span.FromString(mend(raw, Span.DESCRIPTOR, _SPAN_DEPTH))
    except (DecodeError, NotOtlpError):
        return _head(raw)


def _head(raw: bytes) -> Span:
    """Return a span whose content cannot be read: its ids, name and times.

    Raises:
        NotOtlpError: it has not even these.
    """
    try:
        head = _Head.FromString(raw)
    except DecodeError as error:
        raise NotOtlpError(f"not an OTLP request: {error}") from error
    return Span(
        trace_id=head.trace_id,
        span_id=head.span_id,
        parent_span_id=head.parent_span_id,
        name=head.name[-1].decode("utf-8", "replace") if head.name else "",
        start_time_unix_nano=head.start_time_unix_nano,
        end_time_unix_nano=head.end_time_unix_nano,
        dropped_attributes_count=1,
    )


def _parse(kind: type[_AnyRequest], body: bytes) -> _AnyRequest:
    try:
        return kind.FromString(body)
    except DecodeError as error:
        if len(body) > MAX_MEND_BYTES:
            raise NotOtlpError(f"not an OTLP request: {error}") from error
    try:
        return kind.FromString(mend(body, kind.DESCRIPTOR))
    except DecodeError as error:
        raise NotOtlpError(f"not an OTLP request: {error}") from error


def mend(body: bytes, descriptor: Descriptor, depth: int = 1) -> bytes:
    """Return ``body`` with its strings made valid UTF-8 and cut below ``MAX_MESSAGE_DEPTH``.

    Raises:
        NotOtlpError: the bytes are no protobuf message at all.
    """
    out = bytearray()
    at = 0
    while at < len(body):
        start = at
        tag, at = _varint(body, at)
        size, at = _content_size(body, at, tag & 7)
        end = at + size
        if end > len(body):
            raise NotOtlpError("not an OTLP request: it ends in the middle of a field")
        field = descriptor.fields_by_number.get(tag >> 3) if tag & 7 == _BYTES else None
        if field is None:
            out += body[start:end]
        else:
            content = _mend_content(field, body[at:end], depth)
            out += _varint_bytes(tag) + _varint_bytes(len(content)) + content
        at = end
    return bytes(out)


def _mend_content(field: FieldDescriptor, content: bytes, depth: int) -> bytes:
    if field.type == field.TYPE_STRING:
        return content.decode("utf-8", "replace").encode()
    if field.message_type is not None:
        if depth >= MAX_MESSAGE_DEPTH:
            return b""
        return mend(content, field.message_type, depth + 1)
    return content


def _content_size(body: bytes, at: int, wire_type: int) -> tuple[int, int]:
    """Return the size of a field's content in bytes, and where it begins."""
    if wire_type == _BYTES:
        return _varint(body, at)
    if wire_type == _VARINT:
        return _varint(body, at)[1] - at, at
    if wire_type == _FIXED64:
        return 8, at
    if wire_type == _FIXED32:
        return 4, at
    raise NotOtlpError(f"not an OTLP request: wire type {wire_type}")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return the base-128 varint that begins at ``at``, and where it ends."""
    value = 0
    for index, byte in enumerate(body[at : at + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise NotOtlpError("not an OTLP request: a varint does not end")


def _varint_bytes(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
