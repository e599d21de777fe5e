from __future__ import annotations

from causewatch.signatures.cache import SubjectCache
from causewatch.signatures.limits import Budget, EvaluationLimits


def test_a_full_cache_still_answers() -> None:
    """What does not fit any more is computed again, not lost."""
    cache = SubjectCache(max_entries=1)
    made: list[str] = []

    def make(name: str) -> list[str]:
        made.append(name)
        return [name]

    for _ in range(2):
        assert cache.get("a", lambda: make("a")) == ["a"]
        assert cache.get("b", lambda: make("b")) == ["b"]
    assert made == ["a", "b", "b"]


def test_an_empty_answer_is_remembered() -> None:
    """Nothing found is an answer too."""
    cache = SubjectCache()
    made: list[str] = []

    def make() -> int:
        made.append("mask")
        return 0

    assert [cache.get("mask", make) for _ in range(2)] == [0, 0]
    assert made == ["mask"]


def test_a_budget_runs_out_once() -> None:
    """A budget that ran out stays so."""
    budget = Budget(EvaluationLimits(max_rows=3))
    assert budget.spend(3)
    assert not budget.spend(1)
    assert not budget.spend(0)
    assert budget.limited
