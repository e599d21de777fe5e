"""What a result must be beyond its schema: items, dates, scores."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from blame_fixtures import RunBuilder
from causewatch.contracts.result import items_of, moment_of, too_few, too_low, too_old
from causewatch.contracts.spec import AgeLimit, ItemLimit, ScoreFloor
from causewatch.model.step import Document, Step

DAY_S = 86_400
NOW_NS = 1_773_309_600_000_000_000
"""2026-03-12T10:00:00Z."""

ITEMS: Any = [
    ([], 0), ([1, 2], 2), ("", 0), ("  ", 0), ("one", 1), (None, 0), (0, 1), (False, 1), ({}, 0),
    ({"rows": []}, 0), ({"rows": [1, 2, 3]}, 3), ({"rows": [], "total": 0}, 0),
    ({"rows": [], "status": "ok", "message": "nothing was found", "page": 1}, 0),
    ({"rows": [], "total_count": 0, "statusCode": 200, "nextCursor": ""}, 0),
    ({"data": {"rows": []}, "ok": True}, 0), ({"data": {"rows": [1]}}, 1),
    ({"id": "A-1", "notes": []}, 1), ({"order": {"id": "A-1"}}, 1),
    ({"a": [1], "b": [1, 2]}, 2), ({"a": [], "b": [1]}, 1), ({"error": None}, 0),
    ({"rows": [], "query": "Oslo"}, 0), ({"rows": [], "city": "Bergen"}, 1),
]  # fmt: skip


@pytest.mark.parametrize(("value", "count"), ITEMS, ids=[str(row[0]) for row in ITEMS])
def test_how_many_items_a_result_has(value: Any, count: int) -> None:
    """Counts, states and echoes of the question are no items; a record without notes is one."""
    assert items_of(value, {"q": "Oslo"}) == count


@pytest.mark.parametrize(
    ("value", "pointer", "found"),
    [
        ({"rows": [1]}, "/rows", []),
        ({"rows": []}, "/rows", [("empty", "/rows")]),
        ({}, "/rows", [("empty", "/rows")]),
        ({"a": {"rows": []}, "b": {"rows": [1]}}, "/*/rows", [("empty", "/a/rows")]),
        ({"rows": "x"}, "/rows", []),
    ],
)
def test_a_named_list_is_counted_where_it_stands(
    value: Any, pointer: str, found: list[tuple[str, str]]
) -> None:
    """A list that is not there has no items."""
    told = too_few(value, ItemLimit(count=1, pointer=pointer))
    assert [(each.name, each.pointer) for each in told] == found


MOMENTS = [
    ("2026-03-12T10:00:00Z", 0), ("2026-03-12T11:00:00+01:00", 0), (1_773_309_600, 0),
    (1_773_309_600_000, 0), ("1773309600", 0), ("1773309600000", 0), (1_773_309_600.5, -0.5),
    ("2026-03-12T10:00:00", -12 * 3600), ("2026-03-12 10:00", -12 * 3600),
    ("2026-03-12", -26 * 3600), ("2026/03/12", -26 * 3600), ("20260312", -26 * 3600),
]  # fmt: skip


@pytest.mark.parametrize(("value", "age_s"), MOMENTS, ids=[str(row[0]) for row in MOMENTS])
def test_what_a_date_may_mean(value: Any, age_s: float) -> None:
    """The latest moment that it may mean: without a zone twelve hours later, a day to its end."""
    at = moment_of(value)
    assert at is not None
    assert NOW_NS / 1e9 - at.timestamp() == pytest.approx(age_s)


@pytest.mark.parametrize(
    "value", ["soon", "", None, True, 7, 10**40, [], {}, b"2026", "2026-13-01", float("nan")]
)
def test_what_is_no_date(value: Any) -> None:
    """Nothing is read into what is not a date."""
    assert moment_of(value) is None


AGES = [
    ({"at": "2026-03-11T11:00:00Z"}, []),
    ({"at": "2026-03-11T09:00:00Z"}, [("stale", "/at")]),
    ({"at": "2026-03-09"}, [("stale", "/at")]),
    ({"at": "2026-03-10"}, []),
    ({"at": "2030-01-01"}, []),
    ({}, [(None, "/at")]),
    ({"at": "soon"}, [(None, "/at")]),
]


@pytest.mark.parametrize(("value", "found"), AGES, ids=[str(row[0]) for row in AGES])
def test_a_date_is_too_old_by_the_time_of_its_step(value: Any, found: list[Any]) -> None:
    """Against the time that is given, never a clock; without a date nothing can be said."""
    told = too_old(value, AgeLimit(pointer="/at", limit_s=DAY_S), NOW_NS)
    assert [(each.name, each.pointer) for each in told] == found


def test_the_dates_of_a_list_are_told_up_to_a_limit() -> None:
    """No list, no dates, no complaint; of very many old ones the first are named."""
    limit = AgeLimit(pointer="/rows/*/at", limit_s=DAY_S)
    assert list(too_old({"rows": []}, limit, NOW_NS)) == []
    rows: Any = [{"at": "2001-01-01"}] * 500
    told = list(too_old({"rows": rows}, limit, NOW_NS))
    assert len(told) == 20
    assert told[0].message == "9200d old where 24h is the limit"


def retrieved(*scores: float | None) -> Step:
    """Return a retrieval with documents of these scores."""
    run = RunBuilder("Look.")
    index = run.call("look", {"q": 1}, None, kind="retrieval")
    step = run.graph().steps[index]
    documents = tuple(Document(id=str(i), score=score) for i, score in enumerate(scores))
    return msgspec.structs.replace(step, documents=documents)


@pytest.mark.parametrize(
    ("scores", "names"),
    [
        ((0.2, 0.4), ["low_score"]),
        ((0.2, 0.5), []),
        ((0.2, None), [None]),
        ((None,), [None]),
        ((-3.0,), ["low_score"]),
        ((float("nan"),), [None]),
    ],
)
def test_the_best_score_decides(scores: tuple[float | None, ...], names: list[Any]) -> None:
    """Documents without a score cannot be judged."""
    step = retrieved(*scores)
    value: Any = {"documents": [{"score": score} for score in scores]}
    assert [each.name for each in too_low(step, value, ScoreFloor(limit=0.5))] == names


def test_a_result_without_items_misses_no_score() -> None:
    """That it is empty is another matter."""
    assert list(too_low(retrieved(), {"hits": []}, ScoreFloor(limit=1, pointer="/hits/*/s"))) == []
