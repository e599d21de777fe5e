"""Counts the usable spans of a request without looking at any of them in Python.

Theory of operation. A receiver must say which spans it rejects before it acknowledges the rest, but
hardly ever is there one to reject. So what it needs first is a cheap proof that all are usable. Two
private variants of the OTLP messages give it; the protobuf runtime does the work in C:

* *Whole* is OTLP itself with the spans of a request laid over each other: a field of one message
  that is sent again is merged into it, by the rules of the encoding, and names become a list. It
  parses where OTLP parses, with the same types, depth and character checks.
* *Heads* knows only ids and times. What else there is is dropped, and writing the rest gives a few
  dozen bytes for each span in the one canonical form (last of a repeated field, fields in order,
  defaults left out), which a regular expression without backtracking can check byte by byte.

Whatever is not proven this way, be it odd or wrong, goes to ``decode.count_traces``, span by span.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from causewatch.otlp import decode
from causewatch.otlp.decode import MAX_NAME_BYTES, Counted

_MAX_CHARACTER_BYTES = 4

_MERGED = {"resource_spans", "scope_spans", "spans"}
_LISTED = {"Span": {"name"}}
_HEAD_FIELDS = {
    "ExportTraceServiceRequest": {"resource_spans"},
    "ResourceSpans": {"scope_spans"},
    "ScopeSpans": {"spans"},
    "Span": {
        "trace_id", "span_id", "parent_span_id", "start_time_unix_nano", "end_time_unix_nano",
    },
}  # fmt: skip

# Tags and lengths as the runtime writes them: 0a 10 and 12 08 before trace and span id, 22 08
# before the parent's; 39 and 41 before the times, whose last byte has the sign bit of 64.
_USABLE_HEADS = re.compile(
    rb"(?:\x12.\n\x10(?!\0{16}).{16}\x12\x08(?!\0{8}).{8}"
    rb"(?:\x22\x08.{8})?+(?:9.{7}[\0-\x7f])?+(?:A.{7}[\0-\x7f])?+)*+",
    re.DOTALL,
)


def count_traces(body: bytes) -> Counted:
    """Return what ``decode.count_traces`` returns, at less than half its cost when all is well.

    Raises:
        NotOtlpError: the bytes are no trace request.
    """
    kept = _proven_count(body)
    return Counted(kept=kept) if kept else decode.count_traces(body)


def _proven_count(body: bytes) -> int:
    """Return how many spans the body has when each of them is surely usable, else 0."""
    try:
        names = _Whole.FromString(body).resource_spans.scope_spans.spans.name
        heads = _Heads.FromString(body)
    except DecodeError:
        return 0
    if not names or max(map(len, names)) * _MAX_CHARACTER_BYTES > MAX_NAME_BYTES:
        return 0
    heads.DiscardUnknownFields()
    scope_spans = heads.resource_spans.scope_spans
    if not _USABLE_HEADS.fullmatch(scope_spans.SerializeToString()):
        return 0
    return len(scope_spans.spans)


def _variant(*, is_heads: bool) -> Any:  # a class made of descriptors has no type
    """Return the class of *Heads* or of *Whole*, made from OTLP as it is installed."""
    pool = DescriptorPool()
    for module in (common_pb2, resource_pb2, trace_pb2, trace_service_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            if is_heads:
                _keep_heads(message)
            else:
                _lay_over(message)
        pool.AddSerializedFile(file.SerializeToString())
    name = trace_service_pb2.ExportTraceServiceRequest.DESCRIPTOR.full_name
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def _lay_over(message: descriptor_pb2.DescriptorProto) -> None:
    for field in message.field:
        if field.name in _MERGED:
            field.label = field.LABEL_OPTIONAL
        elif field.name in _LISTED.get(message.name, ()):
            field.label = field.LABEL_REPEATED


def _keep_heads(message: descriptor_pb2.DescriptorProto) -> None:
    wanted = _HEAD_FIELDS.get(message.name)
    if wanted is None:
        return
    kept = [field for field in message.field if field.name in wanted]
    del message.field[:]
    message.field.extend(kept)
    for field in message.field:
        if field.name in _MERGED - {"spans"}:
            field.label = field.LABEL_OPTIONAL


_Whole = _variant(is_heads=False)
_Heads = _variant(is_heads=True)
