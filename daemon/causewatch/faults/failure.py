"""A failed call that its span does not report: an error envelope inside of an OK result."""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.faults.calls import Run
from causewatch.faults.text import excerpt
from causewatch.model.judgement import Fault

OPEN_CONFIDENCE = 0.55
"""An error that its span reports was seen by the agent: it is less likely to be swallowed."""


def detect_failure(run: Run) -> Iterator[Fault]:
    """Yield a fault for each call whose result, or whose span, says that it failed.

    What says that it is a part, or that there were too many calls, has detectors of its own.
    """
    for call in run.calls:
        step = call.step
        if call.result is None:
            # Frameworks raise exceptions to pass control, so a failed delegation is no failure.
            if step.span.status == "error" and not call.delegates:
                reason = excerpt(step.error_message or step.error_type or step.span.status_message)
                yield Fault(
                    name="failure",
                    step=call.index,
                    reason=f"{step.name} failed: {reason or 'no reason recorded'}",
                    confidence=OPEN_CONFIDENCE,
                )
            continue
        if step.documents and isinstance(call.result.value, str):
            continue
        found = call.failure
        if found and found.kind == "failed":
            green = "" if step.span.status == "error" else " inside of a span that reports no error"
            yield Fault(
                name="failure",
                step=call.index,
                reason=f"{step.name} returned a failure{green} ({found.what})",
                confidence=found.confidence,
            )
