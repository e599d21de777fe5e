from __future__ import annotations

import random

import msgspec
import pytest

from causewatch.dialects.understand import understand
from causewatch.graph.tree import ORPHAN, ROOT, Tree, grow, is_fuller, unique
from causewatch.model.span import Span
from graph_fixtures import span, span_id


def tree_of(*spans: Span) -> Tree:
    """Return the tree of spans."""
    return grow([understand(each) for each in unique(spans)])


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ([None, 0, 0], [ROOT, 0, 0]),
        ([None, 0, 1, 2], [ROOT, 0, 1, 2]),
        ([None, None], [ROOT, ROOT]),
        ([9, 0], [ORPHAN, 0]),
        ([0], [ORPHAN]),
        ([1, 0], [ORPHAN, 0]),
        ([2, 0, 1], [ORPHAN, 0, 1]),
        ([3, 0, 1, 2, None], [ORPHAN, 0, 1, 2, ROOT]),
        ([None, 2, 3, 1, 1], [ROOT, ORPHAN, 3, 1, 1]),
        ([1, 1, 0], [1, ORPHAN, 0]),
        ([], []),
    ],
)
def test_parents_are_found_and_cycles_are_cut(
    parents: list[int | None], expected: list[int]
) -> None:
    """A missing parent makes an orphan; a cycle is cut at its first step, whatever hangs on it."""
    tree = tree_of(*(span(i, parent) for i, parent in enumerate(parents)))
    assert list(tree.parent) == expected


def test_children_and_order_agree_with_parents() -> None:
    """Children are their parents' inverse, and walking down meets each step once, parents first."""
    rng = random.Random(7)
    parents = [None, *(rng.randrange(0, 60) for _ in range(59))]
    tree = tree_of(*(span(i, parent) for i, parent in enumerate(parents)))
    assert sorted(tree.downward) == list(range(60))
    place = {index: at for at, index in enumerate(tree.downward)}
    for i, parent in enumerate(tree.parent):
        if parent >= 0:
            assert i in tree.children[parent]
            assert place[parent] < place[i]


def test_a_parent_is_looked_for_in_its_own_trace() -> None:
    """Span ids are unique in a trace only: a namesake in another trace is no parent."""
    tree = tree_of(span(0), span(1, 0, trace="b" * 32))
    assert tree.parent == (ROOT, ORPHAN)


def test_steps_are_in_order_of_time() -> None:
    """Steps are ordered by start; of two that start together, the longer one comes first."""
    spans = [
        span(1, start_ms=10, length_ms=1),
        span(2, start_ms=10, length_ms=5),
        span(3, start_ms=0),
        span(4, start_ms=10, length_ms=5),
    ]
    tree = tree_of(*spans)
    assert [s.span.span_id for s in tree.steps] == [span_id(i) for i in (3, 2, 4, 1)]


def test_a_span_that_came_twice_counts_once() -> None:
    """Of two exports of a span the fuller one stays, in whichever order they came."""
    early = span(1, 0, a="x")
    full = msgspec.structs.replace(early, end_ns=early.end_ns + 5, attributes={"a": "x", "b": "y"})
    assert unique([early, full, early]) == [full]
    assert unique([full, early]) == [full]


def test_fuller_is_a_total_order() -> None:
    """Of two different spans exactly one is fuller, so that order of arrival cannot matter."""
    base = span(1)
    others = [
        msgspec.structs.replace(base, attributes={"a": 1}),
        msgspec.structs.replace(base, attributes={"a": 2}),
        msgspec.structs.replace(base, end_ns=base.end_ns + 1),
        msgspec.structs.replace(base, name="other"),
    ]
    for one in others:
        for two in others:
            assert is_fuller(one, two) + is_fuller(two, one) == (one is not two)


def test_spans_without_an_id_all_stay() -> None:
    """An empty id identifies nothing: such spans are neither merged nor anybody's parent."""
    nameless = [msgspec.structs.replace(span(i), span_id="") for i in range(3)]
    child = msgspec.structs.replace(span(9), parent_id="")
    tree = tree_of(*nameless, child)
    assert tree.parent == (ROOT,) * 4


def test_ancestors_lead_to_the_root() -> None:
    """Ancestors are yielded from the nearest to the root."""
    tree = tree_of(span(0), span(1, 0), span(2, 1), span(3, 0))
    assert list(tree.ancestors(2)) == [1, 0]
    assert list(tree.descendants(0)) == [1, 2, 3]
    assert list(tree.descendants(3)) == []


def test_the_nearest_of_a_kind_is_found() -> None:
    """For each step the nearest ancestor of some kinds, past steps of others."""
    tree = tree_of(
        span(0, gen_ai__operation__name="invoke_agent"),
        span(1, 0),
        span(2, 1, gen_ai__operation__name="execute_tool"),
        span(3, 2),
    )
    assert tree.nearest(frozenset({"agent"})) == [ROOT, 0, 0, 0]
    assert tree.nearest(frozenset({"agent", "tool"})) == [ROOT, 0, 0, 2]


def test_a_deep_chain_is_no_problem() -> None:
    """Nesting of 20,000 levels needs no recursion and linear time."""
    count = 20_000
    tree = tree_of(*(span(i, i - 1 if i else None) for i in range(count)))
    assert tree.parent[-1] == count - 2
    assert tree.nearest(frozenset({"other"}))[-1] == count - 2
