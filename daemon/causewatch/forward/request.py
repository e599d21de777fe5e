"""Puts requests together by their bytes: nothing is parsed, so that nothing is lost.

An ``ExportTraceServiceRequest`` is ``ResourceSpans`` in field 1; a ``ResourceSpans`` has
``ScopeSpans`` in field 2, and that has spans in field 2 (opentelemetry/proto/trace/v1/trace.proto).
So two requests one after the other are one request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from causewatch.otlp.raw import Envelope

_TAG_OF_GROUP = b"\x0a"
_TAG_OF_SCOPE = b"\x12"
_TAG_OF_SPAN = b"\x12"
_FRAME_BYTES = 64
"""More than the tags and lengths around a span take."""


class Part(NamedTuple):
    """One span on its way: its ids, what stands around it, and its bytes."""

    key: tuple[str, str]
    envelope: Envelope
    body: bytes

    @property
    def size_bytes(self) -> int:
        """Return at least what it adds to a request."""
        around = self.envelope
        return len(self.body) + len(around.resource) + len(around.scope) + _FRAME_BYTES


class Piece(NamedTuple):
    """A whole request of so many spans."""

    spans: int
    body: bytes


def pieces(parts: Iterable[Part], max_bytes: int) -> Iterator[Piece]:
    """Yield requests of at most ``max_bytes``; a span that is larger by itself has its own."""
    waiting: list[Part] = []
    size_bytes = 0
    for part in parts:
        if waiting and size_bytes + part.size_bytes > max_bytes:
            yield Piece(len(waiting), _request(waiting))
            waiting, size_bytes = [], 0
        waiting.append(part)
        size_bytes += part.size_bytes
    if waiting:
        yield Piece(len(waiting), _request(waiting))


def _request(parts: Sequence[Part]) -> bytes:
    groups: dict[bytes, dict[bytes, list[bytes]]] = {}
    for part in parts:
        scopes = groups.setdefault(part.envelope.resource, {})
        scopes.setdefault(part.envelope.scope, []).append(_field(_TAG_OF_SPAN, part.body))
    return b"".join(
        _field(
            _TAG_OF_GROUP,
            resource
            + b"".join(
                _field(_TAG_OF_SCOPE, scope + b"".join(spans)) for scope, spans in scopes.items()
            ),
        )
        for resource, scopes in groups.items()
    )


def _field(tag: bytes, content: bytes) -> bytes:
    return tag + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
