"""When to try again: exponential, with full jitter; what the other side asks for comes first.

Full jitter as in https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/, with a
floor, so that a destination that comes back is not met by everybody at once.
"""

from __future__ import annotations

FIRST_S = 1.0
MAX_S = 60.0
MAX_RETRY_AFTER_S = 600.0
"""A longer Retry-After is cut to this: a server's mistake must not stop forwarding for good."""
_MIN_SHARE = 0.25
_MAX_DOUBLINGS = 16


def wait_s(attempts: int, retry_after_s: float | None, jitter: float) -> float:
    """Return how long to wait after so many failed attempts (1 or more); ``jitter`` is 0 to 1."""
    if retry_after_s is not None:
        return min(max(retry_after_s, 0.0), MAX_RETRY_AFTER_S)
    ceiling = min(FIRST_S * 2.0 ** min(max(attempts - 1, 0), _MAX_DOUBLINGS), MAX_S)
    return ceiling * (_MIN_SHARE + (1 - _MIN_SHARE) * jitter)
