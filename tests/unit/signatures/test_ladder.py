from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.signatures.columns import Cell, Index, tag_of
from causewatch.signatures.ladder import Ladder, Ordering
from causewatch.signatures.operate import compare_scalars

_CELLS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.5, 2.0, -0.0, float("inf"), float("nan")]),
    st.sampled_from(["", "a", "b", "\ud800"]),
    st.booleans(),
)


def _index(cells: list[Cell]) -> Index:
    nodes: dict[tuple[str, object], int] = {}
    for i, cell in enumerate(cells):
        key = (tag_of(cell), cell)
        nodes[key] = nodes.get(key, 0) | 1 << i
    return Index(nodes=nodes, typed={}, present=(1 << len(cells)) - 1)


@given(st.lists(_CELLS, max_size=12), _CELLS)
def test_a_search_answers_as_one_comparison_after_another(cells: list[Cell], value: Cell) -> None:
    """Numbers with numbers, texts with texts, NaN and truth with nothing."""
    ladder = Ladder(_index(cells), tag_of(value))
    for operator in get_args(Ordering):
        one_by_one = [i for i, cell in enumerate(cells) if compare_scalars(operator, cell, value)]
        assert ladder.compared(operator, value) == sum(1 << i for i in one_by_one)


@pytest.mark.parametrize("operator", get_args(Ordering))
def test_an_empty_ladder_has_nobody(operator: Ordering) -> None:
    """No values, no nodes."""
    assert Ladder(_index([]), "number").compared(operator, 1) == 0
