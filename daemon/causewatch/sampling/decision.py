"""What was decided of a run: whether it is kept, by which policy, and why."""

from __future__ import annotations

import msgspec


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The decision on one run; small, so that it can be kept beside the run.

    ``policy`` is the name of the deciding policy, empty where none kept the run. ``reason`` is a
    sentence without payload text. ``probability`` is that of having been kept by the policies:
    1.0 for a certain keep, ``None`` where nobody can tell (a rate kept it). ``threshold`` is the
    same as the trace state has it, for spans of ``trace_id``, whose randomness decided. Without it
    no trace state is written; where no ``probability`` is known either, what one says is erased.
    """

    keep: bool
    policy: str
    reason: str
    probability: float | None = 1.0
    threshold: int | None = None
    trace_id: str = ""
