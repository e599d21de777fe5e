"""Measure what a million spans cost: CPU seconds of the server process, median of several runs.

Usage: python -m bench [--runs 5] [--spans 48000] [--only ingest,daemon,collector] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from bench.children import cost, wait_until
from bench.load import SPANS_PER_REQUEST, SPANS_PER_TRACE, bodies
from bench.send import Sent, send_grpc, send_http
from bench.servers import Server, collector, collector_binary, daemon, ingest
from causewatch.app.clock import now_ns

Transport = Literal["grpc", "http"]
SERVERS: dict[str, Callable[[Path], Server]] = {
    "ingest": ingest,
    "daemon": daemon,
    "collector": collector,
}
WHAT = {
    "ingest": "causewatch: receive, commit durably, acknowledge",
    "daemon": "causewatch serve: the same, then graphs, faults, shipped rules",
    "collector": "Collector: otlp -> nop (decode, nothing stored)",
}
METHOD = (
    "CPU = user + system seconds of the server process and its children (/proc), from before the "
    "first send until its work is done; start-up and a warm-up load are left out. The generator "
    "runs on the same machine. Requests are uncompressed, over loopback."
)
_WARM_UP_SPANS = 2_400
_SEND_LIMIT_S = 120.0
_DONE_LIMIT_S = 240.0
_MAX_RUNS, _MAX_SPANS = 50, 1_000_000


class Run(NamedTuple):
    """One measured load on one fresh server."""

    server: str
    transport: Transport
    cpu_s_per_million: float
    acknowledged_per_s: float
    """Spans a second of wall time, from the first send to the last answer."""
    peak_rss_mib: float


def measure(name: str, transport: Transport, *, spans: int, in_flight: int, seed: int) -> Run:
    """Start one server, warm it up, measure one load.

    Raises:
        RuntimeError: when the server did not accept everything.
        TimeoutError: when it did not get done with it.
    """
    warm_up, load = (
        list(bodies(spans=count, seed=each, start_ns=now_ns()))
        for count, each in ((_WARM_UP_SPANS, seed), (spans, seed + 1))
    )
    runs = -(-_WARM_UP_SPANS // SPANS_PER_TRACE)
    with tempfile.TemporaryDirectory(prefix="causewatch-bench-") as folder:
        server = SERVERS[name](Path(folder))
        with server.child as child:
            child.start(server.ready, timeout_s=60)
            _send(server, transport, warm_up, in_flight)
            _wait(server, runs, by_rules_too=False)
            before = cost(child.pid)
            sent = _send(server, transport, load, in_flight)
            _wait(server, runs + -(-spans // SPANS_PER_TRACE), by_rules_too=True)
            after = cost(child.pid)
            child.stop()
    return Run(
        server=name,
        transport=transport,
        cpu_s_per_million=(after.cpu_s - before.cpu_s) / spans * 1e6,
        acknowledged_per_s=spans / sent.seconds,
        peak_rss_mib=after.peak_rss_mib,
    )


def _send(server: Server, transport: Transport, load: Sequence[bytes], in_flight: int) -> Sent:
    if transport == "grpc":
        sent = send_grpc(server.grpc, load, in_flight=in_flight, timeout_s=_SEND_LIMIT_S)
    else:
        sent = send_http(server.http, load, in_flight=in_flight, timeout_s=_SEND_LIMIT_S)
    if sent.accepted != len(load):
        raise RuntimeError(
            f"{server.child.name} accepted {sent.accepted} of {len(load)} requests:\n"
            f"{server.child.log_tail()}"
        )
    return sent


def _wait(server: Server, runs: int, *, by_rules_too: bool) -> None:
    wait_until(
        lambda: server.done(runs, by_rules_too=by_rules_too),
        timeout_s=_DONE_LIMIT_S,
        what=f"the work of {server.child.name}",
    )


def summary(runs: Sequence[Run]) -> list[dict[str, str | float]]:
    """Return one row for each server and transport, in the order of their first runs."""
    rows: list[dict[str, str | float]] = []
    for server, transport in dict.fromkeys((run.server, run.transport) for run in runs):
        same = [run for run in runs if (run.server, run.transport) == (server, transport)]
        cpu = [run.cpu_s_per_million for run in same]
        rows.append(
            {
                "server": server,
                "transport": transport,
                "runs": len(same),
                "cpu_s_per_million_min": round(min(cpu), 2),
                "cpu_s_per_million_median": round(statistics.median(cpu), 2),
                "cpu_s_per_million_max": round(max(cpu), 2),
                "acknowledged_per_s_median": round(
                    statistics.median(run.acknowledged_per_s for run in same)
                ),
                "peak_rss_mib_median": round(statistics.median(run.peak_rss_mib for run in same)),
            }
        )
    return rows


def table(rows: Sequence[dict[str, str | float]]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| what | over | runs | CPU-s/M spans: min / **median** / max | acked spans/s | RSS |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {WHAT[str(row['server'])]} | {row['transport']} | {row['runs']} "
        f"| {row['cpu_s_per_million_min']} / **{row['cpu_s_per_million_median']}** / "
        f"{row['cpu_s_per_million_max']} | {row['acknowledged_per_s_median']:,} "
        f"| {row['peak_rss_mib_median']} MiB |"
        for row in rows
    ]
    return "\n".join(lines)


def machine() -> dict[str, str | int | float]:
    """Return what the figures depend on."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": model,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = argparse.ArgumentParser(prog="python -m bench")
    found.add_argument("--runs", type=_upto(_MAX_RUNS), default=5, help="of each kind")
    found.add_argument("--spans", type=_upto(_MAX_SPANS), default=48_000, help="in each run")
    found.add_argument("--in-flight", type=_upto(64), default=8, help="requests at one time")
    found.add_argument("--only", default=",".join(SERVERS), help="which servers, by comma")
    found.add_argument("--transport", choices=["grpc", "http", "both"], default="both")
    found.add_argument("--out", type=Path, help="write everything measured as JSON")
    return found


def _upto(limit: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not 1 <= value <= limit:
            raise argparse.ArgumentTypeError(f"must be between 1 and {limit:,}")
        return value

    return number


def chosen(only: str) -> list[str]:
    """Return the servers to measure; the Collector only where it is built.

    Raises:
        SystemExit: on a name that is none.
    """
    names = [name.strip() for name in only.split(",")]
    if wrong := [name for name in names if name not in SERVERS]:
        sys.exit(f"--only knows {', '.join(SERVERS)}, not {', '.join(wrong)}")
    if "collector" in names and collector_binary() is None:
        print("no Collector in the cache: left out (deploy/collector/build)", file=sys.stderr)
        names.remove("collector")
    return names


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON."""
    given = parser().parse_args(argv)
    names = chosen(given.only)
    transports: list[Transport] = (
        ["grpc", "http"] if given.transport == "both" else [given.transport]
    )
    host = machine()
    runs = []
    # Round by round, so that a slow minute of the machine hits all of them alike.
    for number in range(given.runs):
        for transport in transports:
            for name in names:
                run = measure(
                    name,
                    transport,
                    spans=given.spans,
                    in_flight=given.in_flight,
                    seed=2 * number + 1,
                )
                print(
                    f"{number + 1}/{given.runs} {name} {transport}: "
                    f"{run.cpu_s_per_million:.2f} CPU-s per million",
                    file=sys.stderr,
                )
                runs.append(run)
    rows = summary(runs)
    load = {
        "spans_per_run": given.spans,
        "spans_per_trace": SPANS_PER_TRACE,
        "spans_per_request": SPANS_PER_REQUEST,
        "in_flight": given.in_flight,
    }
    print(f"{table(rows)}\n\n{METHOD}\n{json.dumps({**load, **host})}")
    if given.out:
        found = {"method": METHOD, "machine": host, "load": load, "rows": rows}
        found["runs"] = [run._asdict() for run in runs]
        given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
