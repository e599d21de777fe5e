"""A call that its service refused, because there were too many."""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.faults.calls import Run
from causewatch.model.judgement import Fault


def detect_rate_limited(run: Run) -> Iterator[Fault]:
    """Yield a fault for each call whose result reports a rate limit or a used-up quota."""
    for call in run.calls:
        if call.result is None or (call.step.documents and isinstance(call.result.value, str)):
            continue
        found = call.failure
        if found is not None and found.kind == "rate_limited":
            yield Fault(
                name="rate_limited",
                step=call.index,
                reason=f"{call.step.name} was refused for too many calls ({found.what})",
                confidence=found.confidence,
            )
