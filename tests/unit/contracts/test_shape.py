from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.contracts.shape import findings_in
from causewatch.graph.imprints import imprint_of
from causewatch.model.imprint import Imprint
from claimed_fixtures import ORDER

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["order", "stops"],
    "properties": {
        "order": {"type": "string", "minLength": 5, "maxLength": 20},
        "stops": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 5},
        "mode": {"enum": ["road", "rail"]},
    },
    "maxProperties": 6,
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(-5, 5) | st.sampled_from(["", "road", "FO-7712"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["order", "stops", "mode", "x/y"]), inner, max_size=4)
    ),
    max_leaves=10,
)


def broken(schema: Any, value: Any) -> list[tuple[str, str]]:
    """Return place and keyword of what a value breaks, by its shape."""
    found = findings_in(schema, imprint_of(value))
    return [(each.pointer, each.keyword) for each in found if not each.is_gap]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ORDER, []),
        ({"order": "FO-7712"}, [("", "required")]),
        ({"order": 7712, "stops": ["a", "b"]}, [("/order", "type")]),
        ({"order": "FO", "stops": ["a", "b"]}, [("/order", "minLength")]),
        ({"order": "FO-7712", "stops": ["a"]}, [("/stops", "minItems")]),
        ({"order": "FO-7712", "stops": ["a", 2]}, [("/stops/1", "type")]),
        ({**ORDER, "mode": "road"}, []),
        ({**ORDER, "mode": "air"}, [("/mode", "enum")]),
        ("text", [("", "type")]),
    ],
)
def test_a_shape_breaks_what_the_content_would_break(
    value: Any, expected: list[tuple[str, str]]
) -> None:
    """Types, required members, sizes, lengths and constants need no content."""
    assert broken(SCHEMA, value) == expected


@given(VALUES)
def test_no_shape_breaks_what_its_content_keeps(value: Any) -> None:
    """With keywords that a shape can tell, both agree; nothing is a gap."""
    found = findings_in(SCHEMA, imprint_of(value))
    assert not [each for each in found if each.is_gap]
    assert (not found) is jsonschema.Draft202012Validator(SCHEMA).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "value", "keyword"),
    [
        ({"pattern": "^FO"}, "FO-1", "pattern"),
        ({"minimum": 3}, 4, "minimum"),
        ({"type": "integer"}, 4, "type"),
        ({"$ref": "#/$defs/x", "$defs": {"x": {}}}, 4, "$ref"),
        ({"anyOf": [{"type": "string"}]}, 4, "anyOf"),
        ({"items": {"type": "string"}}, ["a"] * 100, "items"),
    ],
)
def test_what_a_shape_cannot_tell_is_a_gap(schema: Any, value: Any, keyword: str) -> None:
    """It is said which keyword, and nothing is called broken."""
    (found,) = findings_in(schema, imprint_of(value))
    assert (found.is_gap, found.keyword) == (True, keyword)


@pytest.mark.parametrize(
    ("schema", "value"),
    [({"pattern": "^FO"}, 4), ({"minimum": 3}, "x"), ({"uniqueItems": True}, 1)],
)
def test_keywords_of_other_types_say_nothing(schema: Any, value: Any) -> None:
    """A pattern is about texts: a number neither keeps nor breaks it."""
    assert findings_in(schema, imprint_of(value)) == ()


def test_what_is_not_listed_is_a_gap_and_not_missing() -> None:
    """A payload beyond the limits of a shape may have the member that is asked for."""
    wide = {f"k{i}": i for i in range(400)}
    (found,) = findings_in({"required": ["k399"]}, imprint_of(dict(wide)))
    assert found.is_gap


def test_a_digest_alone_tells_nothing_of_a_schema() -> None:
    """That is a gap, with what would help."""
    (found,) = findings_in(SCHEMA, Imprint(sha256="aa"))
    assert found.is_gap


def test_keyed_digests_cannot_tell_constants() -> None:
    """Only who has the key could."""
    (found,) = findings_in({"const": 1}, imprint_of(1), keyed=True)
    assert found.is_gap
    assert broken({"const": 1}, 2) == [("", "enum")]
    assert broken({"const": 1}, 1) == []


def test_hostile_schemas_end() -> None:
    """Nesting and width are bounded by the shape and by a number of steps."""
    deep: Any = {}
    for _ in range(500):
        deep = {"properties": {"a": deep}, "additionalProperties": deep}
    value: Any = 1
    for _ in range(50):
        value = {"a": value}
    findings_in(deep, imprint_of(value))
    odd: list[Any] = [
        None,
        3,
        [],
        "x",
        {"type": 3},
        {"required": 3},
        {"enum": 3},
        {"minItems": "x"},
    ]
    for schema in odd:
        findings_in(schema, imprint_of(ORDER))
