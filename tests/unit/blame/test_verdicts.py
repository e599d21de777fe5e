"""What contracts say, as people and programs see it."""

from __future__ import annotations

from typing import Any

from blame_fixtures import RunBuilder, one_handoff, payload
from causewatch.blame.judge import judge
from causewatch.blame.render import explain_json, graph_json
from causewatch.blame.story import explain_text
from causewatch.blame.verdicts import MAX_SHOWN_COUNT, MAX_TOLD_COUNT, validation_of
from causewatch.cli.tree import graph_text
from causewatch.contracts.compile import Contract, compile_contract
from causewatch.contracts.spec import Compare, ContractSpec, ItemLimit, SchemaSource
from causewatch.model.judgement import Assessment


def contract(**fields: Any) -> Contract:
    """Compile a contract on all tools unless told otherwise."""
    spec = ContractSpec(name="lookups", **({"tool": "*"} | fields))
    return compile_contract(spec, rule_id="g/contract:lookups")


def looked_up(*results: Any, **fields: Any) -> Assessment:
    """Judge a run that looks up one thing after the other."""
    run = RunBuilder("Look.")
    for number, result in enumerate(results):
        run.call(f"look_{number}", {"what": number}, result)
    run.say("Done.")
    return judge(run.graph(), [contract(**({"min_items": ItemLimit(count=1)} | fields))])


def test_a_tools_verdict_stands_on_its_step() -> None:
    """Each step that a contract binds shows its verdict and the names of its violations."""
    told = graph_json(looked_up([], [1], None))
    found = {
        step["name"]: (step["validation"], step["violations"])
        for step in told["steps"]
        if step["tool"]
    }
    assert found == {
        "look_0": ("violated", ["empty"]),
        "look_1": ("pass", []),
        "look_2": ("unverifiable", []),
    }
    assert all(s["validation"] is None for s in told["steps"] if not s["tool"])


def test_the_tree_shows_the_verdict_on_its_step() -> None:
    """The same in text: what is violated is named beside the step."""
    lines = graph_text(looked_up([], [1])).splitlines()
    (first,) = (line for line in lines if "look_0" in line)
    (second,) = (line for line in lines if "look_1" in line)
    assert first.endswith("contract violated: empty")
    assert second.endswith("contract pass")
    assert not any("contract" in line for line in lines if "model" in line)


def test_of_several_contracts_the_worst_verdict_is_shown() -> None:
    """One contract that is kept does not hide another that is not."""
    run = RunBuilder("Look.")
    step = run.call("look", {"what": 1}, {"n": "x"})
    strict = SchemaSource(value={"properties": {"n": {"type": "integer"}}})
    rules = [contract(result_schema=SchemaSource(value=True)), contract(result_schema=strict)]
    assert validation_of(judge(run.graph(), rules), step) == ("violated", ["schema"])


def test_explain_lists_every_contract_that_was_not_kept() -> None:
    """With where it stands, and for what is violated how; a pass is not listed."""
    told = explain_json(looked_up([], [1], None))["contracts"]
    assert [(each["name"], each["verdict"]) for each in told] == [
        ("look_0", "violated"),
        ("look_2", "unverifiable"),
    ]
    (violation,) = told[0]["violations"]
    assert violation == {
        "name": "empty",
        "side": "result",
        "pointer": "",
        "message": "0 items where 1 were due",
        "severity": "ticket",
    }
    assert told[0]["reason"] is None
    assert "not captured" in told[1]["reason"]


def test_a_handoffs_contract_is_listed_at_the_handoff() -> None:
    """It is known by the handoff's own id, and named by both agents."""
    graph = one_handoff(payload({"a": 1, "b": 2}), payload({"a": 1}))
    rule = contract(tool="", compare=Compare())
    (told,) = explain_json(judge(graph, [rule]))["contracts"]
    assert told["span_id"] == graph.handoffs[0].span_id
    assert told["name"] == "handoff front → back"
    assert validation_of(judge(graph, [rule]), graph.handoffs[0].sender) == (None, [])


def test_people_are_told_of_the_first_violations() -> None:
    """A few sentences, however many contracts are violated."""
    text = explain_text(looked_up(*[[]] * (MAX_TOLD_COUNT + 2)), width=200)
    assert "✗ contract lookups on look_0: empty (result), 0 items where 1 were due" in text
    assert text.count("✗") == MAX_TOLD_COUNT + 1
    assert "✗ and 2 more" in text


def test_what_is_listed_is_bounded() -> None:
    """A run with very many violations lists the first."""
    told = explain_json(looked_up(*[[]] * (MAX_SHOWN_COUNT + 5)))["contracts"]
    assert len(told) == MAX_SHOWN_COUNT
