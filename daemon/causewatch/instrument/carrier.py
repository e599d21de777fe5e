"""Puts trace context and a handoff's id into a message, and takes them out again.

The trace context goes by the propagators that OpenTelemetry is set up with (W3C ``traceparent`` and
``baggage`` unless told otherwise).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from opentelemetry import baggage, propagate, trace
from opentelemetry.context import Context, get_current
from opentelemetry.trace import Link

from causewatch.instrument.names import CARRIER_FROM, CARRIER_ID

MAX_ID_CHARS = 64
MAX_NAME_CHARS = 256

Headers = Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]]
"""The headers of a message, as a mapping or as pairs, with text or bytes: HTTP, Kafka, AMQP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What a message says of the handoff it belongs to; empty where it says nothing."""

    handoff_id: str
    source: str
    parent: Context
    links: tuple[Link, ...]


def fill(
    carrier: MutableMapping[str, str], *, context: Context, handoff_id: str, source: str
) -> None:
    """Write the trace context of ``context``, the handoff's id and the sender's name."""
    propagate.inject(carrier, context=context)
    carrier[CARRIER_ID] = handoff_id
    carrier[CARRIER_FROM] = quote(source, safe="")


def take(headers: Headers) -> Arrived:
    """Read what ``fill`` wrote, whatever became of the case of the keys.

    The span goes on in the receiver's own trace where there is one, else in the sender's; it is
    linked with the sending span in both cases.
    """
    known = _lowered(headers)
    remote = propagate.extract(known)
    sender = trace.get_current_span(remote).get_span_context()
    here = get_current()
    parent = remote
    if trace.get_current_span(here).get_span_context().is_valid:
        parent = here
        for name, value in baggage.get_all(remote).items():
            parent = baggage.set_baggage(name, value, parent)
    return Arrived(
        handoff_id=known.get(CARRIER_ID, "")[:MAX_ID_CHARS],
        source=unquote(known.get(CARRIER_FROM, ""))[:MAX_NAME_CHARS],
        parent=parent,
        links=(Link(sender),) if sender.is_valid else (),
    )


def _lowered(headers: Headers) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found: dict[str, str] = {}
    for key, value in pairs:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if isinstance(key, str) and isinstance(text, str):
            found[key.lower()] = text
    return found
