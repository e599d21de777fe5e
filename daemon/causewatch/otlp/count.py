"""Counts the usable spans of a request without looking at any of them in Python.

Theory of operation. A receiver must say which spans it rejects before it acknowledges the rest, but
hardly ever is there one to reject. So what it needs first is a cheap proof that all are usable. Two
variants of the OTLP messages give it; the protobuf runtime does the work in C:

* *Heads* knows resources, scopes, and of spans only ids and times. What else there is is dropped,
  and writing the rest gives a few dozen bytes for each span in the one canonical form (last of a
  repeated field, fields in order, defaults left out), which a regular expression without
  backtracking checks byte by byte.
* *Names* knows the names alone, of all spans in one list.

Attributes, events and links are not looked into: whatever is in them, the span is kept, by its head
alone if need be (``parse``). Whatever is not proven this way, be it odd or wrong, goes to
``decode.count_traces``, which looks at each span.
"""

from __future__ import annotations

import re

from google.protobuf.message import DecodeError

from causewatch.otlp import decode
from causewatch.otlp.decode import MAX_NAME_BYTES, Counted
from causewatch.otlp.variant import variant

_MERGED = ("resource_spans", "scope_spans")
_Heads = variant(
    {
        "ResourceSpans": ("resource", "scope_spans"),
        "ScopeSpans": ("scope", "spans"),
        "Span": (
            "trace_id", "span_id", "parent_span_id", "start_time_unix_nano", "end_time_unix_nano",
        ),
    },
    merged=_MERGED,
)  # fmt: skip
_Names = variant(
    {"ResourceSpans": ("scope_spans",), "ScopeSpans": ("spans",), "Span": ("name",)},
    merged=(*_MERGED, "spans"),
    as_bytes=("name",),
)

# Tags and lengths as the runtime writes them: 0a 10 and 12 08 before trace and span id, 22 08
# before the parent's; 39 and 41 before the times, whose last byte has the sign bit of 64.
_USABLE_HEADS = re.compile(
    rb"(?:\x12.\n\x10(?!\0{16}).{16}\x12\x08(?!\0{8}).{8}"
    rb"(?:\x22\x08.{8})?+(?:9.{7}[\0-\x7f])?+(?:A.{7}[\0-\x7f])?+)*+",
    re.DOTALL,
)


def count_traces(body: bytes) -> Counted:
    """Return what ``decode.count_traces`` returns, at about a third of its cost when all is well.

    Raises:
        NotOtlpError: the bytes are no trace request.
    """
    kept = _proven_count(body)
    return Counted(kept=kept) if kept else decode.count_traces(body)


def _proven_count(body: bytes) -> int:
    """Return how many spans the body has when each of them is surely usable, else 0."""
    try:
        heads = _Heads.FromString(body)
        names = _Names.FromString(body).resource_spans.scope_spans.spans.name
    except DecodeError:
        return 0
    if max(map(len, names), default=0) > MAX_NAME_BYTES:
        return 0
    heads.DiscardUnknownFields()
    scope_spans = heads.resource_spans.scope_spans
    scope_spans.ClearField("scope")
    if not _USABLE_HEADS.fullmatch(scope_spans.SerializeToString()):
        return 0
    return len(scope_spans.spans)
