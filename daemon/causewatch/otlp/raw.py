"""Spans as they lie in a request: ids and times are read, the rest is decoded when asked for."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from opentelemetry.proto.trace.v1 import trace_pb2

from causewatch.model.span import Resource, Scope, Span
from causewatch.otlp.decode import reason_against, resource_of, scope_of, span_of
from causewatch.otlp.parse import parse_traces

RAW_OVERHEAD_BYTES = 700
"""Of a span that is not decoded: its ids, and the objects that hold them."""
_NO_ID = bytes(8)
_MASK = 2**64 - 1


class Envelope(NamedTuple):
    """What stands around a span in its request, as bytes.

    ``resource`` is its ``ResourceSpans`` without scopes, ``scope`` its ``ScopeSpans`` without
    spans, each with its schema URL.
    """

    resource: bytes
    scope: bytes


_NO_ENVELOPE = Envelope(b"", b"")


class RawSpan:
    """One received span.

    ``linked`` are the ids of other traces that its links name, ``origin`` is a number below 2**64
    that tells its service and instrumentation from others. ``envelope`` is what stood around it.

    ``whole`` decodes it and remembers the result until ``release``; one that was made from a
    decoded span (``RawSpan.of``) has nothing else and keeps it.
    """

    __slots__ = (
        "_body", "_resource", "_scope", "_span", "end_ns", "envelope", "linked", "origin",
        "parent_id", "span_id", "start_ns", "trace_id",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917  # hot: one for each span that arrives
        self,
        trace_id: str,
        span_id: str,
        parent_id: str,
        start_ns: int,
        end_ns: int,
        linked: tuple[str, ...],
        body: bytes,
        resource: Resource,
        scope: Scope,
        origin: int,
        span: Span | None = None,
        envelope: Envelope = _NO_ENVELOPE,
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.linked = linked
        self._body = body
        self._resource = resource
        self._scope = scope
        self.origin = origin
        self.envelope = envelope
        self._span = span

    @classmethod
    def of(cls, span: Span) -> RawSpan:
        """Return a decoded span as one of these."""
        return cls(
            span.trace_id,
            span.span_id,
            span.parent_id,
            span.start_ns,
            span.end_ns,
            tuple(link.trace_id for link in span.links if link.trace_id not in _same(span)),
            b"",
            span.resource,
            span.scope,
            origin_of(span.resource, span.scope),
            span,
        )

    @property
    def body(self) -> bytes:
        """Return the bytes of the span's message; empty for one that came decoded."""
        return self._body

    @property
    def resource(self) -> Resource:
        """Return whose span it is."""
        return self._resource

    @property
    def scope(self) -> Scope:
        """Return what instrumented it."""
        return self._scope

    def holds(self, text: bytes) -> bool:
        """Tell whether these bytes may occur in the span; never wrong when it says no."""
        return not self._body or text in self._body

    def has_any(self, keys: tuple[str, ...]) -> bool:
        """Tell whether the span's resource has one of these attributes."""
        return not self._resource.attributes.keys().isdisjoint(keys)

    def glimpse(self, keys: frozenset[str]) -> tuple[str, dict[str, str]]:
        """Return the span's name, and the texts it has under ``keys``; nothing else is decoded.

        Raises:
            DecodeError: the bytes are no span.
        """
        if self._span is not None or not self._body:
            span = self.whole()
            found = {key: span.attributes[key] for key in keys & span.attributes.keys()}
            return span.name, {k: v for k, v in found.items() if isinstance(v, str) and v}
        raw = trace_pb2.Span.FromString(self._body)
        texts = {}
        for pair in raw.attributes:
            if (key := pair.key) in keys and (text := pair.value.string_value):
                texts[key] = text
        return raw.name, texts

    def whole(self) -> Span:
        """Return the span, decoded."""
        if self._span is None:
            raw = trace_pb2.Span.FromString(self._body)
            self._span = span_of(raw, self._resource, self._scope)
        return self._span

    def release(self) -> None:
        """Forget what ``whole`` decoded: it can be decoded again."""
        if self._body:
            self._span = None


def process_of(span: RawSpan | Span) -> str:
    """Return a service's name with its instance, as far as its resource tells them apart."""
    instance = str(span.resource.attributes.get("service.instance.id", ""))
    return f"{span.resource.service_name} {instance}"


def as_raw(span: RawSpan | Span) -> RawSpan:
    """Return a span, decoded or not, as one of these."""
    return RawSpan.of(span) if isinstance(span, Span) else span


def _same(span: Span) -> tuple[str, str]:
    return "", span.trace_id


class Cut(NamedTuple):
    """Where the spans of a request lie, as the compiled reader tells it.

    ``spans`` has a ``CUT_SPAN`` for each, in their order, ``groups`` a ``CUT_GROUP`` for all spans
    of one scope: where its resource and its scope, each with what else stands there, lie.
    """

    spans: bytes
    groups: bytes


CUT_SPAN = struct.Struct("<16s8s8s4Q2I")
CUT_GROUP = struct.Struct("<4Q")


class Resources:
    """The resources and scopes of a stream, each decoded once: few programs send many spans."""

    def __init__(self) -> None:
        self._resources: dict[bytes, Resource] = {}
        self._scopes: dict[bytes, Scope] = {}
        self._envelopes: dict[Envelope, Envelope] = {}
        self._groups: dict[Envelope, tuple[Resource, Scope, int, Envelope]] = {}

    def split(self, body: bytes) -> list[RawSpan]:
        """Return the usable spans of an ``ExportTraceServiceRequest``, in its order.

        Raises:
            NotOtlpError: the bytes are something else.
        """
        found: list[RawSpan] = []
        for group in parse_traces(body).resource_spans:
            resource = self._resource(group.resource.SerializeToString(), group)
            around = trace_pb2.ResourceSpans(resource=group.resource, schema_url=group.schema_url)
            head = around.SerializeToString()
            for scoped in group.scope_spans:
                scope = self._scope(scoped.scope.SerializeToString(), scoped)
                origin = origin_of(resource, scope)
                envelope = self._envelope(head, scoped)
                found.extend(
                    _raw(raw, resource, scope, origin, envelope)
                    for raw in scoped.spans
                    if not reason_against(raw)
                )
        return found

    def cut(self, request: bytes, cut: Cut) -> list[RawSpan]:
        """Return the same as ``split`` of a request of which is known where its spans lie."""
        groups = [
            self._around(request[at : at + size], request[scope_at : scope_at + scope_size])
            for at, size, scope_at, scope_size in CUT_GROUP.iter_unpack(cut.groups)
        ]
        found = []
        for head in CUT_SPAN.iter_unpack(cut.spans):
            trace_id, span_id, parent, start_ns, end_ns, at, size, group, has_links = head
            resource, scope, origin, envelope = groups[group]
            body = request[at : at + size]
            found.append(
                RawSpan(
                    trace_id.hex(),
                    span_id.hex(),
                    "" if parent == _NO_ID else parent.hex(),
                    start_ns,
                    end_ns,
                    _linked(trace_pb2.Span.FromString(body)) if has_links else (),
                    body,
                    resource,
                    scope,
                    origin,
                    envelope=envelope,
                )
            )
        return found

    def _around(self, head: bytes, scope_head: bytes) -> tuple[Resource, Scope, int, Envelope]:
        key = Envelope(head, scope_head)
        known = self._groups.get(key)
        if known is None:
            if len(self._groups) >= MAX_RESOURCES_COUNT:
                self._groups.clear()
            group = trace_pb2.ResourceSpans.FromString(head)
            scoped = trace_pb2.ScopeSpans.FromString(scope_head)
            resource = self._resource(group.resource.SerializeToString(), group)
            scope = self._scope(scoped.scope.SerializeToString(), scoped)
            known = self._groups[key] = resource, scope, origin_of(resource, scope), key
        return known

    def _envelope(self, head: bytes, scoped: trace_pb2.ScopeSpans) -> Envelope:
        """Return one object for all equal ones: a run holds as many as it has spans."""
        around = trace_pb2.ScopeSpans(scope=scoped.scope, schema_url=scoped.schema_url)
        found = Envelope(head, around.SerializeToString())
        if len(self._envelopes) >= MAX_RESOURCES_COUNT:
            self._envelopes.clear()
        return self._envelopes.setdefault(found, found)

    def _resource(self, key: bytes, group: trace_pb2.ResourceSpans) -> Resource:
        known = self._resources.get(key)
        if known is None:
            if len(self._resources) >= MAX_RESOURCES_COUNT:
                self._resources.clear()
            known = self._resources[key] = resource_of(group.resource)
        return known

    def _scope(self, key: bytes, scoped: trace_pb2.ScopeSpans) -> Scope:
        known = self._scopes.get(key)
        if known is None:
            if len(self._scopes) >= MAX_RESOURCES_COUNT:
                self._scopes.clear()
            known = self._scopes[key] = scope_of(scoped.scope)
        return known


MAX_RESOURCES_COUNT = 1_000


def origin_of(resource: Resource, scope: Scope) -> int:
    """Return a number below 2**64 that tells a service and its instrumentation from others."""
    return _numbered(resource.service_name, scope.name, scope.version)


@lru_cache(MAX_RESOURCES_COUNT)
def _numbered(*texts: str) -> int:
    """Return the FNV-1a of texts, as the compiled reader computes it (Fowler, Noll, Vo, 1991)."""
    found = 0xCBF29CE484222325
    for byte in b"".join(text.encode(errors="replace") + b"\0" for text in texts):
        found = (found ^ byte) * 0x100000001B3 & _MASK
    return found


def _raw(
    raw: trace_pb2.Span, resource: Resource, scope: Scope, origin: int, envelope: Envelope
) -> RawSpan:
    parent = raw.parent_span_id
    return RawSpan(
        raw.trace_id.hex(),
        raw.span_id.hex(),
        "" if parent == _NO_ID else parent.hex(),
        raw.start_time_unix_nano,
        raw.end_time_unix_nano,
        _linked(raw) if raw.links else (),
        raw.SerializeToString(),
        resource,
        scope,
        origin,
        envelope=envelope,
    )


def _linked(raw: trace_pb2.Span) -> tuple[str, ...]:
    return tuple(
        link.trace_id.hex()
        for link in raw.links
        if len(link.trace_id) == 16 and len(link.span_id) == 8 and link.trace_id != raw.trace_id
    )


def decoded(spans: Sequence[RawSpan]) -> tuple[Span, ...]:
    """Return spans, decoded."""
    return tuple(span.whole() for span in spans)
