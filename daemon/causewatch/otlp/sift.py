"""Takes the spans or records of some traces out of a request; all else stays as it was sent.

Spans are moved as the bytes they came in and are not decoded, but for the id of their trace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, assert_never

from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1 import trace_pb2

from causewatch.otlp.parse import parse_logs, parse_traces
from causewatch.otlp.reject import NotOtlpError
from causewatch.otlp.variant import variant

Keep = Callable[[str], bool]
"""Told the id of a trace in lower-case hex, empty for a record of none: whether it stays."""

_Sliced = variant({"ScopeSpans": ("scope", "spans", "schema_url")}, as_bytes=("spans",))
_Id = variant({"Span": ("trace_id",)}, of=trace_pb2.Span.DESCRIPTOR)


def sift(signal: Literal["traces", "logs"], body: bytes, keep: Keep) -> tuple[bytes, int]:
    """Return the request with only what ``keep`` wants, and how many items that is.

    Groups that end up empty are left out. What cannot be read is not kept: nobody could say whose
    it is, and no other reader can make anything of it.
    """
    try:
        match signal:
            case "traces":
                return _spans(body, keep)
            case "logs":
                return _records(body, keep)
            case _:
                assert_never(signal)
    except NotOtlpError:
        return b"", 0


def _spans(body: bytes, keep: Keep) -> tuple[bytes, int]:
    try:
        request = _Sliced.FromString(body)
    except DecodeError:
        # Something around the spans cannot be parsed; this is what other readers make of it.
        request = _Sliced.FromString(parse_traces(body).SerializeToString())
    count = 0
    for group in request.resource_spans:
        for scoped in group.scope_spans:
            count += _retain(scoped.spans, lambda span: keep(_trace_id(span)))
        _retain(group.scope_spans, lambda scoped: scoped.spans)
    _retain(request.resource_spans, lambda group: group.scope_spans)
    return request.SerializeToString(), count


def _records(body: bytes, keep: Keep) -> tuple[bytes, int]:
    request = parse_logs(body)
    count = 0
    for group in request.resource_logs:
        for scoped in group.scope_logs:
            count += _retain(scoped.log_records, lambda record: keep(record.trace_id.hex()))
        _retain(group.scope_logs, lambda scoped: scoped.log_records)
    _retain(request.resource_logs, lambda group: group.scope_logs)
    return request.SerializeToString(), count


def _retain(items: Any, wanted: Callable[[Any], Any]) -> int:
    """Leave only what is wanted in a repeated field; return how many that are."""
    kept = [item for item in items if wanted(item)]
    if len(kept) < len(items):
        del items[:]
        items.extend(kept)
    return len(kept)


def _trace_id(span: bytes) -> str:
    try:
        return str(_Id.FromString(span).trace_id.hex())
    except DecodeError:
        return ""
