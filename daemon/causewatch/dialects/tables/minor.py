"""Dialects with little of their own.

OTel contrib's OpenAI Agents, CrewAI's usage statistics, LangGraph's metadata, and frameworks of
which only other vendors' readers were seen (Genkit, LiveKit, Flue, Koog).

Sources: open-telemetry/opentelemetry-python-contrib (openai-agents-v2), crewAIInc/crewAI
(telemetry/telemetry.py), langfuse/langfuse (ObservationTypeMapper.ts).
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, Source, When, fields, keys, payloads
from causewatch.dialects.tables.otel_genai import COMMON, KINDS
from causewatch.model.step import StepKind

_GENKIT = "genkit:metadata:subtype"
_CALLS: tuple[StepKind, ...] = ("tool", "retrieval")
_LIVEKIT = When(scope="livekit-agents")


def _rule(kind: StepKind, key: str, *values: str) -> KindRule:
    return KindRule(kind=kind, when=(When(key=key, values=values),), why=key)


OTEL_CONTRIB_OPENAI_AGENTS = Dialect(
    id="otel_contrib_openai_agents",
    title="OpenTelemetry contrib, OpenAI Agents v2",
    priority=21,
    detect=(
        When(key="gen_ai.handoff.from_agent"),
        When(key="gen_ai.guardrail.name"),
        When(key="gen_ai.orchestrator.agent.definitions"),
    ),
    kinds=(_rule("model", "gen_ai.operation.name", "transcription", "speech_generation"), *KINDS),
    fields=fields(**COMMON),
)

CREWAI_NATIVE = Dialect(
    id="crewai_native",
    title="CrewAI usage statistics",
    priority=80,
    detect=(When(key="crewai_version"), When(key="crew_fingerprint")),
    kinds=(
        KindRule(
            kind="other",
            when=(When(key="crewai_version"),),
            why="the vendor's usage statistics, no work",
        ),
        _rule("other", "crew_fingerprint"),
    ),
)

MINOR = Dialect(
    id="minor",
    title="Genkit, LiveKit Agents, Flue, Koog (experimental)",
    priority=95,
    detect=(When(key=_GENKIT), _LIVEKIT, When(prefix="flue."), When(key="koog.node.name")),
    kinds=(
        _rule("model", _GENKIT, "model", "background-model"),
        _rule("tool", _GENKIT, "tool", "tool.v2"),
        _rule("retrieval", _GENKIT, "retriever"),
        _rule("other", _GENKIT, "embedder"),
        _rule("evaluation", _GENKIT, "evaluator"),
        KindRule(
            kind="agent",
            when=(_LIVEKIT, When(name="(agent_turn|start_agent_activity)$")),
            why="span name",
        ),
        KindRule(kind="tool", when=(_LIVEKIT, When(name="function_tool$")), why="span name"),
        _rule("tool", "flue.tool.name"),
        _rule("agent", "flue.task.id"),
        _rule("other", "koog.node.name"),
    ),
    fields=fields(
        agent=keys("lk.agent_name"),
        call_id=keys("lk.function_tool.id"),
        session=keys("genkit:sessionId"),
        model=(Source(key="genkit:name", kinds=("model",)),),
        tool=(
            *keys("flue.tool.name", "lk.function_tool.name"),
            *keys("genkit:name", kinds=_CALLS),
            Source(span="name", kinds=("tool",), fallback=True),
        ),
        arguments=payloads(
            "flue.tool.arguments", "lk.function_tool.arguments", "genkit:input", kinds=("tool",)
        ),
        result=payloads(
            "flue.tool.result", "lk.function_tool.output", "genkit:output", kinds=("tool",)
        ),
        input=payloads(
            "flue.task.prompt", "lk.user_input", "lk.input_text", "lk.chat_ctx", kinds=("agent",)
        ),
        output=payloads("flue.task.result", "lk.response.text", kinds=("agent",)),
        input_messages=(Source(key="genkit:input", fmt="messages", kinds=("model",)),),
        output_messages=(
            Source(key="genkit:output", fmt="messages", kinds=("model",), role="assistant"),
        ),
        query=(Source(key="genkit:input", path="query", kinds=("retrieval",)),),
        documents=(Source(key="genkit:output", fmt="documents", kinds=("retrieval",)),),
        input_tokens=(Source(key="genkit:output", path="usage.inputTokens"),),
        output_tokens=(Source(key="genkit:output", path="usage.outputTokens"),),
    ),
)

LANGGRAPH = Dialect(
    id="langgraph",
    title="LangGraph run metadata, laid over other dialects",
    priority=90,
    overlay=True,
    detect=(
        When(key="metadata", path="langgraph_step"),
        When(key="traceloop.association.properties.langgraph_step"),
        When(key="langfuse.observation.metadata.langgraph_step"),
        When(key="langsmith.metadata.langgraph_step"),
    ),
    fields=fields(
        session=(
            Source(key="metadata", path="thread_id"),
            *keys(
                "traceloop.association.properties.thread_id",
                "langfuse.observation.metadata.thread_id",
                "langsmith.metadata.thread_id",
            ),
        ),
    ),
)
