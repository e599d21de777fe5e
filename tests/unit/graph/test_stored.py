from __future__ import annotations

import json

import pytest

from causewatch.model.span import Span
from causewatch.model.value import Value
from graph_fixtures import (
    agent,
    call,
    evidence,
    graph_of,
    model,
    said,
    span,
    tool,
    user,
    with_attributes,
)

NOTE = "The tenant prefers visits after four and wants the boiler looked at first."
SHORT = "aisle seat"


def memory(number: int, operation: str, content: str, query: str = "") -> Span:
    """Return a memory's span, which keeps or finds one record."""
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": operation,
        "gen_ai.memory.records": json.dumps([{"id": "m1", "content": content}]),
    }
    if query:
        attributes["gen_ai.memory.query.text"] = query
    return with_attributes(span(number, 0), attributes)


def test_a_memory_that_is_found_again_leads_back_to_who_kept_it() -> None:
    """The store is on no span: what was written is what is read."""
    graph = graph_of(
        agent(0, None, "ann", length_ms=900),
        memory(1, "create_memory", "prefers an aisle seat"),
        memory(2, "search_memory", "prefers an aisle seat", query="seat"),
    )
    assert evidence(graph, 1, 2) == "read back"


@pytest.mark.parametrize(("text", "expected"), [(NOTE, "read back"), (SHORT, None)])
def test_tools_that_keep_notes_are_known_by_long_texts(text: str, expected: str | None) -> None:
    """Of a tool nobody knows that it is a store: only a whole text that comes back shows it."""
    graph = graph_of(
        agent(0, None, "ann", length_ms=900),
        tool(1, 0, "save_note", arguments={"note": text}, result="saved"),
        tool(2, 0, "read_notes", arguments={}, result={"notes": [text]}),
    )
    assert evidence(graph, 1, 2) == expected


def test_the_share_is_that_of_the_texts_that_came_back() -> None:
    """Of two notes one is found again."""
    graph = graph_of(
        agent(0, None, "ann", length_ms=900),
        tool(1, 0, "save", arguments={"one": NOTE, "two": NOTE[::-1]}, result="saved"),
        tool(2, 0, "read", arguments={}, result=[NOTE]),
    )
    (edge,) = [e for e in graph.edges if e.evidence == "read back"]
    assert edge.share == 0.5


def test_what_a_tool_was_given_itself_it_did_not_read() -> None:
    """A result that repeats its own arguments shows no store."""
    graph = graph_of(
        agent(0, None, "ann", length_ms=900),
        tool(1, 0, "translate", arguments={"text": NOTE}, result="x"),
        tool(2, 0, "spell", arguments={"text": NOTE}, result={"text": NOTE}),
    )
    assert evidence(graph, 1, 2) is None


def test_what_a_result_gave_before_was_not_brought_in_by_who_passed_it_on() -> None:
    """A page that is read twice stems from the page, though it was posted in between."""
    graph = graph_of(
        agent(0, None, "ann", length_ms=900),
        tool(1, 0, "read_page", arguments={"page": 1}, result={"text": NOTE}),
        tool(2, 0, "post", arguments={"text": NOTE}, result="posted"),
        tool(3, 0, "read_page", arguments={"page": 1}, result={"text": NOTE}),
    )
    assert evidence(graph, 2, 3) is None


def test_nothing_is_read_before_it_was_kept() -> None:
    """A search that ran beside the writing did not find it."""
    graph = graph_of(
        agent(0, None, "ann", length_ms=900),
        tool(1, 0, "save", arguments={"note": NOTE}, result="saved", start_ms=10, length_ms=50),
        tool(2, 0, "read", arguments={}, result=[NOTE], start_ms=20, length_ms=90),
    )
    assert evidence(graph, 1, 2) is None


def test_the_way_from_a_model_through_a_store_to_another_agent_is_whole() -> None:
    """Ann's words, her note, bob's search, bob's next turn."""
    graph = graph_of(
        agent(0, None, "ann"),
        model(1, 0, asks=[user("go")], says=[call("save", {"note": NOTE}, "c1")]),
        tool(2, 0, "save", arguments={"note": NOTE}, result="saved", call_id="c1"),
        agent(3, None, "bob", trace="b" * 32),
        tool(4, 3, "read", arguments={}, result=[NOTE], trace="b" * 32),
        model(5, 3, asks=[user(f"Notes: {NOTE}")], says=[said("Fine.")], trace="b" * 32),
    )
    way = [(1, 2), (2, 4), (4, 5)]
    assert [evidence(graph, *hop) for hop in way] == ["tool_call_id c1", "read back", "text"]
