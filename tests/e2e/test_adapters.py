"""The adapters of ``causewatch.instrument`` with the frameworks themselves, not stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bench.children import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FRAMEWORKS = Path(__file__).with_name("frameworks")
NAME = "causewatch.handoff."
_BUILD_LIMIT_S = 240
_RUN_LIMIT_S = 60


def handoffs(program: str) -> dict[str, dict[str, Any]]:
    """Run a program in the frameworks' environment; return the attributes of each case."""
    python = subprocess.run(
        [FRAMEWORKS / "build"], capture_output=True, text=True, check=True, timeout=_BUILD_LIMIT_S
    ).stdout.strip()
    # Only the instrumentation and the programs: the daemon's dependencies are not there.
    path = os.pathsep.join([str(ROOT / "daemon"), str(ROOT / "tests")])
    done = subprocess.run(
        [python, FRAMEWORKS / program],
        capture_output=True,
        text=True,
        check=False,
        timeout=_RUN_LIMIT_S,
        env={**os.environ, "PYTHONPATH": path, "OPENAI_AGENTS_DISABLE_TRACING": "1"},
    )
    assert done.returncode == 0, done.stderr
    rows = map(json.loads, done.stdout.splitlines())
    return {row["case"]: row["attributes"] for row in rows}


def shape(attributes: dict[str, Any], side: str) -> dict[str, Any]:
    """Return the shape that a span gives of one side."""
    fields: dict[str, Any] = json.loads(attributes[f"{NAME}{side}.fields"])
    return fields


def is_whole(attributes: dict[str, Any]) -> bool:
    """Tell whether what was received is what was sent."""
    return bool(attributes[NAME + "sent.sha256"] == attributes[NAME + "received.sha256"])


def test_openai_agents() -> None:
    """Filtered tools and nested history are no loss; a filter that cuts is seen, and no word is."""
    found = handoffs("handoffs_openai_agents.py")
    whole = {name for name, attributes in found.items() if is_whole(attributes)}
    assert whole == {"plain", "tools removed", "history nested"}
    cut = found["cut"]
    assert (cut[NAME + "from"], cut[NAME + "to"]) == ("triage", "billing")
    sent, received = shape(cut, "sent")["/0/text"], shape(cut, "received")["/0/text"]
    assert (sent[1], received[1]) == (60, 40)
    assert sent[3] == received[3]
    assert "Refund" not in json.dumps(found)


def test_langgraph() -> None:
    """Reducers that add are no difference; what a node between two agents drops is lost."""
    found = handoffs("handoffs_langgraph.py")
    assert {name for name, attributes in found.items() if not is_whole(attributes)} == {"cut"}
    assert found["plain, onwards"][NAME + "from"] == "writer"
    sent, received = shape(found["cut"], "sent"), shape(found["cut"], "received")
    assert (sent["/brief/rows"][1], received["/brief/rows"][1]) == (3, 1)
    assert sent["/messages"] == received["/messages"]
