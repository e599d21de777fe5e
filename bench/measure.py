"""One measurement: a fresh server, a load, and what it cost until all of its work was done."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import httpx
import msgspec

from bench.children import Child, cost, wait_until
from bench.found import Found, Watch, all_seen, found_in, traces_in
from bench.recorded.template import Template
from bench.recorded_load import Load, Mix, Request, Truth
from bench.send import Sent, send_grpc, send_http
from bench.servers import KINDS, QUIET_S, Server, Wishes
from causewatch.app.clock import now_ns

Transport = Literal["grpc", "http"]
IN_MEMORY_SPANS = 300_000
"""A load of more is made while it is sent."""
_SEND_LIMIT_S = 7_200.0
_DONE_LIMIT_S = 7_200.0
_RULES_LIMIT_S = 35.0
"""Within so long every rule group has looked at everything, also those that wait for their slot."""
_POLL_S = 0.5
_EARLY_LOOK_S = 1.5
_REST_CPU_S = 0.03
_REST_LIMIT_S = 600.0


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one load cost one server."""

    kind: str
    corrupted: float
    spans: int
    cpu_s_per_million: float
    acknowledged_per_s: float
    """Spans a second of wall time, from the first send to the last answer."""
    judged_per_s: float
    """Spans a second until all of them were also judged, without the wait for quiet."""
    rss_mib: float
    """Resident when the last request was answered."""
    peak_rss_mib: float
    acks_ms: tuple[float, ...]
    """Of each request."""
    found: Found | None = None
    second_pass: float | None = None
    """The share of runs that was judged in full."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to a server, and how."""

    recordings: Sequence[Template]
    spans: int
    warm_up_spans: int
    corrupted: float
    seed: int
    transport: Transport = "grpc"
    in_flight: int = 8
    requests_per_s: float = 0.0

    def load(self, *, seed: int, spans: int) -> Iterator[Request]:
        """Yield the requests of a load; the same seed gives the same, but for the times."""
        mix = Mix(corrupted=self.corrupted)
        return Load(self.recordings, seed=seed, start_ns=now_ns(), mix=mix).requests(spans)


class Made:
    """Bodies of a load for the sender, and its truth for afterwards."""

    def __init__(self, requests: Iterable[Request], *, in_memory: bool) -> None:
        self._requests = list(requests) if in_memory else requests
        self.truths: list[Truth] = []
        self.spans = 0
        self.bytes = 0

    @property
    def traces(self) -> int:
        """Return how many traces were sent."""
        return sum(len(truth.trace_ids) for truth in self.truths)

    def bodies(self) -> Iterator[bytes]:
        """Yield what is to be sent; once."""
        for request in self._requests:
            self.truths += request.ended
            self.spans += request.spans
            self.bytes += len(request.body)
            yield request.body


def measure(name: str, plan: Plan) -> Measured:
    """Start one server, warm it up, send it a load, and wait until it is done with it.

    Raises:
        RuntimeError: when the server did not accept everything.
        TimeoutError: when it did not get done.
    """
    kind = KINDS[name]
    warm_up = Made(plan.load(seed=plan.seed, spans=plan.warm_up_spans), in_memory=True)
    made = Made(
        plan.load(seed=plan.seed + 1, spans=plan.spans), in_memory=plan.spans <= IN_MEMORY_SPANS
    )
    with tempfile.TemporaryDirectory(prefix="causewatch-bench-") as folder:
        server = kind.make(Path(folder), Wishes())
        with contextlib.ExitStack() as stack:
            child = stack.enter_context(server.child)
            if server.sink is not None:
                stack.enter_context(server.sink).start(lambda: True)
            child.start(server.ready, timeout_s=60)
            watch = Watch(server.store, now_ns).start() if server.store else None
            send(server, plan, warm_up)
            wait_until_done(server, warm_up.traces)
            passes, before = passes_of(server), cost(child.pid)
            sent = send(server, plan, made)
            at_end = cost(child.pid)
            done_s = sent.seconds + wait_until_done(server, warm_up.traces + made.traces)
            if watch is not None and server.store is not None:
                _wait_for_rules(server.store, made.truths, watch)
            after = cost(child.pid)
            second = second_pass(passes, passes_of(server))
            if watch is not None:
                watch.stop()
            child.stop()
        found = None
        if watch is not None and server.store is not None:
            found = found_in(server.store, made.truths, watch.seen_ns, watch.monotone_ns)
    return Measured(
        kind=name,
        corrupted=plan.corrupted,
        spans=made.spans,
        cpu_s_per_million=(after.cpu_s - before.cpu_s) / made.spans * 1e6,
        acknowledged_per_s=made.spans / sent.seconds,
        judged_per_s=made.spans / max(sent.seconds, done_s),
        rss_mib=at_end.rss_mib,
        peak_rss_mib=after.peak_rss_mib,
        acks_ms=tuple(1000 * took for took in sent.took_s),
        found=found,
        second_pass=second,
    )


def send(server: Server, plan: Plan, made: Made) -> Sent:
    """Send a load; all of it must be accepted."""
    sender, where = (
        (send_grpc, server.grpc) if plan.transport == "grpc" else (send_http, server.http)
    )
    sent = sender(
        where,
        made.bodies(),
        in_flight=plan.in_flight,
        timeout_s=_SEND_LIMIT_S,
        requests_per_s=plan.requests_per_s,
    )
    if sent.accepted != sent.requests:
        raise RuntimeError(
            f"{server.child.name} accepted {sent.accepted} of {sent.requests} requests:\n"
            f"{server.child.log_tail()}"
        )
    return sent


def wait_until_done(server: Server, traces: int) -> float:
    """Wait until a server has nothing left to do for the so many traces it was sent.

    Returns how long its work took beyond the time for which it has to wait in any case.

    A daemon says so in its store; of the Collector it is seen when it stops using the processor.
    """
    begun = time.monotonic()
    if server.store is not None:
        store = server.store
        wait_until(
            lambda: traces_in(store) >= traces and not _is_waiting(server),
            timeout_s=_DONE_LIMIT_S,
            what=f"the verdicts of {server.child.name}",
            poll_s=_POLL_S,
        )
        took_s = time.monotonic() - begun - QUIET_S
        time.sleep(_EARLY_LOOK_S)
        if server.sink is not None:
            _wait_for_rest([server.sink])
        return max(0.0, took_s)
    time.sleep(server.settle_s)
    _wait_for_rest([server.child, *([server.sink] if server.sink else [])])
    return 0.0


def _wait_for_rest(children: Sequence[Child]) -> None:
    """Wait until none of these processes has used the processor for a second."""
    until = time.monotonic() + _REST_LIMIT_S
    used = sum(cost(child.pid).cpu_s for child in children)
    while time.monotonic() < until:
        time.sleep(1)
        now = sum(cost(child.pid).cpu_s for child in children)
        if now - used < _REST_CPU_S:
            return
        used = now
    names = ", ".join(child.name for child in children)
    raise TimeoutError(f"{names} did not come to rest within {_REST_LIMIT_S:g} s")


def is_read(server: Server) -> bool:
    """Tell whether a daemon has read all that it stored; any other server has."""
    if server.store is None:
        return True
    found = samples(server)
    return bool(found) and not _sum(found, "causewatch_inbox_lag_batches")


def _is_waiting(server: Server) -> bool:
    """Tell whether batches wait in a daemon, or runs that are not judged."""
    found = samples(server)
    waiting = ("causewatch_inbox_lag_batches", "causewatch_live_runs")
    return not found or any(_sum(found, name) for name in waiting)


def _wait_for_rules(store: Path, truths: Sequence[Truth], watch: Watch) -> None:
    """Wait for the findings of all planted incidents, as long as a rule group may take at most."""
    until = time.monotonic() + _RULES_LIMIT_S
    while not all_seen(store, truths, watch.seen_ns) and time.monotonic() < until:
        time.sleep(_POLL_S)


def passes_of(server: Server) -> dict[str, float]:
    """Return how many runs took which pass so far; nothing where a server has no passes."""
    name = "causewatch_first_pass_runs_total"
    return {
        series.partition('"')[2].partition('"')[0]: value
        for series, value in samples(server)
        if series.partition("{")[0] == name
    }


def second_pass(before: dict[str, float], after: dict[str, float]) -> float | None:
    """Return the share of runs between two moments that was judged in full."""
    grown = {outcome: count - before.get(outcome, 0.0) for outcome, count in after.items()}
    total = sum(grown.values())
    return grown.get("judged", 0.0) / total if total else None


def samples(server: Server) -> list[tuple[str, float]]:
    """Return the series of a daemon's metrics with their values; nothing if it does not answer."""
    if not server.metrics_url:
        return []
    try:
        text = httpx.get(server.metrics_url, timeout=30, trust_env=False).text
    except httpx.HTTPError:
        return []
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return [(series, float(value)) for series, _, value in lines]


def _sum(found: Iterable[tuple[str, float]], name: str) -> float:
    return sum(value for series, value in found if series.partition("{")[0] == name)
