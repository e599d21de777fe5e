"""A result that stops early: JSON that never closes, or a mark that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from causewatch.faults.calls import Call, Run
from causewatch.faults.text import excerpt
from causewatch.faults.unclosed import is_unclosed
from causewatch.model.judgement import Fault
from causewatch.model.step import Payload

MIN_ELLIPSIS_CHARS = 40
"""A shorter text may well end in dots."""
_CUT = (
    r"\[\W{0,3}truncated\W{0,3}\]|\(truncated\)|<truncated>|\[cut\]|\[output truncated\]"
    r"|\[gekürzt\]|\[tronqué\]|\[troncato\]|\[truncado\]"
)
_COUNT = r"(?:\(|\[|\.\.\.\s?|…\s?)(?:and\s)?\d{1,9}\s(?:more|further|omitted)\b[^\n]{0,30}"
_SAID = re.compile(rf"(?:{_CUT}|{_COUNT})\W{{0,3}}$", re.IGNORECASE)
_COUNTED = re.compile(rf"{_COUNT}\W{{0,3}}$", re.IGNORECASE)


def detect_truncated(run: Run) -> Iterator[Fault]:
    """Yield a fault for each result that was cut by its tool, not by telemetry."""
    for call in run.calls:
        result = call.result
        if result is None or result.cut:
            continue
        # Dots at the end are how another agent chose to end its sentence.
        found = _truncation(result, may_trail_off=call.delegates) or _flagged(call)
        if found:
            reason, confidence = found
            yield Fault(
                name="truncated",
                step=call.index,
                reason=f"{call.step.name} returned a cut result: {reason}",
                confidence=confidence,
            )


def ends_with_mark(text: str) -> bool:
    """Tell whether a text ends with an explicit mark that part of it is left out."""
    return bool(_SAID.search(text.rstrip()[-80:]))


def counts_more(text: str) -> bool:
    """Tell whether a text ends with the number of further items that it leaves out.

    A preview that tells how much more there is hides nothing: that matters only to who needs all.
    """
    return bool(_COUNTED.search(text.rstrip()[-80:]))


def _flagged(call: Call) -> tuple[str, float] | None:
    """Return the member by which a result says that it is a part, with a confidence."""
    found = call.failure
    if found is None or found.kind != "partial":
        return None
    return f"it says so ({found.what})", found.confidence


def _truncation(result: Payload, *, may_trail_off: bool) -> tuple[str, float] | None:
    """Return how a result shows that it was cut, with a confidence, or ``None``."""
    value = result.value
    if isinstance(value, str):
        if is_unclosed(value):
            return f"JSON that does not close ({excerpt(value[-60:])})", 0.8
        if ends_with_mark(value) and not counts_more(value):
            return f"it says so ({excerpt(value.rstrip()[-40:])})", 0.7
        trails_off = value.rstrip().endswith(("...", "…"))
        if trails_off and len(value) >= MIN_ELLIPSIS_CHARS and not may_trail_off:
            return f"it trails off ({excerpt(value.rstrip()[-40:])})", 0.6
        return None
    cut = (text for text in result.strings if ends_with_mark(text) and not counts_more(text))
    marked = next(cut, None)
    return (f"a text in it says so ({excerpt(marked[-40:])})", 0.6) if marked else None
