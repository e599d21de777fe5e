"""Payload excerpts for people: bounded, redacted, free of control characters."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from causewatch.contracts.pointer import below, covers, touches, without
from causewatch.model.limits import DEFAULT_PAYLOAD_LIMITS
from causewatch.model.value import Value

REDACTED = "[redacted]"
MAX_SCANNED_CHARS = 4_000


def excerpt(value: Value, *, place: str = "", redact: Iterable[str] = ()) -> str:
    """Return ``value``, which stands at the JSON pointer ``place``, for a message.

    What a ``redact`` pointer names, or what lies inside of it, is not shown; a value that holds a
    redacted part is shown without it.
    """
    pointers = tuple(redact)
    if covers(pointers, place):
        return REDACTED
    if touches(pointers, place):
        inner = below(pointers, place)
        value = without(value, inner) if isinstance(value, dict | list) else REDACTED
    text = value if isinstance(value, str) else _json(value)
    limit = DEFAULT_PAYLOAD_LIMITS.max_excerpt_chars
    shown = text[:MAX_SCANNED_CHARS]
    if not shown.isprintable():
        shown = "".join([c if c.isprintable() else " " for c in shown])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _json(value: Value) -> str:
    try:
        return msgspec.json.encode(value).decode("utf-8", "replace")
    except (msgspec.EncodeError, TypeError, ValueError, RecursionError):
        pass
    try:
        return repr(value)
    except (RecursionError, ValueError):
        return "(too deep or too long a number to be shown)"
