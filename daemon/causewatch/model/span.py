"""One OTLP span or log record as received."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from causewatch.model.value import Value

Attributes = Mapping[str, Value]
SpanKind = Literal["unspecified", "internal", "server", "client", "producer", "consumer"]
StatusCode = Literal["unset", "ok", "error"]


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """Who emitted the spans; shared by all spans of one request."""

    attributes: Attributes = msgspec.field(default_factory=dict)

    @property
    def service_name(self) -> str:
        """Return ``service.name``, or the empty string."""
        return str(self.attributes.get("service.name", ""))


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The instrumentation that emitted the spans."""

    name: str = ""
    version: str = ""
    attributes: Attributes = msgspec.field(default_factory=dict)


class SpanEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened during a span; ``time_ns`` is Unix time."""

    name: str
    time_ns: int
    attributes: Attributes = msgspec.field(default_factory=dict)


class SpanLink(msgspec.Struct, frozen=True, kw_only=True):
    """A causal reference from the span that carries it to another span, maybe of another trace."""

    trace_id: str
    span_id: str
    attributes: Attributes = msgspec.field(default_factory=dict)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One span as received.

    Ids are lower-case hex (32 and 16 digits); ``parent_id`` is empty for a root. Times are Unix
    nanoseconds. The ``dropped_*`` counts tell what the SDK or the Collector cut: evidence is then
    incomplete.
    """

    trace_id: str
    span_id: str
    parent_id: str = ""
    name: str = ""
    kind: SpanKind = "unspecified"
    start_ns: int = 0
    end_ns: int = 0
    status: StatusCode = "unset"
    status_message: str = ""
    trace_state: str = ""
    attributes: Attributes = msgspec.field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    resource: Resource = msgspec.field(default_factory=Resource)
    scope: Scope = msgspec.field(default_factory=Scope)
    dropped_attributes_count: int = 0
    dropped_events_count: int = 0
    dropped_links_count: int = 0


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One OTLP log record; ``event_name`` is set for events, ids are empty when it has none."""

    time_ns: int = 0
    trace_id: str = ""
    span_id: str = ""
    event_name: str = ""
    severity_number: int = 0
    body: Value = None
    attributes: Attributes = msgspec.field(default_factory=dict)
    resource: Resource = msgspec.field(default_factory=Resource)
    scope: Scope = msgspec.field(default_factory=Scope)
