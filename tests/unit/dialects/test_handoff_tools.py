from __future__ import annotations

from typing import Any

import pytest

from causewatch.dialects.handoff_tools import HANDOFF_TOOLS, Target, by_normalised, target_of

AGENTS = by_normalised(["Billing Agent", "research_agent", "Triage-Agent"])


def target(agent: str, mode: Any = "pass_control", *, payload: bool = False) -> Target:
    """Return a target that is an agent of the run."""
    return Target(agent=agent, mode=mode, has_payload=payload, known=True)


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("transfer_to_research_agent", {}, target("research_agent")),
        ("transfer_to_research_agent", {"task": "x"}, target("research_agent", payload=True)),
        ("transfer_to_research_agent", "just the task", target("research_agent", payload=True)),
        ("transfer_to_billing_agent", None, target("Billing Agent")),
        ("Handoff-transfer_to_triage_agent", {}, target("Triage-Agent")),
        ("transfer_back_to_triage_agent", {}, target("Triage-Agent", "return_to_caller")),
        ("handoff_to_billing_agent", {"why": ""}, target("Billing Agent")),
        ("transfer_to_agent", {"agent_name": "research_agent"}, target("research_agent")),
        (
            "handoff_to_agent",
            {"agent_name": "research_agent", "message": "go", "context": {}},
            target("research_agent", payload=True),
        ),
        (
            "handoff",
            {"to_agent": "billing agent", "reason": "x"},
            target("Billing Agent", payload=True),
        ),
        (
            "Delegate work to coworker",
            {"coworker": "Billing Agent", "task": "t", "context": "c"},
            target("Billing Agent", "return_to_caller", payload=True),
        ),
        (
            "ask_question_to_coworker",
            {"coworker": "billing agent", "question": "q"},
            target("Billing Agent", "return_to_caller", payload=True),
        ),
        ("transfer_to_agent", "research_agent", target("research_agent")),
    ],
)
def test_handoff_tools_name_their_target(tool: str, arguments: Any, expected: Target) -> None:
    """The names that frameworks give handoff tools lead to the agent, however its name is spelt."""
    assert target_of(tool, arguments, AGENTS, "otel_genai") == expected


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("transfer_to_savings_account", {"amount": 3}),
        ("handoff_to_printer", {}),
        ("get_order", {"agent_name": "research_agent"}),
        ("transfer_to_agent", {}),
        ("transfer_to_agent", {"agent_name": ""}),
        ("transfer_to_agent", ["research_agent"]),
        ("my_transfer_to_research_agent", {}),
        ("handoff_note", {"to_agent": "research_agent"}),
        ("Task", {"subagent_type": "research_agent", "prompt": "x"}),
        ("", {}),
    ],
)
def test_other_tools_are_no_handoffs(tool: str, arguments: Any) -> None:
    """A tool that moves money is no handoff: the target must be an agent of the run."""
    assert target_of(tool, arguments, AGENTS, "otel_genai") is None


def test_a_named_argument_is_believed_even_for_an_unknown_agent() -> None:
    """A framework's own handoff tool asks for an agent: a name that nobody has is a finding."""
    found = target_of("transfer_to_agent", {"agent_name": "nobody"}, AGENTS, "otel_genai")
    assert found == Target(agent="nobody", mode="pass_control", has_payload=False, known=False)


def test_some_names_mean_a_handoff_only_in_their_dialect() -> None:
    """``Task`` is a common word; it delegates only where its framework writes the spans."""
    arguments: Any = {"subagent_type": "research_agent", "prompt": "x"}
    found = target_of("Task", arguments, AGENTS, "openinference")
    assert found == target("research_agent", "return_to_caller", payload=True)


def test_long_names_are_harmless() -> None:
    """A megabyte of a tool name is cut before it is matched."""
    assert target_of("transfer_to_" + "a" * 1_000_000, {}, AGENTS, "") is None


def test_each_pattern_has_a_framework() -> None:
    """Each pattern says whose it is, and has a group or an argument that names the target."""
    for entry in HANDOFF_TOOLS:
        assert entry.frameworks
        assert ("(.+)" in entry.pattern) != bool(entry.target_arguments)
