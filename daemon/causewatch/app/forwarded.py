"""What forwarding is told of a run that the pipeline is done with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from causewatch.forward.run import ForwardedRun
from causewatch.graph.gathered import RunSnapshot
from causewatch.graph.lone import LoneTrace
from causewatch.likeness.familiar import Familiar
from causewatch.model.judgement import Assessment
from causewatch.otlp.raw import RawSpan
from causewatch.sampling.decision import Decision

NOT_SAMPLED: Mapping[str, Decision] = MappingProxyType({})


def judged(
    snapshot: RunSnapshot,
    assessment: Assessment | None,
    decisions: Mapping[str, Decision] = NOT_SAMPLED,
) -> ForwardedRun:
    """Return a run that was judged in full; without assessment, one that could not be judged."""
    return ForwardedRun(
        run_id=snapshot.run_id,
        aliases=snapshot.aliases,
        spans=snapshot.raw_spans,
        verdict=assessment.blame.verdict if assessment is not None else None,
        workflow=assessment.graph.workflow if assessment is not None else "",
        assessment=assessment,
        decisions=decisions,
    )


def passed_over(
    snapshot: RunSnapshot, familiar: Familiar, decisions: Mapping[str, Decision] = NOT_SAMPLED
) -> ForwardedRun:
    """Return a run that was not judged in full, as it is like others with nothing to tell."""
    return ForwardedRun(
        run_id=snapshot.run_id,
        aliases=snapshot.aliases,
        spans=snapshot.raw_spans,
        verdict=familiar.verdict,
        workflow=familiar.workflow,
        decisions=decisions,
    )


def trace_passed_over(
    trace: LoneTrace,
    spans: tuple[RawSpan, ...],
    familiar: Familiar,
    decisions: Mapping[str, Decision] = NOT_SAMPLED,
) -> ForwardedRun:
    """Return the same of a run that is one trace."""
    return ForwardedRun(
        run_id=trace.trace_id,
        spans=spans,
        verdict=familiar.verdict,
        workflow=familiar.workflow,
        decisions=decisions,
    )
