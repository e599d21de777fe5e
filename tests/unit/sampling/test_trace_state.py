from __future__ import annotations

import pytest

from causewatch.sampling.threshold import NEVER, threshold_of
from causewatch.sampling.trace_state import explicit_randomness, with_threshold
from sampling_fixtures import trace_id

HIGH = trace_id(NEVER - 1)
TENTH = threshold_of(0.1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "ot=th:e666"),
        ("vendor=x", "ot=th:e666,vendor=x"),
        ("a=1, b=2", "ot=th:e666,a=1,b=2"),
        ("ot=th:8", "ot=th:e666"),
        ("ot=th:ff", "ot=th:ff"),
        ("a=1,ot=k:v;th:8;rv:ffffffffffffff,b=2", "ot=th:e666;k:v;rv:ffffffffffffff,a=1,b=2"),
        ("ot=th:wrong", "ot=th:e666"),
    ],
)
def test_a_threshold_is_raised_and_never_lowered(before: str, after: str) -> None:
    """Of the specification's equalizing sampler; other fields and entries stay as they are."""
    assert with_threshold(before, TENTH, trace_id=HIGH) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [("ot=th:8", ""), ("ot=th:8;k:v,a=1", "ot=k:v,a=1"), ("a=1", "a=1"), ("", "")],
)
def test_an_unknown_probability_erases_the_threshold(before: str, after: str) -> None:
    """Nobody may take the span for one of so many; nothing else is changed."""
    assert with_threshold(before, None, trace_id=HIGH) == after


def test_a_threshold_that_the_randomness_denies_is_erased() -> None:
    """Such a span was not sampled consistently: its weight would be wrong."""
    low = trace_id(5)
    assert with_threshold("ot=th:8", 0, trace_id=low) == ""
    assert with_threshold("ot=th:8;rv:ffffffffffffff", 0, trace_id=low) == (
        "ot=th:8;rv:ffffffffffffff"
    )


@pytest.mark.parametrize(
    "odd",
    [
        "ot",
        "ot=",
        "ot=th",
        "ot=th:8;th:8",
        "ot=th:8,ot=th:8",
        "ot=;th:8",
        "ot=" + "k:v" * 4000,
    ],
)
def test_what_is_malformed_is_left_alone(odd: str) -> None:
    """It is somebody else's, and tells no randomness."""
    assert with_threshold(odd, TENTH, trace_id=HIGH) == odd
    assert explicit_randomness(odd) is None


def test_limits_of_an_entry_and_of_their_number_hold() -> None:
    """A state that would grow beyond what W3C or OpenTelemetry allow stays as it is."""
    full = ",".join(f"v{i}=1" for i in range(32))
    assert with_threshold(full, TENTH, trace_id=HIGH) == full
    long = "ot=k:" + "v" * 254
    assert with_threshold(long, TENTH, trace_id=HIGH) == long


def test_explicit_randomness_is_read() -> None:
    """Only from the entry of OpenTelemetry."""
    assert explicit_randomness("a=rv:00000000000001,ot=rv:00000000000007") == 7
    assert explicit_randomness("a=rv:00000000000001") is None
    assert explicit_randomness("ot=rv:7") is None
