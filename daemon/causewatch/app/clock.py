"""The one place where causewatch reads the wall clock. Everything else is handed ``now``."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

NS_PER_S = 1_000_000_000


def now_ns() -> int:
    """Return the Unix time in nanoseconds."""
    return time.time_ns()  # noqa: TID251  # this is the clock


def today() -> date:
    """Return the day it is in UTC."""
    return datetime.fromtimestamp(now_ns() / NS_PER_S, tz=UTC).date()


def iso(time_ns: int) -> str:
    """Return a Unix time in ns as ISO 8601 in UTC with milliseconds, empty for 0 ("never")."""
    if time_ns == 0:
        return ""
    moment = datetime.fromtimestamp(time_ns // 1_000_000 / 1000, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
