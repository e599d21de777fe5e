"""Results that say of themselves that they are out of date, and records that are merely old."""

from __future__ import annotations

from typing import Any

import pytest

from blame_fixtures import RunBuilder
from causewatch.faults.detect import detect
from causewatch.faults.known import Known
from causewatch.faults.tuning import Tuning
from causewatch.model.judgement import Fault

TODAY = "Today's date is 2031-05-20. Which ferry goes next?"


def stale(result: Any, prompt: str = TODAY, asked: Any = "Hals", **tuned: Any) -> list[Fault]:
    """Return the stale faults of a run with this result."""
    run = RunBuilder(prompt)
    run.call("get_fares", {"to": asked}, result)
    run.say("Done.")
    known = Known(tuning=Tuning(**tuned))
    return [fault for fault in detect(run.graph(), known) if fault.name == "stale"]


OLD: list[tuple[Any, float]] = [
    ({"fare": 4, "stale": True}, 0.75),
    ({"fare": 4, "is-stale": True}, 0.75),
    ({"fare": 4, "veraltet": True}, 0.75),
    ({"data": {"fare": 4}, "meta": {"outdated": True}}, 0.75),
    ({"fare": 4, "cache_status": "STALE"}, 0.75),
    ({"fare": 4, "freshness": "out of date"}, 0.75),
    ('{"fare": 4, "stale": true}', 0.75),
    ({"fare": 4, "cache_age_s": 900, "max_age_s": 600}, 0.7),
    ({"fare": 4, "cache_age_hours": 30, "max_age_seconds": 600}, 0.7),
    ({"fare": 4, "as_of": "2031-04-02"}, 0.6),
    ({"fare": 4, "cached_at": "2031-05-01T10:00:00Z"}, 0.6),
    ({"fare": 4, "meta": {"last_synced": "2030-12-24"}}, 0.6),
    ({"fare": 4, "valid_until": "2031-05-01"}, 0.6),
]


@pytest.mark.parametrize(("result", "confidence"), OLD, ids=lambda value: str(value)[:50])
def test_what_is_out_of_date(result: Any, confidence: float) -> None:
    """Flags, ages beyond their limit, old snapshots and an end of validity count."""
    (fault,) = stale(result)
    assert (fault.step, fault.confidence) == (2, confidence)


FRESH: list[Any] = [
    {"fare": 4, "stale": False},
    {"fare": 4, "stale": "no"},
    {"fare": 4, "cached": True, "cache_age_s": 30, "max_age_s": 600},
    {"fare": 4, "age_days": 900},
    {"fare": 4, "ttl": 60},
    {"name": "Vik", "age": 71, "created_at": "1999-01-01", "updated_at": "2020-01-01"},
    {"card": "C-1", "expires_at": "2020-01-01", "expired": True},
    {"fare": 4, "as_of": "2031-05-19"},
    {"fare": 4, "as_of": "2031-06-01"},
    {"fare": 4, "as_of": "9999-99-99"},
    {"fare": 4, "as_of": 17},
    {"fare": 4, "valid_until": "2031-05-20"},
    {"rows": [{"stale": True, "as_of": "2001-01-01"}]},
    {"bread": {"stale": True}, "milk": {"stale": False}},
    "as_of 2001-01-01 stale",
]


@pytest.mark.parametrize("result", FRESH, ids=str)
def test_what_is_not(result: Any) -> None:
    """Old records, fresh caches, data about staleness and dates that are none are fine."""
    assert stale(result) == []


def test_our_clock_alone_is_a_hint() -> None:
    """Without a day that the run was told, or with two of them, an old date is no verdict."""
    for prompt in ("Which ferry?", "Today is 2031-05-20, I mean, today is 2031-05-21."):
        (fault,) = stale({"fare": 4, "as_of": "1960-04-02"}, prompt)
        assert fault.confidence < 0.4


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ("Today is 2031-05-20. What was the fare on 2031-04-02?", "Hals"),
        ("Today is 2031-05-20. Compare with 2031-04.", "Hals"),
        (TODAY, "2031-04-02"),
    ],
)
def test_a_date_that_was_asked_for(prompt: str, asked: str) -> None:
    """Somebody wants to know how things were: then an old snapshot is the right one."""
    assert stale({"fare": 4, "as_of": "2031-04-02"}, prompt, asked) == []


def test_a_year_that_was_asked_for() -> None:
    """The year alone does, where it is not the present one."""
    prompt = "Today is 2031-05-20. What was the fare in 2029?"
    assert stale({"fare": 4, "as_of": "2029-12-31"}, prompt) == []
    assert stale({"fare": 4, "as_of": "2028-12-31"}, prompt)


@pytest.mark.parametrize("today", ["heute ist der 2031-05-20", "今日は2031-05-20です"])
def test_the_day_in_other_languages(today: str) -> None:
    """The day may be told in other languages."""
    (fault,) = stale({"fare": 4, "as_of": "2031-04-02"}, today)
    assert fault.confidence == 0.6


def test_how_old_is_tuned() -> None:
    """A snapshot's greatest age is a number of the configuration."""
    result = {"fare": 4, "as_of": "2031-04-02"}
    assert stale(result, stale_after_s=90 * 86_400.0) == []
    assert stale({"fare": 4, "as_of": "2031-05-18"}, stale_after_s=3_600.0)
