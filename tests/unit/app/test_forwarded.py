"""What forwarding is told of a run."""

from __future__ import annotations

from app_fixtures import assessment
from causewatch.app.forwarded import judged, passed_over
from causewatch.graph.gathered import RunSnapshot
from causewatch.likeness.familiar import Familiar
from forward_fixtures import KEPT, captured

FINE = "openai-agents__openinference__ok"


def snapshot() -> RunSnapshot:
    """Return a recorded run at its end."""
    spans = captured(FINE)
    return RunSnapshot(
        run_id="run-1",
        trace_ids=(spans[0].trace_id,),
        aliases=("run-0",),
        raw_spans=spans,
        logs=(),
        state="complete",
        revision=1,
        batches=(1,),
    )


def test_a_run_that_was_passed_over_has_the_verdict_of_its_like() -> None:
    """And their workflow, but no assessment of its own; its spans are those that came."""
    familiar = Familiar(
        workflow="desk",
        verdict="unverifiable",
        is_lone=True,
        gaps=(),
        steps=(),
        faults=(),
        health=None,
    )
    run = passed_over(snapshot(), familiar, {"local": KEPT})
    assert (run.run_id, run.aliases) == ("run-1", ("run-0",))
    assert (run.seen_by("local").decision, run.seen_by("other").decision) == (KEPT, None)
    assert (run.verdict, run.workflow, run.assessment) == ("unverifiable", "desk", None)
    assert [span.body for span in run.spans] == [span.body for span in captured(FINE)]


def test_a_judged_run_has_its_assessment() -> None:
    """One that could not be judged has none, and no verdict."""
    found = assessment(FINE)
    assert judged(snapshot(), found).assessment is found
    assert judged(snapshot(), found).verdict == found.blame.verdict
    assert judged(snapshot(), None).verdict is None
