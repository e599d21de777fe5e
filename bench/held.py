"""How much memory a server holds for runs that have not ended.

Nothing ends them meanwhile: neither a quiet time nor a decision, both of which are an hour away.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random

from bench.children import cost, wait_until
from bench.measure import Made, Plan, is_read, send
from bench.recorded.template import Run
from bench.recorded_load import Mix, Request, batch
from bench.report import Live
from bench.servers import KINDS, Wishes
from causewatch.app.clock import now_ns

RUN_BYTES = 32_000
"""So much is sent of a run, if it has as much, and never its last span."""
_SETTLE_S = 3.0
_READ_LIMIT_S = 3_600.0
_HELD = Wishes(runs={"quiet": "1h", "quiet_without_root": "1h"}, decision_wait="1h")


def hold(name: str, plan: Plan, runs: int) -> Live:
    """Start a server, send it the beginnings of so many runs, and return what it holds then."""
    kind = KINDS[name]
    made = Made(beginnings(plan, runs), in_memory=False)
    with tempfile.TemporaryDirectory(prefix="causewatch-bench-") as folder:
        server = kind.make(Path(folder), _HELD)
        with contextlib.ExitStack() as stack:
            child = stack.enter_context(server.child)
            if server.sink is not None:
                stack.enter_context(server.sink).start(lambda: True)
            child.start(server.ready, timeout_s=60)
            send(server, plan, made)
            wait_until(lambda: is_read(server), timeout_s=_READ_LIMIT_S, what="reading", poll_s=1.0)
            time.sleep(_SETTLE_S)
            found = cost(child.pid)
            child.stop(timeout_s=120)
    return Live(
        kind=name,
        runs=runs,
        spans=made.spans,
        sent_mib=made.bytes / 2**20,
        rss_mib=found.rss_mib,
        peak_rss_mib=found.peak_rss_mib,
    )


def beginnings(plan: Plan, runs: int) -> Iterator[Request]:
    """Yield requests that together hold the beginning of each of so many healthy runs."""
    dice = Random(plan.seed)
    healthy = [one for one in plan.recordings if one.fault == "none" and len(one.places) > 1]
    parts: list[bytes] = []
    size = count = 0
    limit = Mix().request_bytes
    for number in range(runs):
        run = dice.choice(healthy).run(dice, now_ns(), number)
        upto = _upto(run)
        parts.append(batch(run, 0, upto))
        size += len(parts[-1])
        count += upto
        if size >= limit or number == runs - 1:
            yield Request(b"".join(parts), count, [])
            parts, size, count = [], 0, 0


def _upto(run: Run) -> int:
    """Return how many of a run's spans are sent."""
    sizes = accumulate(map(len, run.spans[:-1]))
    return next((n for n, size in enumerate(sizes, 1) if size >= RUN_BYTES), len(run.spans) - 1)
