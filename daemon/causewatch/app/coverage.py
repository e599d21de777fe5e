"""Looks over recorded runs: which boundaries of which services can be checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from causewatch.app.assess import all_requests, graph_of, snapshots_of
from causewatch.blame.coverage import Check, Coverage, checks_of, coverage_of
from causewatch.dialects.table import Dialect
from causewatch.dialects.tables import SHIPPED
from causewatch.errors import InputError


class Checkup(msgspec.Struct, frozen=True, kw_only=True):
    """What can be checked, over how many runs and spans."""

    runs: int
    spans: int
    coverage: tuple[Coverage, ...]

    @property
    def is_whole(self) -> bool:
        """Tell whether there is something to check, and nothing that cannot be checked."""
        return bool(self.coverage) and all(one.checkable == one.count for one in self.coverage)


def check_up(
    paths: Sequence[str],
    errors: list[InputError],
    dialects: Sequence[Dialect] = SHIPPED,
    store: Path | None = None,
) -> Checkup:
    """Return what can be checked in the runs of these files; what is unreadable goes to errors."""
    checks: list[Check] = []
    span_count = 0
    snapshots = snapshots_of(all_requests(paths, store, errors), errors)
    for snapshot in snapshots:
        span_count += len(snapshot.raw_spans)
        checks.extend(checks_of(graph_of(snapshot, dialects), snapshot.logs))
    return Checkup(runs=len(snapshots), spans=span_count, coverage=coverage_of(checks))
