"""Retrieved documents that all fit badly, by their own scores."""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.faults.calls import Call, Run
from causewatch.model.judgement import Fault

ASKED_CONFIDENCE = 0.6
"""The caller itself said what is too little."""
LOW_CONFIDENCE = 0.3
"""Scores have no common scale: low ones are a hint, never a verdict."""
MIN_COMMON_SCORE = 0.05
"""Below it scores are ranks turned around (reciprocal rank fusion) rather than similarities."""
_ASKED_KEYS = frozenset(
    {"min_score", "minscore", "score_threshold", "threshold", "min_similarity",
     "similarity_threshold", "min_relevance", "relevance_threshold"}
)  # fmt: skip


def detect_low_score(run: Run) -> Iterator[Fault]:
    """Yield a fault for each retrieval of which every document scores low.

    Low is less than the call itself asked for; else, as a hint, less than the tuned share of one
    among scores between 0 and 1. A score that is a distance is the better the lower, so a list with
    rising scores says nothing.
    """
    for call in run.calls:
        scores = [d.score for d in call.step.documents if d.score is not None]
        if not scores or len(scores) < len(call.step.documents) or scores != sorted(scores)[::-1]:
            continue
        best = max(scores)
        asked = _asked(call)
        if asked is not None and best < asked:
            yield _fault(call, f"all below the {asked:g} that was asked for", ASKED_CONFIDENCE)
        elif MIN_COMMON_SCORE <= best < run.known.tuning.min_score and min(scores) >= 0:
            yield _fault(call, f"the best is {best:g}", LOW_CONFIDENCE)


def _asked(call: Call) -> float | None:
    value = None if call.step.arguments is None else call.step.arguments.value
    if not isinstance(value, dict):
        return None
    for key, member in value.items():
        if key.lower() in _ASKED_KEYS and isinstance(member, float | int):
            return None if isinstance(member, bool) else float(member)
    return None


def _fault(call: Call, how: str, confidence: float) -> Fault:
    return Fault(
        name="low_score",
        step=call.index,
        reason=f"what {call.step.name} found scores low: {how}",
        confidence=confidence,
    )
