"""A planner and a courier in Python, at the two ends of a relay over queues.

``plan`` writes a message to standard output; ``deliver`` reads messages from standard input. A
message is one line: a JSON object with headers and body. Between the two stand an order desk in
TypeScript and a depot in Go, in the folders beside this one.
"""

from __future__ import annotations

import json
import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from causewatch.instrument import handoff, receive, receives, send

ORDER = {
    "order": "FO-7712",
    "stops": ["Hals, Torvet 4", "Brevik, Kirkegata 11, the yellow gate", "Larvik, depot 3, ramp B"],
}


def plan() -> None:
    """Hand an order to the desk."""
    with trace.get_tracer("relay").start_as_current_span("relay"):
        headers = send("planner", "desk", ORDER)
    sys.stdout.write(json.dumps({"headers": headers, "body": ORDER}) + "\n")


def deliver() -> None:
    """Take orders from the depot, and have each driven."""
    for line in sys.stdin:
        message = json.loads(line)
        with receive("courier", message["body"], message["headers"]):
            drive_to = message["body"]["stops"]
            with handoff("courier", "driver", drive_to):
                drive(drive_to)


@receives("driver")
def drive(stops: list[str]) -> None:
    """Drive to each stop, as the driver, by a tool."""
    told = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "drive"}
    with trace.get_tracer("relay").start_as_current_span("execute_tool drive", attributes=told):
        sys.stdout.write(f"driven to {len(stops)} stops\n")


if __name__ == "__main__":
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    {"plan": plan, "deliver": deliver}[sys.argv[1]]()
    provider.shutdown()
