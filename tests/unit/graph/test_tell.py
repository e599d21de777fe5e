"""What agents were asked and answered, read from messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.model.step import Payload
from graph_fixtures import agent, call, graph_of, model, said, span, step_of, user

ANSWER = json.dumps(
    [{"role": "assistant", "parts": [{"type": "text", "content": "Row 4 is done."}]}]
)
TOLD = json.dumps([user("Prune row 4.")])


def value_of(payload: Payload | None) -> Any:
    """Return what a payload holds, ``None`` where there is none."""
    return None if payload is None else payload.value


def test_the_agents_own_messages_tell() -> None:
    """Messages on an agent's span are its question and its answer."""
    graph = graph_of(
        agent(0, None, "ann", gen_ai__input__messages=TOLD, gen_ai__output__messages=ANSWER)
    )
    step = step_of(graph, 0)
    assert value_of(step.input) == "Prune row 4."
    assert value_of(step.output) == "Row 4 is done."


def test_the_model_steps_tell_where_the_agent_does_not() -> None:
    """The first model step shows the question, the last one the answer."""
    graph = graph_of(
        agent(0, None, "ann"),
        model(1, 0, asks=[user("Prune row 4.")], says=[call("look", {}, "c1")]),
        model(2, 0, asks=[user("Prune row 4."), user("Go on.")], says=[said("Row 4 is done.")]),
    )
    step = step_of(graph, 0)
    assert value_of(step.input) == "Prune row 4."
    assert value_of(step.output) == "Row 4 is done."


def test_of_several_user_messages_the_last_is_the_question() -> None:
    """What stands before it is an older conversation."""
    graph = graph_of(
        agent(0, None, "ann"),
        model(1, 0, asks=[user("Hello."), user("Prune row 4.")], says=[said("Done.")]),
    )
    assert value_of(step_of(graph, 0).input) == "Prune row 4."


def test_an_answer_in_json_is_a_value() -> None:
    """A contract checks the answer's structure."""
    graph = graph_of(agent(0, None, "ann"), model(1, 0, says=[said('{"row": 4}')]))
    assert value_of(step_of(graph, 0).output) == {"row": 4}


def test_a_call_is_no_answer() -> None:
    """An agent that only handed over has not answered."""
    parts = [said("I hand over to bob."), call("transfer_to_bob", {}, "c1")]
    graph = graph_of(agent(0, None, "ann"), model(1, 0, says=parts))
    assert step_of(graph, 0).output is None


def test_values_on_the_span_stay() -> None:
    """What a span says itself is not replaced."""
    own = span(
        0, None, name="ann", openinference__span__kind="AGENT", input__value="Prune.",
        output__value="Pruned.", agent__name="ann",
    )  # fmt: skip
    graph = graph_of(own, model(1, 0, asks=[user("other")], says=[said("other")]))
    step = step_of(graph, 0)
    assert (value_of(step.input), value_of(step.output)) == ("Prune.", "Pruned.")


@pytest.mark.parametrize("dropped", [0, 1])
def test_cut_messages_stay_uncertain(dropped: int) -> None:
    """A question or answer read from messages that telemetry cut is cut as well."""
    graph = graph_of(
        agent(0, None, "ann"),
        model(1, 0, asks=[user("Prune row 4.")], says=[said("Done.")], dropped=dropped),
    )
    step = step_of(graph, 0)
    assert step.input is not None
    assert step.output is not None
    assert step.input.cut is step.output.cut is bool(dropped)


def test_without_content_nothing_is_told() -> None:
    """Silence stays silence."""
    step = step_of(graph_of(agent(0, None, "ann")), 0)
    assert (step.input, step.output) == (None, None)
