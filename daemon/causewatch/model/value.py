"""OTLP and JSON values, and their digests."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import msgspec
import rfc8785

Value: TypeAlias = "str | bool | int | float | bytes | list[Value] | dict[str, Value] | None"
"""An OTLP AnyValue or a JSON value. ``bytes`` occurs only in OTLP."""


def canonical_bytes(value: Value) -> bytes:
    """Return the RFC 8785 bytes of a JSON value.

    Values outside of RFC 8785's domain (integers past 2**53, NaN, bytes) get the bytes of sorted,
    compact JSON, so that every value has a digest.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, ValueError, RecursionError):
        pass
    try:
        return msgspec.json.encode(value, order="sorted")
    except (ValueError, TypeError, RecursionError):
        # Lone surrogates and the like: no JSON writes them, but they have a spelling.
        return repr(value).encode("utf-8", "backslashreplace")


def sha256_of(value: Value) -> str:
    """Return the hex SHA-256 of the canonical bytes of ``value``."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()
