"""What of the spans that arrive is believed.

``causewatch.*`` is our own name space: what others put there would pass for our judgement, so it
is moved aside. Only what our instrumentation says of a handoff keeps its name, on the spans that it
marks, and is a claim; and what receivers say that they took out, which is no judgement. A synthetic
span of our own that comes back (a forwarding loop) is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from causewatch.graph.claims import CLAIMED_KEYS, MARK
from causewatch.model.span import Attributes, LogRecord, Span
from causewatch.model.value import Value
from causewatch.model.withheld import WITHHELD
from causewatch.otlp.raw import RAW_OVERHEAD_BYTES, RawSpan

OWN_PREFIX = "causewatch."
INBOUND_PREFIX = "causewatch.inbound."
_OWN = OWN_PREFIX.encode()
SPAN_OVERHEAD_BYTES = 1_000
"""A span's own objects: ids, numbers, containers."""
VALUE_OVERHEAD_BYTES = 120


def is_synthetic(span: Span) -> bool:
    """Tell whether ``span`` is one that causewatch derived itself."""
    return span.attributes.get("causewatch.synthetic") in (True, "true")


def moved_aside(span: Span) -> Span:
    """Return ``span`` with inbound ``causewatch.*`` attributes as ``causewatch.inbound.*``.

    On a span of our instrumentation, what it says of a handoff stays.
    """
    changes: dict[str, object] = {}
    kept = CLAIMED_KEYS if MARK in span.attributes else frozenset[str]()
    if _has_own(span.attributes, kept):
        changes["attributes"] = _renamed(span.attributes, kept)
    if _has_own(span.resource.attributes):
        attributes = _renamed(span.resource.attributes)
        changes["resource"] = msgspec.structs.replace(span.resource, attributes=attributes)
    return msgspec.structs.replace(span, **changes) if changes else span


def inbound_name(key: str, *, is_marked: bool) -> str:
    """Return what an attribute that somebody sent is called here.

    ``is_marked`` tells whether its span is one of our instrumentation's.
    """
    if not _is_own(key) or (is_marked and key in CLAIMED_KEYS):
        return key
    return INBOUND_PREFIX + key[len(OWN_PREFIX) :]


def _has_own(attributes: Attributes, kept: frozenset[str] = frozenset()) -> bool:
    own = [key for key in attributes if key.startswith(OWN_PREFIX)]
    return bool(own) and any(_is_own(key) and key not in kept for key in own)


def _is_own(key: str) -> bool:
    if not key.startswith(OWN_PREFIX) or key == WITHHELD:
        return False
    return not key.startswith(INBOUND_PREFIX)


def _renamed(attributes: Attributes, kept: frozenset[str] = frozenset()) -> Mapping[str, Value]:
    renamed: dict[str, Value] = {}
    for key, value in attributes.items():
        if _is_own(key) and key not in kept:
            renamed[INBOUND_PREFIX + key[len(OWN_PREFIX) :]] = value
        else:
            renamed.setdefault(key, value)
    return renamed


def is_own(span: RawSpan) -> bool:
    """Tell whether a received span is one that causewatch derived itself."""
    return span.holds(b"causewatch.synthetic") and is_synthetic(span.whole())


def believed(span: RawSpan) -> Span:
    """Return a received span, decoded, with what is not ours to believe moved aside."""
    whole = span.whole()
    # Most programs have never heard of us: their keys need not be looked at one by one.
    is_others = not span.holds(_OWN) and _OWN not in span.envelope.resource
    return whole if is_others else moved_aside(whole)


def held_bytes(span: RawSpan) -> int:
    """Return about how much memory a received span takes, in bytes."""
    size = len(span.body)
    return RAW_OVERHEAD_BYTES + size if size else estimated_bytes(span.whole())


def estimated_bytes(item: Span | LogRecord) -> int:
    """Return about how much memory a span or log record takes, in bytes."""
    total = SPAN_OVERHEAD_BYTES + _attributes_bytes(item.attributes)
    if isinstance(item, Span):
        total += sum(_attributes_bytes(event.attributes) + 200 for event in item.events)
        total += 200 * len(item.links)
    else:
        total += _value_bytes(item.body)
    return total


def _attributes_bytes(attributes: Attributes) -> int:
    return sum(len(key) + _value_bytes(value) for key, value in attributes.items())


def _value_bytes(value: Value) -> int:
    """Size of a value; of nested ones the top two levels, as deeper ones are rare and small."""
    if isinstance(value, str | bytes):
        return VALUE_OVERHEAD_BYTES + len(value)
    if isinstance(value, dict):
        return sum(VALUE_OVERHEAD_BYTES + len(key) + _flat_bytes(v) for key, v in value.items())
    if isinstance(value, list):
        return sum(_flat_bytes(item) for item in value)
    return VALUE_OVERHEAD_BYTES


def _flat_bytes(value: Value) -> int:
    if isinstance(value, str | bytes):
        return VALUE_OVERHEAD_BYTES + len(value)
    if isinstance(value, dict | list):
        return VALUE_OVERHEAD_BYTES * 4 * (1 + len(value))
    return VALUE_OVERHEAD_BYTES
