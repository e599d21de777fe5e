"""An agent system with the real OpenTelemetry SDK: three agents settle a claim about a lost parcel.

Intake reads the claim and hands a brief over to the adjuster, who looks the tariff up and hands
over to the letter writer. ``--story`` says how the first handoff goes:

* ``healthy``: the adjuster gets the brief as it was sent.
* ``cut``: the adjuster gets the first half of the brief, and settles for the wrong amount.
* ``incomplete``: the brief lacks the declared value from the start; it arrives as it was sent.

Prints one line of JSON for each run, naming the spans that a test wants to find again. Without
``--endpoint`` the standard variables ``OTEL_EXPORTER_OTLP_*`` say where to.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as over_grpc
from opentelemetry.exporter.otlp.proto.http import trace_exporter as over_http
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, Tracer
from opentelemetry.util.types import AnyValue

Story = Literal["healthy", "cut", "incomplete"]
HARD: dict[str, AnyValue] = {
    "hard.beyond_2_53": 2**53 + 1,
    "hard.negative": -(2**63),
    "hard.fraction": 0.1,
    "hard.ints": [2**63 - 1, 0, -1],
    "hard.texts": ["", "naïve", "漢字"],
    "hard.flags": [True, False],
    "hard.text": 'Übergabe, 漢字 \0 📦 "quoted"\n',
    "hard.bytes": b"\0\xff\x80cw",
    "hard.nested": [[2**53 + 1, 2], ["deep", {"leaf": True, "raw": b"\xff"}]],
}
"""What is hard to carry."""


def text(role: str, content: str) -> str:
    """Return messages with one text part, as the GenAI conventions write them."""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": content}]}])


def asks(call: str, tool: str, arguments: Mapping[str, object]) -> str:
    """Return messages in which a model asks for a tool."""
    part = {"type": "tool_call", "id": call, "name": tool, "arguments": arguments}
    return json.dumps([{"role": "assistant", "parts": [part]}])


def brief_of(number: int, story: Story) -> dict[str, object]:
    """Return what intake hands over about one claim."""
    brief: dict[str, object] = {
        "claim": f"PX-{4400 + number}",
        "parcel": f"RR{583_000_000 + number}NL",
        "route": "Utrecht to Tampere, depot Luebeck, last scan on the ferry at Travemuende",
        "complaint": "The parcel never reached the recipient; the sender asks for its full value.",
        "declared_value_cents": 18_450,
        "insured": True,
        "instruction": "Pay no more than the declared value, and only to the sender's account.",
    }
    if story == "incomplete":
        del brief["declared_value_cents"]
    return brief


class Desk:
    """The three agents; each method is one span or one agent's turn."""

    def __init__(self, tracer: Tracer, story: Story) -> None:
        self.tracer = tracer
        self.story = story
        self.spans: list[str] = []

    @contextmanager
    def span(self, operation: str, name: str, agent: str, **attributes: str) -> Iterator[Span]:
        """Open a span of the GenAI conventions."""
        with self.tracer.start_as_current_span(f"{operation} {name}") as span:
            self.spans.append(f"{span.get_span_context().span_id:016x}")
            span.set_attribute("gen_ai.operation.name", operation)
            span.set_attribute("gen_ai.agent.name", agent)
            for key, value in attributes.items():
                span.set_attribute("gen_ai." + key.replace("_", "."), value)
            yield span

    def chat(self, agent: str, taken: str, given: str) -> None:
        """One model call."""
        with self.span("chat", "example-large", agent) as span:
            span.set_attribute("gen_ai.request.model", "example-large")
            span.set_attribute("gen_ai.input.messages", taken)
            span.set_attribute("gen_ai.output.messages", given)

    def tool(self, agent: str, tool: str, call: str, arguments: object, result: str) -> str:
        """One tool call; returns its span id."""
        with self.span("execute_tool", tool, agent) as span:
            span.set_attribute("gen_ai.tool.name", tool)
            span.set_attribute("gen_ai.tool.call.id", call)
            span.set_attribute("gen_ai.tool.call.arguments", json.dumps(arguments))
            span.set_attribute("gen_ai.tool.call.result", result)
            return f"{span.get_span_context().span_id:016x}"

    def run(self, number: int) -> dict[str, object]:
        """One claim from its arrival to the letter."""
        self.spans = []
        claim = f"Claim PX-{4400 + number}: my parcel is lost. I declared 184.50 EUR. Please pay."
        with self.span("invoke_workflow", "parcel_claims", "") as root:
            root.set_attribute("gen_ai.workflow.name", "parcel_claims")
            for key, value in HARD.items():
                root.set_attribute(key, value)
            brief = brief_of(number, self.story)
            with self.span("invoke_agent", "intake", "intake") as span:
                span.set_attribute("gen_ai.input.messages", text("user", claim))
                call = f"call_{number:04d}_adjuster"
                self.chat("intake", text("user", claim), asks(call, "transfer_to_adjuster", brief))
                handoff = self.tool(
                    "intake", "transfer_to_adjuster", call, brief, "Transferred to adjuster"
                )
            sent = json.dumps(brief)
            adjuster, decision = self.adjuster(
                number, sent[: len(sent) // 2] if self.story == "cut" else sent
            )
            letter = self.letter(decision)
            root.set_attribute("gen_ai.output.messages", text("assistant", letter))
            trace_id = f"{root.get_span_context().trace_id:032x}"
        return {
            "trace_id": trace_id,
            "handoff": handoff,
            "adjuster": adjuster,
            "spans": self.spans,
        }

    def adjuster(self, number: int, received: str) -> tuple[str, str]:
        """Decide the claim from what was received; returns the agent's span id and the decision."""
        with self.span("invoke_agent", "adjuster", "adjuster") as span:
            span.set_attribute("gen_ai.input.messages", text("user", received))
            call = f"call_{number:04d}_tariff"
            arguments = {"parcel": f"RR{583_000_000 + number}NL"}
            self.chat("adjuster", text("user", received), asks(call, "tariff_lookup", arguments))
            tariff = json.dumps({"flat_rate_cents": 2_500, "valid_until": "2031-12-31"})
            self.tool("adjuster", "tariff_lookup", call, arguments, tariff)
            amount = "184.50" if "declared_value_cents" in received else "25.00"
            decision = json.dumps(
                {
                    "decision": f"Settle the claim with {amount} EUR to the sender's account.",
                    "grounds": "The tariff has a flat rate of 25.00 EUR for parcels without value.",
                }
            )
            self.chat("adjuster", text("tool", tariff), text("assistant", decision))
            span.set_attribute("gen_ai.output.messages", text("assistant", decision))
            return f"{span.get_span_context().span_id:016x}", decision

    def letter(self, decision: str) -> str:
        """Write to the sender what was decided."""
        with self.span("invoke_agent", "letter_writer", "letter_writer") as span:
            span.set_attribute("gen_ai.input.messages", text("user", decision))
            found = f"Dear sender, we have decided. {json.loads(decision)['decision']}"
            self.chat("letter_writer", text("user", decision), text("assistant", found))
            span.set_attribute("gen_ai.output.messages", text("assistant", found))
            return found


def exporter(endpoint: str) -> SpanExporter:
    """Return the exporter to OTLP/gRPC there, or to where the environment says."""
    if endpoint:
        return over_grpc.OTLPSpanExporter(endpoint=endpoint, insecure=True)
    if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc":
        return over_grpc.OTLPSpanExporter()
    return over_http.OTLPSpanExporter()


def main() -> None:
    """Run the desk, flush, and say what happened."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", default="", help="host:port of OTLP/gRPC")
    parser.add_argument("--story", choices=["healthy", "cut", "incomplete"], required=True)
    parser.add_argument("--runs", type=int, default=1)
    given = parser.parse_args()
    provider = TracerProvider(resource=Resource.create({"service.name": "parcel-claims"}))
    provider.add_span_processor(BatchSpanProcessor(exporter(given.endpoint)))
    desk = Desk(provider.get_tracer("parcel_agents"), given.story)
    for number in range(given.runs):
        print(json.dumps(desk.run(number)))  # noqa: T201  # its answer to the test
    provider.shutdown()


if __name__ == "__main__":
    main()
