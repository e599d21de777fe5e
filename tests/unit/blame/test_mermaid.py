"""Flowcharts: every label is inert, agents are sub-graphs, and what is drawn is bounded."""

from __future__ import annotations

import re

import pytest

from blame_fixtures import RunBuilder
from causewatch.blame.judge import judge
from causewatch.blame.mermaid import (
    MAX_EDGES_COUNT,
    MAX_LABEL_CHARS,
    MAX_NODES_COUNT,
    explain_mermaid,
    graph_mermaid,
    label,
)
from causewatch.model.judgement import Assessment

HOSTILE = [
    '"', '"]; n1 --> n2', "end", "subgraph x", "%%{init: {}}%%", "a\nb\rc", "`md` **b**",
    "[x] {{y}} ((z)) >w]", "|pipe|", "&amp; #quot; #35;", "<script>alert(1)</script>", "1. one",
    "- x", "click n0 call f()", "\u202egnp", "\x1b[2J", "\ud800", "", ":::origin", "値段 é",
    "x" * 500,
]  # fmt: skip
LINE = re.compile(
    r"%% [\w .,:/-]*|flowchart TD| {2}classDef \w+ [\w#:,-]+| {2}end"
    r'| {2}subgraph a\d+\["LABEL"\]'
    r'| {2,4}n\d+(?:\[|\(|\(\[|\{\{|\[\()"LABEL"(?:\]|\)|\]\)|\}\}|\)\])(?::::\w+)?'
    r'| {2}n\d+ (?:-->|==>|-\.->)(?:\|"LABEL"\|)? n\d+'.replace(
        "LABEL", r"(?:[^\W_]|[ .,:_/-]|#\d+;)+"
    )
)


def told(text: str = "gone", name: str = "front") -> Assessment:
    """Return a corrupted run with a text in its names and in its evidence."""
    run = RunBuilder("Book a train.", agent=name)
    run.call(f"search {text}", {"to": "x"}, {"error": text, "id": "TGV-9241"})
    run.hand_over(f"booker {text}", {"plan": "Take TGV-9241 please."})
    run.call(text, {"train": "TGV-9241"}, {"booking": 1})
    run.say("Booked.")
    return judge(run.graph())


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_every_line_is_of_a_known_form(text: str) -> None:
    """Whatever names and payloads hold, the chart is made of our syntax and inert labels."""
    for chart in (explain_mermaid(told(text, text)), graph_mermaid(told(text, text))):
        for line in chart.splitlines():
            assert LINE.fullmatch(line), line
        chart.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("get_order", "get_order"),
        ('say "hi"', "say #34;hi#34;"),
        ("a#b;c", "a#35;b#59;c"),
        ("1. one", "1#46; one"),
        ("- one", "#45; one"),
        ("v1.2-3", "v1.2-3"),
        ("値段", "値段"),
        ("\x00", "unnamed"),
        ("y" * 100, "y" * (MAX_LABEL_CHARS - 1) + "#8230;"),
    ],
)
def test_labels(text: str, expected: str) -> None:
    """Letters, digits and plain punctuation stay; all else is an entity code."""
    assert label(text) == expected


def test_the_path_is_drawn_from_origin_to_symptom() -> None:
    """Each agent is a sub-graph, roles have classes, each arrow says why."""
    chart = explain_mermaid(told())
    assert chart.startswith("%% run run-1 corrupted, tool_failure\nflowchart TD\n")
    assert 'subgraph a0["front"]' in chart
    assert 'subgraph a1["booker gone"]' in chart
    assert '["search gone"]:::origin' in chart
    assert '["gone"]:::symptom' in chart
    assert '-->|"uses #8220;tgv-9241#8221; of it"|' in chart


def test_a_healthy_run_has_an_empty_path() -> None:
    """A chart all the same, that says so."""
    run = RunBuilder()
    run.say("Hello.")
    chart = explain_mermaid(judge(run.graph()))
    assert chart.startswith("%% run run-1 healthy\nflowchart TD\n")
    assert "subgraph" not in chart


def test_a_graph_shows_what_flowed() -> None:
    """Working steps by agent, with data and handoff arrows; the latter say so."""
    chart = graph_mermaid(told())
    assert "==>|" in chart
    assert chart.count("subgraph") == 2
    assert "-->" in chart


def test_a_large_graph_is_bounded_and_says_so() -> None:
    """The path is always inside, the rest in order of time."""
    run = RunBuilder("Write to all.")
    for number in range(3 * MAX_NODES_COUNT):
        run.call("get_mail", {"n": number}, {"mail": number})
    run.call("search_trains", {"to": "x"}, {"error": "gone", "id": "TGV-9241"})
    run.call("buy_ticket", {"train": "TGV-9241"}, {"booking": 1})
    run.say("Booked.")
    chart = graph_mermaid(judge(run.graph()))
    lines = chart.splitlines()
    assert sum(bool(re.match(r" +n\d+[\[({]", line)) for line in lines) == MAX_NODES_COUNT
    assert sum(bool(re.match(r" +n\d+ -", line)) for line in lines) <= MAX_EDGES_COUNT
    assert f"{MAX_NODES_COUNT} of {len(run.steps)} steps" in lines[0]
    assert ":::origin" in chart
    assert ":::symptom" in chart
