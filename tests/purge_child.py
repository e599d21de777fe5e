"""The program that the crash tests of deleting kill; it says each step, and goes on when told.

Arguments: the folder, and ``prune``, or the ids of traces to purge.
"""

from __future__ import annotations

import sys
from pathlib import Path

from causewatch.app.purge import Purge
from causewatch.app.purge_scope import Wanted
from causewatch.app.retention import Retention, RetentionLimits
from causewatch.telemetry.metrics import Metrics
from purge_fixtures import T0_NS, Estate, S

READER = "reader"
AGES = RetentionLimits(age_s=1_000.0, anomalous_age_s=100_000.0)
NOW_NS = T0_NS + 2_000 * S
"""Then what came at ``T0_NS`` is old, and what came at ``T0_NS + 1_500 * S`` is not."""


def say(what: str, _done: int = 0, _total: int = 0) -> None:
    """Tell of a step, and wait for a line; at the end of input nobody is waited for."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()
    sys.stdin.readline()


def prune(estate: Estate) -> None:
    """Delete, compact and give back what is due."""
    retention = Retention(
        AGES,
        inbox=estate.inbox,
        store=estate.store,
        metrics=Metrics(),
        now_ns=lambda: NOW_NS,
        reader=READER,
    )
    for _ in retention.steps():
        say("step")


def main(folder: Path, *args: str) -> None:
    """Do it once."""
    estate = Estate(folder)
    say("begun")
    if args == ("prune",):
        prune(estate)
    else:
        purge = Purge(
            inbox=estate.inbox,
            store=estate.store,
            folder=folder,
            dialects=(),
            on_step=say,
            pause=lambda _s: None,
        )
        purge.apply(purge.find(Wanted(traces=frozenset(args))))
    say("done")
    estate.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
