"""Real agent frameworks in tests: their environment, made once into a cache, and their agents."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from pathlib import Path
from typing import Literal

from bench.children import ROOT

Framework = Literal["openai_agents", "langgraph", "pydantic_ai"]
FRAMEWORKS: tuple[Framework, ...] = ("openai_agents", "langgraph", "pydantic_ai")

FOLDER = ROOT / "tests" / "e2e" / "frameworks"
_BUILD_LIMIT_S = 900
_PLAY_LIMIT_S = 240


@functools.cache
def interpreter() -> Path:
    """Make the frameworks' environment unless the cache has it; returns its interpreter."""
    built = subprocess.run(
        [FOLDER / "build"], capture_output=True, text=True, check=True, timeout=_BUILD_LIMIT_S
    )
    return Path(built.stdout.strip())


def play(framework: Framework, endpoint: str, *flags: str) -> dict[str, str]:
    """Run the story with every break, each in a run of its own; returns the traces by break.

    Args:
        framework: whose agents.
        endpoint: OTLP/HTTP, without ``/v1/traces``.
        flags: more of ``desk.py``, such as ``--hash-only``.
    """
    done = subprocess.run(
        [interpreter(), FOLDER / "desk.py", framework, "--endpoint", endpoint, *flags],
        capture_output=True,
        text=True,
        check=True,
        timeout=_PLAY_LIMIT_S,
        # What agents import of causewatch stands alone: the frameworks' environment has no more.
        env={**os.environ, "PYTHONPATH": str(ROOT / "daemon")},
    )
    lines = map(json.loads, done.stdout.splitlines())
    return {line["break"]: line["trace_id"] for line in lines}
