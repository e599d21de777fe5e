"""Runs the story with one framework: ``desk.py FRAMEWORK --endpoint URL [--break NAME]...``.

Prints one line of JSON for each run: what was broken, its trace, and the planner's answer.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys

from delivery import Delivery
from story import BREAKS, model
from telemetry import provider

from causewatch.instrument import Settings

FRAMEWORKS = ("openai_agents", "langgraph", "pydantic_ai")


def main() -> None:
    """Run every story asked for, each in a trace of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("framework", choices=FRAMEWORKS)
    parser.add_argument("--endpoint", required=True, help="OTLP/HTTP, without /v1/traces")
    parser.add_argument("--break", dest="breaks", action="append", choices=BREAKS)
    parser.add_argument(
        "--hash-only",
        action="store_true",
        help="no content on any span; handoffs are told by their digests and shape",
    )
    arguments = parser.parse_args()
    recorded = Settings(capture="shape") if arguments.hash_only else None
    # Nothing of these frameworks may reach for the network.
    os.environ.setdefault("OPENAI_API_KEY", "scripted")
    traces = provider(arguments.endpoint, f"restock-{arguments.framework}")
    framework = importlib.import_module(f"{arguments.framework}_desk")
    framework.instrument(traces, content=not arguments.hash_only)
    tracer = traces.get_tracer("restock")
    for broken in arguments.breaks or BREAKS:
        # As in any service: a request's span is around what its agents do.
        with model(broken) as url, tracer.start_as_current_span("restock") as root:
            answer = framework.run(url, broken, Delivery(broken, recorded))
        traces.force_flush()
        trace_id = format(root.get_span_context().trace_id, "032x")
        line = {"break": broken, "trace_id": trace_id, "answer": answer}
        sys.stdout.write(json.dumps(line) + "\n")
    traces.shutdown()


if __name__ == "__main__":
    main()
