"""One handoff after another through Python, TypeScript and Go, and the real Collector.

The programs are those of ``examples/``: a planner and a courier in Python, an order desk in
TypeScript, a depot in Go. This test is the queues between them, and what queues do to messages.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from bench.children import ROOT

from collector import Collector, default_config
from daemon import Daemon

pytestmark = [pytest.mark.collector, pytest.mark.timeout(600)]

EXAMPLES = ROOT / "examples"
TYPESCRIPT, GO = EXAMPLES / "instrument-typescript", EXAMPLES / "instrument-go"
_BUILD_LIMIT_S = 300
_PROGRAM_LIMIT_S = 60

Message = dict[str, Any]


def run(argv: Sequence[str | Path], folder: Path, stdin: str = "", **env: str) -> str:
    """Run a program to its end; return what it printed."""
    done = subprocess.run(
        argv,
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=_BUILD_LIMIT_S,
        env={**os.environ, **env},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@cache
def typescript() -> list[str | Path]:
    """Build the TypeScript example as its README says; return the desk's command."""
    run(["npm", "ci", "--no-audit", "--no-fund"], TYPESCRIPT)
    run(["npm", "run", "build"], TYPESCRIPT)
    return ["node", TYPESCRIPT / "dist" / "agent.js"]


@cache
def go() -> list[str | Path]:
    """Build the Go example; return the depot's command."""
    built = GO / "depot"
    run(["go", "build", "-o", built, "./agents"], GO)
    return [built]


def test_the_typescript_example_holds_the_shared_vectors() -> None:
    """Digests, shapes and headers are those of Python, byte for byte."""
    typescript()
    assert "# fail 0" in run(["npm", "test"], TYPESCRIPT)


def test_the_go_example_holds_the_shared_vectors() -> None:
    """Digests, shapes and headers are those of Python, byte for byte."""
    assert run(["go", "vet", "./..."], GO) == ""
    assert "ok" in run(["go", "test", "-count=1", "./handoff"], GO)
    assert run(["gofmt", "-l", "."], GO) == ""


def whole(message: Message) -> Message:
    """Deliver a message as it is."""
    return message


def short_of_stops(message: Message) -> Message:
    """Lose all stops but the first."""
    return {**message, "body": {**message["body"], "stops": message["body"]["stops"][:1]}}


def cut_in_a_stop(message: Message) -> Message:
    """Cut a text."""
    first, second, *rest = message["body"]["stops"]
    return {**message, "body": {**message["body"], "stops": [first, second[:33], *rest]}}


STORIES = {"whole": whole, "short of stops": short_of_stops, "cut in a stop": cut_in_a_stop}


def relay(endpoint: str, queue: Callable[[Message], Message]) -> str:
    """Send an order down the relay, return its trace id; ``queue`` stands before the depot."""
    python: list[str | Path] = [sys.executable, EXAMPLES / "instrument-python" / "agents.py"]
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "PYTHONPATH": str(ROOT / "daemon")}
    line = run([*python, "plan"], ROOT, **env)
    trace_id: str = json.loads(line)["headers"]["traceparent"].split("-")[1]
    line = run(typescript(), ROOT, line, **env)
    line = json.dumps(queue(json.loads(line))) + "\n"
    line = run(go(), ROOT, line, **env)
    assert run([*python, "deliver"], ROOT, line, **env).startswith("driven to ")
    return trace_id


def asked(command: str, store: Path) -> str:
    """Ask a store; ``explain`` ends with 1 where it found something."""
    done = subprocess.run(
        [sys.executable, "-m", "causewatch", command, "--format", "json", "--store", store],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PROGRAM_LIMIT_S,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def relayed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what is explained of each story after it went through Collector and daemon."""
    folder = tmp_path_factory.mktemp("relay")
    settings = {"runs": {"quiet": "1s", "quiet_without_root": "2s"}}
    with Daemon(folder / "daemon", settings=settings) as daemon:
        config = default_config("otlp_grpc", daemon.target)
        with Collector.with_text(folder / "collector", config) as collector:
            runs = {relay(collector.http, queue): name for name, queue in STORIES.items()}
            daemon.wait_for_verdicts(len(runs))
        assert daemon.child.stop() == 0
    store = folder / "daemon" / "store"
    assert "Brevik" not in asked("graph", store)
    lines = map(json.loads, asked("explain", store).splitlines())
    return {runs[line["run"]]: line for line in lines}


def test_a_whole_relay_is_whole(relayed: dict[str, dict[str, Any]]) -> None:
    """Four handoffs in three languages: each arrived by its digest, in one run, without content."""
    found = relayed["whole"]
    assert found["verdict"] != "corrupted"
    route = [(each["from"], each["to"], each["intact"]) for each in found["boundaries"]]
    assert route == [
        ("planner", "desk", True),
        ("desk", "depot", True),
        ("depot", "courier", True),
        ("courier", "driver", True),
    ]


@pytest.mark.parametrize("story", ["short of stops", "cut in a stop"])
def test_a_queue_that_cuts_is_the_origin(story: str, relayed: dict[str, dict[str, Any]]) -> None:
    """Sent in TypeScript, received in Go: the loss is found by digest and shape alone."""
    found = relayed[story]
    broken = [each for each in found["boundaries"] if not each["intact"]]
    assert [(each["from"], each["to"]) for each in broken] == [("desk", "depot")]
    assert (found["verdict"], found["category"]) == ("corrupted", "truncation")
    assert (found["origin"]["name"], found["origin"]["agent"]) == ("handoff depot", "desk")
    assert found["propagators"][0]["agent"] == "depot"
