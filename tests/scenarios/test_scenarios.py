"""Every case of every scenario file: what it claims holds, for each dialect it is told in."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenario_language import Case, read_cases
from scenario_play import play

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*/*.test"))
CASES = [
    case
    for path in FILES
    for case in read_cases(path.read_text("utf-8"), path.relative_to(HERE).as_posix())
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_claim_holds(case: Case) -> None:
    """The title of the case is what it proves."""
    play(case)
