"""What is wrong with OTLP input: a body that is none, and single items that are malformed."""

from __future__ import annotations

from collections import Counter
from typing import Literal, TypeAlias

import msgspec

from causewatch.errors import UserError

RejectReason: TypeAlias = Literal["trace_id", "span_id", "parent_id", "name_bytes", "time_ns"]
"""Which field of a span or log record makes it unusable."""

REJECT_TEXT: dict[RejectReason, str] = {
    "trace_id": "trace id is not 16 bytes, or all zero",
    "span_id": "span id is not 8 bytes, or all zero",
    "parent_id": "parent span id is neither empty nor 8 bytes",
    "name_bytes": "name is too long",
    "time_ns": "time is past the year 2262",
}


class NotOtlpError(UserError):
    """The bytes are no OTLP request of the signal that was asked for."""


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """How many items of one request were left out for one reason."""

    count: int
    reason: RejectReason


def rejected_of(counts: Counter[RejectReason]) -> tuple[Rejected, ...]:
    """Return the counts as values, the most frequent reason first, ties by name."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Rejected(count=count, reason=reason) for reason, count in ordered)
