"""What people and programs see of an assessment."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from blame_fixtures import RunBuilder, one_handoff, payload
from causewatch.blame.judge import judge
from causewatch.blame.render import MAX_SHOWN_BOUNDARIES_COUNT, explain_json, graph_json
from causewatch.contracts.compile import compile_contract
from causewatch.contracts.spec import Compare, ContractSpec
from causewatch.graph.build import build
from causewatch.model.judgement import Assessment
from claimed_fixtures import ORDER, two_services

EXPLAIN_KEYS = {
    "run", "trace_ids", "verdict", "category", "origin", "propagators", "symptom", "confidence",
    "path", "unverifiable", "confidence_parts", "blast_radius", "failed_by", "health", "boundaries",
    "contracts",
}  # fmt: skip
GRAPH_KEYS = {"run", "trace_ids", "workflow", "agents", "steps", "handoffs", "edges"}


def bad(text: str = "TGV-9241", name: str = "front") -> Assessment:
    """Return a corrupted run whose texts and names can be chosen."""
    run = RunBuilder("Book a train.", agent=name)
    run.call("search_trains", {"to": "x"}, {"error": text, "id": "TGV-9241"})
    run.hand_over("booker", {"plan": "Take TGV-9241 please."})
    run.call("buy_ticket", {"train": "TGV-9241"}, {"booking": 1})
    run.say("Booked.")
    return judge(run.graph())


def good() -> Assessment:
    """Return a healthy run."""
    run = RunBuilder()
    run.say("Hello.")
    return judge(run.graph())


@pytest.mark.parametrize("assessment", [bad(), good()], ids=["corrupted", "healthy"])
def test_every_key_is_always_there(assessment: Assessment) -> None:
    """Programs may rely on all keys; what is not known is null or empty, and all of it is JSON."""
    told, graph = explain_json(assessment), graph_json(assessment)
    assert set(told) == EXPLAIN_KEYS
    assert set(graph) == GRAPH_KEYS
    assert json.loads(json.dumps(told)) == told
    assert json.loads(json.dumps(graph)) == graph


def test_explain_json_of_a_corrupted_run() -> None:
    """Origin, propagators, symptom and path name spans, agents and evidence."""
    told = explain_json(bad())
    assert (told["run"], told["verdict"], told["category"]) == (
        "run-1",
        "corrupted",
        "tool_failure",
    )
    assert set(told["origin"]) == {"span_id", "name", "agent", "at", "reason"}
    assert (told["origin"]["name"], told["origin"]["at"]) == ("search_trains", "output")
    assert [set(p) for p in told["propagators"]] == [{"span_id", "agent", "evidence"}]
    assert set(told["symptom"]) == {"span_id", "name", "agent"}
    assert told["path"][0]["span_id"] == told["origin"]["span_id"]
    assert told["path"][-1]["span_id"] == told["symptom"]["span_id"]
    assert {"span_id", "name", "agent", "evidence"} == set(told["path"][0])
    assert 0 < told["confidence"] <= 1


def test_explain_json_of_a_healthy_run() -> None:
    """Nothing to tell is null and empty, never left out."""
    told = explain_json(good())
    assert (told["verdict"], told["origin"], told["symptom"]) == ("healthy", None, None)
    assert (told["category"], told["confidence"]) == (None, None)
    assert told["propagators"] == told["path"] == told["unverifiable"] == []


def test_graph_json_shows_steps_handoffs_and_edges() -> None:
    """Steps carry their faults, handoffs both sides' digests, edges their type and evidence."""
    assessment = bad()
    graph = graph_json(assessment)
    faulty = [step for step in graph["steps"] if step["faults"]]
    assert [(step["name"], step["faults"]) for step in faulty] == [("search_trains", ["failure"])]
    assert set(graph["steps"][0]) == {
        "span_id", "step", "name", "agent", "tool", "parent", "dialect", "faults",
        "validation", "violations",
    }  # fmt: skip
    (handoff,) = graph["handoffs"]
    assert set(handoff) == {
        "span_id", "from", "to", "sender_span_id", "receiver_span_id", "mode", "derived", "rule",
        "verdict", "violations", "sent_sha256", "received_sha256", "sent_bytes", "received_bytes",
        "claimed", "intact", "summary", "delta", "checksum",
    }  # fmt: skip
    assert (handoff["from"], handoff["to"], handoff["verdict"]) == ("front", "booker", None)
    assert len(handoff["sent_sha256"]) == 64
    assert {"from", "to", "type", "evidence"} == set(graph["edges"][0])
    assert graph["agents"] == ["front", "booker"]


def test_a_handoff_shows_its_contracts_worst_verdict() -> None:
    """Of several verdicts on one handoff the worst is shown, with all violations once."""
    graph = one_handoff(payload({"a": 1, "b": 2}), payload({"a": 2}))
    specs = (ContractSpec(name="x", compare=Compare()), ContractSpec(name="y"))
    rules = [compile_contract(spec, rule_id=spec.name) for spec in specs]
    (handoff,) = graph_json(judge(graph, rules))["handoffs"]
    assert handoff["verdict"] == "violated"
    assert sorted(handoff["violations"]) == ["delta", "truncation"]


def test_what_a_contract_redacts_is_in_no_delta() -> None:
    """Neither in the graph nor in what explain says; of two contracts both pointers count."""
    sent, received = ({"who": f"Anna {n}", "sum": f"{n} EUR", "n": n} for n in (1, 2))
    graph = one_handoff(payload(sent), payload(received), mechanical=True)
    specs = (
        ContractSpec(name="x", redact=("/who",), compare=Compare()),
        ContractSpec(name="y", redact=("/sum",), compare=Compare()),
    )
    rules = [compile_contract(spec, rule_id=spec.name) for spec in specs]
    assessment = judge(graph, rules)
    (handoff,) = graph_json(assessment)["handoffs"]
    assert "Anna" not in handoff["delta"]
    assert "EUR" not in handoff["delta"]
    assert {"op": "replace", "path": "/n", "value": 2} in json.loads(handoff["delta"])
    assert "Anna" in graph_json(judge(graph))["handoffs"][0]["delta"]
    (boundary,) = explain_json(assessment)["boundaries"]
    assert (boundary["intact"], boundary["checksum"]) == (False, handoff["checksum"])


def test_a_told_handoff_says_what_became_of_its_claim() -> None:
    """Digests and sizes are those of its own spans; a handoff nobody told of has no claim."""
    assessment = judge(build(run_id="r", spans=two_services(ORDER, ORDER)))
    (handoff,) = graph_json(assessment)["handoffs"]
    assert (handoff["claimed"], handoff["rule"]) == ("unchecked", "instrumented")
    assert handoff["sent_sha256"] == handoff["received_sha256"]
    assert handoff["sent_bytes"] > 0
    assert graph_json(bad())["handoffs"][0]["claimed"] is None


def test_explain_lists_the_first_boundaries_of_a_long_run() -> None:
    """A loop of thousands of handoffs does not make its story endless; the graph has them all."""
    graph = one_handoff(payload("x"), payload("x"), mechanical=True)
    many = msgspec.structs.replace(graph, handoffs=graph.handoffs * 500)
    assessment = judge(many)
    told = explain_json(assessment)
    assert len(told["boundaries"]) == len(told["health"]["parts"]) == MAX_SHOWN_BOUNDARIES_COUNT
    assert len(graph_json(assessment)["handoffs"]) == 500


def test_names_may_be_missing() -> None:
    """A run without names is shown without holes."""
    assessment = bad()
    graph = msgspec.structs.replace(assessment.graph, owner=("",) * len(assessment.graph.owner))
    told: dict[str, Any] = explain_json(judge(graph))
    assert told["origin"] is None or told["origin"]["agent"] is None
