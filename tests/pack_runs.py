"""Writes the recorded runs beside the shipped rules: ``python -m pack_runs`` from the checkout.

Some are recordings of real agents as they are, some are recordings in which one span was changed
to what its framework records when a guard of its own stops the run, some are made up in the
language of scenarios.
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from causewatch.otlp.encode import encode_traces
from scenario_language import read_cases
from scenario_spans import spans_of

ROOT = Path(__file__).resolve().parent.parent
CAPTURES = ROOT / "tests" / "captures"
FIXTURES = ROOT / "rules" / "fixtures"
STARTER = ROOT / "daemon" / "causewatch" / "app" / "starter" / "rules" / "fixtures"
SCENARIOS = ROOT / "tests" / "scenarios" / "packs"
ERROR = 2
RECORDED = (
    "langgraph__openinference__ok",
    "openai-agents__openinference__ok",
    "openai-agents__openinference__loop",
    "openai-agents__openinference__poisoned_tool",
    "openai-agents__openinference__truncated_handoff",
    "openai-agents__openinference__tool_error_swallowed",
    "crewai__openinference__ok",
    "crewai__openinference__loop",
    "google-adk__native-semconv__ok",
    "autogen__native__ok",
    "pydantic-ai__native__ok",
    "pydantic-ai__native__truncated_handoff",
)
Span = dict[str, Any]


def fail(span: Span, message: str) -> None:
    """Let a span end as failed."""
    span["status"] = {"code": ERROR, "message": message}


def throw(span: Span, kind: str, message: str) -> None:
    """Let a span end with an exception, as the OpenTelemetry SDK records it."""
    fail(span, f"{kind.rpartition('.')[2]}: {message}")
    attributes = [
        {"key": "exception.type", "value": {"stringValue": kind}},
        {"key": "exception.message", "value": {"stringValue": message}},
    ]
    event = {"timeUnixNano": span["endTimeUnixNano"], "name": "exception", "attributes": attributes}
    span.setdefault("events", []).append(event)


CHANGED: dict[str, tuple[str, str, Callable[[Span], None]]] = {
    "openai-agents__turn_limit": (
        "openai-agents__openinference__ok",
        "billing_agent",
        lambda span: fail(span, "Max turns exceeded: {'max_turns': 10}"),
    ),
    "openai-agents__several_handoffs": (
        "openai-agents__openinference__ok",
        "handoff to research_agent",
        lambda span: fail(span, "Multiple handoffs requested: {'requested_agents': ['a', 'b']}"),
    ),
    "langgraph__recursion_limit": (
        "langgraph__openinference__ok",
        "refund_desk",
        lambda span: throw(
            span,
            "langgraph.errors.GraphRecursionError",
            "Recursion limit of 25 reached without hitting a stop condition.",
        ),
    ),
    "langgraph__state_conflict": (
        "langgraph__openinference__ok",
        "refund_desk",
        lambda span: throw(
            span,
            "langgraph.errors.InvalidUpdateError",
            "At key 'plan': Can receive only one value per step.",
        ),
    ),
    "google-adk__call_limit": (
        "google-adk__native-semconv__ok",
        "invoke_agent billing_agent",
        lambda span: throw(
            span,
            "google.adk.agents.invocation_context.LlmCallsLimitExceededError",
            "Max number of llm calls limit of `500` exceeded",
        ),
    ),
    "google-adk__unknown_agent": (
        "google-adk__native-semconv__ok",
        "invoke_agent research_agent",
        lambda span: throw(span, "ValueError", "Agent bookkeeper not found in the agent tree."),
    ),
    "autogen__handler_failed": (
        "autogen__native__ok",
        "autogen process billing_agent_",
        lambda span: throw(span, "KeyError", "'order'"),
    ),
    "pydantic-ai__usage_limit": (
        "pydantic-ai__native__ok",
        "invoke_agent billing_agent",
        lambda span: throw(
            span,
            "pydantic_ai.exceptions.UsageLimitExceeded",
            "The next request would exceed the request_limit of 50.",
        ),
    ),
    "pydantic-ai__retries_used_up": (
        "pydantic-ai__native__ok",
        "invoke_agent billing_agent",
        lambda span: throw(
            span,
            "pydantic_ai.exceptions.UnexpectedModelBehavior",
            "Exceeded maximum output retries (1)",
        ),
    ),
}
"""By name: the recording, the beginning of the name of a span in it, and what becomes of it."""


def fixtures() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of every file."""
    for name in RECORDED:
        yield f"{name}.jsonl.gz", _capture(name)
    for name, (recording, start, change) in CHANGED.items():
        yield f"{name}.jsonl.gz", _changed(_capture(recording), start, change)
    yield from _made("made.test")


def starter_fixtures() -> Iterator[tuple[str, bytes]]:
    """Yield the same of the repository that ``causewatch init`` writes."""
    yield from _made("starter.test")


def _made(scenarios: str) -> Iterator[tuple[str, bytes]]:
    *_, last = read_cases((SCENARIOS / scenarios).read_text(encoding="utf-8"), scenarios)
    for name, trace in last.traces.items():
        yield f"{name}.jsonl", _line(encode_traces(spans_of(trace, "genai").spans))


def _capture(name: str) -> bytes:
    path = CAPTURES / f"{name}.jsonl.gz"
    return path.read_bytes() if path.exists() else (FIXTURES / path.name).read_bytes()


def _changed(packed: bytes, start: str, change: Callable[[Span], None]) -> bytes:
    """Change the last span whose name begins so."""
    requests = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    spans = [
        span
        for request in requests
        for resource in request["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
        if span["name"].startswith(start)
    ]
    change(spans[-1])
    text = "".join(json.dumps(request, separators=(",", ":")) + "\n" for request in requests)
    return gzip.compress(text.encode(), mtime=0)


def _line(body: bytes) -> bytes:
    """Return a request as a line of OTLP/JSON, which writes ids in hex."""
    message = ExportTraceServiceRequest.FromString(body)
    value = MessageToDict(message, use_integers_for_enums=True)
    return (
        json.dumps(_with_hex_ids(value), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    )


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    ids = {"traceId", "spanId", "parentSpanId"}
    return {
        key: base64.b64decode(item).hex() if key in ids else _with_hex_ids(item)
        for key, item in value.items()
    }


def main() -> None:
    """Write every file."""
    for folder, files in ((FIXTURES, fixtures()), (STARTER, starter_fixtures())):
        for name, content in files:
            (folder / name).write_bytes(content)
            sys.stderr.write(f"wrote {name}, {len(content)} bytes\n")


if __name__ == "__main__":
    main()
