"""What is known of a run when it is offered for forwarding."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from causewatch.forward.destination import Verdict
from causewatch.model.judgement import Assessment
from causewatch.otlp.raw import RawSpan
from causewatch.sampling.decision import Decision


class ForwardedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One judged run, with its spans as they were received.

    ``assessment`` is ``None`` for a run that was not judged in full: one that is like others
    that had nothing to tell (``verdict`` is then theirs), or one that could not be judged
    (``verdict`` is then ``None``). ``decision`` is ``None`` where nothing is sampled; ``decisions``
    are those for single destinations, by their names, and stand above it. ``aliases`` are ids that
    the run, or parts of it, had before.
    """

    run_id: str
    spans: tuple[RawSpan, ...]
    verdict: Verdict | None
    workflow: str = ""
    aliases: tuple[str, ...] = ()
    assessment: Assessment | None = None
    decision: Decision | None = None
    decisions: Mapping[str, Decision] = msgspec.field(default_factory=dict)

    def seen_by(self, destination: str) -> ForwardedRun:
        """Return the run with the decision for one destination."""
        own = self.decisions.get(destination)
        return self if own is None else msgspec.structs.replace(self, decision=own)
