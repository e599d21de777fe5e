from __future__ import annotations

from collections.abc import Mapping

import pytest

from causewatch.dialects.understand import understand
from causewatch.model.span import Span
from causewatch.model.step import StepKind
from causewatch.model.value import Value
from graph_fixtures import span, with_attributes

LS, LF, TL = "langsmith.", "langfuse.observation.", "traceloop."
META = "association.properties."


def recorded(
    attributes: Mapping[str, Value], name: str = "", scope: str = "", parent: int | None = 0
) -> Span:
    """Return a span with these attributes, by default below another."""
    return with_attributes(span(1, parent, name=name, scope=scope), attributes)


def by_attribute(dialect: str, key: str, **kinds: str) -> list[tuple[str, Span, str]]:
    """Return a case for each value (``_`` for ``-``) of one attribute."""
    return [(dialect, recorded({key: value}), kind) for value, kind in kinds.items()]


CASES: list[tuple[str, Span, str]] = [
    *by_attribute(
        "langsmith",
        LS + "span.kind",
        llm="model",
        LLM="model",
        tool="tool",
        retriever="retrieval",
        embedding="other",
        prompt="other",
        parser="other",
        chain="other",
    ),
    ("langsmith", recorded({LS + "span.kind": "chain"}, parent=None), "workflow"),
    (
        "langsmith",
        recorded({LS + "span.kind": "chain", LS + "metadata.lc_agent_name": "ann"}, "ann"),
        "agent",
    ),
    (
        "langsmith",
        recorded({LS + "span.kind": "chain", LS + "metadata.lc_agent_name": "ann"}, "model"),
        "other",
    ),
    (
        "langsmith",
        recorded({LS + "span.kind": "retriever", "gen_ai.operation.name": "embeddings"}),
        "retrieval",
    ),
    *by_attribute(
        "langfuse",
        LF + "type",
        generation="model",
        agent="agent",
        tool="tool",
        chain="other",
        span="other",
        event="other",
        retriever="retrieval",
        guardrail="guardrail",
        evaluator="evaluation",
        embedding="other",
    ),
    ("langfuse", recorded({LF + "type": "span", LF + "model.name": "m"}), "model"),
    ("langfuse", recorded({LF + "type": "chain"}, parent=None), "workflow"),
    (
        "langfuse",
        recorded({LF + "type": "agent", LF + "metadata.lc_agent_name": '"ann"'}, "pick_agent"),
        "other",
    ),
    (
        "langfuse",
        recorded({LF + "type": "chain", LF + "metadata.lc_agent_name": '"ann"'}, "ann"),
        "agent",
    ),
    *by_attribute(
        "openllmetry",
        TL + "span.kind",
        workflow="workflow",
        agent="agent",
        tool="tool",
        task="other",
        handoff="handoff",
    ),
    *by_attribute(
        "openllmetry", "llm.request.type", chat="model", rerank="retrieval", embedding="other"
    ),
    (
        "openllmetry",
        recorded({TL + "span.kind": "task", "gen_ai.operation.name": "invoke_agent"}),
        "other",
    ),
    (
        "openllmetry",
        recorded(
            {
                TL + "span.kind": "task",
                TL + "entity.name": "ann",
                TL + META + "lc_agent_name": "ann",
            },
            "execute_task ann",
        ),
        "agent",
    ),
    (
        "openllmetry",
        recorded({"gen_ai.workflow.nodes": ["a"], "gen_ai.operation.name": "invoke_agent"}),
        "other",
    ),
    (
        "openllmetry",
        recorded(
            {"gen_ai.workflow.nodes": ["a"], "gen_ai.operation.name": "invoke_agent"}, parent=None
        ),
        "agent",
    ),
    (
        "openllmetry",
        recorded({"langgraph.command.goto_node": "bob", "gen_ai.operation.name": "goto"}),
        "handoff",
    ),
    *by_attribute(
        "vercel_ai",
        "ai.operationId",
        **{
            "ai.generateText": "agent",
            "ai.streamText.doStream": "model",
            "ai.toolCall": "tool",
            "ai.embed": "other",
            "ai.rerank.doRerank": "retrieval",
        },
    ),
    ("vercel_ai_otel", recorded({"gen_ai.operation.name": "agent_step"}, scope="gen_ai"), "other"),
    ("vercel_ai_otel", recorded({"gen_ai.operation.name": "rerank"}, scope="gen_ai"), "retrieval"),
    *by_attribute(
        "logfire",
        "logfire.msg_template",
        **{
            "Agent run: {name!r}": "agent",
            "Function: {name}": "tool",
            "Handoff: {from_agent} → {to_agent}": "handoff",
            "OpenAI Agents trace: {name}": "workflow",
            "Guardrail {name!r} {triggered=}": "guardrail",
            "Responses API with {gen_ai.request.model!r}": "model",
            "Turn {turn}": "other",
        },
    ),
    (
        "logfire",
        recorded({"logfire.span_type": "pending_span", "logfire.msg_template": "Function: {name}"}),
        "other",
    ),
    ("google_adk", recorded({}, "call_llm", "gcp.vertex.agent"), "model"),
    ("google_adk", recorded({}, "agent_run [ann]", "gcp.vertex.agent"), "agent"),
    ("google_adk", recorded({}, "invocation", "gcp.vertex.agent"), "workflow"),
    ("google_adk", recorded({}, "execute_tool look", "gcp.vertex.agent"), "tool"),
    ("google_adk", recorded({}, "send_data", "gcp.vertex.agent"), "message"),
    ("autogen", recorded({}, "autogen process ann_1.(1)-A", "autogen runtime"), "message"),
    ("autogen", recorded({"gen_ai.operation.name": "execute_tool"}, scope="autogen-core"), "tool"),
    ("microsoft_agent_framework", recorded({}, "workflow.run", "agent_framework"), "workflow"),
    ("microsoft_agent_framework", recorded({}, "message.send", "agent_framework"), "message"),
    ("microsoft_agent_framework", recorded({}, "executor.process x", "agent_framework"), "other"),
    ("semantic_kernel", recorded({}, "AutoFunctionInvocationLoop", "semantic_kernel.x"), "other"),
    ("strands", recorded({"gen_ai.operation.name": "invoke_swarm"}, scope="strands.x"), "workflow"),
    ("claude_code", recorded({}, "claude_code.interaction"), "agent"),
    ("claude_code", recorded({}, "claude_code.llm_request"), "model"),
    ("claude_code", recorded({}, "claude_code.tool"), "tool"),
    ("claude_code", recorded({}, "claude_code.tool.execution"), "other"),
    ("claude_agent_sdk_langsmith", recorded({}, "claude.conversation"), "agent"),
    ("claude_agent_sdk_langsmith", recorded({}, "claude.assistant.turn"), "model"),
    ("a2a_draft", recorded({"a2a.method.name": "message/send"}), "message"),
    ("a2a_draft", recorded({}, "a2a.server.x", "a2a-python-sdk"), "other"),
    *by_attribute("weave", "weave.span.kind", llm="model", agent="agent", TOOL="tool"),
    ("weave", recorded({"wandb.thread_id": "t", "agent.span.type": "handoff"}), "handoff"),
    *by_attribute(
        "mlflow",
        "mlflow.spanType",
        LLM="model",
        AGENT="agent",
        RETRIEVER="retrieval",
        MEMORY="memory",
        MINE="other",
    ),
    ("mlflow", recorded({"mlflow.spanType": '"TOOL"'}), "tool"),
    *by_attribute("laminar", "lmnr.span.type", LLM="model", TOOL="tool", DEFAULT="other"),
    ("crewai_native", recorded({"crewai_version": "1"}), "other"),
    ("minor", recorded({"genkit:metadata:subtype": "tool"}), "tool"),
    ("minor", recorded({}, "agent_turn", "livekit-agents"), "agent"),
    ("minor", recorded({"koog.node.name": "n"}), "other"),
    (
        "otel_contrib_openai_agents",
        recorded({"gen_ai.handoff.from_agent": "ann", "gen_ai.operation.name": "agent_handoff"}),
        "handoff",
    ),
    (
        "llamaindex",
        recorded(
            {"openinference.span.kind": "CHAIN"},
            "AgentWorkflow.run_agent_step",
            "openinference.instrumentation.llama_index",
        ),
        "agent",
    ),
    (
        "llamaindex",
        recorded(
            {"openinference.span.kind": "LLM"},
            "X._prepare_chat_with_tools",
            "openinference.instrumentation.llama_index",
        ),
        "other",
    ),
]


@pytest.mark.parametrize(
    ("dialect", "read", "kind"),
    CASES,
    ids=[f"{d}-{s.name}-{k}-{i}" for i, (d, s, k) in enumerate(CASES)],
)
def test_a_span_is_of_the_kind_its_dialect_says(dialect: str, read: Span, kind: StepKind) -> None:
    """Each table recognises its spans, and gives each the kind that its emitter meant."""
    step = understand(read)
    assert (step.kind, step.dialect) == (kind, dialect)
