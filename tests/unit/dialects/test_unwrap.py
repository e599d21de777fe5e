from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.dialects.unwrap import is_shallow, parse, payload_of, unwrap
from causewatch.model.limits import PayloadLimits
from causewatch.model.value import Value

ORDER = {"order": "A-1", "total": 12.5, "open": False, "note": None}
TEXT = json.dumps(ORDER)


@pytest.mark.parametrize(
    ("recorded", "core"),
    [
        pytest.param(TEXT, ORDER, id="JSON"),
        pytest.param(json.dumps(TEXT), ORDER, id="JSON in JSON"),
        pytest.param(json.dumps(json.dumps(TEXT)), ORDER, id="JSON in JSON in JSON"),
        pytest.param(repr(ORDER), ORDER, id="Python repr"),
        pytest.param("('a', {'b': (1, 2)})", ["a", {"b": [1, 2]}], id="tuples become lists"),
        pytest.param("{1: 'one', None: 'none'}", {"1": "one", "None": "none"}, id="keys as text"),
        pytest.param({"result": TEXT}, ORDER, id="text result in a result member"),
        pytest.param({"result": "plain"}, {"result": "plain"}, id="a tool's own result member"),
        pytest.param({"result": None}, {"result": None}, id="no result"),
        pytest.param({"input_str": repr(ORDER)}, ORDER, id="input_str holding a repr"),
        pytest.param(
            {"args": [], "sanitize_inputs_outputs": True, "kwargs": {"q": "x"}},
            {"q": "x"},
            id="keyword arguments",
        ),
        pytest.param(
            {"args": [1], "kwargs": {}}, {"args": [1], "kwargs": {}}, id="positional arguments"
        ),
        pytest.param([{"type": "text", "text": TEXT}], ORDER, id="one content block"),
        pytest.param([{"text": "a"}, {"text": "b"}], "a\nb", id="Bedrock blocks"),
        pytest.param([{"type": "text", "content": "a"}], "a", id="GenAI part"),
        pytest.param(
            [{"text": "a"}, {"image": "b"}], [{"text": "a"}, {"image": "b"}], id="other blocks stay"
        ),
        pytest.param(
            {"type": "tool", "data": {"content": TEXT, "tool_call_id": "c1"}},
            ORDER,
            id="LangChain message dictionary",
        ),
        pytest.param(
            {
                "lc": 1,
                "type": "constructor",
                "id": ["langchain", "schema", "messages", "ToolMessage"],
                "kwargs": {"content": TEXT, "tool_call_id": "c1", "status": "success"},
            },
            ORDER,
            id="LangChain constructor",
        ),
        pytest.param(
            {"output": {"kwargs": {"content": TEXT}, "lc": 1, "id": ["ToolMessage"]}},
            ORDER,
            id="LangChain output",
        ),
        pytest.param(
            {"toolResult": {"toolUseId": "c1", "status": "success", "content": [{"text": TEXT}]}},
            ORDER,
            id="Bedrock tool result",
        ),
        pytest.param(
            {"content": [{"type": "text", "text": TEXT}], "isError": False}, ORDER, id="MCP result"
        ),
        pytest.param(
            {"content": [], "structuredContent": ORDER, "isError": False},
            ORDER,
            id="MCP structured result",
        ),
        pytest.param("plain words", "plain words", id="text stays text"),
        pytest.param("42", "42", id="a bare number stays text"),
        pytest.param("null", "null", id="a bare null stays text"),
        pytest.param("", "", id="nothing"),
        pytest.param(None, None, id="no value"),
        pytest.param({"graph": None, "update": {"a": 1}}, {"graph": None, "update": {"a": 1}}),
    ],
)
def test_the_core_of_a_payload_is_found(recorded: Any, core: Any) -> None:
    """Whatever frameworks wrap around an answer, the same answer has the same core."""
    assert unwrap(recorded).value == core


@pytest.mark.parametrize(
    "failed",
    [
        {"type": "tool", "data": {"content": "boom", "tool_call_id": "c", "status": "error"}},
        {"content": [{"type": "text", "text": "boom"}], "isError": True},
        {"toolResult": {"toolUseId": "c", "status": "error", "content": [{"text": "boom"}]}},
    ],
)
def test_the_news_of_an_error_survives_its_envelope(failed: Any) -> None:
    """An envelope that reports an error is opened, but the report stays beside the content."""
    assert unwrap(failed).value == {"status": "error", "error": "boom"}


@pytest.mark.parametrize(
    "envelope",
    [
        {"type": "tool", "data": {"content": "x", "tool_call_id": "call-7", "name": "look"}},
        {"type": "tool", "content": "x", "tool_call_id": "call-7", "name": "look"},
        json.dumps({"type": "tool", "content": "x", "tool_call_id": "call-7", "name": "look"}),
    ],
)
def test_an_envelope_tells_the_call(envelope: Any) -> None:
    """Call id and tool name are in a tool's message where the span has none."""
    unwrapped = unwrap(envelope)
    assert (unwrapped.value, unwrapped.call_id, unwrapped.tool) == ("x", "call-7", "look")


@pytest.mark.parametrize(
    "hostile",
    [
        "[" * 100_000,
        "(" * 3_000 + ")" * 3_000,
        "{'a': " * 500 + "1" + "}" * 500,
        "{'a': __import__('os').getcwd()}",
        "{'a': 1" + "0" * 10_000 + "}",
        "['\\d invalid escape']",
        "['nul\0byte']",
        '{"a": 1',
        "{'a': 1",
        '"unterminated',
        "'just a quoted text'",
        "{*()}",
        "[1, 2, ...]",
        "{'a': 1e999, 'b': -0}",
        '["\\ud800"]',
        "\ud800{",
    ],
)
def test_odd_text_never_raises_and_runs_no_code(hostile: str) -> None:
    """Text that an attacker chose comes back as itself or as a plain value."""
    assert isinstance(unwrap(hostile).value, str | list | dict)


def test_depth_is_limited() -> None:
    """JSON nested deeper than the limit stays text; at the limit it is parsed."""
    limits = PayloadLimits(max_json_depth=5)
    at_limit, past = "[" * 5 + "]" * 5, "[" * 7 + "]" * 7
    assert isinstance(parse(at_limit, limits), list)
    assert parse(past, limits) == past


def test_size_is_limited() -> None:
    """Text past the limit is not parsed."""
    limits = PayloadLimits(max_payload_bytes=10)
    assert parse('{"a": 1}', limits) == {"a": 1}
    assert parse('{"a": 1234567}', limits) == '{"a": 1234567}'


def test_nesting_of_envelopes_is_limited() -> None:
    """An envelope inside of an envelope inside of ... is opened a limited number of times."""
    nested: Any = "end"
    for _ in range(100):
        nested = {"output": {"type": "tool", "content": nested, "name": "x"}}
    assert isinstance(unwrap(nested).value, dict)


def test_shallow_counts_levels() -> None:
    """A list of lists is two levels deep."""
    assert is_shallow([[1]], 2)
    assert not is_shallow([[1]], 1)
    assert is_shallow("text", 1)


def test_a_payload_keeps_what_was_recorded() -> None:
    """The raw text stays for sizes and excerpts, beside the core."""
    payload = payload_of(json.dumps(TEXT), "some.key")
    assert payload.value == ORDER
    assert payload.raw == json.dumps(TEXT)
    assert payload.key == "some.key"
    assert not payload.cut


def test_a_structured_payload_has_a_text_too() -> None:
    """A value that arrived as a structure (an OTLP kvlist) has compact JSON as its text."""
    payload = payload_of({"a": [1, "x"]}, "k")
    assert payload.raw == '{"a":[1,"x"]}'
    assert payload.value == {"a": [1, "x"]}


@pytest.mark.parametrize(
    ("recorded", "core"),
    [
        ({"kwargs": {"a": 1}}, {"a": 1}),
        ({"inputs": {"a": 1}, "tags": [], "kwargs": {}}, {"a": 1}),
        ({"input_str": "{'a': 1}", "kwargs": {}}, {"a": 1}),
        ({"outputs": ["x"], "kwargs": {}}, ["x"]),
        ({"output": "done", "kwargs": {"color": "green"}}, "done"),
        (
            {"inputs": {"a": 1}, "mine": 2, "kwargs": {}},
            {"inputs": {"a": 1}, "mine": 2, "kwargs": {}},
        ),
        ({"tags": [], "kwargs": {}}, {"tags": [], "kwargs": {}}),
        ({"blocks": [{"text": '{"b": 2}'}], "raw_output": "x", "is_error": False}, {"b": 2}),
        ({"blocks": [], "raw_output": {"b": 2}, "is_error": False}, {"b": 2}),
        (
            {"blocks": [{"text": "no"}], "raw_output": "no", "is_error": True},
            {"status": "error", "error": "no"},
        ),
        ({"raw_output": "x", "is_error": "maybe"}, {"raw_output": "x", "is_error": "maybe"}),
    ],
)
def test_what_callbacks_and_engines_put_around_a_payload_is_opened(
    recorded: dict[str, Value], core: Value
) -> None:
    """LangChain's callbacks and LlamaIndex's tool outputs wrap the payload; other objects stay."""
    assert unwrap(recorded).value == core
