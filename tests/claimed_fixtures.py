"""Spans as instrumented agents write them: both sides of a handoff, with content or without.

This is the wire format by itself, written apart from the code that reads it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import rfc8785

from causewatch.graph.claims import MARK
from causewatch.model.span import Span
from graph_fixtures import TRACE, agent, span, tool

OTHER_TRACE = "b" * 32
ORDER: dict[str, Any] = {
    "order": "FO-7712",
    "stops": ["Hals", "Brevik", "Skien"],
    "note": "Keep the crates upright, and call the depot an hour before you arrive, please: the"
    " gate is locked.",
    "weight": 12.5,
}
_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}


def digest(value: Any, key: bytes = b"") -> str:
    """Return the hex digest of the RFC 8785 bytes of a value, with a key where there is one."""
    canonical = rfc8785.dumps(value)
    if key:
        return hmac.new(key, canonical, hashlib.sha256).hexdigest()
    return hashlib.sha256(canonical).hexdigest()


def places(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each place inside of a value with its JSON pointer; of a list the first 64 items."""
    yield pointer, value
    inner: Any = value.items() if isinstance(value, dict) else ()
    for name, item in enumerate(value[:64]) if isinstance(value, list) else inner:
        escaped = str(name).replace("~", "~0").replace("/", "~1")
        yield from places(item, f"{pointer}/{escaped}")


def shape(value: Any, key: bytes = b"") -> dict[str, list[Any]]:
    """Return the shape of a value: type, size, digest and prefixes of each place."""
    found: dict[str, list[Any]] = {}
    for pointer, item in places(value):
        kind = "null" if item is None else _TYPES.get(type(item), "object")
        size = len(item) if isinstance(item, str | list | dict) else 0
        lengths = [32 * 2**i for i in range(8) if 32 * 2**i < size] if kind == "string" else []
        prefixes = [digest(item[:n], key)[:8] for n in lengths]
        found[pointer] = [kind, size, digest(item, key)[:16], prefixes]
    return found


def side(name: str, value: Any, *, content: bool = False, key: bytes = b"") -> dict[str, Any]:
    """Return the attributes of one side, as keyword arguments of ``span``."""
    found: dict[str, Any] = {
        "sha256": digest(value, key),
        "bytes": len(rfc8785.dumps(value)),
        "fields": json.dumps(shape(value, key)),
    }
    dropped = sum(max(len(each) - 64, 0) for _, each in places(value) if isinstance(each, list))
    if dropped:
        found["fields__dropped"] = dropped
    found = {f"causewatch__handoff__{name}__{part}": each for part, each in found.items()}
    if content:
        found[f"causewatch__handoff__{name}"] = json.dumps(value)
    return found


def handoff_span(number: int, parent: int | None, name: str = "handoff", **more: Any) -> Span:
    """Return a span of the instrumentation, from the office to the depot."""
    return span(
        number,
        parent,
        name=f"{name} depot",
        **{
            MARK.replace(".", "__"): "0.1.0",
            "causewatch__handoff__id": "h-1",
            "causewatch__handoff__from": "office",
            "causewatch__handoff__to": "depot",
            "causewatch__handoff__mode": "pass_control",
            "gen_ai__agent__name": "depot" if name == "receive" else "office",
            **more,
        },
    )


def two_services(sent: Any, received: Any, *, content: bool = False, **more: Any) -> list[Span]:
    """Return a run over two traces, whose receiver books a truck with what it got."""
    return [
        agent(1, None, "office"),
        handoff_span(2, 1, **{**side("sent", sent, content=content), **more}),
        agent(3, None, "depot", trace=OTHER_TRACE),
        handoff_span(
            4,
            3,
            "receive",
            trace=OTHER_TRACE,
            links=[(TRACE, 2)],
            **side("received", received, content=content),
            **more,
        ),
        tool(5, 3, "book_truck", arguments={"n": 1}, result={"ok": True}, trace=OTHER_TRACE),
    ]


def one_process(sent: Any, received: Any, *, content: bool = False, **more: Any) -> list[Span]:
    """Return a run in one trace: the call of the receiver is around its work."""
    sides = {**side("sent", sent, content=content), **side("received", received, content=content)}
    return [
        agent(1, None, "office", length_ms=100),
        handoff_span(2, 1, length_ms=80, **{**sides, **more}),
        agent(3, 2, "depot", length_ms=50),
        tool(4, 3, "book_truck", arguments={"n": 1}, result={"ok": True}),
    ]
