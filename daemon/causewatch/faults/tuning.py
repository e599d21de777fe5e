"""What may be tuned of the detectors: which are off, and their numbers."""

from __future__ import annotations

import msgspec

from causewatch.model.judgement import FaultName


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of the detectors, each with the default that was measured."""

    off: frozenset[FaultName] = frozenset()
    """The faults that are not looked for."""


DEFAULT_TUNING = Tuning()
