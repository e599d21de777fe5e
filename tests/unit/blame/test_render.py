"""What people and programs see of an assessment."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from blame_fixtures import RunBuilder, one_handoff, payload
from causewatch.blame.judge import judge
from causewatch.blame.render import explain_json, explain_text, graph_json
from causewatch.blame.safe import MAX_LINE_CHARS, safe
from causewatch.contracts.compile import compile_contract
from causewatch.contracts.spec import Compare, ContractSpec
from causewatch.model.judgement import Assessment

EXPLAIN_KEYS = {
    "run", "trace_ids", "verdict", "category", "origin", "propagators", "symptom", "confidence",
    "path", "unverifiable",
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
    }  # fmt: skip
    (handoff,) = graph["handoffs"]
    assert set(handoff) == {
        "span_id", "from", "to", "sender_span_id", "receiver_span_id", "mode", "derived", "rule",
        "verdict", "violations", "sent_sha256", "received_sha256",
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


def test_the_story_reads_in_order() -> None:
    """First corrupted by, passed on by, surfaced at; then the path is drawn."""
    text = explain_text(bad("gateway closed"))
    wanted = [
        "run run-1  corrupted (tool failure, confidence 0.90)",
        "First corrupted by tool search_trains of front",
        "gateway closed",
        "→ passed on by front in chat",
        "→ surfaced at tool buy_ticket of booker",
        "● front · search_trains",
        "◆ booker · buy_ticket",
    ]
    places = [text.index(part) for part in wanted]
    assert places == sorted(places)


def test_a_healthy_story_is_one_line() -> None:
    """There is nothing to tell of a healthy run but that it is."""
    assert explain_text(good()) == "run run-1  healthy\n"


def test_an_unverifiable_story_says_what_would_help() -> None:
    """Gaps are listed with reason and fix, the first few of many."""
    run = RunBuilder()
    for n in range(8):
        run.call(f"tool_{n}", None, None)
    text = explain_text(judge(run.graph()))
    assert "unverifiable" in text
    assert "Not verifiable (8):" in text
    assert "content capture" in text
    assert "and 3 more" in text


def test_a_loops_story_has_no_symptom() -> None:
    """A loop harmed the run itself, and the story says so."""
    run = RunBuilder()
    for _ in range(4):
        run.call("get_wind", {"at": "x"}, [1])
    assert "the run harmed itself" in explain_text(judge(run.graph()))


def test_colour_only_where_wanted() -> None:
    """Escape sequences are ours alone, and only with colour."""
    assert "\x1b[" not in explain_text(bad(), colour=False)
    assert "\x1b[31m" in explain_text(bad(), colour=True)


HOSTILE = ["\x1b[2J\x1b]0;owned\x07", "a\r\nb", "\u202egnp.exe", "\x9b31m", "x" * 5_000, "\ud800"]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_reaches_no_terminal(text: str) -> None:
    """Control characters, line breaks and bidirectional tricks of payloads and names are gone."""
    shown = explain_text(bad(text, name=f"agent{text}"), colour=False)
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert max(map(len, shown.splitlines())) < MAX_LINE_CHARS * 2 + 100
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\tb\n", "a b"), ("", ""), ("\x00", ""), ("é…", "é…"), ("y" * 500, "y" * 399 + "…")],
)
def test_safe(text: str, expected: str) -> None:
    """Safe text is one printable line of bounded length."""
    assert safe(text) == expected


def test_names_may_be_missing() -> None:
    """A run without names is shown without holes."""
    assessment = bad()
    graph = msgspec.structs.replace(assessment.graph, owner=("",) * len(assessment.graph.owner))
    told: dict[str, Any] = explain_json(judge(graph))
    assert told["origin"] is None or told["origin"]["agent"] is None
    assert explain_text(judge(graph))
