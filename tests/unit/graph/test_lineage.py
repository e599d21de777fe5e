from __future__ import annotations

import json

import pytest

from causewatch.model.span import Span
from graph_fixtures import (
    agent,
    answer,
    asked,
    call,
    edges,
    evidence,
    graph_of,
    model,
    of_type,
    said,
    span,
    tool,
    user,
)

LOOK = {"id": "A-1"}
FOUND = {"id": "A-1", "state": "paid in full", "total": 12.5}
LONG = "The order was paid in full on the third of May and has not been sent yet."


def test_a_call_id_leads_from_model_to_tool_to_model() -> None:
    """The surest lineage: asked for, run, and seen again, all under one id."""
    graph = graph_of(
        agent(0, None, "ann"),
        model(1, 0, asks=[user("go")], says=[call("look", LOOK, "c1")]),
        tool(2, 0, "look", arguments=LOOK, result=FOUND, call_id="c1"),
        model(3, 0, asks=[user("go"), asked(call("look", LOOK, "c1")), answer("c1", FOUND)]),
    )
    assert edges(graph, "data") == {(1, 2), (2, 3), (1, 3), (3, 0)}
    assert evidence(graph, 1, 2) == evidence(graph, 2, 3) == "tool_call_id c1"
    assert evidence(graph, 1, 3) == "history"
    assert evidence(graph, 3, 0) == "return"


def test_the_id_of_the_paired_call_serves_a_tool_without_one() -> None:
    """A tool span without an id has that of the call it was paired with."""
    graph = graph_of(
        agent(0, None, "ann"),
        model(1, 0, says=[call("look", LOOK, "c1")]),
        tool(2, 0, "look", arguments=LOOK, result=FOUND),
        model(3, 0, asks=[asked(call("look", LOOK, "c1")), answer("c1", FOUND)]),
    )
    assert evidence(graph, 2, 3) == "tool_call_id c1"


def test_the_id_in_a_result_envelope_serves_too() -> None:
    """LangChain keeps the id inside of the tool's output only."""
    envelope = {"type": "tool", "data": {"content": json.dumps(FOUND), "tool_call_id": "c9"}}
    graph = graph_of(
        agent(0, None, "ann"),
        span(
            1,
            0,
            openinference__span__kind="TOOL",
            tool__name="look",
            output__value=json.dumps(envelope),
        ),
        model(2, 0, asks=[answer("c9", FOUND)]),
    )
    assert evidence(graph, 1, 2) == "tool_call_id c9"


def test_a_result_without_any_id_is_known_by_its_value() -> None:
    """Where no ids exist, the same value in a tool's message is the tool's result."""
    graph = graph_of(
        agent(0, None, "ann"),
        tool(1, 0, "look", arguments=LOOK, result=FOUND),
        model(2, 0, asks=[user("go"), answer("", FOUND, "look")]),
    )
    assert evidence(graph, 1, 2) == "result value"


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        (f"Observation: {LONG} What next?", "text"),
        (f"Observation:\n{LONG.replace(' ', '  ')}", "text"),
        ("Observation: nothing. What next?", None),
    ],
)
def test_a_result_inside_of_a_prompt_is_known_by_its_text(prompt: str, found: str | None) -> None:
    """Agents that paste results into the prompt leave no message for them: the text shows it."""
    graph = graph_of(
        agent(0, None, "ann"),
        tool(1, 0, "look", arguments=LOOK, result=LONG),
        model(2, 0, asks=[user(prompt)]),
    )
    assert evidence(graph, 1, 2) == found
    assert evidence(graph, 1, 0) == (None if found else "return")


def test_a_share_says_how_many_documents_were_carried() -> None:
    """Of two documents only one reached the prompt: half of the result was carried."""
    documents = [
        {"id": "a", "content": LONG},
        {"id": "b", "content": "Something else entirely, of no use to anybody."},
    ]
    graph = graph_of(
        agent(0, None, "ann"),
        span(
            1,
            0,
            gen_ai__operation__name="retrieval",
            gen_ai__retrieval__documents=json.dumps(documents),
        ),
        model(2, 0, asks=[user(f"Context: {LONG}")]),
    )
    (edge,) = [e for e in of_type(graph, "data") if (e.source, e.target) == (1, 2)]
    assert (edge.evidence, edge.share) == ("text", 0.5)


def test_short_results_are_not_looked_for_in_text() -> None:
    """``ok`` is in every text: it proves nothing."""
    graph = graph_of(
        agent(0, None, "ann"),
        tool(1, 0, "look", result="ok"),
        model(2, 0, asks=[user("ok, what now?")]),
    )
    assert evidence(graph, 1, 2) is None
    assert evidence(graph, 1, 0) == "return"


def test_a_result_goes_to_the_first_model_step_of_each_agent() -> None:
    """Histories repeat: a result flows to the step that saw it first, not to all that repeat it."""
    history = [user("go"), asked(call("look", LOOK, "c1")), answer("c1", FOUND)]
    graph = graph_of(
        agent(0, None, "ann", length_ms=900),
        model(1, 0, asks=[user("go")], says=[call("look", LOOK, "c1")]),
        tool(2, 0, "look", arguments=LOOK, result=FOUND, call_id="c1"),
        model(3, 0, asks=history, says=[said("thinking about it")]),
        model(4, 0, asks=[*history, asked(said("thinking about it"))]),
        agent(5, None, "bob", length_ms=900),
        model(6, 5, asks=history),
        model(7, 5, asks=history),
    )
    into = {(s, t) for s, t in edges(graph, "data") if s == 2}
    assert into == {(2, 3), (2, 6)}


def test_a_call_without_a_span_joins_two_model_steps() -> None:
    """Raw model clients record no tools: the call's id leads from one model call to the next."""
    graph = graph_of(
        model(0, None, says=[call("look", LOOK, "c1")]),
        model(1, None, asks=[asked(call("look", LOOK, "c1")), answer("c1", FOUND)]),
    )
    assert evidence(graph, 0, 1) == "tool_call_id c1"


def test_a_shared_history_does_not_join_agents_by_old_calls() -> None:
    """That another agent's history shows a call does not mean that its result flowed there."""
    history = [asked(call("transfer_to_bob", {}, "c1")), answer("c1", "done, over to bob")]
    graph = graph_of(
        span(0, length_ms=900),
        agent(1, 0, "ann"),
        model(2, 1, says=[call("transfer_to_bob", {}, "c1")]),
        agent(3, 0, "bob"),
        model(4, 3, asks=history),
        agent(5, 0, "cid"),
        model(6, 5, asks=history),
    )
    assert evidence(graph, 2, 6) is None


@pytest.mark.parametrize(
    ("spoken", "repeated", "expected"),
    [
        ([said("I will look it up.")], [asked(said("I will look it up."))], "history"),
        ([said("I will  look it up.")], [asked(said("I will look it up. "))], "history"),
        ([call("look", LOOK, "c1")], [asked(call("look", LOOK, "c1"))], "history"),
        ([call("look", LOOK, "c1")], [asked(call("look", LOOK, "c2"))], None),
        ([said("I will look it up.")], [user("something new")], None),
        ([], [user("something new")], None),
    ],
)
def test_a_model_step_that_repeats_the_last_one_follows_from_it(
    spoken: list[dict[str, object]], repeated: list[dict[str, object]], expected: str | None
) -> None:
    """An agent's next model step whose history holds the last answer follows from it."""
    graph = graph_of(
        agent(0, None, "ann"),
        model(1, 0, says=spoken),  # type: ignore[arg-type]  # parts are JSON
        model(2, 0, asks=repeated),  # type: ignore[arg-type]  # messages are JSON
    )
    assert evidence(graph, 1, 2) == expected


def test_unseen_results_return_to_the_caller() -> None:
    """A result that no content shows elsewhere went back to the step that made the call."""
    graph = graph_of(
        agent(0, None, "ann"),
        tool(1, 0, "look", result={"documents": []}),
        span(2, 0, gen_ai__operation__name="retrieval"),
        tool(3, 99, "orphan"),
    )
    assert edges(graph, "data") == {(1, 0), (2, 0)}


def nested() -> list[Span]:
    """Return a run in which ann asks bob through a tool and uses his answer."""
    return [
        agent(0, None, "ann", length_ms=900),
        model(1, 0, asks=[user("go")], says=[call("ask_bob", {"task": LONG}, "c1")]),
        tool(2, 0, "ask_bob", arguments={"task": LONG}, result="bob says no", call_id="c1"),
        agent(3, 2, "bob"),
        model(4, 3, asks=[user(LONG)], says=[said("bob says no")]),
        model(50, 0, asks=[asked(call("ask_bob", {}, "c1")), answer("c1", "bob says no")]),
    ]


def test_a_nested_agent_takes_from_its_caller_and_gives_back() -> None:
    """Down with the task through the tool, up with the answer to the step that took it in.

    The answer does not go back into the tool: it would seem to have been handed over by it.
    """
    graph = graph_of(*nested())
    way = [(1, 2), (2, 4), (4, 3), (3, 50), (2, 50)]
    assert [evidence(graph, *hop) for hop in way] == [
        "tool_call_id c1",
        "handoff",
        "return",
        "return",
        "tool_call_id c1",
    ]


def test_no_walk_along_the_data_comes_back() -> None:
    """Along data and handoffs, no step is reached from itself: that would be back in time."""
    graph = graph_of(*nested())
    forward: dict[int, list[int]] = {}
    for edge in (*of_type(graph, "data"), *of_type(graph, "handoff")):
        forward.setdefault(edge.source, []).append(edge.target)
    for start in range(len(graph.steps)):
        reached, stack = set[int](), list(forward.get(start, []))
        while stack:
            node = stack.pop()
            if node not in reached:
                reached.add(node)
                stack.extend(forward.get(node, []))
        assert start not in reached


def test_edges_go_forward_in_time_or_are_returns() -> None:
    """What flows later cannot have caused what was earlier."""
    graph = graph_of(*nested())
    for edge in of_type(graph, "data"):
        if edge.evidence != "return":
            source, target = graph.steps[edge.source].span, graph.steps[edge.target].span
            assert source.start_ns <= target.start_ns


def test_a_tool_that_passed_control_returned_to_nobody() -> None:
    """After a transfer the receiver goes on, not the sender."""
    graph = graph_of(
        span(0, length_ms=900),
        agent(1, 0, "ann"),
        model(2, 1, says=[call("transfer_to_bob", {"note": LONG}, "c1")]),
        tool(3, 1, "transfer_to_bob", arguments={"note": LONG}, call_id="c1"),
        agent(4, 0, "bob"),
        model(5, 4, asks=[user(LONG)]),
    )
    assert evidence(graph, 3, 5) == "handoff"
    assert evidence(graph, 3, 1) is None


def test_many_tools_with_one_id_stay_linear() -> None:
    """Ten thousand steps that all claim one call id are looked at a few at a time."""
    spans = [agent(0, None, "ann", length_ms=10**6)]
    spans += [tool(i, 0, "look", result=FOUND, call_id="c") for i in range(1, 3_000)]
    spans += [model(i, 0, asks=[answer("c", FOUND)] * 3) for i in range(3_000, 4_000)]
    graph = graph_of(*spans)
    assert evidence(graph, 2_999, 3_000) == "tool_call_id c"
