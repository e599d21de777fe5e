"""Seeded OTLP traffic of agent systems: 24 spans a trace, about 1.3 kB a span.

Half of the traces are written in the OpenTelemetry GenAI conventions, half in OpenInference; what
happens in a run is in ``bench.story``. Sends over gRPC or HTTP, or hands the requests to a caller.

Usage: python -m bench.load --grpc 127.0.0.1:4317 --spans 24000
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from typing import Literal

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from bench.send import Sent, send_grpc, send_http
from bench.story import Step, story
from causewatch.app.clock import now_ns

SPANS_PER_TRACE = 24
SPANS_PER_REQUEST = 240
FAULTY_ONE_IN = 50
"""The last of so many runs has a tool result that was cut, so that rules find something."""
Convention = Literal["gen_ai", "openinference"]
Value = str | int
_MS = 1_000_000


def _input(step: Step) -> str:
    if step.answers:
        part = {"type": "tool_call_response", "id": step.answers, "response": step.taken}
        return json.dumps([{"role": "tool", "parts": [part]}])
    return json.dumps([{"role": "user", "parts": [{"type": "text", "content": step.taken}]}])


def _output(step: Step) -> str:
    part = {"type": "text", "content": step.given}
    if step.tool:
        part = {"type": "tool_call", "id": step.call, "name": step.tool, "arguments": step.given}
    return json.dumps([{"role": "assistant", "parts": [part]}])


def gen_ai(step: Step, tokens: int, conversation: str) -> dict[str, Value]:
    """Return a step's attributes in the OpenTelemetry GenAI conventions."""
    operation = {
        "workflow": "invoke_workflow",
        "agent": "invoke_agent",
        "model": "chat",
        "tool": "execute_tool",
        "retrieval": "retrieval",
        "guardrail": "guardrail",
    }[step.kind]
    found: dict[str, Value] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "example",
        "gen_ai.agent.name": step.agent,
        "gen_ai.conversation.id": conversation,
    }
    if step.kind == "tool":
        found |= {
            "gen_ai.tool.name": step.name,
            "gen_ai.tool.call.id": step.call,
            "gen_ai.tool.call.arguments": step.taken,
            "gen_ai.tool.call.result": step.given,
        }
        return found
    if step.kind == "retrieval":
        found |= {
            "gen_ai.data_source.id": step.name,
            "gen_ai.retrieval.query.text": step.taken,
            "gen_ai.retrieval.documents": step.given,
        }
        return found
    found |= {
        "gen_ai.input.messages": _input(step),
        "gen_ai.output.messages": _output(step),
    }
    if step.kind == "model":
        found |= {
            "gen_ai.request.model": "example-large",
            "gen_ai.usage.input_tokens": tokens,
            "gen_ai.usage.output_tokens": tokens // 4,
        }
    return found


def openinference(step: Step, tokens: int, conversation: str) -> dict[str, Value]:
    """Return a step's attributes in the OpenInference conventions."""
    kind = {
        "workflow": "CHAIN",
        "agent": "AGENT",
        "model": "LLM",
        "tool": "TOOL",
        "retrieval": "RETRIEVER",
        "guardrail": "GUARDRAIL",
    }[step.kind]
    found: dict[str, Value] = {"openinference.span.kind": kind, "session.id": conversation}
    if step.kind == "model":
        took, gave = (f"llm.{side}_messages.0.message." for side in ("input", "output"))
        found |= {
            "llm.model_name": "example-large",
            "llm.token_count.prompt": tokens,
            "llm.token_count.completion": tokens // 4,
            f"{took}role": "tool" if step.answers else "user",
            f"{took}content": step.taken,
            f"{gave}role": "assistant",
        }
        if step.answers:
            found[f"{took}tool_call_id"] = step.answers
        if not step.tool:
            return found | {f"{gave}content": step.given}
        asked = f"{gave}tool_calls.0.tool_call."
        found |= {
            f"{asked}id": step.call,
            f"{asked}function.name": step.tool,
            f"{asked}function.arguments": step.given,
        }
        return found
    found |= {"input.value": step.taken, "output.value": step.given}
    if step.kind == "agent":
        found["agent.name"] = step.agent
    if step.kind == "tool":
        found |= {"tool.name": step.name, "tool.id": step.call}
    return found


def _value(value: Value) -> AnyValue:
    match value:
        case str():
            return AnyValue(string_value=value)
        case int():
            return AnyValue(int_value=value)


def _attributes(pairs: dict[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in pairs.items()]


def trace(
    dice: random.Random, *, convention: Convention, faulty: bool, start_ns: int
) -> list[Span]:
    """Return the spans of one run in the order in which they end, as an SDK exports them."""
    steps = story(dice, faulty=faulty)
    write = gen_ai if convention == "gen_ai" else openinference
    trace_id = dice.randbytes(16)
    ids = [dice.randbytes(8) for _ in steps]
    last = list(range(len(steps)))
    for index in reversed(range(len(steps))):
        parent = steps[index].parent
        if parent is not None:
            last[parent] = max(last[parent], last[index])
    spans = [
        Span(
            trace_id=trace_id,
            span_id=ids[index],
            parent_span_id=b"" if step.parent is None else ids[step.parent],
            name=step.name if step.kind != "model" else "chat example-large",
            kind=Span.SPAN_KIND_INTERNAL,
            start_time_unix_nano=start_ns + index * 40 * _MS,
            # A parent ends a little after its last descendant, each level after the one below it.
            end_time_unix_nano=start_ns + (last[index] + 1) * 40 * _MS - (5 + index) * _MS // 2,
            attributes=_attributes(write(step, dice.randint(200, 4000), trace_id.hex())),
        )
        for index, step in enumerate(steps)
    ]
    return sorted(spans, key=lambda span: span.end_time_unix_nano)


def request(spans: Sequence[Span], convention: Convention) -> ExportTraceServiceRequest:
    """Wrap spans of one convention as one export request of one service."""
    prefix = "opentelemetry" if convention == "gen_ai" else "openinference"
    resource = Resource(
        attributes=_attributes(
            {
                "service.name": "harbour-desk",
                "telemetry.sdk.language": "python",
                "host.name": "load",
            }
        )
    )
    scoped = ScopeSpans(
        scope=InstrumentationScope(name=f"{prefix}.instrumentation.example"), spans=spans
    )
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[scoped])]
    )


def bodies(
    *, spans: int, seed: int, start_ns: int, spans_per_request: int = SPANS_PER_REQUEST
) -> Iterator[bytes]:
    """Yield serialised requests that together hold ``spans`` spans, rounded up to whole traces.

    ``spans_per_request`` is rounded down to whole traces, at least one. The same arguments give the
    same bytes. Runs start 10 ms apart, the last of them at ``start_ns``.
    """
    dice = random.Random(seed)
    traces = -(-spans // SPANS_PER_TRACE)
    per_request = max(1, spans_per_request // SPANS_PER_TRACE)
    for number, first in enumerate(range(0, traces, per_request)):
        convention: Convention = "openinference" if number % 2 else "gen_ai"
        found: list[Span] = []
        for index in range(first, min(first + per_request, traces)):
            found += trace(
                dice,
                convention=convention,
                faulty=index % FAULTY_ONE_IN == FAULTY_ONE_IN - 1,
                start_ns=start_ns - (traces - 1 - index) * 10 * _MS,
            )
        yield request(found, convention).SerializeToString()


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__.split("\n")[0])
    where = found.add_mutually_exclusive_group(required=True)
    where.add_argument("--grpc", metavar="HOST:PORT")
    where.add_argument("--http", metavar="URL", help="without /v1/traces")
    found.add_argument("--spans", type=int, default=24_000)
    found.add_argument("--spans-per-request", type=int, default=SPANS_PER_REQUEST)
    found.add_argument("--in-flight", type=int, default=8)
    found.add_argument("--seed", type=int, default=1)
    found.add_argument("--timeout", type=float, default=120, help="seconds for all of it")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Send the load, print what happened as one JSON line; 1 if not everything was accepted."""
    given = parser().parse_args(argv)
    load = list(
        bodies(
            spans=given.spans,
            seed=given.seed,
            start_ns=now_ns(),
            spans_per_request=given.spans_per_request,
        )
    )
    sent: Sent
    if given.grpc:
        sent = send_grpc(given.grpc, load, in_flight=given.in_flight, timeout_s=given.timeout)
    else:
        sent = send_http(given.http, load, in_flight=given.in_flight, timeout_s=given.timeout)
    told = {name: getattr(sent, name) for name in ("accepted", "retries", "seconds")}
    print(json.dumps({**told, "bytes": sum(map(len, load))}))
    return 0 if sent.accepted == len(load) else 1


if __name__ == "__main__":
    sys.exit(main())
