"""How glibc keeps the memory that is given back, and how often Python looks for cycles in it."""

from __future__ import annotations

import ctypes
import gc

MAX_ARENAS = 2
MMAP_THRESHOLD_BYTES = 4 * 1024 * 1024
"""Smaller pieces are taken from what was freed before. By default each request gets fresh pages of
the system, which have to be mapped and cleared again and again."""
TRIM_THRESHOLD_BYTES = 8 * 1024 * 1024
"""So much may lie free at the end of an arena before it is given back."""
GC_ALLOCATIONS = 50_000
"""Objects that are made, more than are dropped, before the youngest are looked through."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""From glibc's malloc.h."""


def share_memory() -> None:
    """Let threads share what glibc holds free, else each keeps its own for good; use it again."""
    try:
        allocator = ctypes.CDLL(None)
        allocator.mallopt(_M_ARENA_MAX, MAX_ARENAS)
        allocator.mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
        allocator.mallopt(_M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES)
    except (AttributeError, OSError):
        return  # another C library, which needs no such advice


def spare_the_collector() -> None:
    """Let Python look for cycles less often, and not among what stays: hardly any are made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, *gc.get_threshold()[1:])
