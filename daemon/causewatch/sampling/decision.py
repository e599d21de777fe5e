"""What was decided of a run: whether it is kept, by which policy, and why."""

from __future__ import annotations

import msgspec


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The decision on one run.

    ``policy`` is the name of the deciding policy, ``reason`` a sentence without payload text,
    ``probability`` that of having been kept: above 0, 1.0 for a certain keep.
    """

    keep: bool
    policy: str
    reason: str
    probability: float = 1.0
