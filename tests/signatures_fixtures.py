"""Small runs written as text, for the tests of signatures.

One line a span; the indentation gives the parent::

    root 0-100 name=workflow
      t 0-10 name=tool n=1 arr=["x","y"] ok
        e 2-4 ^x=1 <-data-t

``0-10`` are milliseconds, ``n=1`` an attribute (a JSON value, or a bare word), ``name=``,
``status=``, ``kind=``, ``message=`` and ``trace=`` belong to the span itself, ``^x=1`` is a
resource attribute, ``@x=1`` an instrumentation attribute, ``+causewatch.x=1`` a derived one,
``<-data-t`` an edge of type ``data`` from span ``t``, ``parent=x`` a parent that may not be there,
``event=a,k=1`` an event ``a`` with an attribute, ``link=t,k=1`` an OTLP link (no edge).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import cast

from causewatch.model.graph import EdgeType
from causewatch.model.span import Resource, Scope, Span, SpanEvent, SpanKind, SpanLink, StatusCode
from causewatch.model.value import Value
from causewatch.signatures.signature import compile_query
from causewatch.signatures.subject import Subject

BASE_NS = 1_700_000_000_000_000_000
MS = 1_000_000
_TIMES = re.compile(r"(\d+)-(\d+)")
_EDGE = re.compile(r"<-(\w+)-(\w+)")


def _value(text: str) -> Value:
    try:
        return cast("Value", json.loads(text))
    except ValueError:
        return text


class _Line:
    """One span as it is being read."""

    def __init__(self, line: str, parents: list[tuple[int, str]]) -> None:
        words = line.split()
        indent = len(line) - len(line.lstrip())
        while parents and parents[-1][0] >= indent:
            parents.pop()
        self.own: dict[str, str] = {"parent": parents[-1][1] if parents else ""}
        self.id = words[0]
        parents.append((indent, self.id))
        self.times = (0, 0)
        self.attributes: dict[str, Value] = {}
        self.resource: dict[str, Value] = {}
        self.scope: dict[str, Value] = {}
        self.derived: dict[str, Value] = {}
        self.edges: list[tuple[str, str]] = []
        self.events: list[SpanEvent] = []
        self.links: list[SpanLink] = []
        for word in words[1:]:
            self._word(word)

    def _word(self, word: str) -> None:
        times, edge = _TIMES.fullmatch(word), _EDGE.fullmatch(word)
        key, _, text = word.partition("=")
        if times:
            self.times = (int(times[1]), int(times[2]))
        elif edge:
            self.edges.append((edge[1], edge[2]))
        elif key in {"name", "status", "kind", "message", "trace", "parent"}:
            self.own[key] = text
        elif key in {"event", "link"}:
            self._list(key, *text.split(","))
        elif key[0] in "^@+":
            target = {"^": self.resource, "@": self.scope, "+": self.derived}[key[0]]
            target[key[1:]] = _value(text)
        else:
            self.attributes[key] = _value(text)

    def _list(self, key: str, name: str, *pairs: str) -> None:
        attributes = {k: _value(v) for k, _, v in (pair.partition("=") for pair in pairs)}
        if key == "event":
            time_ns = BASE_NS + (self.times[0] + len(self.events)) * MS
            self.events.append(SpanEvent(name=name, time_ns=time_ns, attributes=attributes))
        else:
            self.links.append(SpanLink(trace_id="t", span_id=name, attributes=attributes))

    def span(self) -> Span:
        own = self.own
        return Span(
            trace_id=own.get("trace", "t"),
            span_id=self.id,
            parent_id=own["parent"],
            name=own.get("name", self.id),
            status=cast("StatusCode", own.get("status", "unset")),
            status_message=own.get("message", ""),
            kind=cast("SpanKind", own.get("kind", "internal")),
            start_ns=BASE_NS + self.times[0] * MS,
            end_ns=BASE_NS + self.times[1] * MS,
            attributes=self.attributes,
            resource=Resource(attributes=self.resource),
            scope=Scope(name=str(self.scope.pop("name", "lib")), attributes=self.scope),
            events=tuple(self.events),
            links=tuple(self.links),
        )


def subject(text: str, *, raw: bool = False) -> Subject:
    """Return the subject that a text describes."""
    parents: list[tuple[int, str]] = []
    lines = [_Line(line, parents) for line in text.splitlines() if line.strip()]
    index = {line.id: i for i, line in reversed(list(enumerate(lines)))}
    edges: dict[EdgeType, list[tuple[int, int]]] = {}
    for i, line in enumerate(lines):
        for type_, source in line.edges:
            edges.setdefault(cast("EdgeType", type_), []).append((index[source], i))
    return Subject(
        spans=tuple(line.span() for line in lines),
        derived=tuple(line.derived for line in lines),
        edges=edges,
        raw=raw,
    )


def shown(where: Subject, spansets: Sequence[Sequence[int]]) -> str:
    """Return span sets as text: ids in order, sets apart by a bar, sorted."""
    sets = sorted(" ".join(where.spans[i].span_id for i in nodes) for nodes in spansets)
    return " | ".join(sets)


def found(query: str, where: Subject) -> str:
    """Return what a signature finds, as ``shown`` writes it; empty when nothing."""
    return shown(where, compile_query(query).evaluate(where).spansets)


def bound(query: str, where: Subject) -> list[str]:
    """Return the bindings, each as ``a=t b=m``, sorted."""
    result = compile_query(query).evaluate(where)
    return sorted(
        " ".join(f"{name}={where.spans[i].span_id}" for name, i in binding.items())
        for binding in result.bindings
    )
