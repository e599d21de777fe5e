"""Lineage where no id tells: through ``build``, as users' spans come."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest

from causewatch.model.graph import CausalGraph
from causewatch.model.span import Resource, Span
from graph_fixtures import (
    MS,
    agent,
    answer,
    asked,
    call,
    evidence,
    graph_of,
    model,
    number,
    of_type,
    said,
    span,
    tool,
    user,
)

NOTE = "The barge left the lock at dawn and carries forty pallets of roof slate to the north."
OTHER = "A storm closed the upper canal, so every lock keeper was sent home until the weekend."
CHINESE = "驳船黎明时分离开船闸,载着四十托盘屋面石板向北驶去,预计周四下午抵达码头。"
JAPANESE = "はしけは夜明けに水門を出て、四十枚のパレットの屋根用スレートを北へ運んでいます。"


def share(graph: CausalGraph, source: int, target: int) -> float:
    """Return the share of the data edge between two spans."""
    (found,) = [
        edge.share
        for edge in of_type(graph, "data")
        if (number(graph, edge.source), number(graph, edge.target)) == (source, target)
    ]
    return found


def sources(graph: CausalGraph, target: int) -> set[int]:
    """Return what content shows to have flowed into a span."""
    return {
        number(graph, edge.source)
        for edge in of_type(graph, "data")
        if number(graph, edge.target) == target and edge.evidence in {"text", "values"}
    }


def two_agents(result: Any, prompt: str, *, told: str = "go") -> CausalGraph:
    """Return ann's tool (2) that gives ``result``, and bob's model (5) that is shown ``prompt``."""
    return graph_of(
        span(0, length_ms=900),
        agent(1, 0, "ann"),
        tool(2, 1, "look", arguments={"what": "barge"}, result=result),
        agent(4, 0, "bob"),
        model(5, 4, asks=[user(told), user(prompt)]),
    )


@pytest.mark.parametrize("text", [NOTE, CHINESE, JAPANESE])
def test_a_text_is_known_inside_of_another_agents_prompt(text: str) -> None:
    """Words, and scripts without blanks: fingerprints lead from the result to whoever read it."""
    graph = two_agents({"log": text}, f"Here is what is known so far. {text} Now write the report.")
    assert evidence(graph, 2, 5) == "text"
    assert share(graph, 2, 5) >= 0.8


@pytest.mark.parametrize(
    "prompt",
    [
        json.dumps({"log": NOTE}, indent=2),
        json.dumps(json.dumps({"log": NOTE})),
        repr({"log": NOTE}),
        NOTE.upper(),
        "\n".join(NOTE.split()),
    ],
)
def test_the_spelling_of_a_copy_does_not_matter(prompt: str) -> None:
    """Pretty-printed, encoded twice, written by Python, in capitals, one word a line."""
    assert evidence(two_agents({"log": NOTE}, prompt), 2, 5) == "text"


def test_the_share_says_how_much_of_a_result_was_carried() -> None:
    """Half of a result in a prompt is half of it carried."""
    graph = two_agents({"log": f"{NOTE} {OTHER}"}, f"Known so far: {NOTE}")
    assert 0.3 < share(graph, 2, 5) < 0.7


def test_a_phrase_that_everybody_uses_is_no_evidence() -> None:
    """A few words in common, in texts that differ otherwise, prove nothing."""
    graph = two_agents(
        {"log": f"{NOTE} The ship will arrive on time."},
        f"{OTHER} Tell the customer that the ship will arrive on time.",
    )
    assert evidence(graph, 2, 5) is None


@pytest.mark.parametrize(
    ("result", "prompt", "expected"),
    [
        ({"berth": "KQ-7781"}, "Use berth KQ-7781.", "values"),
        ({"to": "mia@hals.example"}, "Write to Mia@Hals.example!", "values"),
        ({"pay": 2499.0, "day": "2026-03-04"}, "Pay 2,499.00 on 2026-03-04.", "values"),
        ({"pay": 2499.0, "day": "2026-03-04"}, "Pay 2,499.00 as agreed.", None),
        ({"berth": "north"}, "The north berth.", None),
        ({"free": True, "count": 12}, "There are 12.", None),
    ],
)
def test_new_values_lead_to_whoever_repeats_them(
    result: Any, prompt: str, expected: str | None
) -> None:
    """One id is enough, of numbers and dates two; words and small numbers are nobody's."""
    assert evidence(two_agents(result, prompt), 2, 5) == expected


def test_a_value_that_a_result_only_echoes_is_not_its_own() -> None:
    """The user named the berth before; that the tool repeats it makes it no source."""
    graph = graph_of(
        span(0, length_ms=900),
        agent(1, 0, "ann"),
        model(2, 1, asks=[user("Is berth KQ-7781 free?")]),
        tool(3, 1, "look", arguments={"berth": "KQ-7781"}, result={"berth": "KQ-7781"}),
        agent(4, 0, "bob"),
        model(5, 4, asks=[user("Please close berth KQ-7781 now.")]),
    )
    assert sources(graph, 5) == set()


def test_a_text_of_the_user_that_a_model_quotes_stems_from_the_user() -> None:
    """Bob is told what ann was told: that she quoted it in between makes her no source of it."""
    graph = graph_of(
        span(0, length_ms=900),
        agent(1, 0, "ann"),
        model(2, 1, asks=[user(f"{NOTE} Comment on it.")], says=[said(f"{NOTE} I have none.")]),
        agent(4, 0, "bob"),
        model(5, 4, asks=[user(f"{NOTE} Sum it up.")]),
    )
    assert sources(graph, 5) == set()


def test_the_earliest_of_equal_sources_is_the_source() -> None:
    """The same result three times over: who gave it first gave it."""
    graph = graph_of(
        span(0, length_ms=900),
        agent(1, 0, "ann"),
        tool(2, 1, "look", arguments={"try": "one"}, result={"log": NOTE}),
        tool(3, 1, "look", arguments={"try": "two"}, result={"log": NOTE}),
        tool(4, 1, "look", arguments={"try": "three"}, result={"log": NOTE}),
        agent(5, 0, "bob"),
        model(6, 5, asks=[user(f"Known so far: {NOTE}")]),
    )
    assert sources(graph, 6) == {2}


def test_what_was_said_from_a_result_flows_from_who_said_it() -> None:
    """Bob was given ann's words, not the log they quote: no edge leads past her."""
    words = f"I have read the log. {NOTE} The customer waits, so I would ship on Friday already."
    graph = graph_of(
        span(0, length_ms=900),
        agent(1, 0, "ann"),
        tool(2, 1, "look", arguments={"what": "barge"}, result={"log": NOTE}),
        model(3, 1, asks=[user(f"Observation: {NOTE}")], says=[said(words)]),
        agent(4, 0, "bob"),
        model(5, 4, asks=[user("Go."), user(f"Ann says: {words} Decide.")]),
    )
    assert evidence(graph, 2, 3) == "text"
    assert evidence(graph, 3, 5) == "handoff"
    assert evidence(graph, 2, 5) is None


def test_wrappers_around_the_culprit_are_no_sources() -> None:
    """Chains around it show the text as well and began earlier; the tool gave it."""
    graph = graph_of(
        span(0, length_ms=900, openinference__span__kind="CHAIN", output__value=NOTE),
        agent(1, 0, "ann", length_ms=200),
        span(
            2,
            1,
            length_ms=50,
            openinference__span__kind="CHAIN",
            input__value="x",
            output__value=NOTE,
        ),
        tool(3, 2, "look", arguments={"what": "barge"}, result={"log": NOTE}, start_ms=25),
        agent(40, 0, "bob"),
        model(41, 40, asks=[user(f"Known so far: {NOTE}")]),
    )
    assert sources(graph, 41) == {3}


def test_a_history_that_is_repeated_gives_one_edge() -> None:
    """Each turn shows the observation again: it was taken in once."""
    history = [user("go"), user(f"Observation: {NOTE}")]
    graph = graph_of(
        agent(0, None, "ann", length_ms=900),
        tool(1, 0, "look", arguments={"what": "barge"}, result={"log": NOTE}),
        *(model(i, 0, asks=history[: max(1, i)] + [user(f"turn {i}")] * i) for i in range(2, 9)),
    )
    assert {number(graph, e.target) for e in of_type(graph, "data") if e.evidence == "text"} == {2}


def test_an_agent_without_model_spans_is_a_source_and_a_sink() -> None:
    """Remote agents show only what they were told and what they answered."""
    graph = graph_of(
        span(0, length_ms=900),
        agent(1, 0, "ann", input__value="go", output__value=NOTE),
        agent(2, 0, "bob", input__value=f"Ann found this: {NOTE}", output__value="Fine."),
    )
    assert evidence(graph, 1, 2) in {"text", "handoff"}


def test_code_between_two_tools_leaves_a_trace_of_values() -> None:
    """No model asked for the second call: its arguments show where they come from."""
    graph = graph_of(
        span(0, length_ms=900),
        tool(1, 0, "look", arguments={"what": "barge"}, result={"berth": "KQ-7781"}),
        tool(2, 0, "book", arguments={"berth": "KQ-7781", "days": 3}, result="booked"),
    )
    assert evidence(graph, 1, 2) == "values"


def test_records_are_known_by_their_shape_and_content() -> None:
    """No text, no id: the same object in the arguments of a later call."""
    row = {"bay": "east", "shade": "grey", "tiles": 40}
    graph = graph_of(
        span(0, length_ms=900),
        tool(1, 0, "look", arguments={"what": "tiles"}, result={"rows": [{"bay": "west"}, row]}),
        tool(2, 0, "book", arguments={"item": row}, result="booked"),
    )
    assert evidence(graph, 1, 2) == "values"


def test_parallel_calls_do_not_follow_from_each_other() -> None:
    """The second began before the first had ended, be it by a hair."""
    first = tool(1, 0, "look", arguments={"what": "barge"}, result={"berth": "KQ-7781"})
    second = tool(2, 0, "book", arguments={"berth": "KQ-7781"}, result="booked")
    second = msgspec.structs.replace(second, start_ns=first.end_ns - 1)
    assert evidence(graph_of(span(0, length_ms=900), first, second), 1, 2) is None


@pytest.mark.parametrize(("service", "expected"), [("desk", None), ("remote", "values")])
def test_the_skew_allowance_holds_between_clocks(service: str, expected: str | None) -> None:
    """Another host's clock may be behind; one's own is not."""
    first = tool(1, 0, "look", arguments={"what": "barge"}, result={"berth": "KQ-7781"})
    second = tool(2, 0, "book", arguments={"berth": "KQ-7781"}, result="booked")
    second = msgspec.structs.replace(
        second,
        start_ns=first.end_ns - 50 * MS,
        resource=Resource(attributes={"service.name": service}),
    )
    assert evidence(graph_of(span(0, start_ms=-90, length_ms=900), first, second), 1, 2) == expected


def test_content_leads_across_traces() -> None:
    """A run may be several traces: the clock, not the trace, decides."""
    graph = graph_of(
        agent(1, None, "ann"),
        tool(2, 1, "look", arguments={"what": "barge"}, result={"log": NOTE}),
        agent(4, None, "bob", trace="b" * 32),
        model(5, 4, asks=[user(f"From the queue: {NOTE}")], trace="b" * 32),
    )
    assert evidence(graph, 2, 5) == "text"


def test_what_is_kept_in_instructions_is_found_where_no_message_shows_it() -> None:
    """A retrieved text may be put into the system prompt."""
    graph = graph_of(
        agent(0, None, "ann", length_ms=900),
        span(
            1,
            0,
            gen_ai__operation__name="retrieval",
            gen_ai__retrieval__documents=json.dumps([{"id": "a", "content": f"{NOTE} {OTHER}"}]),
        ),
        model(
            2,
            0,
            asks=[
                {"role": "system", "parts": [said(f"You know this: {NOTE}")]},
                user("Where is it?"),
            ],
        ),
    )
    assert evidence(graph, 1, 2) == "text"


def test_all_agents_that_say_the_same_stay_apart_from_each_other() -> None:
    """The same words by everybody: one source, and nothing flows backwards."""
    spans: list[Span] = [span(0, length_ms=9_000)]
    for i in range(1, 60, 2):
        spans += [agent(i, 0, f"agent {i}"), model(i + 1, i, asks=[user(NOTE)], says=[said(NOTE)])]
    graph = graph_of(*spans)
    content = [e for e in of_type(graph, "data") if e.evidence in {"text", "values"}]
    assert {number(graph, e.source) for e in content} <= {2}


@pytest.mark.parametrize(
    "text",
    [
        "KQ-7781 " * 100_000,
        "the same words again " * 40_000,
        json.dumps([{"berth": "KQ-7781"}] * 30_000),
        "[" * 5_000 + "]" * 5_000,
        '{"a": ' * 900 + "1" + "}" * 900,
        "漢字" * 200_000,
    ],
    ids=["one value", "one sentence", "one record", "deep list", "deep object", "no blanks"],
)
def test_hostile_payloads_cost_little(text: str) -> None:
    """One value 100,000 times, deep JSON, one sentence for ever: no failure, linear time."""
    spans = [
        tool(i, None, "look", arguments={"text": text[: 1000 * i]}, result=text)
        for i in range(1, 8)
    ]
    spans += [agent(10, None, "bob"), model(11, 10, asks=[user(f"Known: {text}")])]
    begun = time.process_time()
    graph = graph_of(*spans)
    assert time.process_time() - begun < 6
    assert all(0 < edge.share <= 1 for edge in of_type(graph, "data"))


def test_every_agent_that_shows_a_result_took_it_in_once() -> None:
    """Ids, then text: one edge from a result to each agent, the exact one first."""
    found = {"log": NOTE}
    graph = graph_of(
        span(0, length_ms=900),
        agent(1, 0, "ann"),
        model(2, 1, asks=[user("go")], says=[call("look", {}, "c1")]),
        tool(3, 1, "look", arguments={}, result=found, call_id="c1"),
        model(4, 1, asks=[user("go"), asked(call("look", {}, "c1")), answer("c1", found)]),
        agent(5, 0, "bob"),
        model(6, 5, asks=[user(f"For context: [ann] look returned {json.dumps(found)}")]),
        model(7, 5, asks=[user(f"And once more: {json.dumps(found)}")]),
    )
    assert evidence(graph, 3, 4) == "tool_call_id c1"
    assert evidence(graph, 3, 6) == "text"
    assert evidence(graph, 3, 7) is None
