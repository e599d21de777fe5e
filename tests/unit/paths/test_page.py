from __future__ import annotations

import re
from pathlib import Path

import pytest

from scenario_language import Case, read_cases
from scenario_play import play

PAGE = Path(__file__).parents[3] / "docs/how-to/write-path-templates.md"
BLOCK = re.compile(r"^```scenario\n(.*?)^```", re.DOTALL | re.MULTILINE)
CASES = [
    case
    for block in BLOCK.findall(PAGE.read_text("utf-8"))
    for case in read_cases(block, PAGE.name)
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_examples_of_the_page_hold(case: Case) -> None:
    """What the page says of a run is what the product says."""
    play(case)


def test_the_page_has_examples() -> None:
    """Both of a run that keeps to its path and of ways to leave it."""
    assert len(CASES) > 1
