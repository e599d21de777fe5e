"""What becomes of one request, independent of the transport that answers it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Transport: TypeAlias = Literal["grpc", "http"]

InvalidReason: TypeAlias = Literal["not_otlp", "compression", "content_type", "encoding"]
FullReason: TypeAlias = Literal["inbox_full", "buffers_full"]
UnavailableReason: TypeAlias = Literal["not_stored", "slow_body", "unexpected"]


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """All usable items are stored durably; ``rejected_count`` malformed ones are not."""

    rejected_count: int = 0
    message: str = ""


class Invalid(msgspec.Struct, frozen=True, kw_only=True):
    """The request is wrong and will stay wrong: the sender must not try again."""

    reason: InvalidReason
    message: str


class TooLarge(msgspec.Struct, frozen=True, kw_only=True):
    """The request, or what it unpacks to, is larger than ``limit_bytes``."""

    limit_bytes: int

    @property
    def message(self) -> str:
        """Return the sentence the sender gets."""
        return f"message larger than max ({self.limit_bytes} bytes); send smaller batches"


class Full(msgspec.Struct, frozen=True, kw_only=True):
    """A bound is reached; the sender keeps the request and tries again."""

    reason: FullReason
    retry_after_s: float
    message: str


class Unavailable(msgspec.Struct, frozen=True, kw_only=True):
    """We failed; nothing is stored, and the sender tries again."""

    reason: UnavailableReason
    retry_after_s: float
    message: str


class Unauthenticated(msgspec.Struct, frozen=True, kw_only=True):
    """The sender did not say the token."""

    message: str = "missing or wrong token"


Refusal: TypeAlias = Invalid | TooLarge | Full | Unavailable | Unauthenticated
Outcome: TypeAlias = Accepted | Refusal


def reason_of(refusal: Refusal) -> str:
    """Return the ``reason`` label of a refusal."""
    match refusal:
        case TooLarge():
            return "too_large"
        case Unauthenticated():
            return "unauthenticated"
        case Invalid() | Full() | Unavailable():
            return refusal.reason
