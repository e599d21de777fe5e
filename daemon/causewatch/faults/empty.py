"""A result with nothing in it, where the arguments asked for something."""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.faults.calls import Run
from causewatch.faults.words import says_nothing_found
from causewatch.model.judgement import Fault
from causewatch.model.value import Value

MAX_EMPTY_DEPTH = 50
_COUNT_KEYS = frozenset({"count", "total", "total_count", "hits", "num_results", "size", "length"})


def detect_empty(run: Run) -> Iterator[Fault]:
    """Yield a fault for each looking call with arguments whose result is there, and empty.

    The confidence is low: not finding anything is an answer. Only what is done with it can be
    wrong.
    """
    for call in run.calls:
        result, arguments = call.result, call.step.arguments
        if result is None or call.acts or call.delegates or arguments is None:
            continue
        if arguments.value not in (None, "", {}, []) and is_empty(result.value):
            yield Fault(
                name="empty",
                step=call.index,
                reason=f"{call.step.name} returned nothing for what it was asked",
                confidence=0.4,
            )


def is_empty(value: Value, depth: int = 0) -> bool:
    """Tell whether a result holds nothing: no value, or only empty collections and zero counts.

    Nor does a text that only says so, where it is the whole result.

    What is nested deeper than ``MAX_EMPTY_DEPTH`` counts as something.
    """
    if isinstance(value, dict):
        return depth < MAX_EMPTY_DEPTH and all(
            is_empty(member, depth + 1) or (key.lower() in _COUNT_KEYS and member == 0)
            for key, member in value.items()
        )
    if isinstance(value, str):
        return not value or (not depth and says_nothing_found(value))
    return value is None or (isinstance(value, list) and not value)
