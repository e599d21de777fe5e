"""LangSmith's OpenTelemetry export, and the Claude Agent SDK where LangSmith traces it.

Source: langchain-ai/langsmith-sdk, python/langsmith/_internal/otel/_otel_exporter.py.
``gen_ai.prompt`` and ``gen_ai.completion`` hold the whole inputs and outputs of any run, and
``gen_ai.operation.name`` is derived from the type (a retriever arrives as "embeddings"), so the
span kind comes first. ``langsmith.trace.session_*`` is the project, never the conversation.
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
from causewatch.dialects.tables.otel_genai import USAGE
from causewatch.model.step import StepKind

_KIND = "langsmith.span.kind"
_META = "langsmith.metadata."
_SPEAKING: tuple[StepKind, ...] = ("agent", "workflow")
_TOOL: tuple[StepKind, ...] = ("tool",)


def _kind(kind: StepKind, value: str, *more: When, why: str = _KIND) -> KindRule:
    when = (When(key=_KIND, values=(value, value.upper())), *more)
    return KindRule(kind=kind, when=when, why=why)


KINDS = (
    _kind("model", "llm"),
    _kind("tool", "tool"),
    _kind("retrieval", "retriever"),
    _kind("other", "embedding"),
    _kind("other", "prompt"),
    _kind("other", "parser"),
    _kind(
        "agent",
        "chain",
        When(key=_META + "lc_agent_name", equals_name=True),
        why="a chain that bears its agent's name",
    ),
    _kind("other", "chain", When(key=_META + "langgraph_node", equals_name=True), why=GRAPH_NODE),
    _kind("other", "chain", When(root=True, negate=True)),
    _kind("workflow", "chain", why="a chain at the root"),
)

FIELDS = {
    "operation": keys(_KIND, "gen_ai.operation.name"),
    "agent": (*keys(_META + "lc_agent_name"), Source(span="name", kinds=("agent",), fallback=True)),
    "session": keys(_META + "thread_id", _META + "session_id", _META + "conversation_id"),
    "model": keys(
        "gen_ai.response.model", "gen_ai.request.model", _META + "ls_model_name", _META + "model"
    ),
    "tool": (
        *keys("gen_ai.tool.name"),
        Source(span="name", kinds=("tool", "retrieval"), fallback=True),
    ),
    "call_id": keys("gen_ai.tool.call.id"),
    "arguments": payloads("gen_ai.prompt", kinds=_TOOL),
    "result": payloads("gen_ai.completion", kinds=("tool", "retrieval")),
    "input": payloads("gen_ai.prompt", kinds=_SPEAKING),
    "output": payloads("gen_ai.completion", kinds=_SPEAKING),
    "input_messages": (
        Source(key="gen_ai.prompt", fmt="messages", kinds=("model",)),
        Source(prefix="gen_ai.prompt.", fmt="flat_messages"),
    ),
    "output_messages": (
        Source(key="gen_ai.completion", fmt="messages", kinds=("model",), role="assistant"),
        Source(prefix="gen_ai.completion.", fmt="flat_messages", role="assistant"),
    ),
    "query": (Source(key="gen_ai.prompt", path="query", kinds=("retrieval",)),),
    "documents": (Source(key="gen_ai.completion", fmt="documents", kinds=("retrieval",)),),
    "error_type": (Source(events=("exception",), key="exception.type"),),
    "error_message": (
        Source(span="status_message"),
        Source(events=("exception",), key="exception.message"),
    ),
    **USAGE,
}

CLAUDE_LANGSMITH = Dialect(
    id="claude_agent_sdk_langsmith",
    title="Claude Agent SDK traced by LangSmith",
    priority=11,
    detect=(When(name=r"claude\.(conversation|assistant\.turn)$"),),
    kinds=(
        KindRule(kind="agent", when=(When(name=r"claude\.conversation$"),), why="span name"),
        KindRule(kind="model", when=(When(name=r"claude\.assistant\.turn$"),), why="span name"),
    ),
    fields=fields(**FIELDS),
)

LANGSMITH = Dialect(
    id="langsmith",
    title="LangSmith OpenTelemetry export",
    priority=13,
    detect=(When(prefix="langsmith."), When(scope="langsmith")),
    kinds=KINDS,
    fields=fields(**FIELDS),
)
