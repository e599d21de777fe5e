"""OpenLLMetry (Traceloop SDK and its instrumentors).

Source: traceloop/openllmetry, opentelemetry-semantic-conventions-ai and the instrumentors for
OpenAI Agents, LangChain, CrewAI and MCP. Its scope names are those of OTel contrib, so only
attributes recognise it. ``traceloop.span.kind`` comes first: CrewAI's instrumentor gives
"invoke_agent" to tasks and workflows, too. LangGraph's ``invoke_agent X`` below a run is a leaf
beside the task span that holds the agent's work.
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
from causewatch.dialects.tables.otel_genai import COMMON, KINDS
from causewatch.model.step import StepKind

_KIND = "traceloop.span.kind"
_NAME = "traceloop.entity.name"
_META = "traceloop.association.properties."
_INPUT, _OUTPUT = "traceloop.entity.input", "traceloop.entity.output"
_REQUEST = "llm.request.type"
_SPEAKING: tuple[StepKind, ...] = ("agent", "workflow")
_TOOL: tuple[StepKind, ...] = ("tool",)
_VECTOR_STORES = ("pinecone", "chroma", "qdrant", "weaviate", "milvus", "marqo", "lancedb")


def _rule(
    kind: StepKind, key: str, *values: str, more: tuple[When, ...] = (), why: str = ""
) -> KindRule:
    return KindRule(kind=kind, when=(When(key=key, values=values), *more), why=why or key)


OPENLLMETRY = Dialect(
    id="openllmetry",
    title="OpenLLMetry (Traceloop)",
    priority=20,
    detect=(
        When(prefix="traceloop."),
        When(key=_REQUEST),
        When(prefix="gen_ai.task."),
        When(prefix="langgraph.command."),
        When(key="gen_ai.workflow.nodes"),
    ),
    kinds=(
        _rule("handoff", _KIND, "handoff"),
        _rule("handoff", "gen_ai.operation.name", "handoff", "goto"),
        _rule("workflow", _KIND, "workflow"),
        _rule("retrieval", "gen_ai.operation.name", "vector_db_retrieve"),
        _rule("retrieval", "db.system", *_VECTOR_STORES),
        _rule("agent", _KIND, "agent"),
        _rule("tool", _KIND, "tool"),
        _rule("model", _REQUEST, "chat", "completion"),
        _rule("other", _REQUEST, "embedding"),
        _rule("retrieval", _REQUEST, "rerank"),
        _rule(
            "agent", _KIND, "task",
            more=(When(key=_META + "lc_agent_name", equals_key=_NAME),),
            why="a task that bears its agent's name",
        ),
        _rule(
            "other", _KIND, "task",
            more=(When(key=_META + "langgraph_node", equals_key=_NAME),),
            why=GRAPH_NODE,
        ),
        _rule("other", _KIND, "task", "session", "unknown"),
        _rule(
            "other", "gen_ai.workflow.nodes",
            more=(
                When(root=True, negate=True),
                When(key="gen_ai.operation.name", values=("invoke_agent",)),
            ),
            why="a leaf beside the task that holds the agent's work",
        ),
        *KINDS,
    ),
    fields=fields(
        **{
            **COMMON,
            "operation": keys("gen_ai.operation.name", _KIND, _REQUEST),
            "agent": (
                *keys("gen_ai.agent.name", _META + "lc_agent_name"),
                *keys(_NAME, kinds=("agent",)),
            ),
            "workflow": keys("traceloop.workflow.name"),
            "session": keys(
                "gen_ai.conversation.id", _META + "session_id", _META + "thread_id"
            ),
            "tool": (*keys("gen_ai.tool.name"), *keys(_NAME, kinds=_TOOL)),
            "input_messages": (
                *COMMON["input_messages"],
                Source(prefix="gen_ai.prompt.", fmt="flat_messages"),
                Source(prefix="llm.prompts.", fmt="flat_messages"),
            ),
            "output_messages": (
                *COMMON["output_messages"],
                Source(prefix="gen_ai.completion.", fmt="flat_messages", role="assistant"),
                Source(prefix="llm.completions.", fmt="flat_messages", role="assistant"),
            ),
            "arguments": (
                *payloads("gen_ai.tool.call.arguments"),
                *payloads(_INPUT, kinds=_TOOL),
            ),
            "result": (
                *payloads("gen_ai.tool.call.result"),
                *payloads(_OUTPUT, "mcp.response.value", kinds=_TOOL),
                *payloads(_OUTPUT, kinds=("retrieval",)),
            ),
            "input": payloads(_INPUT, "gen_ai.task.input", kinds=_SPEAKING),
            "output": payloads(_OUTPUT, "gen_ai.task.output", kinds=_SPEAKING),
            "query": (Source(key=_INPUT, path="query", kinds=("retrieval",)),),
            "documents": (
                Source(key=_OUTPUT, path="documents", fmt="documents", kinds=("retrieval",)),
                *COMMON["documents"],
                Source(events=("db.query.result",), fmt="documents"),
            ),
            "model": (*COMMON["model"], *keys("llm.response.model", "llm.request.model")),
            "input_tokens": (*COMMON["input_tokens"], *keys("llm.usage.prompt_tokens")),
            "output_tokens": (*COMMON["output_tokens"], *keys("llm.usage.completion_tokens")),
            "total_tokens": (*COMMON["total_tokens"], *keys("llm.usage.total_tokens")),
            # langgraph.command.source_node is a node inside of the agent, not the agent.
            "handoff_from": keys(
                "gen_ai.handoff.from_agent", _META + "lc_agent_name", kinds=("handoff",)
            ),
            "handoff_to": keys(
                "gen_ai.handoff.to_agent", "langgraph.command.goto_node",
                "langgraph.command.goto_nodes", kinds=("handoff",),
            ),
        }
    ),
)  # fmt: skip
