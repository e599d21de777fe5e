"""Spans, log records and requests for the tests of what carries OTLP."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

from causewatch.model.span import LogRecord, Resource, Scope, Span
from causewatch.otlp.encode import encode_logs, encode_traces

TRACE_ID = "0102030405060708090a0b0c0d0e0f10"
SPAN_ID = "1112131415161718"
CAPTURES = Path(__file__).parent / "captures"

RESOURCE = Resource(attributes={"service.name": "desk"})
SCOPE = Scope(name="tests", version="1")


def span(index: int = 0, *, text: str = "some text") -> Span:
    """Return a usable span; each index has its own span id."""
    return Span(
        trace_id=TRACE_ID,
        span_id=f"{index + 1:016x}",
        name=f"step {index}",
        start_ns=1_000 + index,
        end_ns=2_000 + index,
        attributes={"gen_ai.operation.name": "chat", "text": text, "index": index},
        resource=RESOURCE,
        scope=SCOPE,
    )


def traces_body(count: int = 1, *, first: int = 0, text: str = "some text") -> bytes:
    """Return a trace request of ``count`` usable spans."""
    return encode_traces([span(first + index, text=text) for index in range(count)])


def logs_body(count: int = 1) -> bytes:
    """Return a logs request of ``count`` usable records."""
    records = [
        LogRecord(time_ns=index + 1, trace_id=TRACE_ID, body="a message", resource=RESOURCE)
        for index in range(count)
    ]
    return encode_logs(records)


def capture_lines() -> Iterator[bytes]:
    """Yield each OTLP/JSON line of the recorded captures."""
    for path in sorted(CAPTURES.glob("*.jsonl.gz")):
        with gzip.open(path) as stream:
            yield from stream


def tag(field: int, content: bytes) -> bytes:
    """Return a protobuf field that holds bytes, a string or a message; for bodies made by hand."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """Return a base-128 varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
