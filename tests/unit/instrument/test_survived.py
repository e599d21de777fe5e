from __future__ import annotations

import pytest

from causewatch.instrument.survived import survived, survived_text

LONG = "Order 7 goes to Hals and Brevik on Monday, 40 grafts."


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (f"[triage] said:\n{LONG}\nEnd.", LONG),
        (f"[triage] said:\n{LONG[:45]}", LONG[:45]),
        ("Something else.", None),
        (LONG[:31], None),
    ],
)
def test_a_text_is_found_whole_or_as_far_as_it_goes(given: str, found: str | None) -> None:
    """What a framework writes around it does not matter; what it cuts off does."""
    assert survived_text(LONG, given) == found


def test_a_short_text_is_there_or_not() -> None:
    """Of a few characters no beginning is distinctive."""
    assert survived(["yes", "no", LONG], f"yes\n{LONG[:40]}") == ["yes", LONG[:40]]
