"""The values of one attribute or intrinsic over all spans of a subject.

A column is read once per subject; signatures then share it, and its index from value to nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

import msgspec

from causewatch.model.span import Span, SpanEvent, SpanLink
from causewatch.model.value import Value
from causewatch.signatures.subject import Subject
from causewatch.signatures.syntax import Kind, Scope, Status
from causewatch.signatures.tree import tree_of

Cell: TypeAlias = "Value | Status | Kind"
"""What a field can be on a span: an OTLP value, an enum, or ``None`` where it has none."""
Column = Sequence[Cell]
Tag = str
_NOTHING: Mapping[str, Value] = {}


def tag_of(cell: object) -> Tag:
    """Return what a value can be compared with: only values of one tag are comparable.

    Empty for what is comparable with nothing.
    """
    match cell:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case Status():
            return "status"
        case Kind():
            return "kind"
        case _:
            return ""


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """A column turned round.

    Attributes:
        nodes: (tag, value) to the mask of nodes that have it, arrays counting with each element.
        typed: tag to the mask of nodes with one such value; ``array`` for all arrays.
        present: the mask of nodes that have anything.
    """

    nodes: dict[tuple[Tag, object], int]
    typed: dict[Tag, int]
    present: int


def attribute_column(subject: Subject, scope: Scope, name: str) -> Column:
    """Return an attribute of each span; events and links are not spans and have none here."""
    return subject.cache.get(
        ("attribute", scope, name), lambda: _read_attribute(subject, scope, name)
    )


def intrinsic_column(subject: Subject, name: str) -> Column:
    """Return an intrinsic of each span."""
    return subject.cache.get(("intrinsic", name), lambda: _read_intrinsic(subject, name))


def attribute_index(subject: Subject, scope: Scope, name: str) -> Index:
    """Return the index of an attribute."""
    key = attribute_index_key(scope, name)
    return subject.cache.get(key, lambda: _indexed(attribute_column(subject, scope, name)))


def intrinsic_index(subject: Subject, name: str) -> Index:
    """Return the index of an intrinsic."""
    return subject.cache.get(
        ("intrinsic index", name), lambda: _indexed(intrinsic_column(subject, name))
    )


def attribute_index_key(scope: Scope, name: str) -> tuple[str, str, str]:
    """Return the key under which an attribute's index is remembered."""
    return "attribute index", scope, name


def event_attribute(event: SpanEvent, name: str) -> Cell:
    """Return an attribute of an event."""
    return event.attributes.get(name)


def event_intrinsic(event: SpanEvent, span: Span, name: str) -> Cell:
    """Return an intrinsic of an event; ``timeSinceStart`` in nanoseconds."""
    return event.name if name == "event:name" else event.time_ns - span.start_ns


def link_intrinsic(link: SpanLink, name: str) -> Cell:
    """Return an intrinsic of a link."""
    return link.trace_id if name == "link:traceID" else link.span_id


def _read_attribute(subject: Subject, scope: Scope, name: str) -> Column:
    spans = subject.spans
    match scope:
        case "span":
            return _span_attribute(subject, name)
        case "resource":
            return [span.resource.attributes.get(name) for span in spans]
        case "instrumentation":
            return [span.scope.attributes.get(name) for span in spans]
        case "":
            own = _span_attribute(subject, name)
            return [
                span.resource.attributes.get(name) if cell is None else cell
                for cell, span in zip(own, spans, strict=True)
            ]
        case _:
            return [None] * len(spans)


def _span_attribute(subject: Subject, name: str) -> Column:
    own = [span.attributes.get(name) for span in subject.spans]
    if not subject.derived:
        return own
    return [derived.get(name, cell) for derived, cell in zip(subject.derived, own, strict=True)]


_OF_SPAN: dict[str, Callable[[Span], Cell]] = {
    "span:id": lambda span: span.span_id,
    "span:parentID": lambda span: span.parent_id,
    "span:name": lambda span: span.name,
    "span:kind": lambda span: Kind(span.kind),
    "span:status": lambda span: Status(span.status),
    "span:statusMessage": lambda span: span.status_message,
    "span:duration": lambda span: span.end_ns - span.start_ns,
    "span:start": lambda span: span.start_ns,
    "span:end": lambda span: span.end_ns,
    "trace:id": lambda span: span.trace_id,
    "instrumentation:name": lambda span: span.scope.name,
    "instrumentation:version": lambda span: span.scope.version,
}
_NESTED_SET = ("nestedSetLeft", "nestedSetRight", "nestedSetParent")


def _read_intrinsic(subject: Subject, name: str) -> Column:
    read = _OF_SPAN.get(name)
    if read is not None:
        return [read(span) for span in subject.spans]
    if name == "span:childCount":
        # Children of orphans count too, although raw structure leaves orphans out.
        counts = Counter(tree_of(subject).all_parents)
        return [counts[node] for node in range(len(subject.spans))]
    if name in _NESTED_SET:
        position = _NESTED_SET.index(name)
        return [numbers[position] for numbers in tree_of(subject).nested_set()]
    if name.startswith("trace:"):
        by_trace = _of_traces(subject, name)
        return [by_trace.get(span.trace_id) for span in subject.spans]
    return [None] * len(subject.spans)


def _of_traces(subject: Subject, name: str) -> dict[str, Cell]:
    """Return an intrinsic of each trace; nothing is known of a root that has not arrived."""
    found: dict[str, Cell] = {}
    if name == "trace:duration":
        starts: dict[str, int] = {}
        ends: dict[str, int] = {}
        for span in subject.spans:
            trace = span.trace_id
            starts[trace] = min(starts.get(trace, span.start_ns), span.start_ns)
            ends[trace] = max(ends.get(trace, span.end_ns), span.end_ns)
        found.update({trace: ends[trace] - start for trace, start in starts.items()})
        return found
    for span in subject.spans:
        # Of several roots a trace store takes the last one it was given; a run, which is in order
        # of time, takes the first, so that a late second root changes nothing.
        if not span.parent_id and (subject.raw or span.trace_id not in found):
            root = span.name if name == "trace:rootName" else span.resource.service_name
            found[span.trace_id] = root
    return found


def _indexed(column: Column) -> Index:
    nodes: dict[tuple[Tag, object], int] = {}
    typed: dict[Tag, int] = {}
    present = 0
    for i, cell in enumerate(column):
        if cell is None:
            continue
        bit = 1 << i
        present |= bit
        elements = cast("list[Cell]", cell) if isinstance(cell, list) else [cell]
        tag = "array" if isinstance(cell, list) else tag_of(cell)
        if tag:
            typed[tag] = typed.get(tag, 0) | bit
        for element in elements:
            element_tag = tag_of(element)
            if element_tag:
                key = (element_tag, element)
                nodes[key] = nodes.get(key, 0) | bit
    return Index(nodes=nodes, typed=typed, present=present)
