"""OpenInference (Arize Phoenix and AX): spec/semantic_conventions.md and the Python instrumentors.

LangChain's instrumentor marks any run whose name contains "agent" as AGENT, tools too; the agent
that owns a step is in the ``metadata`` attribute (``lc_agent_name``). OpenAI Agents' root AGENT
span is the trace, not an agent.
"""

from __future__ import annotations

from causewatch.dialects.table import (
    GRAPH_NODE,
    Dialect,
    KindRule,
    Source,
    When,
    fields,
    keys,
    payloads,
)
from causewatch.model.step import StepKind

_KIND = "openinference.span.kind"
_SCOPE = "openinference.instrumentation."
_TOKENS = "llm.token_count."
_OPENAI_AGENTS = When(scope_prefix=_SCOPE + "openai_agents")
_LANGCHAIN_AGENT = When(key="metadata", path="lc_agent_name")
_CALLS: tuple[StepKind, ...] = ("tool", "retrieval")
_SPEAKING: tuple[StepKind, ...] = ("agent", "workflow", "retrieval", "guardrail", "evaluation")
"""Chains repeat, cut and re-serialise what the steps inside of them say; models have messages."""


def _kind(kind: StepKind, value: str, *more: When, why: str = _KIND) -> KindRule:
    return KindRule(kind=kind, when=(When(key=_KIND, values=(value,)), *more), why=why)


OPENINFERENCE = Dialect(
    id="openinference",
    title="OpenInference (Arize Phoenix, AX)",
    priority=10,
    detect=(When(key=_KIND), When(scope_prefix=_SCOPE)),
    kinds=(
        _kind("handoff", "TOOL", When(name="handoff to ."), why="span name 'handoff to X'"),
        _kind("model", "LLM"),
        _kind("other", "EMBEDDING"),
        _kind("tool", "TOOL"),
        _kind("retrieval", "RETRIEVER"),
        _kind("retrieval", "RERANKER"),
        _kind("tool", "AGENT", When(key="tool.name"), why="AGENT with tool.name is a tool"),
        _kind(
            "workflow",
            "AGENT",
            _OPENAI_AGENTS,
            When(key="agent.name", negate=True),
            When(key="graph.node.id", negate=True),
            why="the trace's own span, not an agent",
        ),
        _kind(
            "other",
            "AGENT",
            _LANGCHAIN_AGENT,
            When(key="metadata", path="lc_agent_name", equals_name=True, negate=True),
            why="a run inside of an agent whose name contains 'agent'",
        ),
        _kind("agent", "AGENT"),
        _kind("guardrail", "GUARDRAIL"),
        _kind("evaluation", "EVALUATOR"),
        _kind("other", "PROMPT"),
        _kind(
            "agent",
            "CHAIN",
            When(key="metadata", path="lc_agent_name", equals_name=True),
            why="a chain that bears its agent's name",
        ),
        _kind(
            "other",
            "CHAIN",
            When(key="metadata", path="langgraph_node", equals_name=True),
            why=GRAPH_NODE,
        ),
        _kind("other", "CHAIN", When(root=True, negate=True)),
        _kind("workflow", "CHAIN", why="a chain at the root"),
    ),
    fields=fields(
        operation=keys(_KIND),
        agent=(
            *keys("agent.name"),
            Source(key="metadata", path="lc_agent_name"),
            *keys("graph.node.name", "graph.node.id", kinds=("agent",)),
            Source(
                span="name", pattern=r"(.+)\.(?:run|arun|on_messages_stream)$", kinds=("agent",),
                fallback=True,
            ),
            Source(span="name", kinds=("agent",), fallback=True),
        ),
        session=keys("session.id"),
        model=keys(
            "llm.response.model_name", "llm.model_name", "llm.request.model_name",
            "embedding.model_name", "reranker.model_name",
        ),
        tool=(
            *keys("tool.name", "tool_call.function.name"),
            Source(span="name", kinds=("tool",), fallback=True),
        ),
        call_id=keys("tool.id", "tool_call.id"),
        input_messages=(
            Source(prefix="llm.input_messages.", fmt="flat_messages"),
            Source(prefix="llm.prompts.", fmt="flat_messages"),
            Source(key="input.value", fmt="messages", kinds=("model",)),
            Source(
                key="crew_tasks", path="0.description", fmt="messages", kinds=("workflow",),
                role="user",
            ),
        ),
        output_messages=(
            Source(prefix="llm.output_messages.", fmt="flat_messages", role="assistant"),
            Source(prefix="llm.choices.", fmt="flat_messages", role="assistant"),
            Source(key="output.value", fmt="messages", kinds=("model",), role="assistant"),
        ),
        arguments=(
            *payloads("input.value", kinds=("tool",)),
            *payloads("tool_call.function.arguments", kinds=("tool",)),
        ),
        result=payloads("output.value", kinds=_CALLS),
        input=payloads("input.value", kinds=_SPEAKING),
        output=payloads("output.value", kinds=_SPEAKING),
        query=keys("input.value", "reranker.query", kinds=("retrieval",)),
        documents=(
            Source(prefix="retrieval.documents.", fmt="flat_documents"),
            Source(prefix="reranker.output_documents.", fmt="flat_documents"),
        ),
        finish_reason=keys("llm.finish_reason"),
        input_tokens=keys(_TOKENS + "prompt"),
        output_tokens=keys(_TOKENS + "completion"),
        total_tokens=keys(_TOKENS + "total"),
        cache_read_tokens=keys(_TOKENS + "prompt_details.cache_read"),
        cache_write_tokens=keys(_TOKENS + "prompt_details.cache_write"),
        reasoning_tokens=keys(_TOKENS + "completion_details.reasoning"),
        cost=keys("llm.cost.total"),
        evaluations=(
            Source(prefix="evaluations.", fmt="flat_evaluations"),
            Source(prefix="annotations.", fmt="flat_evaluations"),
            Source(events=("gen_ai.evaluation.result",), fmt="evaluation_events"),
        ),
        error_type=(Source(events=("exception",), key="exception.type"),),
        error_message=(
            Source(span="status_message"),
            Source(events=("exception",), key="exception.message"),
        ),
        handoff_from=keys("input.value", kinds=("handoff",)),
        handoff_to=(
            *keys("output.value", kinds=("handoff",)),
            Source(span="name", pattern=r"handoff to (.+)$", kinds=("handoff",)),
        ),
    ),
)  # fmt: skip
