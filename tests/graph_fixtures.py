"""Spans by hand and from recorded captures, and a run of several agents, for tests of the graph."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from causewatch.graph.build import build
from causewatch.model.graph import CausalGraph, Edge, EdgeType, Handoff
from causewatch.model.span import Resource, Scope, Span, SpanEvent, SpanLink
from causewatch.model.step import Step
from causewatch.model.value import Value
from causewatch.otlp.decode import decode_traces
from causewatch.otlp.json import json_to_protobuf

CAPTURES = Path(__file__).parent / "captures"
TRACE = "a" * 32
BASE_NS = 1_700_000_000_000_000_000
MS = 1_000_000
SECOND_NS = 1_000_000_000
OPERATION = "gen_ai.operation.name"


def capture(name: str) -> list[Span]:
    """Return the spans of a recorded capture, in the order in which they were exported."""
    spans: list[Span] = []
    with gzip.open(CAPTURES / f"{name}.jsonl.gz") as stream:
        for line in stream:
            spans.extend(decode_traces(json_to_protobuf("traces", line)).spans)
    return spans


def span_id(number: int) -> str:
    """Return the span id that stands for a small number."""
    return f"{number:016x}"


def span(
    number: int,
    parent: int | None = None,
    *,
    name: str = "",
    start_ms: float | None = None,
    length_ms: float = 5,
    trace: str = TRACE,
    scope: str = "",
    links: Iterable[tuple[str, int]] = (),
    events: Sequence[SpanEvent] = (),
    dropped: int = 0,
    **attributes: Value,
) -> Span:
    """Return a span whose keyword arguments are attributes, ``__`` standing for a dot.

    Spans start 10 ms apart, in the order of their numbers, unless told otherwise.
    """
    start_ns = BASE_NS + int((number * 10 if start_ms is None else start_ms) * MS)
    return Span(
        trace_id=trace,
        span_id=span_id(number),
        parent_id="" if parent is None else span_id(parent),
        name=name or f"span {number}",
        start_ns=start_ns,
        end_ns=start_ns + int(length_ms * MS),
        attributes={key.replace("__", "."): value for key, value in attributes.items()},
        events=tuple(events),
        links=tuple(SpanLink(trace_id=t, span_id=span_id(n)) for t, n in links),
        resource=Resource(attributes={"service.name": "desk"}),
        scope=Scope(name=scope),
        dropped_attributes_count=dropped,
    )


def with_attributes(base: Span, attributes: Mapping[str, Value]) -> Span:
    """Return ``base`` with these attributes added."""
    return msgspec.structs.replace(base, attributes={**base.attributes, **attributes})


def agent(number: int, parent: int | None, who: str, **more: Any) -> Span:
    """Return the span of an agent's activation."""
    return span(
        number,
        parent,
        name=f"invoke_agent {who}",
        **{"gen_ai__operation__name": "invoke_agent", "gen_ai__agent__name": who, **more},
    )


def model(
    number: int,
    parent: int | None,
    *,
    asks: Sequence[Mapping[str, Value]] = (),
    says: Sequence[Mapping[str, Value]] = (),
    **more: Any,
) -> Span:
    """Return a model call with these input messages and these parts of its answer."""
    return span(
        number,
        parent,
        name="chat m",
        **{
            "gen_ai__operation__name": "chat",
            "gen_ai__input__messages": json.dumps(list(asks)),
            "gen_ai__output__messages": json.dumps(
                [{"role": "assistant", "parts": list(says), "finish_reason": "stop"}]
            ),
            **more,
        },
    )


def tool(
    number: int,
    parent: int | None,
    what: str,
    *,
    arguments: Any = None,
    result: Any = None,
    call_id: str = "",
    **more: Any,
) -> Span:
    """Return the span of a tool call; arguments and result are written as JSON."""
    written: dict[str, Any] = {}
    if call_id:
        written["gen_ai__tool__call__id"] = call_id
    if arguments is not None:
        written["gen_ai__tool__call__arguments"] = json.dumps(arguments)
    if result is not None:
        written["gen_ai__tool__call__result"] = (
            result if isinstance(result, str) else json.dumps(result)
        )
    return span(
        number,
        parent,
        name=f"execute_tool {what}",
        **{
            "gen_ai__operation__name": "execute_tool",
            "gen_ai__tool__name": what,
            **written,
            **more,
        },
    )


def user(text: str) -> dict[str, Value]:
    """Return a message of the user."""
    return {"role": "user", "parts": [{"type": "text", "content": text}]}


def said(text: str) -> dict[str, Value]:
    """Return a text part of a model's answer."""
    return {"type": "text", "content": text}


def call(name: str, arguments: Any = None, call_id: str = "") -> dict[str, Value]:
    """Return a tool call part of a model's answer."""
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def asked(part: dict[str, Value]) -> dict[str, Value]:
    """Return a part of an earlier answer as the history shows it."""
    return {"role": "assistant", "parts": [part]}


def answer(call_id: str, result: Any, name: str = "") -> dict[str, Value]:
    """Return a tool's answer as the history shows it."""
    part = {"type": "tool_call_response", "id": call_id, "name": name, "response": result}
    return {"role": "tool", "parts": [part]}


def graph_of(*spans: Span) -> CausalGraph:
    """Return the graph of these spans."""
    return build(run_id="run", spans=spans)


def step_of(graph: CausalGraph, number: int) -> Step:
    """Return the step of the span with this number."""
    index = graph.index_of(span_id(number))
    assert index is not None
    return graph.steps[index]


def edges(graph: CausalGraph, kind: EdgeType) -> set[tuple[int, int]]:
    """Return the edges of one type, by the numbers of their spans."""
    return {(number(graph, e.source), number(graph, e.target)) for e in of_type(graph, kind)}


def evidence(graph: CausalGraph, source: int, target: int, kind: EdgeType = "data") -> str | None:
    """Return the evidence of the edge between two spans, by their numbers, if there is one."""
    for edge in of_type(graph, kind):
        if (number(graph, edge.source), number(graph, edge.target)) == (source, target):
            return edge.evidence
    return None


def of_type(graph: CausalGraph, kind: EdgeType) -> list[Edge]:
    """Return the edges of one type."""
    return [edge for edge in graph.edges if edge.type == kind]


def number(graph: CausalGraph, index: int) -> int:
    """Return the number of the span of a step."""
    return int(graph.steps[index].span.span_id, 16)


def route(graph: CausalGraph) -> list[tuple[str, str, str]]:
    """Return the handoffs as (from, to, rule)."""
    return [(h.from_agent, h.to_agent, h.rule) for h in graph.handoffs]


def only(graph: CausalGraph) -> Handoff:
    """Return the one handoff of a graph."""
    (handoff,) = graph.handoffs
    return handoff


def facts(graph: CausalGraph) -> dict[str, Any]:
    """Return all that a graph says, in a form that compares: without the spans themselves."""
    return {
        "steps": [
            (s.span.trace_id, s.span.span_id, s.kind, s.agent, s.tool, s.call_id)
            for s in graph.steps
        ],
        "owner": graph.owner,
        "parent": graph.parent,
        "edges": sorted((e.type, e.source, e.target, e.evidence, e.share) for e in graph.edges),
        "handoffs": graph.handoffs,
        "workflow": graph.workflow,
        "session": graph.session,
        "traces": graph.trace_ids,
    }
