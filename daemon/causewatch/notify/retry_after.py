"""Reading a Retry-After header (RFC 9110, section 10.2.3), in seconds. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a server asks to wait, ``None`` where it does not say.

    Only the form in seconds is read: the form with a date depends on the server's clock, so the
    schedule decides.
    """
    text = next((v for k, v in headers.items() if k.lower() == "retry-after"), None)
    try:
        seconds = float(text) if text is not None else math.nan
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
