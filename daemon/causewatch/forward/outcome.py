"""How a request ended, and what that means by the OTLP specification.

https://opentelemetry.io/docs/specs/otlp/#failures and #failures-1: gRPC is tried again after
CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS, and after
RESOURCE_EXHAUSTED only where ``RetryInfo`` says when; HTTP after 429, 502, 503 and 504. Anything
else is final, and a part that was rejected (``partial_success``) is never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TypeAlias

import msgspec

from causewatch.forward.status import retry_after_of

RETRYABLE_GRPC = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
)
RETRYABLE_HTTP = frozenset({429, 502, 503, 504})
_HTTP_OK = range(200, 300)
_HTTP_TOO_LARGE = 413


class Delivered(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It was taken, but for ``rejected_spans`` of its spans."""

    rejected_spans: int = 0
    message: str = ""


class TryLater(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It is to be sent again, not before ``retry_after_s`` where the other side says so."""

    message: str
    retry_after_s: float | None = None


class TooLarge(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The request is larger than the other side takes: a smaller one may pass."""

    message: str


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It will never be taken."""

    message: str


Outcome: TypeAlias = Delivered | TryLater | TooLarge | Refused


def outcome_of_grpc(code: str, message: str, details: bytes) -> Outcome:
    """Return what a failed call means; ``details`` is its ``grpc-status-details-bin``."""
    said = f"{code}: {message}"
    retry_after_s = retry_after_of(details)
    if code == "RESOURCE_EXHAUSTED" and retry_after_s is None:
        # What gRPC itself answers to a message past the receiver's limit.
        return TooLarge(message=said) if "larger than max" in message else Refused(message=said)
    if code in RETRYABLE_GRPC or code == "RESOURCE_EXHAUSTED":
        return TryLater(message=said, retry_after_s=retry_after_s)
    return Refused(message=said)


def outcome_of_http(status: int, headers: Mapping[str, str], now_s: float) -> Outcome | None:
    """Return what a status means, ``None`` for one whose body has the answer."""
    if status in _HTTP_OK:
        return None
    said = f"HTTP {status}"
    if status == _HTTP_TOO_LARGE:
        return TooLarge(message=said)
    if status in RETRYABLE_HTTP:
        after_s = _seconds(headers.get("retry-after", ""), now_s)
        return TryLater(message=said, retry_after_s=after_s)
    return Refused(message=said)


def _seconds(text: str, now_s: float) -> float | None:
    """Return a ``Retry-After`` (RFC 9110, 10.2.3: seconds, or a date) in seconds from now."""
    if text.strip().isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, at.timestamp() - now_s)
