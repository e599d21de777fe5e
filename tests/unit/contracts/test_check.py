"""Contracts against handoffs and steps: verdicts, classes of violations, redaction."""

from __future__ import annotations

from typing import Any

import pytest

from blame_fixtures import RunBuilder, one_handoff, payload
from causewatch.contracts.check import check
from causewatch.contracts.compile import Contract, compile_contract
from causewatch.contracts.spec import Compare, ContractSpec, SchemaSource
from causewatch.model.judgement import ContractVerdict

BRIEF: dict[str, Any] = {
    "type": "object",
    "required": ["goal"],
    "properties": {"goal": {"type": "string", "minLength": 3}, "budget": {"type": "number"}},
    "additionalProperties": False,
}
LONG = "Find three suppliers of basalt fibre within 300 km and ask each for a quote."


def contract(**fields: Any) -> Contract:
    """Compile a contract for any handoff unless told otherwise."""
    for key in ("schema", "sent_schema", "received_schema", "result_schema", "arguments_schema"):
        if key in fields:
            fields[key] = SchemaSource(value=fields[key])
    return compile_contract(ContractSpec(name="brief", **fields), rule_id="g/contract:brief")


def verdict_of(rule: Contract, sent: Any, received: Any) -> ContractVerdict:
    """Return the only verdict on a run with one handoff."""
    sides = [x if x is None or hasattr(x, "raw") else payload(x) for x in (sent, received)]
    (verdict,) = check(rule, one_handoff(*sides))
    return verdict


COMPARED = [
    ("equal objects", {"goal": "a", "n": 1}, {"n": 1.0, "goal": "a"}, "pass", []),
    ("the one string of an object", {"task": LONG}, LONG, "pass", []),
    ("the one string, as JSON", {"task": '{"a": [1]}'}, {"a": [1]}, "pass", []),
    ("true is not 1", {"a": True}, {"a": 1}, "violated", [("delta", "/a")]),
    ("a prefix of a text", LONG, LONG[:30], "violated", [("truncation", "")]),
    ("a prefix with a mark", LONG, LONG[:30] + "...", "violated", [("truncation", "")]),
    ("the end of a text", LONG, LONG[30:], "violated", [("truncation", "")]),
    ("a prefix of the one string", {"task": LONG}, LONG[:30], "violated", [("truncation", "")]),
    ("a prefix in a template", {"task": LONG}, f"Task:\n{LONG[:30]}\nGo!", "violated",
     [("truncation", "")]),
    ("fewer items", {"a": [1, 2, 3]}, {"a": [1, 3]}, "violated", [("truncation", "/a")]),
    ("a lost member", {"a": 1, "b": 2}, {"a": 1}, "violated", [("truncation", "/b")]),
    ("a lost inner member", {"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, "violated",
     [("truncation", "/a/c")]),
    ("JSON cut as text", {"goal": LONG, "n": 1}, '{"goal": "Find three supp', "violated",
     [("truncation", "")]),
    ("structure as text", {"goal": "oats", "n": 12}, "goal: oats, n: 12", "violated",
     [("serialization", "")]),
    ("structure as JSON text", {"a": {"b": 1}}, {"a": '{"b": 1}'}, "violated",
     [("serialization", "/a")]),
    ("a number as text", {"a": 12}, {"a": "12"}, "violated", [("serialization", "/a")]),
    ("text as a number", {"a": "12.50"}, {"a": 12.5}, "violated", [("serialization", "/a")]),
    ("a boolean as text", {"a": True}, {"a": "True"}, "violated", [("serialization", "/a")]),
    ("nothing at all", {"a": 1}, "", "violated", [("missing", "")]),
    ("nothing in a member", {"a": {"b": 1}}, {"a": None}, "violated", [("missing", "/a")]),
    ("another value", {"a": 1}, {"a": 2}, "violated", [("delta", "/a")]),
    ("a longer list", {"a": [1]}, {"a": [1, 2]}, "violated", [("delta", "/a")]),
    ("an added member", {"a": 1}, {"a": 1, "b": 2}, "violated", [("delta", "/b")]),
    ("another text", "pay 20", "pay 90", "violated", [("delta", "")]),
    ("two differences", {"a": 1, "b": "2"}, {"a": 5, "b": 2}, "violated",
     [("delta", "/a"), ("serialization", "/b")]),
    ("nothing sent, nothing received", {}, {}, "pass", []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "received", "expected", "violations"),
    [row[1:] for row in COMPARED],
    ids=[row[0] for row in COMPARED],
)
def test_differences_are_named_narrowly(
    sent: Any, received: Any, expected: str, violations: list[tuple[str, str]]
) -> None:
    """What became of a payload is named as narrowly as its values allow, with its place."""
    verdict = verdict_of(contract(compare=Compare()), sent, received)
    assert verdict.verdict == expected
    assert [(v.name, v.pointer) for v in verdict.violations] == violations


def test_exact_compares_bytes() -> None:
    """In mode exact the same value in another spelling is a serialization violation."""
    spelled = payload({"a": 1, "b": 2})
    other = payload({"b": 2, "a": 1})
    exact = contract(compare=Compare(mode="exact"))
    assert verdict_of(exact, spelled, spelled).verdict == "pass"
    assert verdict_of(exact, payload({"task": LONG}), payload(LONG)).verdict == "pass"
    verdict = verdict_of(exact, spelled, other)
    assert [v.name for v in verdict.violations] == ["serialization"]


@pytest.mark.parametrize("mode", ["exact", "canonical"])
def test_ignored_places_may_differ(mode: Any) -> None:
    """What a pointer of ``ignore`` names is left out on both sides, also inside of lists."""
    rule = contract(compare=Compare(mode=mode, ignore=("/meta", "/steps/0", "/steps/1")))
    sent = {"goal": "x", "meta": {"id": 1}, "steps": [1, 2, 3]}
    received = {"goal": "x", "meta": {"id": 9}, "steps": [7, 8, 3]}
    assert verdict_of(rule, sent, received).verdict == "pass"
    assert verdict_of(rule, sent, {**received, "steps": [7, 8, 4]}).verdict == "violated"


SCHEMAS = [
    ("both valid", {"schema": BRIEF}, {"goal": "oats"}, {"goal": "oats"}, "pass", []),
    ("sent invalid", {"schema": BRIEF}, {"goal": ""}, {"goal": "oats"}, "violated",
     [("schema", "sent", "/goal")]),
    ("received invalid", {"schema": BRIEF}, {"goal": "oats"}, {"goal": 7}, "violated",
     [("schema", "received", "/goal")]),
    ("a missing member", {"sent_schema": BRIEF}, {"budget": 2}, None, "violated",
     [("schema", "sent", "")]),
    ("only one side asked for", {"received_schema": BRIEF}, None, {"goal": "oats"}, "pass", []),
    ("the bare text of a one-string call", {"schema": BRIEF}, {"goal": "oats"}, "oats", "pass", []),
    ("the bare text, too short", {"schema": BRIEF}, {"goal": "oats"}, "o", "violated",
     [("schema", "received", "/goal")]),
    ("a text where structure was sent", {"schema": BRIEF}, {"goal": "oats", "budget": 2},
     "goal oats budget 2", "violated", [("serialization", "received", "")]),
    ("text was sent, structure wanted", {"sent_schema": BRIEF}, "oats", None, "violated",
     [("schema", "sent", "")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "sent", "received", "expected", "violations"),
    [row[1:] for row in SCHEMAS],
    ids=[row[0] for row in SCHEMAS],
)
def test_schemas_hold_for_their_side(
    fields: dict[str, Any], sent: Any, received: Any, expected: str, violations: list[Any]
) -> None:
    """Each side is judged by its own schemas; a one-string object equals its string."""
    verdict = verdict_of(contract(**fields), sent, received)
    assert verdict.verdict == expected
    assert [(v.name, v.side, v.pointer) for v in verdict.violations] == violations


UNVERIFIABLE = [
    ("nothing captured", {"compare": Compare()}, None, None, "was sent from front to back"),
    ("sent not captured", {"compare": Compare()}, None, {"a": 1}, "not captured"),
    ("received not captured", {"compare": Compare()}, {"a": 1}, None, "what was received"),
    (
        "an input that is written as empty",
        {"compare": Compare()},
        {"a": 1},
        {},
        "recorded as empty",
    ),
    ("cut by telemetry", {"schema": BRIEF}, {"goal": "oats"}, payload("{", cut=True), "cut by"),
    ("sent cut by telemetry", {"compare": Compare()}, payload("ab", cut=True), "abc", "cut by"),
]


@pytest.mark.parametrize(
    ("fields", "sent", "received", "reason"),
    [row[1:] for row in UNVERIFIABLE],
    ids=[row[0] for row in UNVERIFIABLE],
)
def test_missing_content_is_unverifiable_never_violated(
    fields: dict[str, Any], sent: Any, received: Any, reason: str
) -> None:
    """A side without content, or cut by telemetry, gives a reason and a fix, not a guess."""
    verdict = verdict_of(contract(**fields), sent, received)
    assert verdict.verdict == "unverifiable"
    assert reason in verdict.reason
    assert "content" in verdict.reason or "limit" in verdict.reason


def test_a_violation_outweighs_a_gap() -> None:
    """What can be checked is checked: a bad sent side is violated though received is unknown."""
    verdict = verdict_of(contract(schema=BRIEF), {"goal": 7}, None)
    assert verdict.verdict == "violated"
    assert "not captured" in verdict.reason


def test_schema_without_compare_and_compare_without_schema() -> None:
    """Either demand works alone: a schema does not compare, and comparing needs no schema."""
    assert verdict_of(contract(schema=BRIEF), {"goal": "oats"}, {"goal": "rye"}).verdict == "pass"
    assert verdict_of(contract(compare=Compare()), [1], [1]).verdict == "pass"


def test_only_bound_handoffs_are_judged() -> None:
    """Globs over both agents' names decide which handoffs a contract is about."""
    graph = one_handoff(payload({"goal": "oats"}), payload({"goal": "oats"}))
    assert len(check(contract(from_="fr*", to="b?ck", schema=BRIEF), graph)) == 1
    assert check(contract(from_="fr*", to="desk", schema=BRIEF), graph) == ()
    assert check(contract(from_="Front", schema=BRIEF), graph) == ()


def test_a_verdict_names_place_sizes_digests_and_severity() -> None:
    """A violation can be acted on: who, where, how big, which digests, how bad."""
    rule = contract(compare=Compare(), failures={"truncation": "page"})
    verdict = verdict_of(rule, {"task": LONG}, LONG[:20])
    (violation,) = verdict.violations
    assert (verdict.contract, verdict.rule_id) == ("brief", "g/contract:brief")
    assert (verdict.from_agent, verdict.to_agent, verdict.handoff) == ("front", "back", 0)
    assert (violation.severity, violation.side) == ("page", "both")
    assert verdict.received_bytes == 20
    assert len(verdict.sent_sha256) == len(verdict.received_sha256) == 64
    assert violation.expected.startswith("Find three")
    assert violation.actual == LONG[:20]
    assert contract(compare=Compare()).spec.severity_of("delta") == "ticket"


def test_redacted_values_never_appear() -> None:
    """What a redact pointer names, or holds, is in no message, whichever check failed."""
    secret = "4929-1111-2222-3333"
    rule = contract(
        redact=("/card", "/a/pin"),
        compare=Compare(),
        schema={"properties": {"card": {"maxLength": 3}, "a": {"required": ["zip"]}}},
    )
    sent = {"card": secret, "a": {"pin": secret}, "n": 1}
    verdict = verdict_of(rule, sent, {"card": secret[:6], "a": {"pin": 5}, "n": 1})
    assert verdict.verdict == "violated"
    assert len(verdict.violations) >= 4
    assert secret not in repr(verdict)
    assert secret[:6] not in repr(verdict)


def test_excerpts_are_short_and_printable() -> None:
    """Attacker-controlled text reaches a message cut and without control characters."""
    evil = "\x1b[31m" + "A" * 5_000
    verdict = verdict_of(contract(compare=Compare()), evil, "b")
    (violation,) = verdict.violations
    assert max(len(violation.expected), len(violation.actual)) <= 120
    assert "\x1b" not in repr(violation).replace("\\x1b", "")
    assert violation.expected.isprintable()


ODD = [
    b"bytes", float("nan"), float("inf"), 2**70, "\ud800", {"a": b"x"}, [[[]]] * 3,
    {"": {"~/": [None]}},
]  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_odd_values_raise_nothing(value: Any) -> None:
    """Values outside of JSON's domain give some verdict, never an exception."""
    odd = payload("x").__class__(value=value, raw="x", key="test")
    rule = contract(schema={"type": "object"}, compare=Compare(mode="exact"))
    assert verdict_of(rule, odd, payload({"a": 1})).verdict in {"violated", "unverifiable"}
    assert verdict_of(rule, payload({"a": 1}), odd).verdict in {"violated", "unverifiable"}


def test_deep_values_raise_nothing() -> None:
    """Nesting past every limit is compared as far as the limit."""
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    other: Any = 2
    for _ in range(300):
        other = [other]
    rule = contract(compare=Compare())
    assert verdict_of(rule, payload("x").__class__(value=deep, raw="a", key=""), other).verdict


def test_many_violations_are_bounded() -> None:
    """A payload that is wrong everywhere gives a bounded list."""
    rule = contract(compare=Compare(), schema={"items": {"type": "string"}})
    verdict = verdict_of(rule, list(range(500)), list(range(1, 501)))
    assert len(verdict.violations) == 20


STEPS = [
    ("a good result", {"tool": "order_*"}, {"id": "o1"}, "pass"),
    ("a bad result", {"tool": "order_*"}, {"id": 1}, "violated"),
    ("a text", {"tool": "order_*"}, "no such order", "violated"),
    ("no result", {"tool": "order_*"}, None, "unverifiable"),
]


@pytest.mark.parametrize(
    ("fields", "result", "expected"), [row[1:] for row in STEPS], ids=[row[0] for row in STEPS]
)
def test_a_tool_contract_judges_results(fields: dict[str, Any], result: Any, expected: str) -> None:
    """A tool glob binds the tool's steps; the result is judged by ``result.schema``."""
    run = RunBuilder()
    step = run.call("order_get", {"id": "o1"}, result)
    run.call("other", {}, {"id": 1})
    schema = {"type": "object", "properties": {"id": {"type": "string"}}}
    (verdict,) = check(contract(**fields, result_schema=schema), run.graph())
    assert (verdict.verdict, verdict.step, verdict.handoff) == (expected, step, None)


def test_a_retrieval_contract_binds_retrievals_only() -> None:
    """``retrieval`` binds retrievals; ``tool`` binds tools and retrievals alike."""
    run = RunBuilder()
    run.call("kb", {"q": "x"}, [], kind="retrieval")
    run.call("kb", {"q": "x"}, [])
    schema = {"minItems": 1}
    assert len(check(contract(retrieval="kb", result_schema=schema), run.graph())) == 1
    assert len(check(contract(tool="kb", result_schema=schema), run.graph())) == 2


def test_arguments_and_agents_can_be_bound() -> None:
    """A step contract may hold for the arguments, and for an agent's own input and output."""
    run = RunBuilder()
    run.call("pay", {"amount": -1}, {"ok": True})
    rule = contract(tool="pay", arguments_schema={"properties": {"amount": {"minimum": 0}}})
    (verdict,) = check(rule, run.graph())
    assert [(v.side, v.pointer) for v in verdict.violations] == [("arguments", "/amount")]
    (silent,) = check(contract(agent="front", result_schema={"type": "object"}), run.graph())
    assert silent.verdict == "unverifiable"


def test_what_agents_tell_of_an_empty_handoff_is_believed() -> None:
    """Where the receiver itself says that nothing arrived, it is missing."""
    told = payload({}, key="causewatch.handoff.received")
    verdict = verdict_of(contract(compare=Compare()), {"a": 1}, told)
    assert [each.name for each in verdict.violations] == ["missing"]
