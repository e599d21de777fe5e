from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from causewatch.dialects.understand import understand
from causewatch.model.step import Message, Step, TextPart, ToolCallPart, ToolResultPart
from causewatch.model.value import Value
from graph_fixtures import span, with_attributes

HI = Message(role="user", parts=(TextPart(content="hi"),))
CALL = ToolCallPart(id="c1", name="look", arguments={"a": 1})
SAYS = Message(role="assistant", parts=(TextPart(content="wait"), CALL))


def step(attributes: Mapping[str, Value], name: str = "", scope: str = "") -> Step:
    """Return what is understood of a span with these attributes."""
    return understand(with_attributes(span(1, 0, name=name, scope=scope), attributes))


def value(read: Step, name: str) -> Any:
    """Return a field's value, a payload's as what it holds."""
    found = getattr(read, name)
    return found.value if hasattr(found, "raw") else found


def lc(kind: str, **kwargs: Value) -> dict[str, Value]:
    """Return a message as LangChain serialises it."""
    path: list[Value] = ["langchain", "schema", "messages", kind]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": kwargs}


TOOL_MESSAGE = lc("ToolMessage", content='{"b": 2}', type="tool", tool_call_id="c1", name="look")
CALLBACK: dict[str, Value] = {
    "input_str": "{'a': 1}",
    "tags": [],
    "metadata": {},
    "inputs": {"a": 1},
    "kwargs": {"tool_call_id": "c1"},
}
TOOLS: list[tuple[str, dict[str, Value], str]] = [
    (
        "langsmith",
        {
            "langsmith.span.kind": "tool",
            "gen_ai.tool.name": "look",
            "gen_ai.prompt": '{"a": 1}',
            "gen_ai.completion": json.dumps(
                {"output": {"content": '{"b": 2}', "type": "tool", "tool_call_id": "c1"}}
            ),
        },
        "",
    ),
    (
        "langfuse",
        {
            "langfuse.observation.type": "tool",
            "langfuse.observation.input": '{"a": 1}',
            "langfuse.observation.output": json.dumps(TOOL_MESSAGE),
        },
        "look",
    ),
    (
        "openllmetry",
        {
            "traceloop.span.kind": "tool",
            "traceloop.entity.name": "look",
            "gen_ai.tool.call.arguments": json.dumps(CALLBACK),
            "gen_ai.tool.call.result": json.dumps({"output": TOOL_MESSAGE, "kwargs": {}}),
        },
        "",
    ),
    (
        "vercel_ai",
        {
            "ai.operationId": "ai.toolCall",
            "ai.toolCall.name": "look",
            "ai.toolCall.id": "c1",
            "ai.toolCall.args": '{"a": 1}',
            "ai.toolCall.result": json.dumps('{"b": 2}'),
        },
        "",
    ),
    (
        "google_adk",
        {
            "gcp.vertex.agent.tool_call_args": '{"a": 1}',
            "gcp.vertex.agent.tool_response": '{"b": 2}',
            "gen_ai.tool.call.id": "c1",
        },
        "execute_tool look",
    ),
]


@pytest.mark.parametrize(("dialect", "attributes", "name"), TOOLS, ids=[t[0] for t in TOOLS])
def test_a_tool_call_reads_the_same_in_all_dialects(
    dialect: str, attributes: dict[str, Value], name: str
) -> None:
    """Arguments and result come out of their envelopes, with the name and the call's id."""
    read = step(attributes, name)
    assert (read.dialect, read.kind, read.tool) == (dialect, "tool", "look")
    assert (value(read, "arguments"), value(read, "result")) == ({"a": 1}, {"b": 2})
    assert read.call_id == "c1"


AI = lc("AIMessage", content="wait", tool_calls=[{"id": "c1", "name": "look", "args": {"a": 1}}])
MODELS: list[tuple[str, dict[str, Value], str]] = [
    (
        "langsmith",
        {
            "langsmith.span.kind": "llm",
            "gen_ai.prompt": json.dumps({"messages": [[lc("HumanMessage", content="hi")]]}),
            "gen_ai.completion": json.dumps({"generations": [[{"text": "", "message": AI}]]}),
        },
        "",
    ),
    (
        "langfuse",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.input": '[{"role": "user", "content": "hi"}]',
            "langfuse.observation.output": json.dumps(AI),
        },
        "",
    ),
    (
        "vercel_ai",
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.prompt.messages": '[{"role": "user", "content": [{"type": "text", "text": "hi"}]}]',
            "ai.response.text": "wait",
            "ai.response.toolCalls": json.dumps(
                [{"toolCallId": "c1", "toolName": "look", "input": '{"a": 1}'}]
            ),
        },
        "",
    ),
    (
        "google_adk",
        {
            "gcp.vertex.agent.llm_request": json.dumps(
                {"model": "m", "contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
            ),
            "gcp.vertex.agent.llm_response": json.dumps(
                {
                    "content": {
                        "role": "model",
                        "parts": [
                            {"text": "wait"},
                            {"function_call": {"id": "c1", "name": "look", "args": {"a": 1}}},
                        ],
                    }
                }
            ),
        },
        "call_llm",
    ),
    (
        "mlflow",
        {
            "mlflow.spanType": '"LLM"',
            "mlflow.spanInputs": '{"messages": [{"role": "user", "content": "hi"}]}',
            "mlflow.spanOutputs": json.dumps(
                {
                    "role": "assistant",
                    "content": "wait",
                    "tool_calls": [
                        {"id": "c1", "function": {"name": "look", "arguments": '{"a": 1}'}}
                    ],
                }
            ),
        },
        "",
    ),
]


@pytest.mark.parametrize(("dialect", "attributes", "name"), MODELS, ids=[m[0] for m in MODELS])
def test_a_model_call_reads_the_same_in_all_dialects(
    dialect: str, attributes: dict[str, Value], name: str
) -> None:
    """What was asked, and all that the model said: its text and its calls."""
    read = step(attributes, name)
    assert (read.dialect, read.kind) == (dialect, "model")
    assert read.input_messages == (HI,)
    assert [(m.role, m.parts) for m in read.output_messages] == [(SAYS.role, SAYS.parts)]


@pytest.mark.parametrize(
    ("attributes", "name", "agent"),
    [
        ({"langsmith.span.kind": "llm", "langsmith.metadata.lc_agent_name": "ann"}, "", "ann"),
        ({"langfuse.observation.metadata.lc_agent_name": '"ann"'}, "", "ann"),
        ({"traceloop.association.properties.lc_agent_name": "ann"}, "", "ann"),
        ({"traceloop.span.kind": "agent", "traceloop.entity.name": "ann"}, "", "ann"),
        ({"ai.operationId": "ai.toolCall", "ai.telemetry.functionId": "ann"}, "", "ann"),
        ({"logfire.msg_template": "Agent run: {name!r}", "name": "ann"}, "", "ann"),
        ({"gcp.vertex.agent.event_id": "1"}, "agent_run [ann]", "ann"),
    ],
)
def test_agents_are_found_where_each_dialect_keeps_them(
    attributes: dict[str, Value], name: str, agent: str
) -> None:
    """The owner of a step is in metadata, in a function id or in a span's name."""
    assert step(attributes, name).agent == agent


def test_the_agent_of_a_workflow_step_closes_its_text_form() -> None:
    """LlamaIndex names the agent at the end of a long ``repr``."""
    event = f"AgentSetup(input=['{'x' * 5_000}'], current_agent_name='ann')"
    read = step(
        {"openinference.span.kind": "CHAIN", "input.value": json.dumps({"ev": event})},
        "AgentWorkflow.run_agent_step",
        "openinference.instrumentation.llama_index",
    )
    assert (read.kind, read.agent) == ("agent", "ann")
    assert read.input is None


def test_logfire_reads_requests_and_responses() -> None:
    """The Responses API's items, under names of Logfire's own."""
    read = step(
        {
            "logfire.msg_template": "Responses API",
            "raw_input": '[{"role": "user", "content": "hi"}]',
            "response": json.dumps(
                {
                    "output": [
                        {
                            "type": "function_call",
                            "call_id": "c1",
                            "name": "look",
                            "arguments": "{}",
                        }
                    ]
                }
            ),
        }
    )
    assert read.input_messages == (HI,)
    (said,) = read.output_messages
    assert said.parts == (ToolCallPart(id="c1", name="look", arguments={}),)


def test_a_handoff_says_who_takes_over() -> None:
    """Explicit handoff spans name their target, whatever the dialect."""
    goto = step({"gen_ai.operation.name": "goto", "langgraph.command.goto_node": "bob"})
    said = step({"logfire.msg_template": "Handoff:", "from_agent": "ann", "to_agent": "bob"})
    assert (goto.handoff_from, goto.handoff_to) == ("", "bob")
    assert (said.handoff_from, said.handoff_to) == ("ann", "bob")


def test_placeholders_are_no_call_ids() -> None:
    """ADK writes a text where a call has no id."""
    read = step({"gen_ai.tool.call.id": "<not specified>"}, "execute_tool t", "gcp.vertex.agent")
    assert read.call_id == ""


def test_a_message_in_a_runtime_tells_calls_and_results() -> None:
    """AutoGen's events hold items that name no type: their keys tell what they are."""
    asked = step(
        {
            "message": json.dumps(
                {
                    "message": {
                        "type": "ToolCallRequestEvent",
                        "content": [{"id": "c1", "name": "look", "arguments": '{"a": 1}'}],
                    }
                }
            )
        },
        "autogen process x",
        "autogen",
    )
    ran = step({"message": json.dumps({"message": {"type": "ToolCallExecutionEvent", "content": [
        {"call_id": "c1", "name": "look", "content": '{"b": 2}', "is_error": False}]}})},
        "autogen process x", "autogen")  # fmt: skip
    assert asked.input_messages[0].parts == (CALL,)
    assert ran.input_messages[0].parts == (ToolResultPart(id="c1", name="look", result={"b": 2}),)


def test_steering_said_in_a_message_is_no_error() -> None:
    """LangSmith records the exception's name in its message and a bare type."""
    read = step({"langsmith.span.kind": "chain", "gen_ai.completion": "{}"})
    assert read.error_type == ""
    base = span(1, 0, langsmith__span__kind="chain", error__type="Exception")
    steered = understand(
        with_attributes(base, {}).__class__(
            **{
                **{f: getattr(base, f) for f in base.__struct_fields__},
                "status": "error",
                "status_message": "ParentCommand(Command(goto='bob'))",
            }
        )
    )
    assert (steered.error_type, steered.error_message) == ("", "")


def test_the_first_task_of_a_crew_is_what_the_user_asked_for() -> None:
    """CrewAI's instrumentation records no calls of models: only the crew's span tells the task."""
    crew: dict[str, Value] = {
        "openinference.span.kind": "CHAIN",
        "crew_tasks": json.dumps([{"description": "hi", "agent_role": "a"}, {"description": "x"}]),
    }
    kickoff = span(1, name="crew.kickoff")
    assert understand(with_attributes(kickoff, crew)).input_messages == (HI,)
    bare = understand(with_attributes(kickoff, crew | {"crew_tasks": "[]"}))
    assert bare.input_messages == ()
