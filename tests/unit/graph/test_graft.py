"""A remote agent's own trace, hung where it was called."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from causewatch.blame.judge import judge
from causewatch.graph.assemble import RunAssembler
from causewatch.model.graph import CausalGraph
from causewatch.model.span import Span
from graph_fixtures import (
    agent,
    capture,
    evidence,
    graph_of,
    model,
    number,
    said,
    span,
    step_of,
    tool,
    user,
)

REMOTE = "f" * 32
TASK = "Refund the duplicate charge of order B-22."


def run(asked: str = TASK, start_ms: float = 41, **of_tool: Any) -> list[Span]:
    """Return a caller's trace and the trace of the remote agent that it reached."""
    return [
        agent(0, None, "desk", start_ms=0, length_ms=200),
        model(1, 0, says=[said("I ask the till.")]),
        tool(2, 0, "ask_till", arguments={"task": TASK}, start_ms=30, length_ms=100, **of_tool),
        span(3, 2, name="a2a.client.transport.send_message", start_ms=40, length_ms=80),
        span(11, None, name="a2a.server.handle", trace=REMOTE, start_ms=start_ms, length_ms=70),
        agent(12, 11, "till", trace=REMOTE, start_ms=start_ms + 1, length_ms=60),
        model(13, 12, asks=[user(asked)], trace=REMOTE, start_ms=start_ms + 2),
    ]


def parent_of(graph: CausalGraph, of: int) -> int | None:
    """Return the number of the step above a step."""
    at = graph.parent[graph.steps.index(step_of(graph, of))]
    return number(graph, at) if at >= 0 else None


def test_the_remote_agent_hangs_below_the_call() -> None:
    """Then it is handed over to like any agent that a tool calls."""
    graph = graph_of(*run())
    assert parent_of(graph, 11) == 3
    (handoff,) = graph.handoffs
    assert (handoff.from_agent, handoff.to_agent, handoff.rule) == (
        "desk", "till", "agent_under_tool",
    )  # fmt: skip
    assert handoff.mechanical
    assert evidence(graph, 3, 11, "call") == "remote call"


def test_a_task_that_was_cut_on_the_way_is_recognised() -> None:
    """It starts as it was sent, and the loss shows."""
    graph = graph_of(*run(asked=TASK[:30]))
    assert parent_of(graph, 11) == 3
    (handoff,) = graph.handoffs
    assert handoff.received is not None
    assert handoff.received.value == TASK[:30]


def test_another_task_is_not() -> None:
    """A remote agent that was asked something else may be anybody's."""
    assert parent_of(graph_of(*run(asked="Refund all orders of today.")), 11) is None


def test_a_template_around_the_task_does_not_matter() -> None:
    """The remote agent is told the task inside of other words."""
    assert parent_of(graph_of(*run(asked=f"You got mail: {TASK} Be quick.")), 11) == 3


def test_what_ran_at_another_time_was_not_called() -> None:
    """The client's span is open while the server works."""
    assert parent_of(graph_of(*run(start_ms=9_000)), 11) is None


def test_two_calls_that_fit_leave_it_open() -> None:
    """Parallel calls with one task could each have reached it."""
    spans = run()
    spans += [
        tool(4, 0, "ask_till", arguments={"task": TASK}, start_ms=30, length_ms=100),
        span(5, 4, name="a2a.client.transport.send_message", start_ms=40, length_ms=80),
    ]
    assert parent_of(graph_of(*spans), 11) is None


def test_without_content_nothing_is_hung() -> None:
    """Time alone is no proof."""
    spans = run()
    spans[2] = tool(2, 0, "ask_till", start_ms=30, length_ms=100)
    assert parent_of(graph_of(*spans), 11) is None


def unpropagated(scenario: str = "ok") -> list[Span]:
    """Return a recorded A2A run as its SDK alone records it: no HTTP spans, no trace context."""
    spans = sorted(capture(f"a2a-pydantic__httpx-prop__{scenario}"), key=lambda each: each.start_ns)
    first = next(each for each in spans if each.name.startswith("a2a.server."))
    below = {first.span_id}
    while more := {s.span_id for s in spans if s.parent_id in below} - below:
        below |= more
    found = []
    for each in spans:
        if each.span_id in below:
            above = "" if each is first else each.parent_id
            found.append(msgspec.structs.replace(each, trace_id=REMOTE, parent_id=above))
        elif not each.name.startswith(("GET", "POST")):
            found.append(each)
    return found


def test_a_recorded_loss_is_found_without_propagation() -> None:
    """The findings that the remote agent got are cut, and still those that were sent."""
    assembler = RunAssembler()
    assembler.add(unpropagated("truncated_handoff"), (), batch=1, now_ns=0)
    (found,) = assembler.due(1 << 62)
    blame = judge(graph_of(*found.spans)).blame
    assert (blame.verdict, blame.category) == ("corrupted", "truncation")
    assert [each.agent for each in blame.propagators] == ["billing_agent"]


def test_a_recorded_run_is_put_together_again() -> None:
    """Both traces are one run, with the handoff and both of its sides."""
    assembler = RunAssembler()
    assembler.add(unpropagated(), (), batch=1, now_ns=0)
    (found,) = assembler.due(1 << 62)
    assert [join.by for join in found.joins] == ["a2a"]
    graph = graph_of(*found.spans)
    (handoff,) = graph.handoffs
    assert (handoff.from_agent, handoff.to_agent) == ("research_agent", "billing_agent")
    assert handoff.received is not None
    assert judge(graph).blame.verdict == "healthy"


@pytest.mark.parametrize("copies", [2, 3])
def test_the_same_run_many_times_at_once_is_not_mixed_up(copies: int) -> None:
    """Of two callers that sent the same at the same time either could be the one."""
    assembler = RunAssembler()
    for n in range(copies):
        spans = [
            msgspec.structs.replace(each, trace_id=f"{n}{each.trace_id[1:]}")
            for each in unpropagated()
        ]
        assembler.add(spans, (), batch=n, now_ns=0)
    assert [len(found.trace_ids) for found in assembler.due(1 << 62)] == [1] * (2 * copies)
