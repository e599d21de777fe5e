"""What may be tuned of the detectors: which are off, and their numbers."""

from __future__ import annotations

import msgspec

from causewatch.model.judgement import FaultName


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of the detectors, each with the default that was measured."""

    off: frozenset[FaultName] = frozenset()
    """The faults that are not looked for."""
    min_repeats: int = 3
    """``repeated_call``: so many equal calls are a loop."""
    min_passes: int = 4
    """``ping_pong``: so many handoffs to and fro with nothing new are a loop."""
    min_history_results: int = 5
    """``missing_shape``: so many results tell what a tool always returns."""
    stale_after_s: float = 4 * 86_400.0
    """``stale``: a snapshot this old is; four days, so that a long weekend is not."""
    min_score: float = 0.2
    """``low_score``: retrieved documents that all score less fit badly."""


DEFAULT_TUNING = Tuning()
