"""What is known beside a run when it is judged: whom to trust, what is normal, what to look for."""

from __future__ import annotations

import msgspec

from causewatch.faults.history import NO_HISTORY, History
from causewatch.faults.trust import Trust
from causewatch.faults.tuning import DEFAULT_TUNING, Tuning
from causewatch.model.limits import ScoreLimit


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside a run; by default nothing, so that each run is judged by itself."""

    trust: tuple[Trust, ...] = ()
    """Whose results may steer actions; the first entry that matches decides."""
    tuning: Tuning = DEFAULT_TUNING
    history: History = NO_HISTORY
    scores: tuple[ScoreLimit, ...] = ()
    """Which evaluation scores are bad; the first entry that matches a name decides."""


NOTHING_KNOWN = Known()
