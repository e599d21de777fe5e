"""What became of a payload: laws that hold for any JSON values, and the edges of each class."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.contracts.difference import (
    MAX_DIFFERENCES_COUNT,
    differences,
    is_cut,
)
from causewatch.contracts.equality import MAX_DEPTH, only_text, same

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | st.floats(-1e6, 1e6, allow_nan=False)
    | st.text(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_nothing_differs_from_itself(value: Any) -> None:
    """A value and its copy through JSON have no difference."""
    assert differences(value, json.loads(json.dumps(value))) == ()
    assert same(value, json.loads(json.dumps(value)))


@given(values, values)
def test_same_and_differences_agree(left: Any, right: Any) -> None:
    """There are differences exactly where two values are not the same."""
    assert same(left, right) == same(right, left)
    assert bool(differences(left, right)) != same(left, right)


@given(values, values)
def test_differences_are_bounded_and_named(left: Any, right: Any) -> None:
    """Whatever differs has a class, a pointer and a message, and there are not too many."""
    found = differences(left, right)
    assert len(found) <= MAX_DIFFERENCES_COUNT
    for each in found:
        assert each.kind in {"truncation", "serialization", "missing", "delta"}
        assert each.message
        assert not each.pointer or each.pointer.startswith("/")


@given(st.text(min_size=10, max_size=80), st.integers(1, 79))
def test_a_proper_prefix_is_a_truncation(text: str, size: int) -> None:
    """Whatever prefix of a text arrives, it is a truncation or nothing at all."""
    part = text[:size]
    if not part.strip() or len(part.rstrip()) >= len(text.rstrip()) or part.rstrip() == text:
        return
    assert is_cut(text, part) or part.rstrip() != part or part.endswith(("...", "…"))


@given(st.dictionaries(st.text(min_size=1, max_size=4), scalars, min_size=2, max_size=5), st.data())
def test_a_lost_member_is_a_truncation(members: dict[str, Any], data: st.DataObject) -> None:
    """An object that arrives without one of its members was truncated there."""
    key = data.draw(st.sampled_from(sorted(members)))
    rest = {k: v for k, v in members.items() if k != key}
    (found,) = differences(members, rest)
    assert found.kind == "truncation"
    assert found.sent == members[key] or members[key] is None


@given(st.lists(scalars, min_size=2, max_size=8), st.data())
def test_a_lost_item_is_a_truncation(items: list[Any], data: st.DataObject) -> None:
    """An array that arrives without one of its items was truncated."""
    index = data.draw(st.integers(0, len(items) - 1))
    (found,) = differences(items, items[:index] + items[index + 1 :])
    assert found.kind == "truncation"


CUTS = [
    ("abcdefgh", "abc", True),
    ("abcdefgh", "abc...", True),
    ("abcdefgh", "abc…", True),
    ("abcdefgh", "abc [truncated]", True),
    ("abcdefgh", "abcdefgh", False),
    ("abcdefgh", "abcdefgh!", False),
    ("abcdefgh", "xyz", False),
    ("abcdefgh", "", False),
    ("abcdefgh", "...", False),
    ("abcdefgh", "def", False),
    ("one two three four five", "two three four", True),
    ("a long text that is sent to the next agent", "Task: a long text that is sent to", True),
    ("a long text that is sent to the next agent", "a long text that is sent to nobody", False),
    ("a long text that is sent to the next agent", 'say "a long text that is sent to"', True),
    ("a long text that is sent to the next agent", "Do: a long text that is sent to\n\nOk", True),
    ("a long text that is sent to the next agent", "x a long text that is sent to the next agent y",
     False),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "received", "expected"), CUTS)
def test_cuts_of_texts(sent: str, received: str, expected: bool) -> None:
    """A copy that begins as the original and stops was cut, also in a template; others were not."""
    assert is_cut(sent, received) is expected


FORMS = [
    ({"a": 1.0}, {"a": 1}, []),
    ({"a": 10**20}, {"a": str(10**20)}, ["serialization"]),
    ({"a": 1234567}, {"a": "1234568"}, ["delta"]),
    ({"a": None}, {"a": "null"}, ["serialization"]),
    ({"a": "yes"}, {"a": "YES "}, ["delta"]),
    ({"a": "x  y"}, {"a": "x y"}, ["delta"]),
    ({"a": 0.1}, {"a": "0.1"}, ["serialization"]),
    ({"a": "[1]"}, {"a": [1]}, ["serialization"]),
    ({"a": "one"}, {"a": ["one"]}, ["delta"]),
    ({"a": [1]}, {"a": 1}, ["delta"]),
    ({"a": {"b": "long enough text to be cut"}}, {"a": "long enough te"}, ["truncation"]),
    ([1, 2], {"0": 1}, ["delta"]),
    (None, {"a": 1}, ["delta"]),
    ("", "x", ["delta"]),
    (0, None, ["missing"]),
]


@pytest.mark.parametrize(("sent", "received", "kinds"), FORMS)
def test_forms(sent: Any, received: Any, kinds: list[str]) -> None:
    """The same content in another form is serialization; other content is not."""
    assert [each.kind for each in differences(sent, received)] == kinds


@pytest.mark.parametrize(
    ("value", "text"),
    [({"a": "x"}, "x"), ({"a": ""}, ""), ({"a": 1}, None), ({"a": "x", "b": 1}, None),
     ("x", None), ([], None)],
)  # fmt: skip
def test_only_text(value: Any, text: str | None) -> None:
    """Only an object with exactly one member, a string, is its string."""
    assert only_text(value) == text


def test_depth_is_bounded() -> None:
    """Below the depth limit values are told apart, but not looked into."""
    left: Any = "x"
    right: Any = "y"
    for _ in range(MAX_DEPTH + 10):
        left, right = [left], [right]
    (found,) = differences(left, right)
    assert "depth limit" in found.message
    assert not same(left, left)
