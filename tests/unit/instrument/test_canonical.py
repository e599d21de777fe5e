from __future__ import annotations

import json
import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from causewatch.instrument.canonical import Json, canonical_bytes, number, spell
from instrument_fixtures import VECTORS

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=15,
)


@given(VALUES)
def test_the_bytes_are_those_of_the_rfc8785_package(value: Json) -> None:
    """Within the RFC's domain our own few lines write what the library writes."""
    assert canonical_bytes(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**53 + 1, "9007199254740993"),
        (10**21, "1e+21"),
        (2**70, "1.1805916207174113e+21"),
        (2**70 + 1, "1180591620717411303425"),
        (10**400, "1" + "0" * 400),
        (-(10**21), "-1e+21"),
        (-0.0, "0"),
        (math.nan, "null"),
        (math.inf, "null"),
        (5e-324, "5e-324"),
        (1.2345678901234568e20, "123456789012345680000"),
    ],
)
def test_numbers_beyond_the_rfc(value: float, text: str) -> None:
    """An integer is written like the double of the same value, else with all its digits."""
    assert number(value) == text


def test_what_is_no_json_is_refused() -> None:
    """A value that was not made plain first is a mistake of the caller."""
    with pytest.raises(TypeError, match="set"):
        spell({1})  # type: ignore[arg-type]  # the point


def test_a_spelled_value_knows_what_is_inside() -> None:
    """Members come in canonical order, with their own texts."""
    spelled = spell({"b": [1, "x"], "a": None})
    assert [name for name, _ in spelled.members] == ["a", "b"]
    assert spelled.members[1][1].text == '[1,"x"]'
    assert (spelled.type, spelled.size) == ("object", 2)


def test_the_vectors_are_canonical_themselves() -> None:
    """What the other languages are held to is what the library gives."""
    for vector in VECTORS["payloads"]:
        text = vector["canonical"]
        value = json.loads(text, parse_int=float)
        assert rfc8785.dumps(value).decode() == text, vector["name"]
