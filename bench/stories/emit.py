"""From a scene to OTLP/JSON: layers of spans for each node, as a dialect dresses it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec

from bench.stories.scene import Node

BEGIN_NANO = 1_790_000_000_000_000_000


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event on a span."""

    name: str
    attributes: dict[str, Any]


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One span of a node; a node's layers lie within each other, the outermost first."""

    name: str
    attributes: dict[str, Any]
    events: tuple[Event, ...] = ()
    error: str = ""
    """The message of an error status."""
    scope: str = ""
    """Where it is another one than the dialect's."""


Dress = Callable[[Node, str], tuple[Layer, ...]]
"""Returns the layers of a node; the text is the id of the conversation."""


class Emitted(msgspec.Struct, frozen=True, kw_only=True):
    """A story as one OTLP/JSON request."""

    request: dict[str, Any]
    spans: dict[str, tuple[str, ...]]
    """Span ids by the tags of the nodes they belong to."""
    traces: tuple[str, ...]


class Draft(msgspec.Struct, kw_only=True):
    """A span on its way to JSON."""

    layer: Layer
    trace: str
    parent: str
    start: int
    end: int
    id: str = ""
    links: tuple[tuple[str, str], ...] = ()
    """Trace ids and span ids."""


def dumps(value: Any) -> str:
    """Return compact JSON with its letters as they are; text stays what it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def emit(nodes: Sequence[Node], dress: Dress, scope: str, rng: Random) -> Emitted:
    """Return the spans of a scene: each root a trace, children exported before parents."""
    session = f"s-{rng.getrandbits(32):08x}"
    drafts: list[Draft] = []
    tags: dict[str, tuple[str, ...]] = {}
    inner: dict[int, Draft | None] = {}
    for index, node in enumerate(nodes):
        above = inner[node.parent] if node.parent is not None else None
        trace = above.trace if above else f"{rng.getrandbits(128):032x}"
        ids: list[str] = []
        for depth, layer in enumerate(dress(node, session)):
            parent = above.id if above else ""
            above = _draft(layer, trace, parent, node, depth)
            above.id = f"{rng.getrandbits(64):016x}"
            drafts.append(above)
            ids.append(above.id)
        inner[index] = above
        if node.tag:
            tags[node.tag] = (*tags.get(node.tag, ()), *(ids or ([above.id] if above else [])))
    return finish(drafts, tags, scope)


def _draft(layer: Layer, trace: str, parent: str, node: Node, depth: int) -> Draft:
    """Return a layer's span: each lies a little within the one around it."""
    return Draft(
        layer=layer,
        trace=trace,
        parent=parent,
        start=node.start + 20 * depth,
        end=max(node.end - 20 * depth, node.start + 20 * depth + 1),
    )


def finish(drafts: Sequence[Draft], tags: dict[str, tuple[str, ...]], scope: str) -> Emitted:
    """Return the request that an exporter sends: in order of end."""
    by_scope: dict[str, list[dict[str, Any]]] = {}
    for draft in sorted(drafts, key=lambda draft: draft.end):
        by_scope.setdefault(draft.layer.scope or scope, []).append(_span(draft))
    scopes = [{"scope": {"name": name}, "spans": spans} for name, spans in by_scope.items()]
    resource = {"attributes": [_attribute("service.name", "agents")]}
    return Emitted(
        request={"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]},
        spans=tags,
        traces=tuple(dict.fromkeys(draft.trace for draft in drafts)),
    )


def _span(draft: Draft) -> dict[str, Any]:
    layer = draft.layer
    found: dict[str, Any] = {
        "traceId": draft.trace,
        "spanId": draft.id,
        "name": layer.name,
        "kind": 1,
        "startTimeUnixNano": str(BEGIN_NANO + 1000 * draft.start),
        "endTimeUnixNano": str(BEGIN_NANO + 1000 * draft.end),
        "attributes": _attributes(layer.attributes),
        "status": {"code": 2, "message": layer.error} if layer.error else {},
    }
    if draft.parent:
        found["parentSpanId"] = draft.parent
    if layer.events:
        found["events"] = [_event(event, draft.end) for event in layer.events]
    if draft.links:
        found["links"] = [{"traceId": trace, "spanId": span} for trace, span in draft.links]
    return found


def _event(event: Event, moment: int) -> dict[str, Any]:
    return {
        "name": event.name,
        "timeUnixNano": str(BEGIN_NANO + 1000 * moment),
        "attributes": _attributes(event.attributes),
    }


def _attributes(given: dict[str, Any]) -> list[dict[str, Any]]:
    return [_attribute(key, value) for key, value in given.items() if value is not None]


def _attribute(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": _value(value)}


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": str(value)}
