"""When to try again: exponential, with jitter; a server's Retry-After comes first."""

from __future__ import annotations

import msgspec

NS_PER_S = 1_000_000_000
MAX_DOUBLINGS = 32


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The waits between attempts, in seconds. ``jitter_share`` spreads each wait upwards."""

    first_s: float = 2.0
    max_s: float = 600.0
    jitter_share: float = 0.2
    max_retry_after_s: float = 3600.0
    """A longer Retry-After is cut to this: a server's mistake must not bury a message."""
    max_age_s: float = 86_400.0
    """A message older than this is dead."""


DEFAULT_SCHEDULE = Schedule()


def wait_s(
    schedule: Schedule, *, attempts: int, retry_after_s: float | None, jitter: float
) -> float:
    """Return how long to wait after the given number of attempts (1 or more).

    ``jitter`` is a random number, 0 to 1. A Retry-After is never shortened below what was asked,
    up to its limit.
    """
    if retry_after_s is not None:
        return min(max(retry_after_s, 0.0), schedule.max_retry_after_s)
    doublings = min(max(attempts - 1, 0), MAX_DOUBLINGS)
    wait = min(schedule.first_s * 2**doublings, schedule.max_s)
    return float(wait * (1 + schedule.jitter_share * jitter))


def is_too_old(schedule: Schedule, *, created_at_ns: int, now_ns: int) -> bool:
    """Return whether a message has been tried for long enough."""
    return now_ns - created_at_ns > schedule.max_age_s * NS_PER_S
