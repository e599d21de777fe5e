from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.model.span import Span
from graph_fixtures import agent, answer, asked, call, graph_of, model, step_of, tool

WHOLE = json.dumps({"items": [f"item number {i} of many" for i in range(100)]})
AT_LIMIT = WHOLE[:1_024]


def run(result: str, seen: Any, **of_model: Any) -> list[Span]:
    """Return a run whose tool gave ``result`` and whose next model step saw ``seen``."""
    return [
        agent(0, None, "ann"),
        model(1, 0, says=[call("look", {}, "c1")]),
        tool(2, 0, "look", arguments={}, result=result, call_id="c1"),
        model(3, 0, asks=[asked(call("look", {}, "c1")), answer("c1", seen)], **of_model),
    ]


@pytest.mark.parametrize(
    ("result", "seen", "cut"),
    [
        pytest.param(AT_LIMIT, AT_LIMIT, False, id="the model saw the same: the tool cut it"),
        pytest.param(AT_LIMIT, WHOLE, True, id="the model saw all of it: telemetry cut it"),
        pytest.param(AT_LIMIT, "something else", True, id="the model saw something else"),
        pytest.param(WHOLE, WHOLE, False, id="whole"),
    ],
)
def test_what_the_model_saw_decides_who_cut(result: str, seen: str, *, cut: bool) -> None:
    """A limit cuts what is recorded, never what the model is given."""
    step = step_of(graph_of(*run(result, seen)), 2)
    assert step.result is not None
    assert step.result.cut is cut


def test_cut_messages_refute_nothing() -> None:
    """A model step whose own messages were cut is no witness."""
    step = step_of(graph_of(*run(AT_LIMIT, AT_LIMIT, dropped=1)), 2)
    assert step.result is not None
    assert step.result.cut


def test_arguments_are_refuted_by_the_call() -> None:
    """Arguments that the model itself wrote just so were not cut by telemetry."""
    spans = [
        agent(0, None, "ann"),
        model(1, 0, says=[call("look", AT_LIMIT, "c1")]),
        tool(2, 0, "look", call_id="c1", gen_ai__tool__call__arguments=AT_LIMIT),
    ]
    step = step_of(graph_of(*spans), 2)
    assert step.arguments is not None
    assert not step.arguments.cut


def test_a_missing_result_stays_uncertain() -> None:
    """Where the SDK dropped attributes and no message shows the call there is nothing to refute."""
    spans = run("x", "x")[:3]
    spans[2] = tool(2, 0, "look", call_id="c1", dropped=1)
    step = step_of(graph_of(*spans), 2)
    assert step.result is not None
    assert step.result.cut
