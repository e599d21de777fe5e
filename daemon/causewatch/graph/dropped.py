"""What gathering did not take, gave up, or asks for."""

from __future__ import annotations

import msgspec


class Dropped(msgspec.Struct, kw_only=True):
    """How many items the assembler did not take, or gave up, by reason; they only grow."""

    duplicate: int = 0
    """Spans and logs that were there already: delivery is at least once."""
    synthetic: int = 0
    """Spans of our own that came back."""
    run_full: int = 0
    """Spans past ``max_spans_per_run`` or ``max_run_mib``."""
    too_late: int = 0
    """Spans and logs that came more than ``late_s`` after their run was judged."""
    no_trace: int = 0
    """Log records without a trace id."""
    join_refused: int = 0
    """Links that would join more than ``MAX_TRACES_PER_RUN_COUNT`` traces, or too many spans."""
    unloaded_runs: int = 0
    """Judged runs whose spans were given up for memory: can be read again."""
    evicted_runs: int = 0
    """Live runs that were judged early, as there were too many."""
    full_runs: int = 0
    """Live runs with more than may be judged: they are judged with what came first."""
    spilled_runs: int = 0
    """Live runs whose spans were put out of memory until they are due."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """Batches to be read again: a late span came for a run that is not in memory."""

    run_id: str
    batches: tuple[int, ...]
