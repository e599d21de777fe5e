"""Two instrumentors of one process that record the same calls side by side."""

from __future__ import annotations

from typing import Any

import pytest

from causewatch.blame.judge import judge
from causewatch.model.graph import CausalGraph
from causewatch.model.span import Span
from graph_fixtures import agent, call, graph_of, model, said, step_of, tool

ONE: dict[str, Any] = {"scope": "one.instrumentation"}
OTHER: dict[str, Any] = {"scope": "other.instrumentation"}


def kinds(graph: CausalGraph, *numbers: int) -> list[str]:
    """Return the kinds of these steps."""
    return [step_of(graph, n).kind for n in numbers]


def pair(**of_other: Any) -> list[Span]:
    """Return one call as two instrumentors saw it."""
    more = {"arguments": {"row": 4}, "start_ms": 21, "length_ms": 8, **OTHER, **of_other}
    return [
        agent(0, None, "ann", length_ms=500),
        tool(1, 0, "look", arguments={"row": 4}, start_ms=20, length_ms=10, **ONE),
        tool(2, 0, "look", **more),
    ]


def test_a_call_that_two_recorded_counts_once() -> None:
    """The first one stays; the other stays in the graph as another kind."""
    assert kinds(graph_of(*pair()), 1, 2) == ["tool", "other"]


def test_what_only_the_second_tells_is_kept() -> None:
    """One records the arguments, the other the result."""
    step = step_of(graph_of(*pair(arguments=None, result="12 grafts", call_id="c1")), 1)
    assert step.result is not None
    assert (step.result.value, step.call_id) == ("12 grafts", "c1")


@pytest.mark.parametrize(
    "difference",
    [
        pytest.param(ONE, id="one instrumentor: two calls in parallel"),
        pytest.param({"arguments": {"row": 5}}, id="other arguments"),
        pytest.param({"start_ms": 90}, id="another time"),
        pytest.param({"length_ms": 300}, id="another length"),
    ],
)
def test_two_calls_stay_two(difference: dict[str, Any]) -> None:
    """Nothing is merged that may have happened twice."""
    assert kinds(graph_of(*pair(**difference)), 1, 2) == ["tool", "tool"]


def test_other_call_ids_are_two_calls() -> None:
    """The model asked twice."""
    spans = pair(call_id="c2")
    spans[1] = tool(
        1, 0, "look", arguments={"row": 4}, call_id="c1", start_ms=20, length_ms=10, **ONE
    )
    assert kinds(graph_of(*spans), 1, 2) == ["tool", "tool"]


def test_parallel_calls_that_two_recorded_stay_as_many_as_they_were() -> None:
    """Each record is the twin of one other."""
    spans = [
        *pair(),
        tool(3, 0, "look", arguments={"row": 4}, start_ms=20, length_ms=10, **ONE),
        tool(4, 0, "look", arguments={"row": 4}, start_ms=21, length_ms=8, **OTHER),
    ]
    assert sorted(kinds(graph_of(*spans), 1, 2, 3, 4)) == ["other", "other", "tool", "tool"]


def test_model_calls_are_compared_by_their_answers() -> None:
    """The same answer at the same time is one call; another answer is another call."""
    spans = [
        agent(0, None, "ann", length_ms=500),
        model(1, 0, says=[said("Row 4.")], start_ms=20, length_ms=10, **ONE),
        model(2, 0, says=[said("Row 4.")], start_ms=21, length_ms=8, **OTHER),
        model(3, 0, says=[said("Row 5.")], start_ms=21, length_ms=8, **OTHER),
    ]
    assert kinds(graph_of(*spans), 1, 2, 3) == ["model", "other", "model"]


def test_two_records_of_two_calls_are_no_loop() -> None:
    """Looking twice is not looking four times."""
    spans = [agent(0, None, "ann", length_ms=900)]
    for n in (1, 2):
        spans += [
            model(10 * n, 0, says=[call("look", {"row": 4}, f"c{n}")], start_ms=100 * n, **ONE),
            *(
                tool(
                    10 * n + m, 0, "look", arguments={"row": 4}, result="12", call_id=f"c{n}",
                    start_ms=100 * n + 10 + m, **scope,
                )
                for m, scope in ((1, ONE), (2, OTHER))
            ),
        ]  # fmt: skip
    spans.append(model(40, 0, says=[said("There are 12.")], start_ms=400, **ONE))
    graph = graph_of(*spans)
    assert sum(step.kind == "tool" for step in graph.steps) == 2
    assert judge(graph).blame.verdict == "healthy"
