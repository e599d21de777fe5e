"""The servers that are measured, each in a child process, each fresh for every run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml

from bench.children import ROOT, Child, free_ports, listening
from causewatch.resources import shipped

FIFTY = ROOT / "bench" / "fifty.yaml"
STATE_FILE = "state.db"
DECISION_WAIT_S = 5
QUIET_S = 10
"""After so long without a span a run is complete, by default."""
NUM_TRACES = 50_000
_BUILD_SCRIPT = ROOT / "deploy" / "collector" / "build"
_POLL_LIMIT_S = 10
TAIL_SAMPLING = {
    "num_traces": NUM_TRACES,
    "policies": [
        {
            "name": "errors",
            "type": "status_code",
            "status_code": {"status_codes": ["ERROR"]},
        },
        {"name": "slow", "type": "latency", "latency": {"threshold_ms": 30_000}},
        {
            "name": "important",
            "type": "string_attribute",
            "string_attribute": {"key": "app.priority", "values": ["high"]},
        },
        {
            "name": "some",
            "type": "probabilistic",
            "probabilistic": {"sampling_percentage": 5},
        },
    ],
}


class Server(NamedTuple):
    """A server that can be started, and where it listens."""

    child: Child
    grpc: str
    http: str
    ready: Callable[[], bool]
    metrics_url: str = ""
    """Of a daemon."""
    store: Path | None = None
    """Folder of a daemon's store and inbox."""
    sink: Child | None = None
    """What it forwards to; not measured."""
    settle_s: float = 0.0
    """How long after the last request its work has not yet begun to end."""


class Wishes(NamedTuple):
    """What a measurement wants of the servers other than the usual."""

    runs: Mapping[str, str] = {}
    """The section of that name in causewatch.yaml."""
    decision_wait: str = f"{DECISION_WAIT_S}s"
    """After so long from its first span the Collector decides on a trace."""


def ack(folder: Path, wishes: Wishes) -> Server:
    """Return our receivers and inbox alone: work is done when it is acknowledged."""
    del wishes
    grpc_port, http_port = free_ports(2)
    grpc, http = f"127.0.0.1:{grpc_port}", f"127.0.0.1:{http_port}"
    argv = ["-m", "bench.ingest", "--folder", str(folder), "--grpc", grpc, "--http", http]
    return Server(
        child=Child("ack", [sys.executable, *argv], log=folder / "ack.log"),
        grpc=grpc,
        http=f"http://{http}",
        ready=lambda: listening(grpc_port) and listening(http_port),
    )


def daemon(folder: Path, wishes: Wishes) -> Server:
    """Return ``causewatch serve`` with the shipped rules and fifty more."""
    return _daemon(folder, wishes, {})


def forwarding_daemon(folder: Path, wishes: Wishes) -> Server:
    """Return the same, forwarding all spans to a Collector that drops them."""
    sink = _sink(folder)
    url = f"http://{sink.grpc}"
    forward = [
        {
            "name": "sink",
            "endpoint": url,
            "protocol": "grpc",
            "compression": "none",
            "queue_mib": 65_536,
        }
    ]
    found = _daemon(folder, wishes, {"forward": forward})
    return found._replace(sink=sink.child, ready=_all(sink.ready, found.ready))


def _daemon(folder: Path, wishes: Wishes, more: dict[str, Any]) -> Server:
    grpc_port, http_port, web_port = free_ports(3)
    grpc, http = f"127.0.0.1:{grpc_port}", f"127.0.0.1:{http_port}"
    config = folder / "causewatch.yaml"
    settings = {
        "rules": {"paths": [str(shipped("rules")), str(FIFTY)]},
        "receive": {"grpc": grpc, "http": http},
        "web": {"listen": f"127.0.0.1:{web_port}"},
        "runs": dict(wishes.runs),
        "store": {"path": str(folder / "store")},
        **more,
    }
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    url = f"http://127.0.0.1:{web_port}"
    argv = ["-m", "causewatch.cli.main", "serve", "--config", str(config), "--log-level", "warning"]
    return Server(
        child=Child("causewatch", [sys.executable, *argv], log=folder / "causewatch.log"),
        grpc=grpc,
        http=f"http://{http}",
        ready=lambda: _answers(f"{url}/-/ready"),
        metrics_url=f"{url}/metrics",
        store=folder / "store",
    )


def collector(folder: Path, wishes: Wishes) -> Server:
    """Return the Collector, ``otlp`` to ``nop``: it decodes each request and throws it away."""
    del wishes
    return _collector(folder, "collector")


def tail_sampling(folder: Path, wishes: Wishes) -> Server:
    """Return the Collector with ``tail_sampling`` before ``nop``."""
    settings = {**TAIL_SAMPLING, "decision_wait": wishes.decision_wait}
    more = {"processors": {"tail_sampling": settings}}
    found = _collector(folder, "tail_sampling", more=more, processors=["tail_sampling"])
    return found._replace(settle_s=DECISION_WAIT_S + 2.0)


def durable_queue(folder: Path, wishes: Wishes) -> Server:
    """Return the Collector with a queue on disk, synced, before an exporter to another one."""
    del wishes
    sink = _sink(folder)
    queue = folder / "queue"
    queue.mkdir()
    exporter = {
        "endpoint": sink.grpc,
        "tls": {"insecure": True},
        "compression": "none",
        "sending_queue": {"storage": "file_storage", "block_on_overflow": True},
    }
    more = {
        "exporters": {"otlp_grpc": exporter},
        "extensions": {"file_storage": {"directory": str(queue), "fsync": True}},
    }
    found = _collector(folder, "durable_queue", more=more, exporter="otlp_grpc")
    return found._replace(sink=sink.child, ready=_all(sink.ready, found.ready), settle_s=2.0)


def _sink(folder: Path) -> Server:
    return _collector(folder, "sink")


def _collector(
    folder: Path,
    name: str,
    *,
    more: dict[str, Any] | None = None,
    processors: Sequence[str] = (),
    exporter: str = "nop",
) -> Server:
    grpc_port, http_port = free_ports(2)
    grpc, http = f"127.0.0.1:{grpc_port}", f"127.0.0.1:{http_port}"
    protocols = {
        "grpc": {"endpoint": grpc, "max_recv_msg_size_mib": 64},
        "http": {"endpoint": http},
    }
    pipeline = {"receivers": ["otlp"], "processors": list(processors), "exporters": [exporter]}
    settings = {
        "receivers": {"otlp": {"protocols": protocols}},
        "exporters": {"nop": {}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "extensions": list((more or {}).get("extensions", {})),
            "pipelines": {"traces": pipeline},
        },
        **(more or {}),
    }
    config = folder / f"{name}.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    argv = [str(collector_binary()), "--config", str(config)]
    return Server(
        child=Child(name, argv, log=folder / f"{name}.log"),
        grpc=grpc,
        http=f"http://{http}",
        ready=lambda: listening(grpc_port) and listening(http_port),
    )


def collector_binary() -> Path | None:
    """Return the Collector that ``deploy/collector/build`` has built, or nothing; builds none."""
    found = subprocess.run([_BUILD_SCRIPT, "--cached"], capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None


def _forwards() -> bool:
    """Tell whether there is forwarding in this version."""
    return find_spec("causewatch.forward.destination") is not None


class Kind(NamedTuple):
    """One thing that is measured."""

    make: Callable[[Path, Wishes], Server]
    what: str
    needs_collector: bool = False
    judges: bool = False
    """Whether it tells which runs went wrong."""
    is_there: Callable[[], bool] = lambda: True
    """Whether this version can do it."""


KINDS: dict[str, Kind] = {
    "nop": Kind(
        collector, "Collector: `otlp` to `nop` (decode, keep nothing)", needs_collector=True
    ),
    "tail_sampling": Kind(
        tail_sampling,
        "Collector: `tail_sampling`, four policies, then `nop` (in memory)",
        needs_collector=True,
    ),
    "queue": Kind(
        durable_queue,
        "Collector: `sending_queue` on disk, synced, to a second Collector",
        needs_collector=True,
    ),
    "ack": Kind(ack, "causewatch: receive, commit durably, acknowledge"),
    "causewatch": Kind(
        daemon, "causewatch: the same, then judge, shipped rules and 50 more", judges=True
    ),
    "forward": Kind(
        forwarding_daemon,
        "causewatch: the same, forwarding all spans to a Collector",
        needs_collector=True,
        judges=True,
        is_there=_forwards,
    ),
}
YARDSTICK = "tail_sampling"


def _all(*checks: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: all(check() for check in checks)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=_POLL_LIMIT_S, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
