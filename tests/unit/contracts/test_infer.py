"""The schema of a sketch says what all values had, and leaves open what may come."""

from __future__ import annotations

import json

import pytest

from causewatch.contracts.compile import compile_contract
from causewatch.contracts.infer import is_plain_key, schema_of
from causewatch.contracts.sketch import fused_all, sketch_of
from causewatch.contracts.spec import ContractSpec, SchemaSource
from causewatch.model.value import Value


def learned(*values: Value, words: bool = False) -> Value:
    """Return the schema that some values teach, without its comments."""
    schema = schema_of(fused_all(sketch_of(value, words=words) for value in values))
    return bare(schema)


def bare(value: Value) -> Value:
    """Return a schema without its comments."""
    if isinstance(value, dict):
        return {key: bare(each) for key, each in value.items() if key != "$comment"}
    return value


def accepts(schema: Value, value: Value) -> bool:
    """Tell whether a value keeps a schema, as a contract applies it."""
    spec = ContractSpec(name="c", tool="*", result_schema=SchemaSource(value=schema))
    validator = compile_contract(spec, rule_id="c").result
    assert validator is not None
    return bool(validator.is_valid(value))


ORDERS: list[Value] = [
    {"id": f"O-{n}", "total": n, "items": [{"sku": "a"}], "note": "x" if n % 2 else None}
    for n in range(6)
]


def test_a_place_is_described_as_a_person_would() -> None:
    """Required is what was always there; whole numbers are numbers; nothing is closed."""
    assert learned(*ORDERS) == {
        "type": "object",
        "required": ["id", "total", "items", "note"],
        "properties": {
            "id": {"type": "string"},
            "total": {"type": "number"},
            "items": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["sku"],
                    "properties": {"sku": {"type": "string"}},
                },
            },
            "note": {"type": ["string", "null"]},
        },
    }


@pytest.mark.parametrize(
    ("value", "is_good"),
    [
        ({"id": "O-9", "total": 9.5, "items": [{"sku": "b", "count": 2}], "note": None}, True),
        ({"id": "O-9", "total": 9, "items": [{"sku": "b"}], "note": None, "more": [1]}, True),
        ({"id": "O-9", "items": [{"sku": "b"}], "note": None}, False),
        ({"id": "O-9", "total": "9", "items": [{"sku": "b"}], "note": None}, False),
        ({"id": "O-9", "total": 9, "items": [], "note": None}, False),
        ({"id": "O-9", "total": 9, "items": [{}], "note": None}, False),
        ("O-9", False),
    ],
)
def test_it_takes_what_is_alike_and_refuses_what_broke(value: Value, is_good: bool) -> None:
    """A missing key, another kind, a list that is empty for the first time; not a new key."""
    assert accepts(learned(*ORDERS), value) is is_good


def test_few_values_say_only_their_kinds() -> None:
    """Two objects do not make a key required, four lists may yet be empty."""
    assert "required" not in json.dumps(learned(*ORDERS[:2]))
    assert "minItems" not in json.dumps(learned(*ORDERS[:4]))


def test_what_was_only_ever_null_may_be_anything() -> None:
    """Nothing is known of it."""
    assert learned(None, None, None) == {}
    assert learned() == {}


def test_keys_that_are_data_are_not_written() -> None:
    """Ids and addresses are values of the payload; their values are described together."""
    one: Value = {"4711-2": {"n": 1}, "8812-9": {"n": 2}}
    assert learned(one, one, one) == {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "required": ["n"],
            "properties": {"n": {"type": "number"}},
        },
    }
    cities: list[Value] = [{city: 1} for city in ("Oslo", "Bonn", "Rom", "Wien", "Prag", "Kiew")]
    assert learned(*cities) == {"type": "object", "additionalProperties": {"type": "number"}}


@pytest.mark.parametrize(
    ("key", "is_plain"),
    [
        ("order_id", True),
        ("kundenNummer", True),
        ("注文番号", True),
        ("line 1", True),
        ("a@b.example", False),
        ("3f2a9c81", False),
        ("x-20260131", False),
        ("", False),
        ("a\nb", False),
    ],
)
def test_which_keys_are_names(key: str, is_plain: bool) -> None:
    """In any language."""
    assert is_plain_key(key) is is_plain


def test_words_become_an_enumeration_only_where_wanted_and_well_known() -> None:
    """Each often, few in all, and never with another kind beside them."""
    states: list[Value] = ["open", "shut"] * 10
    assert learned(*states, words=True) == {"type": "string", "enum": ["open", "shut"]}
    assert learned(*states) == {"type": "string", "minLength": 1}
    assert "enum" not in json.dumps(learned(*states[:18], words=True))
    assert "enum" not in json.dumps(learned(*states, "once", words=True))
    assert "enum" not in json.dumps(learned(*states, 4, words=True))


def test_comments_tell_how_often_a_key_was_there() -> None:
    """For review."""
    values: list[Value] = [{"a": 1}, {"a": 1, "b": 2}]
    schema = schema_of(fused_all(sketch_of(value) for value in values))
    assert schema["properties"] == {
        "a": {"type": "number", "$comment": "in all 2"},
        "b": {"type": "number", "$comment": "in 1 of 2"},
    }
