"""OTLP and JSON values, and their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import repeat
from typing import TypeAlias

import msgspec
import rfc8785

MAX_SAFE_INTEGER = 2**53 - 1
MAX_PLAIN_DEPTH = 64
MAX_LEAVES_COUNT = 5_000
_CONTAINERS = (dict, list)
Value: TypeAlias = "str | bool | int | float | bytes | list[Value] | dict[str, Value] | None"
"""An OTLP AnyValue or a JSON value. ``bytes`` occurs only in OTLP."""


def canonical_bytes(value: Value) -> bytes:
    """Return the RFC 8785 bytes of a JSON value.

    Values outside of RFC 8785's domain (integers past 2**53, NaN, bytes) get the bytes of sorted,
    compact JSON, so that every value has a digest.
    """
    if _is_plain(value, 0):
        # For these both write the same bytes, and this is many times as fast.
        try:
            return msgspec.json.encode(value, order="sorted")
        except (ValueError, TypeError):
            pass
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, ValueError, RecursionError):
        pass
    try:
        return msgspec.json.encode(value, order="sorted")
    except (ValueError, TypeError, RecursionError):
        pass
    try:
        # Lone surrogates and the like: no JSON writes them, but they have a spelling.
        return repr(value).encode("utf-8", "backslashreplace")
    except (ValueError, RecursionError):
        # Thousands of digits, or of lists in lists: nobody reads them, and none is like another.
        return f"{type(value).__name__} {id(value)}".encode()


def _is_plain(value: Value, depth: int) -> bool:
    """Tell whether ``value`` holds neither floats nor large integers, nor keys beyond ASCII.

    Numbers and the order of keys are where RFC 8785 is stricter than sorted JSON.
    """
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return True
    if isinstance(value, int):
        return -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER
    if depth >= MAX_PLAIN_DEPTH:
        return False
    if isinstance(value, dict):
        return all(key.isascii() and _is_plain(member, depth + 1) for key, member in value.items())
    return isinstance(value, list) and all(_is_plain(item, depth + 1) for item in value)


def sha256_of(value: Value) -> str:
    """Return the hex SHA-256 of the canonical bytes of ``value``."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def leaves(value: Value) -> list[tuple[str, Value]]:
    """Return each scalar inside of a value with its nearest key, at most ``MAX_LEAVES_COUNT``."""
    if not isinstance(value, dict | list):
        return [("", value)]
    found: list[tuple[str, Value]] = []
    open_: list[Iterator[tuple[str, Value]]] = [iter((("", value),))]
    while open_:
        for member in open_[-1]:
            item = member[1]
            if isinstance(item, _CONTAINERS):
                open_.append(
                    iter(item.items())
                    if isinstance(item, dict)
                    else zip(repeat(member[0]), item, strict=False)
                )
                break
            found.append(member)
            if len(found) == MAX_LEAVES_COUNT:
                return found
        else:
            open_.pop()
    return found
