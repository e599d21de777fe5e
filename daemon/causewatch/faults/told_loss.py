"""Content lost between the two ends of an instrumented handoff, by their digests and shapes alone.

Both ends said what the payload is, so nothing is a matter of reading prompts: what one sent and the
other did not get was lost on the way. A mere change of form, or of a value, is a contract's matter.
"""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.faults.calls import Run
from causewatch.faults.lost_at_handoff import place_of
from causewatch.faults.text import excerpt
from causewatch.graph.imprints import Break, breaks_between
from causewatch.model.graph import Handoff
from causewatch.model.judgement import Fault

LOST_CONFIDENCE = 0.9
FLATTENED_CONFIDENCE = 0.8


def detect_told_loss(run: Run) -> Iterator[Fault]:
    """Yield a fault for each instrumented handoff whose receiver did not get all that was sent."""
    for index, handoff in enumerate(run.graph.handoffs):
        found = _worst(handoff)
        if found is None:
            continue
        is_flat = found.kind == "serialization"
        place = f" at {excerpt(found.pointer)}" if found.pointer else ""
        to = handoff.to_agent or "the receiver"
        yield Fault(
            name="flattened" if is_flat else "lost_at_handoff",
            step=place_of(handoff),
            handoff=index,
            reason=f"{to} got less than it was sent: {found.message}{place}",
            confidence=FLATTENED_CONFIDENCE if is_flat else LOST_CONFIDENCE,
            at="output" if handoff.performed_by is not None else "input",
        )


def _worst(handoff: Handoff) -> Break | None:
    """Return the first loss between both ends, one that is no flattening before one that is."""
    claim = handoff.claim
    if claim is None or claim.sent is None or claim.received is None:
        return None
    lost = [each for each in breaks_between(claim.sent, claim.received) if each.lost]
    return min(lost, key=lambda each: each.kind == "serialization", default=None)
