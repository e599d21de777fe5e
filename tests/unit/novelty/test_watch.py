"""What is new is told once learning is over, within the budget, unless it was accepted."""

from __future__ import annotations

import msgspec
import pytest

from causewatch.novelty.baseline import NO_BASELINE, NS_PER_DAY, Baseline, learned
from causewatch.novelty.shape import Shape
from causewatch.novelty.watch import (
    NOTHING_SPENT,
    Spent,
    Watch,
    is_accepted_text,
    news_of,
    novel_again,
)

DAY = NS_PER_DAY
KNOWN = Shape(fingerprint="a" * 16, edges={"x > y": 1}, workflow="w", root=0)
REORDERED = Shape(fingerprint="b" * 16, edges={"x > y": 1}, workflow="w", root=0)
GROWN = Shape(fingerprint="c" * 16, edges={"x > y": 1, "x -> z": 2, "z > t": 3}, workflow="w")
BASE = learned(KNOWN, 10 * DAY)
SOON = Watch(path="p", rule_id="g/novelty:p", learn_for_s=86_400)
LATER = 12 * DAY


def told(
    shape: Shape,
    watch: Watch = SOON,
    *,
    base: Baseline = BASE,
    at_ns: int = LATER,
    spent: Spent = NOTHING_SPENT,
) -> list[str]:
    """Return what is told of a run: edges, and ``shape``."""
    return [novel.edge or "shape" for novel in news_of(watch, shape, base, spent, at_ns).novel]


def test_new_edges_are_told_each_by_itself_and_then_not_the_shape_they_make() -> None:
    """Each where it stands, with the rule that watches."""
    news = news_of(SOON, GROWN, BASE, NOTHING_SPENT, LATER)
    assert [(each.edge, each.step, each.kind) for each in news.novel] == [
        ("x -> z", 2, "edge"),
        ("z > t", 3, "edge"),
    ]
    assert {(each.path, each.rule_id) for each in news.novel} == {("p", "g/novelty:p")}


def test_known_edges_in_a_new_order_are_a_new_shape() -> None:
    """It stands on the root."""
    (novel,) = news_of(SOON, REORDERED, BASE, NOTHING_SPENT, LATER).novel
    assert (novel.kind, novel.edge, novel.step) == ("shape", "", 0)
    assert novel.fingerprint in novel.message


def test_what_is_known_is_not_told() -> None:
    """Nor is anything told of a workflow without a past, or while it is learned."""
    assert not told(KNOWN)
    assert not told(GROWN, base=NO_BASELINE)
    assert not told(GROWN, at_ns=11 * DAY - 1)
    assert told(GROWN, at_ns=11 * DAY)


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (("x -> z",), ["z > t"]),
        (("x -> z", "z > *"), []),
        (("x > *",), ["x -> z", "z > t"]),
        (("c" * 16,), ["x -> z", "z > t"]),
    ],
)
def test_accepted_edges_are_not_told_nor_the_shape_they_make(
    accepted: tuple[str, ...], expected: list[str]
) -> None:
    """An edge may be a glob; a fingerprint accepts the shape, not its edges."""
    assert told(GROWN, msgspec.structs.replace(SOON, accepted=accepted)) == expected


def test_an_accepted_shape_is_not_told() -> None:
    """By its fingerprint."""
    assert not told(REORDERED, msgspec.structs.replace(SOON, accepted=("b" * 16,)))


def test_only_the_kinds_that_are_watched_are_told() -> None:
    """Without edges, a shape with new edges is a new shape."""
    assert told(GROWN, msgspec.structs.replace(SOON, kinds=("shape",))) == ["shape"]
    assert not told(REORDERED, msgspec.structs.replace(SOON, kinds=("edge",)))


def test_the_budget_holds_for_a_day_and_says_so_once() -> None:
    """What is beyond it is counted; the same again costs nothing; the next day begins anew."""
    watch = msgspec.structs.replace(SOON, budget_per_day=1)
    first = news_of(watch, GROWN, BASE, NOTHING_SPENT, LATER)
    assert [each.edge for each in first.novel] == ["x -> z"]
    assert (first.over_budget_count, first.used_up) == (1, True)
    assert "budget of 1 a day" in first.novel[0].message
    again = news_of(watch, GROWN, BASE, first.spent, LATER + 1)
    assert [each.edge for each in again.novel] == ["x -> z"]
    assert (again.used_up, "budget" in again.novel[0].message) == (False, False)
    assert told(REORDERED, watch, spent=first.spent) == []
    assert told(REORDERED, watch, spent=first.spent, at_ns=LATER + DAY) == ["shape"]


def test_an_older_run_does_not_open_an_older_days_budget_again() -> None:
    """Else runs that come late, in turns with others, would be told without end."""
    watch = msgspec.structs.replace(SOON, budget_per_day=1)
    spent = news_of(watch, REORDERED, BASE, NOTHING_SPENT, LATER + DAY).spent
    assert told(GROWN, watch, spent=spent) == []


def test_a_budget_of_nothing_tells_nothing() -> None:
    """It still counts."""
    news = news_of(
        msgspec.structs.replace(SOON, budget_per_day=0), GROWN, BASE, NOTHING_SPENT, LATER
    )
    assert (news.novel, news.over_budget_count) == ((), 2)


def test_what_was_told_of_a_run_is_told_again_where_it_now_stands() -> None:
    """As long as the run has it."""
    before = news_of(SOON, GROWN, BASE, NOTHING_SPENT, LATER).novel
    moved = msgspec.structs.replace(GROWN, edges={"x > y": 1, "x -> z": 7}, fingerprint="d" * 16)
    assert [(each.edge, each.step) for each in novel_again(moved, before)] == [("x -> z", 7)]


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        ("planner -> researcher", True),
        ("planner > kb_*", True),
        ("0123456789abcdef", True),
        ("0123456789ABCDEF", False),
        ("planner", False),
        (" -> ", False),
    ],
)
def test_what_can_be_accepted(text: str, is_good: bool) -> None:
    """An edge as it is told, or a fingerprint."""
    assert is_accepted_text(text) is is_good
