"""Names lose what is made up for a run, and nothing else."""

from __future__ import annotations

import pytest

from causewatch.novelty.names import MAX_NAME_CHARS, plain_name

NAMES = {
    "worker": "worker",
    "worker-7": "worker",
    "worker_0017": "worker",
    "worker_3f2a9c81": "worker",
    "worker 0e8400e2-9b41-d4a7-1644-665544000123": "worker",
    "research[12]": "research",
    "agent2": "agent2",
    "search_v2": "search_v2",
    "gpt-4o-mini": "gpt-4o-mini",
    "a1b2c3d4e5f6g7h8 planner": "planner",
    "Prüfer 3": "Prüfer",
    "調査担当": "調査担当",
    "deadbeef": "deadbeef",
    "12345": "?",
    "": "?",
    "a\nb\x00c": "a b c",
}


@pytest.mark.parametrize("name", NAMES)
def test_generated_parts_go(name: str) -> None:
    """Ids, numbers and digests go with what joins them; words stay, in any language."""
    assert plain_name(name) == NAMES[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_name_stays(name: str) -> None:
    """What was once made plain is plain: baselines keep it."""
    assert plain_name(plain_name(name)) == plain_name(name)


def test_names_are_bounded() -> None:
    """Whoever sends spans chooses them."""
    assert len(plain_name("x y" * 100_000)) <= MAX_NAME_CHARS
