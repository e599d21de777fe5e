"""The paths of judged runs, one below the other, as one picture. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from causewatch.blame.cause import cause_of
from causewatch.model.judgement import Assessment
from causewatch.notify.picture.drawing import Drawing, stacked
from causewatch.notify.picture.layout import layout, note

MAX_RUNS_COUNT = 50


def runs_drawing(assessments: Sequence[Assessment]) -> Drawing:
    """Return a picture of the runs that have something to show, and how many it leaves out.

    What evidence quotes is shown: who asks has the spans themselves.
    """
    shown = [each for each in assessments if each.blame.origin or each.blame.path]
    parts = [_drawn(each) for each in shown[:MAX_RUNS_COUNT]]
    rest = len(shown) - len(parts)
    silent = len(assessments) - len(shown)
    if rest:
        parts.append(note(f"… and {rest} more runs with a known origin."))
    if silent or not parts:
        kind = "run" if silent == 1 else "runs"
        parts.append(note(f"Nothing to draw of {silent} {kind}: no step introduced anything."))
    return stacked(tuple(parts), f"Causal paths of {len(shown)} of {len(assessments)} runs")


def _drawn(assessment: Assessment) -> Drawing:
    about = f"run {assessment.graph.run_id}: {assessment.blame.verdict}"
    return layout(cause_of(assessment), about=about, excerpts=True)
