"""Learned contracts are written so that YAML reads back what was meant."""

from __future__ import annotations

import pytest
import yaml

from causewatch.model.value import Value
from causewatch.rules.contract_text import LearnedContract, contract_file, scalar
from causewatch.rules.file import check_files


def a_contract(schema: Value = None, tool: str = "find") -> LearnedContract:
    """Return a learned contract of a tool's result."""
    return LearnedContract(binds={"tool": tool}, support="3 calls", schemas={"result": schema})


@pytest.mark.parametrize(
    "text",
    [
        "find_order",
        "find*",
        "no",
        "Null",
        "010",
        "1e3",
        "a: b",
        "a # b",
        "- a",
        "[x]",
        "{x}",
        "",
        " a ",
        "ü",
        "a\nb",
        'say "x"',
        "\x07",
        "注文",
        "a, b",
        "@x",
        "%x",
        "&x",
        "!x",
        "*",
    ],
)
def test_every_text_reads_back_as_it_is(text: str) -> None:
    """By itself and within a list on one line."""
    assert yaml.safe_load(f"k: {scalar(text)}") == {"k": text}
    assert yaml.safe_load(f"k: [{scalar(text)}, x]") == {"k": [text, "x"]}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "required": ["a", "no"], "properties": {"a": {}, "no": {"minItems": 1}}},
        {"type": ["string", "null"]},
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "number"}}, {}]},
        {"type": "object", "additionalProperties": {"type": "boolean"}},
        {"enum": ["yes", "on", "off course"]},
    ],
)
def test_every_schema_reads_back_as_it_is(schema: Value) -> None:
    """Without the comments, which are no part of it."""
    text = contract_file([a_contract(schema)])
    (read,) = yaml.safe_load(text)["contracts"]
    assert read == {"contract": "find", "tool": "find", "result": {"schema": schema}}
    assert check_files({"learned.yaml": text.encode()}) == ()


def test_comments_stand_beside_what_they_are_about() -> None:
    """Support for people, not for the loader."""
    schema: Value = {
        "type": "object",
        "properties": {"a": {"type": "string", "$comment": "in 2 of 3"}, "b": {"$comment": "once"}},
        "$comment": "of 3",
    }
    assert contract_file([a_contract(schema)]).splitlines()[2:] == [
        "contracts:",
        "- contract: find  # 3 calls",
        "  tool: find",
        "  result:",
        "    schema:  # of 3",
        "      type: object",
        "      properties:",
        "        a:  # in 2 of 3",
        "          type: string",
        "        b: {}  # once",
    ]


def test_names_are_made_unique() -> None:
    """Two tools may differ in what a name leaves out; one in another script has nothing left."""
    tools = ("find order", "find-order", "注文")
    text = contract_file([a_contract({"type": "string"}, tool) for tool in tools])
    names = [each["contract"] for each in yaml.safe_load(text)["contracts"]]
    assert names == ["find-order", "find-order-2", "contract"]
    assert check_files({"learned.yaml": text.encode()}) == ()


def test_nothing_learned_is_an_empty_rule_file() -> None:
    """It loads."""
    assert yaml.safe_load(contract_file([])) == {"contracts": []}
