"""What the values of one place looked like is counted, and merges in any order."""

from __future__ import annotations

import pytest

from causewatch.contracts import sketch
from causewatch.contracts.sketch import (
    MAX_DEPTH_COUNT,
    MAX_FIELDS_COUNT,
    MAX_WORDS_COUNT,
    NOTHING,
    Sketch,
    Texts,
    fused,
    fused_all,
    sketch_of,
)
from causewatch.model.value import Value


def all_of(*values: Value, words: bool = False) -> Sketch:
    """Return values of one place as a sketch."""
    return fused_all(sketch_of(value, words=words) for value in values)


def test_kinds_are_counted_apart() -> None:
    """A boolean is no number."""
    values: list[Value] = [None, True, 1, 1.5, "x", [], {}]
    found = all_of(*values)
    counts = (
        found.null_count,
        found.boolean_count,
        found.number_count,
        found.texts.count,
        found.list_count,
        found.object_count,
    )
    assert counts == (1, 1, 2, 1, 1, 1)
    assert found.count == 7


def test_fields_are_counted_with_their_objects() -> None:
    """So that what was in all of them is known."""
    found = all_of({"a": 1, "b": "x"}, {"a": 2})
    assert found.fields is not None
    assert {key: each.count for key, each in found.fields.items()} == {"a": 2, "b": 1}


def test_items_of_all_lists_are_one_place() -> None:
    """Empty lists are counted by themselves."""
    found = all_of([1, 2], [], ["x"])
    assert (found.list_count, found.empty_count) == (3, 1)
    assert found.items == all_of(1, 2, "x")


def test_no_text_is_kept_unless_words_are_wanted() -> None:
    """Payloads are private."""
    assert all_of("secret", "secret").texts.words is None
    assert all_of("open", "open", "shut", words=True).texts.words == {"open": 2, "shut": 1}
    assert all_of("open", "x" * 41, words=True).texts.words is None
    many: list[Value] = [f"w{n}" for n in range(MAX_WORDS_COUNT + 1)]
    assert all_of(*many, words=True).texts.words is None


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (("2026-01-31", "2025-12-01"), {"date"}),
        (("2026-01-31T10:00:00Z", "2026-01-31T10:00:00.5+02:00"), {"date-time"}),
        (("0e8400e2-9b41-d4a7-1644-665544000123",), {"uuid"}),
        (("2026-01-31", "soon"), set()),
        (("2026-13-01",), set()),
        (("2026-01-31T10:00:00",), set()),
    ],
)
def test_a_format_is_what_every_text_had(texts: tuple[str, ...], formats: set[str]) -> None:
    """Only forms that can be written in one way."""
    assert all_of(*texts).texts.formats == formats


def test_an_object_with_many_keys_has_keys_that_are_data() -> None:
    """Also once it is merged with a small one; its values are known all the same."""
    large: dict[str, Value] = {f"k{n}": n for n in range(MAX_FIELDS_COUNT + 1)}
    found = all_of({"a": 1}, large)
    assert found.fields is None
    assert found.any_field is not None
    assert found.any_field.number_count == found.any_field.count


def test_depth_is_bounded() -> None:
    """A hostile payload costs what its limit says."""
    value: Value = 1
    for _ in range(300):
        value = [value]
    found: Sketch | None = sketch_of(value)
    depth = 0
    while found is not None and found.items is not None and found.list_count:
        found, depth = found.items, depth + 1
    assert depth == MAX_DEPTH_COUNT + 1
    nested: Value = {"x": 1}
    for _ in range(300):
        nested = {"x": nested}
    assert sketch_of(nested).count == 1


def test_of_a_long_list_only_the_beginning_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how its items look."""
    monkeypatch.setattr(sketch, "MAX_LOOKED_ITEMS_COUNT", 3)
    items = sketch_of([1, 2, 3, "x"]).items
    assert items is not None
    assert items.count == 3


def test_nothing_is_the_neutral_element() -> None:
    """Of every merge."""
    some = all_of({"a": [1, "x"]}, None, words=True)
    assert fused(some, NOTHING) == fused(NOTHING, some) == some
    assert Texts() == NOTHING.texts
