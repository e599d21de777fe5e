from __future__ import annotations

from causewatch.sampling.decided import Decided
from causewatch.sampling.decision import Decision

KEPT = Decision(keep=True, policy="p", reason="Every run is kept.")
DROPPED = Decision(keep=False, policy="", reason="No policy keeps it.", probability=0.0)


def test_a_decision_is_found_by_any_id_of_a_run() -> None:
    """Of parts that were decided on differently the keep counts: some of it was sent."""
    decided = Decided()
    decided.put("a", DROPPED)
    decided.put("b", KEPT)
    assert decided.of(["a"]) == DROPPED
    assert decided.of(["c", "a", "b"]) == decided.of(["b", "a"]) == KEPT
    assert decided.of(["c"]) is None


def test_what_was_decided_longest_ago_is_forgotten() -> None:
    """A run that was decided again is not that."""
    decided = Decided(max_count=2)
    for run_id in ("a", "b", "a", "c"):
        decided.put(run_id, KEPT)
    assert [decided.of([run_id]) is not None for run_id in "abc"] == [True, False, True]
    assert len(decided) == 2
