"""What the receivers took out of telemetry before anything was stored, and the marks it leaves.

A redacted text holds ``[redacted:NAME]`` where something was, and its span or log record has the
attribute ``WITHHELD``, which names the rules. Only both together count: payload text is written by
whoever an agent reads, and must not be able to pass for redacted.
"""

from __future__ import annotations

from causewatch.model.span import Attributes
from causewatch.model.value import Value

WITHHELD = "causewatch.withheld"
"""Attribute of a span or log record: ``redact:NAME`` or ``drop:KEY``, as configured."""
MARK_START = "[redacted:"
_MAX_DEPTH = 32


def mark_of(name: str) -> str:
    """Return what stands in the place of what a rule took out."""
    return f"{MARK_START}{name}]"


def is_withheld_from(attributes: Attributes) -> bool:
    """Tell whether something was taken out of a span or log record with these attributes."""
    return WITHHELD in attributes


def holds_mark(value: Value, depth: int = 0) -> bool:
    """Tell whether some text within a value holds the mark of a redaction."""
    if isinstance(value, str):
        return MARK_START in value
    if depth >= _MAX_DEPTH:
        return False
    if isinstance(value, list):
        return any(holds_mark(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return any(MARK_START in key or holds_mark(v, depth + 1) for key, v in value.items())
    return False
