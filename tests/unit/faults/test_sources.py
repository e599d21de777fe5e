from __future__ import annotations

import pytest

from causewatch.faults.sources import MAX_TRIED_COUNT, prompts_of
from causewatch.model.graph import CausalGraph
from graph_fixtures import agent, call, graph_of, model, tool, user

TASK = "Please look up the berth with the number"


def delegating(count: int) -> CausalGraph:
    """Return a run in which a planner hands so many tasks over, each told in a frame."""
    spans = [agent(0, None, "planner", length_ms=10**6)]
    number = 1
    for task in range(count):
        text, name = f"{task} {TASK} {task}.", f"ask_scout_{task}"
        spans += [
            model(
                number, 0, asks=[user("Plan it.")], says=[call(name, {"task": text}, f"c{task}")]
            ),
            tool(number + 1, 0, name, arguments={"task": text}, call_id=f"c{task}"),
            agent(number + 2, number + 1, "scout"),
            model(number + 3, number + 2, asks=[user(f"You get a task. {text} Go.")]),
        ]
        number += 4
    return graph_of(*spans)


@pytest.mark.parametrize("count", [1, 5, MAX_TRIED_COUNT + 20])
def test_what_handoffs_brought_is_no_prompt(count: int) -> None:
    """Few handoffs or very many: only what came from outside is left."""
    graph = delegating(count)
    assert len(graph.handoffs) == count
    assert [prompt.text for prompt in prompts_of(graph)] == ["Plan it."]


@pytest.mark.parametrize("count", [1, MAX_TRIED_COUNT + 20])
def test_what_was_told_before_it_was_handed_over_is_a_prompt(count: int) -> None:
    """A text that stood there first was not brought by the handoff that repeats it."""
    graph = delegating(count)
    early = graph_of(
        agent(5_000, None, "keeper", start_ms=-90),
        model(5_001, 5_000, asks=[user(f"You get a task. 0 {TASK} 0. Go.")], start_ms=-80),
        *(step.span for step in graph.steps),
    )
    told = [prompt.text for prompt in prompts_of(early)]
    assert told == [f"You get a task. 0 {TASK} 0. Go.", "Plan it."]
