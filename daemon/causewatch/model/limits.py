"""Every limit, with its unit in its name. Each drop they cause has a counter and a reason."""

from __future__ import annotations

from typing import Literal

import msgspec

JoinBy = Literal["link", "session", "a2a", "history"]
"""What may join several traces to one run."""


class RunLimits(msgspec.Struct, frozen=True, kw_only=True):
    """When a run is complete, and how much of it is kept."""

    quiet_s: float = 10.0
    quiet_without_root_s: float = 60.0
    max_age_s: float = 1800.0
    late_s: float = 3600.0
    max_live_mib: int = 224
    max_spans_per_run: int = 20_000
    max_run_mib: int = 128
    join: tuple[JoinBy, ...] = ("link", "session", "a2a", "history")


class PayloadLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a payload is looked at."""

    max_payload_bytes: int = 4 * 1024 * 1024
    max_json_depth: int = 64
    max_messages_per_step: int = 2_000
    max_excerpt_chars: int = 120


class ScoreLimit(msgspec.Struct, frozen=True, kw_only=True):
    """When an evaluation's score is bad: below ``min_score``, or above ``max_score``."""

    name: str
    """Glob over the names of evaluations."""
    min_score: float | None = None
    max_score: float | None = None


DEFAULT_RUN_LIMITS = RunLimits()
DEFAULT_PAYLOAD_LIMITS = PayloadLimits()
