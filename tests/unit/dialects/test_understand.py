from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.dialects.read import unflatten
from causewatch.dialects.understand import understand
from causewatch.model.span import LogRecord, Span, SpanEvent
from causewatch.model.step import (
    Document,
    Message,
    Step,
    StepKind,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from causewatch.model.value import Value
from graph_fixtures import TRACE, capture, span, span_id, with_attributes

USER: list[Value] = [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
REPLY: list[Value] = [
    {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "c1", "name": "look", "arguments": '{"a": 1}'}],
        "finish_reason": "tool_call",
    }
]
HI = Message(role="user", parts=(TextPart(content="hi"),))
CALL = ToolCallPart(id="c1", name="look", arguments={"a": 1})


def values(step: Step) -> dict[str, Any]:
    """Return what a step says, payloads as their values, without what is empty."""
    found: dict[str, Any] = {}
    for name in step.__struct_fields__:
        if name in {"span", "reason", "dialect"}:
            continue
        value = getattr(step, name)
        found[name] = value.value if hasattr(value, "raw") else value
    return {name: value for name, value in found.items() if value not in ("", None, (), False)}


def oi(kind: str, **more: Any) -> Span:
    """Return an OpenInference span."""
    return span(1, 0, openinference__span__kind=kind, **more)


def genai(operation: str, **more: Any) -> Span:
    """Return an OTel GenAI span."""
    return span(1, 0, gen_ai__operation__name=operation, **more)


@pytest.mark.parametrize(
    ("recorded", "kind"),
    [
        (genai("chat"), "model"),
        (genai("generate_content"), "model"),
        (genai("embeddings"), "other"),
        (genai("invoke_agent"), "agent"),
        (genai("create_agent", gen_ai__agent__name="a"), "other"),
        (genai("invoke_workflow"), "workflow"),
        (genai("execute_tool"), "tool"),
        (genai("execute_tool", gen_ai__tool__name="(merged tools)"), "other"),
        (genai("retrieval"), "retrieval"),
        (genai("search_memory"), "memory"),
        (genai("handoff"), "handoff"),
        (genai("execute_tool", gen_ai__transfer__mode="pass_control"), "handoff"),
        (genai("guardrail"), "guardrail"),
        (genai("execute_event_loop_cycle"), "other"),
        (genai("something_new"), "other"),
        (span(1, gen_ai__tool__name="t"), "tool"),
        (span(1, gen_ai__request__model="m"), "model"),
        (span(1, gen_ai__agent__name="a"), "agent"),
        (span(1, gen_ai__system="s"), "other"),
        (oi("LLM"), "model"),
        (oi("EMBEDDING"), "other"),
        (oi("TOOL"), "tool"),
        (oi("TOOL", name="handoff to b"), "handoff"),
        (oi("RETRIEVER"), "retrieval"),
        (oi("RERANKER"), "retrieval"),
        (oi("AGENT"), "agent"),
        (oi("AGENT", tool__name="call_agent"), "tool"),
        (oi("AGENT", scope="openinference.instrumentation.openai_agents"), "workflow"),
        (
            oi("AGENT", scope="openinference.instrumentation.openai_agents", agent__name="a"),
            "agent",
        ),
        (
            oi("AGENT", name="call_agent_node", metadata='{"lc_agent_name": "planner"}'),
            "other",
        ),
        (oi("AGENT", name="planner", metadata='{"lc_agent_name": "planner"}'), "agent"),
        (oi("CHAIN", name="planner", metadata='{"lc_agent_name": "planner"}'), "agent"),
        (oi("CHAIN", name="tools", metadata='{"lc_agent_name": "planner"}'), "other"),
        (oi("CHAIN"), "other"),
        (span(1, openinference__span__kind="CHAIN"), "workflow"),
        (oi("GUARDRAIL"), "guardrail"),
        (oi("EVALUATOR"), "evaluation"),
        (oi("PROMPT"), "other"),
        (oi("NEW"), "other"),
        (span(1, scope="pydantic-ai", name="agent run"), "agent"),
        (span(1, scope="pydantic-ai", name="running tool"), "tool"),
        (span(1, scope="pydantic-ai", name="running 3 tools"), "other"),
        (span(1, scope="pydantic-ai", agent_name="a"), "agent"),
        (span(1, name="tools/call t", mcp__method__name="tools/call"), "tool"),
        (span(1, name="tools/list", mcp__method__name="tools/list"), "other"),
        (span(1, http__request__method="GET"), "other"),
    ],
)
def test_a_span_has_the_kind_that_its_dialect_says(recorded: Span, kind: StepKind) -> None:
    """Kinds come from the tables; what none knows is ``other`` and stays."""
    assert understand(recorded).kind == kind


@pytest.mark.parametrize("structured", [False, True])
def test_otel_genai_model_calls_are_read(*, structured: bool) -> None:
    """Messages arrive as JSON text or as a structure, and say the same."""

    def wire(value: Any) -> Any:
        return value if structured else json.dumps(value)

    step = understand(
        genai(
            "chat",
            gen_ai__request__model="m",
            gen_ai__response__model="m-1",
            gen_ai__conversation__id="conv",
            gen_ai__agent__name="ann",
            gen_ai__agent__id="id-1",
            gen_ai__system_instructions=wire([{"type": "text", "content": "be good"}]),
            gen_ai__input__messages=wire(USER),
            gen_ai__output__messages=wire(REPLY),
            gen_ai__response__finish_reasons=["tool_call"],
        )
    )
    assert values(step) == {
        "kind": "model",
        "operation": "chat",
        "model": "m-1",
        "session": "conv",
        "agent": "ann",
        "agent_id": "id-1",
        "system": (Message(role="system", parts=(TextPart(content="be good"),)),),
        "input_messages": (HI,),
        "output_messages": (Message(role="assistant", parts=(CALL,), finish_reason="tool_call"),),
        "finish_reason": "tool_call",
    }


@pytest.mark.parametrize(
    ("arguments", "result", "expected"),
    [
        ('{"a": 1}', '{"b": 2}', ({"a": 1}, {"b": 2})),
        ({"a": 1}, {"b": 2}, ({"a": 1}, {"b": 2})),
        ('"{\\"a\\": 1}"', '{"result": "{\\"b\\": 2}"}', ({"a": 1}, {"b": 2})),
        ("{'a': 1}", "found it", ({"a": 1}, "found it")),
    ],
)
def test_otel_genai_tools_are_read(arguments: Any, result: Any, expected: tuple[Any, Any]) -> None:
    """Arguments and results come out at their core, however they are wrapped."""
    step = understand(
        genai(
            "execute_tool",
            gen_ai__tool__name="look",
            gen_ai__tool__call__id="c1",
            gen_ai__tool__call__arguments=arguments,
            gen_ai__tool__call__result=result,
        )
    )
    assert values(step) == {
        "kind": "tool",
        "operation": "execute_tool",
        "tool": "look",
        "call_id": "c1",
        "arguments": expected[0],
        "result": expected[1],
    }
    assert step.name == "look"


def test_messages_in_a_log_record_belong_to_the_span() -> None:
    """By the conventions, content may come as a log record of the span instead of attributes."""
    record = LogRecord(
        trace_id=TRACE,
        span_id=span_id(1),
        event_name="gen_ai.client.inference.operation.details",
        attributes={"gen_ai.input.messages": USER, "gen_ai.output.messages": REPLY},
    )
    step = understand(genai("chat"), [record])
    assert step.input_messages == (HI,)
    assert step.output_messages[0].parts == (CALL,)


def test_message_events_are_read_in_order_of_time() -> None:
    """Up to 1.36 each message is an event; the event's name tells the role."""
    events = [
        SpanEvent(
            name="gen_ai.choice",
            time_ns=4,
            attributes={"message": '[{"text": "done"}]', "finish_reason": "end_turn"},
        ),
        SpanEvent(name="gen_ai.user.message", time_ns=2, attributes={"content": "hi"}),
        SpanEvent(name="gen_ai.system.message", time_ns=1, attributes={"content": "be good"}),
        SpanEvent(
            name="gen_ai.tool.message", time_ns=3, attributes={"content": "found", "id": "c1"}
        ),
    ]
    step = understand(genai("chat", events=events))
    assert step.input_messages == (
        Message(role="system", parts=(TextPart(content="be good"),)),
        HI,
        Message(role="tool", parts=(ToolResultPart(id="c1", result="found"),)),
    )
    assert step.system == step.input_messages[:1]
    assert step.output_messages == (
        Message(role="assistant", parts=(TextPart(content="done"),), finish_reason="end_turn"),
    )
    assert step.finish_reason == "end_turn"


def test_message_logs_carry_a_body() -> None:
    """As log records, the same events have their message in the body."""
    records = [
        LogRecord(time_ns=1, event_name="gen_ai.user.message", body={"content": "hi"}),
        LogRecord(
            time_ns=2,
            event_name="gen_ai.choice",
            body={
                "index": 0,
                "finish_reason": "stop",
                "message": {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "look", "arguments": '{"a": 1}'},
                        }
                    ],
                },
            },
        ),
    ]
    step = understand(genai("chat", gen_ai__system="openai"), records)
    assert step.input_messages == (HI,)
    assert step.output_messages == (Message(role="assistant", parts=(CALL,), finish_reason="stop"),)


def test_tool_events_give_arguments_and_result() -> None:
    """Strands keeps a tool's arguments and result in events of its span."""
    events = [
        SpanEvent(name="gen_ai.tool.message", time_ns=1, attributes={"content": '{"a": 1}'}),
        SpanEvent(
            name="gen_ai.choice", time_ns=2, attributes={"message": '[{"text": "{\\"b\\": 2}"}]'}
        ),
    ]
    step = understand(genai("execute_tool", gen_ai__tool__name="t", events=events))
    assert values(step)["arguments"] == {"a": 1}
    assert values(step)["result"] == {"b": 2}
    assert step.input_messages == ()


FLAT: dict[str, Value] = {
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "be good",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": "hi",
    "llm.input_messages.10.message.role": "tool",
    "llm.input_messages.10.message.tool_call_id": "c0",
    "llm.input_messages.10.message.content": '{"x": 1}',
    "llm.input_messages.2.message.role": "assistant",
    "llm.input_messages.2.message.tool_calls.0.tool_call.id": "c0",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "find",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"a": 1}',
    "llm.model_name": "m",
    "session.id": "s",
    "input.value": "[]",
}


def test_flattened_messages_come_in_the_order_of_their_numbers() -> None:
    """OpenInference numbers its messages: the tenth follows the second."""
    recorded = oi("LLM", **{key.replace(".", "__"): value for key, value in FLAT.items()})
    step = understand(recorded)
    assert [m.role for m in step.input_messages] == ["system", "user", "assistant", "tool"]
    assert step.input_messages[1] == HI
    assert step.input_messages[3].parts == (ToolResultPart(id="c0", result={"x": 1}),)
    assert step.output_messages[0].parts == (CALL,)
    assert (step.model, step.session) == ("m", "s")
    assert step.system == step.input_messages[:1]


@pytest.mark.parametrize(
    ("flat", "expected"),
    [
        ([("0.a", 1), ("1.a", 2)], [{"a": 1}, {"a": 2}]),
        ([("1.a", 2), ("0.a", 1)], [{"a": 1}, {"a": 2}]),
        ([("0.a.0.b", 1), ("0.a.1.b", 2)], [{"a": [{"b": 1}, {"b": 2}]}]),
        ([("5.a", 1)], [{"a": 1}]),
        ([("0.a", 1), ("0.a.b", 2)], [{"a": {"b": 2}}]),
        ([("0.a.b", 2), ("0.a", 1)], [{"a": {"b": 2}}]),
        ([("0." + "x." * 1_000 + "y", 1)], []),
        ([], []),
    ],
)
def test_lists_are_rebuilt_from_their_leaves(flat: Any, expected: Any) -> None:
    """Numbers in a path are indices; what contradicts itself loses a leaf, not the list."""
    assert unflatten(flat) == expected


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        pytest.param(
            oi(
                "TOOL",
                tool__name="look",
                input__value='{"a": 1}',
                input__mime_type="application/json",
                output__value='{"b": 2}',
            ),
            {"tool": "look", "arguments": {"a": 1}, "result": {"b": 2}},
            id="plain values",
        ),
        pytest.param(
            oi(
                "TOOL",
                tool__name="look",
                input__value="A-1",
                output__value=json.dumps(
                    {"type": "tool", "data": {"content": '{"b": 2}', "tool_call_id": "c7"}}
                ),
            ),
            {"tool": "look", "arguments": "A-1", "result": {"b": 2}, "call_id": "c7"},
            id="LangChain: bare argument, the call's id in the result",
        ),
        pytest.param(
            oi("TOOL", name="look.run", input__value='{"args": [], "kwargs": {"a": 1}}'),
            {"tool": "look.run", "arguments": {"a": 1}},
            id="smolagents: keyword arguments",
        ),
        pytest.param(
            oi("AGENT", name="x", agent__name="ann", input__value="do", output__value="did"),
            {"agent": "ann", "input": "do", "output": "did"},
            id="agent",
        ),
        pytest.param(oi("AGENT", name="ann.run"), {"agent": "ann"}, id="agent by span name"),
        pytest.param(
            oi("AGENT", graph__node__id="ann", graph__node__name="Ann"),
            {"agent": "Ann"},
            id="agent by graph node",
        ),
        pytest.param(
            oi("CHAIN", metadata='{"lc_agent_name": "ann"}', input__value="x"),
            {"agent": "ann"},
            id="a chain's owner, and none of its echoes",
        ),
        pytest.param(
            oi("TOOL", name="handoff to bob", input__value="ann", output__value="bob"),
            {"handoff_from": "ann", "handoff_to": "bob"},
            id="handoff",
        ),
        pytest.param(
            oi("TOOL", name="handoff to bob"), {"handoff_to": "bob"}, id="handoff by its name"
        ),
        pytest.param(
            oi(
                "RETRIEVER",
                input__value="query",
                retrieval__documents__0__document__content="text",
                retrieval__documents__0__document__id="d",
                retrieval__documents__0__document__score=0.5,
            ),
            {
                "query": "query",
                "input": "query",
                "documents": (Document(id="d", content="text", score=0.5),),
            },
            id="retriever",
        ),
    ],
)
def test_openinference_fields_are_read(recorded: Span, expected: dict[str, Any]) -> None:
    """What OpenInference keeps where, by kind of step."""
    found = values(understand(recorded))
    del found["kind"], found["operation"]
    assert found == expected


def test_pydantic_ai_agents_tell_their_whole_conversation() -> None:
    """An agent span of Pydantic AI holds all messages and the final result."""
    step = understand(
        span(
            1,
            scope="pydantic-ai",
            agent_name="ann",
            final_result='{"ok": 1}',
            pydantic_ai__all_messages=json.dumps(USER),
        )
    )
    assert (step.kind, step.agent, step.dialect) == ("agent", "ann", "pydantic_ai")
    assert step.input_messages == (HI,)
    assert values(step)["output"] == {"ok": 1}


def test_an_overlay_adds_to_the_dialect_below() -> None:
    """An MCP span that also speaks GenAI has the kind of the one and the fields of both."""
    step = understand(
        genai(
            "execute_tool",
            gen_ai__tool__name="t",
            mcp__method__name="tools/call",
            rpc__response__status_code="-32602",
        )
    )
    assert (step.kind, step.dialect, step.error_type) == ("tool", "otel_genai", "-32602")


def test_a_connection_is_no_session() -> None:
    """One MCP connection serves many conversations: runs must not be taken for one by its id."""
    assert understand(span(1, mcp__method__name="tools/call", mcp__session__id="s")).session == ""


def test_fields_are_filled_from_the_next_dialect() -> None:
    """What the best dialect leaves open, the next one may fill; it never overrules."""
    step = understand(
        oi("TOOL", tool__name="oi", gen_ai__tool__name="genai", gen_ai__tool__call__id="c1")
    )
    assert (step.dialect, step.tool, step.call_id) == ("openinference", "oi", "c1")


@pytest.mark.parametrize(
    ("exception", "status", "expected"),
    [
        ("langgraph.errors.ParentCommand", "", ""),
        ("ValueError", "", "ValueError"),
        ("", "TimeoutError", "TimeoutError"),
        ("", "ParentCommand", ""),
    ],
)
def test_errors_are_read_but_not_control_flow(exception: str, status: str, expected: str) -> None:
    """An exception event gives the error's type, unless frameworks steer by it."""
    events = [
        SpanEvent(name="exception", time_ns=1, attributes={"exception.type": exception}),
    ]
    more: dict[str, Any] = {"error__type": status} if status else {}
    step = understand(genai("chat", events=events if exception else [], **more))
    assert step.error_type == expected


def test_dropped_attributes_make_what_is_missing_uncertain() -> None:
    """Where the SDK says that it dropped attributes, a missing result proves nothing."""
    step = understand(genai("execute_tool", gen_ai__tool__name="t", dropped=3))
    assert step.result is not None
    assert step.result.cut
    assert step.result.raw == ""
    assert understand(genai("chat", dropped=1)).messages_cut
    whole = understand(genai("execute_tool", gen_ai__tool__name="t"))
    assert whole.result is None


def test_a_result_cut_by_a_limit_is_marked() -> None:
    """JSON that stops at exactly 4096 characters was cut by telemetry; at 4000 words it was not."""
    text = json.dumps({"items": ["x" * 50] * 200})
    cut = understand(genai("execute_tool", gen_ai__tool__call__result=text[:4_096])).result
    short = understand(genai("execute_tool", gen_ai__tool__call__result=text[:4_001])).result
    assert cut is not None
    assert short is not None
    assert (cut.cut, short.cut) == (True, False)


def test_cut_messages_are_marked() -> None:
    """A conversation cut by a limit does not parse; it is marked, not mistaken for an empty one."""
    text = json.dumps(USER * 200)[:2_048]
    assert understand(genai("chat", gen_ai__input__messages=text)).messages_cut


@pytest.mark.parametrize(
    "odd", [None, True, 7, 1.5, b"\xff", [], {}, [[]], {"a": {"b": []}}, "[", ""]
)
def test_attributes_of_any_type_are_survived(odd: Value) -> None:
    """Every attribute may have any type: a step comes out, whatever it is."""
    keys = {
        "gen_ai.operation.name", "gen_ai.agent.name", "gen_ai.tool.name", "gen_ai.input.messages",
        "gen_ai.output.messages", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
        "gen_ai.system_instructions", "gen_ai.retrieval.documents", "openinference.span.kind",
        "metadata", "input.value", "output.value", "llm.input_messages.0.message.content",
        "llm.input_messages.0.message.tool_calls.0.tool_call.function.arguments",
        "retrieval.documents.0.document.score", "error.type", "mcp.method.name", "session.id",
    }  # fmt: skip
    for kind in ("LLM", "TOOL", "AGENT", "RETRIEVER"):
        for missing in ("", "openinference.span.kind", "gen_ai.operation.name"):
            found = dict.fromkeys(sorted(keys - {missing}), odd)
            assert isinstance(understand(with_attributes(oi(kind), found)), Step)


@pytest.mark.parametrize(
    "name",
    ["vercel-ai__native__ok", "strands__native__ok", "autogen__native__ok", "mcp__fastmcp__ok"],
)
def test_other_frameworks_give_steps_too(name: str) -> None:
    """Dialects without a table of their own still give one step a span."""
    spans = capture(name)
    steps = [understand(each) for each in spans]
    assert [s.span for s in steps] == spans
    assert all(s.reason for s in steps)
