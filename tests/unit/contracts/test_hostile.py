"""Schemas and payloads made to do harm: each gets an error or a verdict, in bounded time."""

from __future__ import annotations

from typing import Any

import pytest

from blame_fixtures import one_handoff
from causewatch.contracts.burden import burden_of
from causewatch.contracts.check import check
from causewatch.contracts.compile import ContractError, compile_contract
from causewatch.contracts.outcome import Outcome
from causewatch.contracts.spec import (
    AgeLimit,
    Compare,
    CompareMode,
    ContractSpec,
    ItemLimit,
    SchemaSource,
    ScoreFloor,
)
from causewatch.contracts.validate import apply_limits
from causewatch.model.judgement import ContractVerdict
from causewatch.model.step import Payload

LONG_CHARS = 45_000
MODES: tuple[CompareMode, ...] = ("exact", "canonical", "subset", "semantic")


def nested(depth: int, *, key: str = "") -> Any:
    """Return lists in lists, or objects in objects."""
    value: Any = 1
    for _ in range(depth):
        value = {key: value} if key else [value]
    return value


def odd(value: Any) -> Payload:
    """Return a payload that no dialect would let through."""
    raw = value if isinstance(value, str) else f"raw {id(value)}"
    return Payload(value=value, raw=raw, key="test")


ODD: dict[str, Any] = {
    "lists in lists": nested(5_000),
    "objects in objects": nested(5_000, key="a"),
    "a number of many digits": 10**5_000,
    "a number beyond doubles": {"n": -(10**400)},
    "no number": [float("nan"), float("inf")],
    "half a character": "\ud800",
    "half a character as a key": {"\ud800": 1},
    "bytes": {"a": b"\xff\xfe"},
    "a long text": "ab " * (LONG_CHARS // 3),
    "many escapes": "\\" * LONG_CHARS,
    "many percents": "%41" * (LONG_CHARS // 3),
    "many entities": "&amp;" * (LONG_CHARS // 5),
    "many question marks": "?" * LONG_CHARS,
    "many keys": {f"k{i}": i for i in range(3_000)},
    "many lists": [[i] * 3 for i in range(3_000)],
    "nothing": None,
}


def verdict(sent: Any, received: Any, **fields: Any) -> ContractVerdict:
    """Return the verdict of a contract on one handoff."""
    contract = compile_contract(ContractSpec(name="x", **fields), rule_id="x")
    (found,) = check(contract, one_handoff(odd(sent), odd(received)))
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ODD)
def test_an_odd_payload_gets_a_verdict(name: str, mode: CompareMode) -> None:
    """Compared with anything, on either side, in every mode: no exception, and no hang."""
    plain = {"a": [1, "some words of 12 kg and PO-881"], "b": "x" * 100}
    for sent, received in ((ODD[name], plain), (plain, ODD[name])):
        found = verdict(sent, received, compare=Compare(mode=mode))
        assert found.verdict in {"violated", "unverifiable"}
        assert all(len(each.actual) <= 200 for each in found.violations)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_payload_meets_a_schema(name: str) -> None:
    """What is no JSON is unverifiable, never violated; what is, is judged."""
    recursive = SchemaSource(value={"items": {"$ref": "#"}, "properties": {"a": {"$ref": "#"}}})
    found = verdict(None, ODD[name], received_schema=recursive)
    is_no_json = name in {"half a character", "half a character as a key", "bytes"}
    assert found.verdict == ("unverifiable" if is_no_json else "pass")


@pytest.mark.parametrize("name", ODD)
def test_an_odd_result_meets_limits(name: str) -> None:
    """Items, dates and scores are looked for in anything."""
    spec = ContractSpec(
        name="x",
        tool="t",
        min_items=ItemLimit(count=2),
        max_age=AgeLimit(pointer="/*", limit_s=1),
        min_score=ScoreFloor(limit=1, pointer="/*"),
    )
    contract = compile_contract(spec, rule_id="x")
    step = one_handoff(odd(1), odd(1)).steps[0]
    outcome = Outcome(contract=contract)
    apply_limits(contract, step, ODD[name], outcome)
    assert len(outcome.violations) + len(outcome.gaps) > 0


REFUSED = [
    ("a reference to itself", {"$ref": "#"}, "", "leads back to itself"),
    ("references in a circle",
     {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
     "/$defs/", "leads back to itself"),
    ("a circle through allOf", {"allOf": [{"not": {"$ref": "#"}}]}, "", "leads back to itself"),
    ("doubling at each of thirty steps",
     {"$defs": {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(30)}
      | {"d30": {"type": "object"}}, "$ref": "#/$defs/d0"},
     "/$defs/", "subschemas would be applied"),
    ("a chain of a thousand",
     {"$defs": {f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(1_000)} | {"d1000": {}},
      "$ref": "#/$defs/d0"}, "", "lead from one to the next"),
    ("looking ahead", {"pattern": "(?=a)b"}, "/pattern", "regex"),
    ("looking back", {"pattern": "(a)\\1"}, "/pattern", "regex"),
    ("a pattern that counts to a million", {"pattern": "(a{1000}){1000}"}, "/pattern", "regex"),
    ("a schema nested too deep", None, "", "nested too deep"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "pointer", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_hostile_schema_is_refused(schema: Any, pointer: str, message: str) -> None:
    """Its author gets an error with its place, before any payload meets it."""
    if schema is None:
        schema = {}
        for _ in range(500):
            schema = {"properties": {"a": schema}}
    with pytest.raises(ContractError) as refused:
        verdict(1, 1, schema=SchemaSource(value=schema))
    (problem,) = refused.value.problems
    assert problem.pointer.startswith(pointer)
    assert message in problem.message


FINE = [
    {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
    {"$defs": {"n": {"type": "object"}}, "allOf": [{"$ref": "#/$defs/n"}] * 50},
    {"anyOf": [{"type": "string"}, {"items": {"$ref": "#"}}]},
    {"properties": {"not": {"$ref": "#"}, "if": {"type": "string"}, "allOf": {"type": "array"}}},
    {"$ref": "other.json"},
    {"if": {"type": "object"}, "then": {"required": ["a"]}, "else": {"maxLength": 3}},
    True,
]


@pytest.mark.parametrize("schema", FINE, ids=str)
def test_a_schema_that_ends_is_no_burden(schema: Any) -> None:
    """Recursion into the value ends with the value: trees and lists of lists are fine."""
    assert burden_of(schema) is None


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(x+x+)+y", "^(a|a)*$", "(.*)*z"])
def test_a_pattern_runs_in_linear_time(pattern: str) -> None:
    """What brings a backtracking engine to its knees takes milliseconds: a hang would be found."""
    found = verdict(
        1, "a" * LONG_CHARS + "!", received_schema=SchemaSource(value={"pattern": pattern})
    )
    assert found.verdict == "violated"


@pytest.mark.parametrize("mode", MODES)
def test_a_text_of_ten_megabytes(mode: CompareMode) -> None:
    """It is compared, or said to be too long; and one that arrived as it was sent passes."""
    long = "word " * 2_000_000
    cut = verdict(long, long[: len(long) // 2], compare=Compare(mode=mode))
    if mode == "semantic":
        assert (cut.verdict, "too long" in cut.reason) == ("unverifiable", True)
    else:
        assert [each.name for each in cut.violations] == ["truncation"]
    assert verdict(long, long, compare=Compare(mode=mode)).verdict == "pass"
