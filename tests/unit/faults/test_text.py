"""Texts of payloads: what is found in them does not depend on how it is looked for."""

from __future__ import annotations

import re

import pytest

from causewatch.faults.text import bounded, has_word, plain, texts
from causewatch.faults.timeline import MAX_CONTENT_CHARS, text_of
from causewatch.model.step import Payload
from causewatch.model.value import MAX_LEAVES_COUNT, Value, leaves


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("ab", "ab"),
        ("ab", "x ab y"),
        ("ab", "xab ab"),
        ("ab", "xab, aby, _ab, ab_"),
        ("ab", "ab1 1ab äab abä"),
        ("a.b", "axb a.b"),
        ("aa", "aaa aa"),
        ("aa", "aaa"),
        ("1.5", "11.5 1.55"),
        ("ab", "ab²"),
        ("中", "中文"),
        ("ab", ""),
    ],
)
def test_a_word_stands_by_itself(word: str, text: str) -> None:
    """The neighbours decide, as a pattern with word boundaries would."""
    expected = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
    assert has_word(word, text) is expected


def test_leaves_come_in_order_with_their_nearest_key() -> None:
    """Items of a list bear the key of the list; what is empty has no leaf."""
    value: Value = {"a": [1, {"b": "x"}, [None]], "c": {}, "d": [], "e": {"f": {"g": True}}}
    assert leaves(value) == [("a", 1), ("b", "x"), ("a", None), ("g", True)]
    assert leaves("x") == [("", "x")]
    assert leaves([]) == []


def test_the_number_of_leaves_is_limited() -> None:
    """A million scalars are not listed, wherever they stand."""
    many: Value = {"a": list(range(MAX_LEAVES_COUNT)), "b": "late"}
    assert leaves(many) == [("a", i) for i in range(MAX_LEAVES_COUNT)]
    deep: Value = "x"
    for _ in range(10_000):
        deep = [deep]
    assert leaves(deep) == [("", "x")]


def test_a_payload_lists_its_leaves_once() -> None:
    """Many ask; the texts among them are listed as well."""
    value: Value = {"a": "x", "b": [1, "y"]}
    payload = Payload(value=value, raw="", key="k")
    assert payload.leaves is payload.leaves
    assert payload.leaves == leaves(value)
    assert payload.strings == texts(value) == ["x", "y"]
    assert plain(payload) == "x\n1\ny"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("x", "x"),
        (True, ""),
        (1, "1"),
        ({"a": True, "b": None, "c": [1.5, "x", False]}, "1.5\nx"),
    ],
)
def test_a_text_is_made_of_scalars(value: Value, expected: str) -> None:
    """Truth values and nothing tell nothing."""
    assert text_of(value) == expected


def test_a_long_text_is_bounded() -> None:
    """Of very long contents the beginning is read, the line breaks not counted."""
    half = "x" * (MAX_CONTENT_CHARS // 2)
    assert text_of([half, half, "late"]) == f"{half}\n{half}"
    assert text_of([half, half + "late"]) == f"{half}\n{half}"
    assert len(text_of(half * 3)) == MAX_CONTENT_CHARS


def test_an_excerpt_is_printable() -> None:
    """Control characters become blanks, and our quotation marks plain ones."""
    assert bounded("a\x00b\tc") == "a b c"
    assert bounded("“a”  b") == '"a" b'
