"""Canonical bytes: whichever way they are made, they are those of RFC 8785."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from causewatch.model.value import MAX_PLAIN_DEPTH, canonical_bytes, sha256_of

LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["\x00\x1f\x7f\u2028", "é\U0001f600", '"\\/\b\f\n\r\t', "", "0"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=4) | st.sampled_from(["a", "A", "\ue000", "\U0001f600"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(VALUES)
def test_the_short_way_writes_the_same_bytes(value: Any) -> None:
    """Strings, integers and ASCII keys take a faster writer; what comes out is the same."""
    try:
        expected = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, ValueError):
        return
    assert canonical_bytes(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": 2}, b'{"a":2,"b":1}'),
        ({"a": 1.0}, b'{"a":1}'),
        ({"\U0001f600": 1, "\ue000": 2}, '{"\U0001f600":1,"\ue000":2}'.encode()),
        ("\x0f\u20ac", b'"\\u000f\xe2\x82\xac"'),
        (2**53, b"9007199254740992"),
        (True, b"true"),
    ],
)
def test_canonical_bytes(value: Any, expected: bytes) -> None:
    """Keys in the order of UTF-16, numbers as ECMAScript writes them."""
    assert canonical_bytes(value) == expected


@pytest.mark.parametrize("value", ["\ud800", b"x", float("nan"), {"a": "\ud800"}])
def test_what_no_json_writes_has_a_digest_all_the_same(value: Any) -> None:
    """Every value has bytes, and so a digest."""
    assert len(sha256_of(value)) == 64


def test_deep_values_have_a_digest() -> None:
    """Beyond the depth of the short way the other one is taken."""
    value: Any = "x"
    for _ in range(MAX_PLAIN_DEPTH + 8):
        value = [value]
    assert canonical_bytes(value) == rfc8785.dumps(value)
