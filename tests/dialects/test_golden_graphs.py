"""Recorded spans in, canonical graph out.

The files in ``golden/`` are what a person reviewed. ``CAUSEWATCH_REWRITE_GOLDEN=1`` writes them
anew; the difference then shows in review.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from causewatch.graph.assemble import RunAssembler
from causewatch.graph.build import build
from causewatch.graph.gathered import RunSnapshot
from causewatch.model.graph import CausalGraph
from causewatch.model.step import Payload
from graph_fixtures import capture

GOLDEN = Path(__file__).parent / "golden"
REWRITE = bool(os.environ.get("CAUSEWATCH_REWRITE_GOLDEN"))
NAMES = (
    "a2a-pydantic__httpx-prop__ok",
    "agent-framework__native-workflow__ok",
    "agent-framework__native__ok",
    "autogen__native__ok",
    "crewai__openinference__ok",
    "google-adk__native-semconv__ok",
    "google-adk__native-v1__ok",
    "langgraph__langsmith__ok",
    "langgraph__langsmith__truncated_handoff",
    "langgraph__openinference__ok",
    "langgraph__openinference__truncated_handoff",
    "langgraph__openllmetry__ok",
    "langgraph__openllmetry__truncated_handoff",
    "llamaindex__openinference__ok",
    "mcp__fastmcp__ok",
    "openai-agents__openinference__ok",
    "openai-agents__openinference__truncated_handoff",
    "openai-agents__openllmetry__ok",
    "openai-raw__otel-v2__ok",
    "pydantic-ai__native__ok",
    "pydantic-ai__native__truncated_handoff",
    "smolagents__openinference__ok",
    "strands__native__ok",
    "vercel-ai__native__ok",
    "vercel-ai__native__truncated_handoff",
)


def size(payload: Payload | None) -> int | None:
    """Return a payload's size, so that golden files hold no content."""
    return None if payload is None else payload.size_bytes


def summary(graph: CausalGraph) -> dict[str, Any]:
    """Return what a person can check against the story."""
    numbered = [f"{i} {step.name}" for i, step in enumerate(graph.steps)]
    return {
        "workflow": graph.workflow,
        "session": graph.session,
        "agents": list(graph.agents),
        "steps": [
            {"name": name, "kind": step.kind, "owner": owner, "parent": parent}
            for name, step, owner, parent in zip(
                numbered, graph.steps, graph.owner, graph.parent, strict=True
            )
        ],
        "handoffs": [
            {
                "from": h.from_agent,
                "to": h.to_agent,
                "rule": h.rule,
                "mode": h.mode,
                "mechanical": h.mechanical,
                "sender": numbered[h.sender],
                "receiver": None if h.receiver is None else numbered[h.receiver],
                "performed_by": None if h.performed_by is None else numbered[h.performed_by],
                "sent_bytes": size(h.sent),
                "received_bytes": size(h.received),
            }
            for h in graph.handoffs
        ],
        "edge_counts": dict(sorted(Counter(edge.type for edge in graph.edges).items())),
        "data": [
            f"{numbered[e.source]} -> {numbered[e.target]}: {e.evidence}"
            for e in graph.edges
            if e.type == "data"
        ],
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_run_gives_the_reviewed_graph(name: str) -> None:
    """The graph of a recorded run is the one that was reviewed against its story."""
    found = summary(build(run_id=name, spans=capture(name)))
    path = GOLDEN / f"{name}.json"
    if REWRITE:
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(path.read_text(encoding="utf-8"))


TRACES = {
    "autogen__native__ok": 28,
    "langgraph__openllmetry__ok": 4,
    "langgraph__openllmetry__truncated_handoff": 4,
    "agent-framework__native-workflow__ok": 2,
}


@pytest.mark.parametrize("name", [name for name in NAMES if name.split("__")[0] != "openai-raw"])
def test_a_recorded_run_is_one_run(name: str) -> None:
    """Runtimes that pass messages start many traces, and setting agents up takes some as well."""
    assembler = RunAssembler()
    assembler.add(capture(name), (), batch=1, now_ns=0)
    runs = [run for run in assembler.due(1 << 62) if _has_agent(run)]
    assert [len(run.trace_ids) for run in runs] == [TRACES.get(name, 1)]


def _has_agent(run: RunSnapshot) -> bool:
    """Tell whether anything of an agent happens: asking a server for its card is nothing."""
    return bool(build(run_id=run.run_id, spans=run.spans).agents)


STORY = [("triage_agent", "research_agent"), ("research_agent", "billing_agent")]
TOOLS = {"get_order", "check_fraud", "search_policy", "issue_refund"}


@pytest.mark.parametrize(
    "framework", ["langgraph__openinference", "openai-agents__openinference", "pydantic-ai__native"]
)
@pytest.mark.parametrize(
    "scenario", ["ok", "loop", "poisoned_tool", "tool_error_swallowed", "truncated_handoff"]
)
def test_the_story_shows_in_each_framework(framework: str, scenario: str) -> None:
    """Three frameworks tell the same story: who handed over to whom, and who called which tool."""
    graph = build(run_id="run", spans=capture(f"{framework}__{scenario}"))
    assert [(h.from_agent, h.to_agent) for h in graph.handoffs] == STORY
    owners = {
        step.tool: owner
        for step, owner in zip(graph.steps, graph.owner, strict=True)
        if step.kind == "tool" and step.tool in TOOLS
    }
    assert owners.pop("issue_refund") == "billing_agent"
    assert set(owners.values()) == {"research_agent"}
    assert set(owners) | {"issue_refund"} == TOOLS


@pytest.mark.parametrize(
    "framework", ["langgraph__openinference", "openai-agents__openinference", "pydantic-ai__native"]
)
def test_every_tool_result_flows_to_a_model_by_its_call_id(framework: str) -> None:
    """Each tool was asked for by a model step, and a later one saw its result."""
    graph = build(run_id="run", spans=capture(f"{framework}__ok"))
    for i, step in enumerate(graph.steps):
        if step.tool in TOOLS and step.kind == "tool":
            into = [e for e in graph.edges if e.type == "data" and e.target == i]
            out = [e for e in graph.edges if e.type == "data" and e.source == i]
            assert [graph.steps[e.source].kind for e in into] == ["model"]
            assert all(e.evidence.startswith("tool_call_id ") for e in out)
            assert out


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("langgraph__openinference__truncated_handoff", True),
        ("pydantic-ai__native__truncated_handoff", True),
        ("openai-agents__openinference__truncated_handoff", False),
        ("langgraph__openinference__ok", False),
        ("pydantic-ai__native__ok", False),
    ],
)
def test_both_sides_of_a_handoff_show_what_was_lost(name: str, *, lost: bool) -> None:
    """Where both texts are on spans, the received one lacks what was lost, and only there."""
    handoff = build(run_id="run", spans=capture(name)).handoffs[-1]
    assert handoff.mechanical
    assert handoff.sent is not None
    assert handoff.received is not None
    value = handoff.sent.value
    text = next(iter(value.values())) if isinstance(value, dict) else value
    assert isinstance(text, str)
    received = handoff.received.value
    shown = next(iter(received.values())) if isinstance(received, dict) else received
    assert isinstance(shown, str)
    assert (text not in shown) is lost


def test_control_flow_exceptions_are_no_errors() -> None:
    """LangGraph's handoffs raise exceptions inside; a healthy run has no step with an error."""
    graph = build(run_id="run", spans=capture("langgraph__openinference__ok"))
    raised = [s for s in graph.steps if any(e.name == "exception" for e in s.span.events)]
    assert len(raised) > 3
    assert [s.error_type for s in graph.steps if s.error_type] == []
