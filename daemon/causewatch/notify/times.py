"""Times as text. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def iso(time_ns: int) -> str | None:
    """Return a Unix time in ns as ISO 8601 in UTC with milliseconds, ``None`` for 0 ("never")."""
    if not time_ns:
        return None
    moment = datetime.fromtimestamp(time_ns // _NS_PER_MS / 1000, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_text(time_ns: int) -> str:
    """Return a Unix time in ns as text in UTC, to the second."""
    return datetime.fromtimestamp(time_ns // _NS_PER_S, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(span_ns: int) -> str:
    """Return a duration in its two largest units, such as ``2 h 5 min``."""
    seconds = max(0, span_ns) // _NS_PER_S
    if seconds < _MINUTE_S:
        return f"{seconds} s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S} min"
    if seconds < _DAY_S:
        return f"{seconds // _HOUR_S} h {seconds % _HOUR_S // _MINUTE_S} min"
    return f"{seconds // _DAY_S} d {seconds % _DAY_S // _HOUR_S} h"
