"""Compiling contracts: the author's mistakes, references, regexes, globs."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from causewatch.contracts.compile import ContractError, compile_contract, schema_problems
from causewatch.contracts.spec import ContractSpec, SchemaSource


def compiled(schema: Any, schemas: dict[str, Any] | None = None, path: str = "") -> Any:
    """Compile a contract with one schema."""
    spec = ContractSpec(name="c", schema=SchemaSource(value=schema, path=path))
    return compile_contract(spec, rule_id="g/contract:c", schemas=schemas or {})


MISTAKES = [
    ("an unknown type", {"properties": {"a": {"type": "strin"}}}, "/properties/a/type", "strin"),
    ("a required that is no list", {"required": "a"}, "/required", "is not of type"),
    ("a negative length", {"items": {"minLength": -1}}, "/items/minLength", "minimum"),
    ("no schema at all", [1, 2], "", "a schema is a mapping"),
    ("a lookahead", {"pattern": "(?=a)b"}, "/pattern", "regex"),
    ("a backreference", {"properties": {"a": {"pattern": r"(a)\1"}}}, "", "regex"),
]


@pytest.mark.parametrize(
    ("schema", "pointer", "message"),
    [row[1:] for row in MISTAKES],
    ids=[row[0] for row in MISTAKES],
)
def test_an_authors_mistake_has_a_place(schema: Any, pointer: str, message: str) -> None:
    """A bad schema is refused with a JSON pointer into it and a message for its author."""
    with pytest.raises(ContractError) as caught:
        compiled(schema)
    (problem,) = caught.value.problems
    assert problem.side == "schema"
    assert problem.pointer.endswith(pointer) or not pointer
    assert message in problem.message
    assert "\n" not in problem.message


def test_all_mistakes_are_reported_at_once() -> None:
    """Authors get every mistake of every schema, not the first."""
    spec = ContractSpec(
        name="c",
        sent_schema=SchemaSource(value={"type": "x", "minimum": "y"}),
        result_schema=SchemaSource(value={"enum": 3}),
    )
    with pytest.raises(ContractError) as caught:
        compile_contract(spec, rule_id="r")
    assert [(p.side, p.pointer) for p in caught.value.problems] == [
        ("sent_schema", "/minimum"),
        ("sent_schema", "/type"),
        ("result_schema", "/enum"),
    ]


def test_references_reach_given_schemas_only() -> None:
    """A relative ``$ref`` is resolved against the schema's own file, among the given schemas."""
    schemas = {
        "shared/id.json": {"$defs": {"id": {"type": "string", "pattern": "^o"}}},
        "shop/order.json": {"properties": {"id": {"$ref": "../shared/id.json#/$defs/id"}}},
    }
    contract = compiled({"$ref": "order.json"}, schemas, path="shop/rules.yaml")
    (validator,) = contract.sent
    assert validator.is_valid({"id": "o1"})
    assert not validator.is_valid({"id": "x1"})


def test_an_unknown_reference_is_a_mistake() -> None:
    """A ``$ref`` to a schema that was not given names what is missing."""
    with pytest.raises(ContractError, match=r"gone\.json"):
        compiled({"$ref": "gone.json"})


@pytest.mark.parametrize("inside", [False, True], ids=["own schema", "a given schema"])
def test_a_reference_is_never_fetched(inside: bool) -> None:
    """No ``$ref`` to a URL makes a connection, wherever it stands."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)  # noqa: FBT003 - the socket's own signature
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        schemas = {"a.json": {"$ref": url}} if inside else {}
        with pytest.raises(ContractError):
            compiled({"$ref": "a.json" if inside else url}, schemas)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_patterns_run_in_linear_time() -> None:
    """A pattern that explodes in a backtracking engine stays fast over hostile text."""
    (validator,) = compiled({"pattern": "^(a+)+$"}).sent
    began = time.monotonic()
    assert not validator.is_valid("a" * 50_000 + "!")
    assert time.monotonic() - began < 2.0


def test_globs_do_not_explode() -> None:
    """A glob of many stars over a long hostile name stays fast, and brackets work."""
    spec = ContractSpec(name="c", from_="*a" * 20 + "b", to="[bc]at")
    contract = compile_contract(spec, rule_id="r")
    began = time.monotonic()
    assert contract.from_pattern.match("a" * 20_000) is None
    assert time.monotonic() - began < 2.0
    assert contract.to_pattern.match("cat")
    assert not contract.to_pattern.match("rat")


def test_an_empty_glob_matches_every_agent() -> None:
    """A contract that names no agent holds for all, also for agents without a name."""
    contract = compile_contract(ContractSpec(name="c"), rule_id="r")
    assert contract.from_pattern.match("")
    assert contract.to_pattern.match("anyone")


def test_schema_problems_of_a_good_schema() -> None:
    """A good schema has no problems; ``true`` is one."""
    assert list(schema_problems(SchemaSource(value={"type": "object"}))) == []
    assert list(schema_problems(SchemaSource(value=True))) == []
