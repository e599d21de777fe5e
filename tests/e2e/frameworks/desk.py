"""Runs the story with one framework: ``desk.py FRAMEWORK --endpoint URL [--break NAME]...``.

Prints one line of JSON for each run: what was broken, and the planner's answer.
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

FRAMEWORKS = ("openai_agents", "langgraph", "pydantic_ai")


def main() -> None:
    """Run every story asked for, each in a trace of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("framework", choices=FRAMEWORKS)
    parser.add_argument("--endpoint", required=True, help="OTLP/HTTP, without /v1/traces")
    parser.add_argument("--break", dest="breaks", action="append", choices=BREAKS)
    arguments = parser.parse_args()
    # Nothing of these frameworks may reach for the network.
    os.environ.setdefault("OPENAI_API_KEY", "scripted")
    traces = provider(arguments.endpoint, f"restock-{arguments.framework}")
    framework = importlib.import_module(f"{arguments.framework}_desk")
    framework.instrument(traces)
    for broken in arguments.breaks or BREAKS:
        with model(broken) as url:
            answer = framework.run(url, broken, Delivery(broken))
        traces.force_flush()
        sys.stdout.write(json.dumps({"break": broken, "answer": answer}) + "\n")
    traces.shutdown()


if __name__ == "__main__":
    main()
