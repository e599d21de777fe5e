from __future__ import annotations

import pytest

from causewatch.signatures.subject import Subject, mask_of, nodes_of, parents_of
from causewatch.signatures.syntax import TreeOperator
from causewatch.signatures.tree import Tree, tree_of
from signatures_fixtures import subject

_TEXT = """
    r 0-100
      a 0-40
        c 0-10
      b 40-80
    o 0-10 parent=gone
      p 0-5
"""


def _ids(where: Subject, mask: int) -> str:
    return " ".join(where.spans[i].span_id for i in nodes_of(mask))


@pytest.mark.parametrize("nodes", [[], [0], [3], [0, 1, 2], [5, 64, 1_000, 20_000]])
def test_masks_hold_nodes(nodes: list[int]) -> None:
    """A mask gives back the nodes that were put in, in order."""
    assert list(nodes_of(mask_of(nodes))) == nodes


def test_everything() -> None:
    """The mask of everything has every node."""
    assert list(nodes_of(subject(_TEXT).everything)) == [0, 1, 2, 3, 4, 5]
    assert Subject(spans=()).everything == 0


def test_parents() -> None:
    """A parent is an index, -1 for a root and -2 where it is not there."""
    assert parents_of(subject(_TEXT).spans) == (-1, 0, 1, 0, -2, 4)
    assert parents_of(subject("s 0-1 parent=s").spans) == (-2,)


def test_raw_trees_hang_below_roots() -> None:
    """Raw, what no root leads to takes no part; its parents are still known to edges."""
    tree = tree_of(subject(_TEXT, raw=True))
    assert tree.parents == (-1, 0, 1, 0, -2, -2)
    assert tree.all_parents == (-1, 0, 1, 0, -2, 4)


def test_a_tree_is_built_once() -> None:
    """The same subject has the same tree."""
    where = subject(_TEXT)
    assert tree_of(where) is tree_of(where)


@pytest.mark.parametrize(
    ("operator", "of", "relatives"),
    [
        (">", "r", "a b"),
        (">", "c", ""),
        (">>", "r", "a c b"),
        (">>", "o", "p"),
        ("<", "c", "a"),
        ("<", "r", ""),
        ("<<", "c", "r a"),
        ("<<", "p", "o"),
        ("~", "a", "b"),
        ("~", "r", ""),
        ("~", "c", ""),
    ],
)
def test_relatives(operator: TreeOperator, of: str, relatives: str) -> None:
    """Each operator leads to the partners on its right side."""
    where = subject(_TEXT)
    index = next(i for i, span in enumerate(where.spans) if span.span_id == of)
    assert _ids(where, tree_of(where).relatives(operator, 1 << index)) == relatives


def test_nested_sets() -> None:
    """Numbers enclose those of descendants; a root's parent is -1, outside of the tree all is 0."""
    assert Tree(subject(_TEXT, raw=True)).nested_set() == [
        (1, 8, -1),
        (2, 5, 1),
        (3, 4, 2),
        (6, 7, 1),
        (0, 0, 0),
        (0, 0, 0),
    ]


def test_nested_sets_of_two_roots_do_not_overlap() -> None:
    """The numbers of a second root go on after the first."""
    assert Tree(subject("a 0-1\nb 0-1")).nested_set() == [(1, 2, -1), (3, 4, -1)]
