"""How many spans of a request are usable, told by compiled code in one pass over its bytes.

A receiver asks this of every request before it acknowledges. The library answers only when all is
well and nothing is unusual; ``otlp.count``, which comes to the same number, has the rest and does
everything where the library is missing.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from causewatch.likeness.native import LIBRARY
from causewatch.otlp import count
from causewatch.otlp.decode import Counted

CountTraces: TypeAlias = Callable[[bytes], Counted]
"""Tells what of a trace request is usable; raises ``NotOtlpError`` where the bytes are none."""


def traces_counter(library: Path = LIBRARY) -> CountTraces:
    """Return what does as ``otlp.count.count_traces`` does, compiled where it can be.

    Any number of threads may call it.
    """
    try:
        # The lock of the interpreter is kept: to give it away and to wait for it again takes longer
        # than the tens of microseconds that a request takes here.
        usable_spans = ctypes.PyDLL(str(library)).causewatch_usable_spans
    except (OSError, AttributeError):
        return count.count_traces
    usable_spans.restype = ctypes.c_int64
    usable_spans.argtypes = [ctypes.c_char_p, ctypes.c_size_t]

    def count_traces(body: bytes) -> Counted:
        kept = usable_spans(body, len(body))
        return Counted(kept=kept) if kept > 0 else count.count_traces(body)

    return count_traces
