from __future__ import annotations

import pytest

from causewatch.sampling.threshold import (
    ALWAYS,
    NEVER,
    probability_of,
    randomness_of,
    read_rv,
    read_th,
    th_of,
    threshold_of,
)


@pytest.mark.parametrize(
    ("one_in", "th"),
    [
        (1, "0"),
        (2, "8"),
        (3, "aaab"),
        (4, "c"),
        (5, "cccd"),
        (8, "e"),
        (10, "e666"),
        (16, "f"),
        (100, "fd70a"),
        (1_000, "ffbe77"),
        (10_000, "fff9724"),
        (100_000, "ffff583a"),
        (1_000_000, "ffffef39"),
    ],
)
def test_thresholds_are_those_of_the_specification(one_in: int, th: str) -> None:
    """The table of OpenTelemetry's probability sampling, at four digits of precision."""
    threshold = threshold_of(1 / one_in)
    assert th_of(threshold) == th
    assert read_th(th) == threshold
    assert probability_of(threshold) == pytest.approx(1 / one_in, rel=1e-4)


def test_nothing_is_kept_at_zero_and_everything_at_one() -> None:
    """And what is above zero, however small, is kept of some trace ids."""
    assert (threshold_of(0.0), threshold_of(1.0)) == (NEVER, ALWAYS)
    assert threshold_of(1e-300) == NEVER - 1
    assert threshold_of(2.0**-56) == NEVER - 1
    assert threshold_of(0.999_999_999_999) == ALWAYS


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("", None),
        ("0", 0),
        ("8", 1 << 55),
        ("C", 3 << 54),
        ("f" * 14, NEVER - 1),
        ("f" * 15, None),
        ("-1", None),
        ("0x8", None),
        ("1_0", None),
        ("g", None),
        ("8\n", None),
    ],
)
def test_a_threshold_has_one_to_fourteen_hexadecimal_digits(
    text: str, threshold: int | None
) -> None:
    """Zeros at its end may be left out; whatever else is none."""
    assert read_th(text) == threshold


def test_randomness_has_exactly_fourteen_digits() -> None:
    """It stands above the trace id, whose last 56 bits it is otherwise."""
    assert read_rv("0123456789abcd") == 0x0123456789ABCD
    assert read_rv("123456789abcd") is None
    assert randomness_of("f" * 18 + "0123456789abcd") == 0x0123456789ABCD
    assert randomness_of("f" * 32, 5) == 5


def test_an_odd_trace_id_has_randomness_too() -> None:
    """The same every time, and within 56 bits."""
    for odd in ("", "x", "trace-ä", "+" + "1" * 13, "\udc80"):
        assert randomness_of(odd) == randomness_of(odd)
        assert 0 <= randomness_of(odd) < NEVER
