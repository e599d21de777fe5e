from __future__ import annotations

import time
from typing import Any

import pytest

from causewatch.graph.values import (
    MAX_DEPTH,
    MAX_NODES_COUNT,
    MAX_VALUES_COUNT,
    is_strong,
    trees_of,
    values_of,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order KQ-7781 is paid", {"kq-7781"}),
        ("KQ-7781, KQ-7782; (KQ-7783).", {"kq-7781", "kq-7782", "kq-7783"}),
        ("write to Mia.Berg@hals.example today", {"mia.berg@hals.example"}),
        ("see https://hals.example/b/9?", {"hals.example/b/9"}),
        ("2499.0 or 2,499.00 or 2499", {"2499"}),
        ("on 2026-03-04 at 10:45", {"2026-03-04", "10:45"}),
        ("订单KQ-7781已发货", {"kq-7781"}),
        ("بارجة KQ-7781 هنا", {"kq-7781"}),
        ('{"id": "B-77x", "n": 12.50}', {"b-77x", "12.5"}),
        ("a 1 b 22 c", set()),
        ("nothing of note here", set()),
        ("", set()),
        ("0042", {"0042"}),
        ("to DE00 9999 0000 1234 now", {"de00999900001234"}),
        ("card 4000 0012 3456 7899.", {"4000001234567899"}),
        ("DE00999900001234", {"de00999900001234"}),
        ("caf\\u00e9 B-123", {"b-123"}),
    ],
)
def test_values_are_read_from_any_text(text: str, expected: set[str]) -> None:
    """Ids, addresses, numbers and dates in their normal form; no words, no small numbers."""
    assert values_of(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("kq-7781", True),
        ("mia@hals.example", True),
        ("hals.example/b/9", True),
        ("de00123456", True),
        ("tree 00112233", True),
        ("123456", True),
        ("12345", False),
        ("249.9", False),
        ("2026-03-04", False),
        ("10:45", False),
        ("04.03.2026", False),
        ("2026-03-04t10:45:00z", False),
        ("a1b", False),
    ],
)
def test_a_strong_value_proves_its_origin_alone(value: str, expected: bool) -> None:
    """Two results may share an amount or a day by chance, but no order number."""
    assert is_strong(value) is expected


@pytest.mark.parametrize(
    ("one", "two", "is_same"),
    [
        ({"sku": "roof slate", "count": 40}, {"count": 40, "sku": "roof slate"}, True),
        ({"sku": "roof slate", "count": 40}, {"sku": "Roof Slate", "count": 40.0}, True),
        ({"sku": "roof slate", "count": 40}, {"sku": "roof slate", "count": "40"}, True),
        ({"sku": "roof slate", "count": 40}, {"sku": "roof slate", "count": 41}, False),
        (["roof slate", "dark grey"], ["dark grey", "roof slate"], False),
        (["roof slate", "dark grey"], {"a": "roof slate", "b": "dark grey"}, False),
    ],
)
def test_sub_trees_are_known_by_what_they_hold(one: Any, two: Any, is_same: bool) -> None:
    """The order of members does not matter, that of items does."""
    assert (trees_of(one) == trees_of(two)) is is_same


def test_a_sub_tree_is_found_inside_of_another_value() -> None:
    """Arguments may hold one record of a list that a tool gave."""
    record: Any = {"sku": "roof slate", "shade": "grey"}
    assert trees_of(record) < trees_of({"page": 1, "rows": [{"sku": "tile"}, record]})


@pytest.mark.parametrize(
    "value", [{"page": 1, "ok": True}, {"name": "a long name alone"}, [], {}, "x", None, 4]
)
def test_small_objects_are_nobodys(value: Any) -> None:
    """``{"page": 1}`` is written by anybody, and one member is a value, no tree."""
    assert trees_of(value) == frozenset()


def test_what_is_nested_too_deep_is_no_tree() -> None:
    """Two values that differ below the limit must not seem to be the same."""
    deep: Any = {"bottom": "one thing", "more": "another"}
    for _ in range(MAX_DEPTH + 5):
        deep = {"down": deep, "beside": "a text that is long enough"}
    # Sub-trees near the bottom are beyond the limit; those above hold them.
    assert trees_of(deep) == frozenset()


def test_a_payload_of_too_many_nodes_is_cut_without_false_equality() -> None:
    """The whole is no tree when some of its parts were not looked at."""
    rows: Any = [
        {"row": number, "name": "a name of some length"} for number in range(MAX_NODES_COUNT)
    ]
    other = [*rows, {"row": -1, "name": "a name of some length"}]
    assert len(trees_of(rows)) <= MAX_NODES_COUNT
    assert len(trees_of(other)) <= MAX_NODES_COUNT
    whole = trees_of(rows[:10]) - trees_of(rows[:9])
    assert not whole <= trees_of(rows)


@pytest.mark.parametrize(
    "text",
    [
        "1" * 1_000_000,
        "1," * 500_000,
        "a-" * 500_000,
        "1,111" * 200_000,
        "@" * 1_000_000,
        "a.b@" * 250_000,
        " ".join(f"KQ-{number}" for number in range(200_000)),
        "KQ-7781 " * 100_000,
        "1234 " * 200_000,
        "AB12 " * 200_000,
    ],
)
def test_hostile_texts_take_linear_time(text: str) -> None:
    """No pattern goes back over what it read, and no text yields values without end."""
    begun = time.process_time()
    found = values_of(text)
    assert time.process_time() - begun < 2
    assert len(found) <= MAX_VALUES_COUNT
    assert all(len(value) <= 200 for value in found)
