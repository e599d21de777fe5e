"""OpenTelemetry GenAI semantic conventions, current and up to 1.36.

Sources: open-telemetry/semantic-conventions-genai (model/gen-ai/registry.yaml, spans.yaml), the
draft of handoffs in its pull request 447, and open-telemetry/semantic-conventions 1.36 for message
events.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, Source, When, fields, keys, payloads
from causewatch.model.step import StepKind

_OPERATION = "gen_ai.operation.name"
DETAILS = ("gen_ai.client.inference.operation.details",)


def _operation(kind: StepKind, *names: str) -> KindRule:
    return KindRule(kind=kind, when=(When(key=_OPERATION, values=names),), why=_OPERATION)


KINDS = (
    KindRule(
        kind="handoff", when=(When(key="gen_ai.transfer.mode"),), why="gen_ai.transfer.mode"
    ),
    KindRule(
        kind="other",
        when=(When(key="gen_ai.tool.name", values=("(merged tools)",)),),
        why="Google ADK's summary of parallel calls, no call of its own",
    ),
    _operation(
        "model", "chat", "text_completion", "generate_content", "completion", "response",
        "generate", "fetch_response",
    ),
    _operation("other", "embeddings", "embedding", "plan"),
    _operation("agent", "invoke_agent"),
    KindRule(
        kind="other",
        when=(When(key=_OPERATION, values=("create_agent",)),),
        why="create_agent sets an agent up and does none of its work",
    ),
    _operation("workflow", "invoke_workflow", "invoke_swarm", "invoke_graph"),
    _operation("tool", "execute_tool"),
    _operation("retrieval", "retrieval", "vector_db_retrieve"),
    _operation(
        "memory", "search_memory", "create_memory", "update_memory", "upsert_memory",
        "delete_memory", "create_memory_store", "delete_memory_store",
    ),
    _operation("handoff", "handoff", "agent_handoff", "goto"),
    _operation("guardrail", "guardrail", "guardrail_check"),
    _operation(
        "other", "execute_task", "agent_step", "execute_event_loop_cycle", "invoke_node"
    ),
    KindRule(kind="tool", when=(When(key="gen_ai.tool.name"),), why="gen_ai.tool.name"),
    KindRule(kind="model", when=(When(key="gen_ai.request.model"),), why="gen_ai.request.model"),
    KindRule(
        kind="agent",
        when=(When(key="gen_ai.agent.name"), When(key=_OPERATION, negate=True)),
        why="gen_ai.agent.name, and no operation",
    ),
)  # fmt: skip


_NOT_TOOL: tuple[StepKind, ...] = ("model", "agent", "workflow", "other")


def _chat(name: str, role: str) -> tuple[Source, ...]:
    return (
        Source(key=name, fmt="messages", role=role),
        Source(events=DETAILS, key=name, fmt="messages", role=role, kinds=_NOT_TOOL),
    )


_USAGE = "gen_ai.usage."
USAGE = {
    "input_tokens": keys(_USAGE + "input_tokens", _USAGE + "prompt_tokens"),
    "output_tokens": keys(_USAGE + "output_tokens", _USAGE + "completion_tokens"),
    "total_tokens": keys(_USAGE + "total_tokens"),
    "cache_read_tokens": keys(
        _USAGE + "cache_read.input_tokens", _USAGE + "cache_read_input_tokens"
    ),
    "cache_write_tokens": keys(
        _USAGE + "cache_write.input_tokens", _USAGE + "cache_creation.input_tokens",
        _USAGE + "cache_creation_input_tokens", _USAGE + "cache_write_input_tokens",
    ),
    "reasoning_tokens": keys(
        _USAGE + "reasoning.output_tokens", _USAGE + "reasoning_tokens"
    ),
    "cost": keys(_USAGE + "cost", "operation.cost"),
}  # fmt: skip
"""Names of the present conventions, of the earlier ones, and those that some SDKs make up."""

COMMON = {
    "operation": keys(_OPERATION),
    "agent": keys("gen_ai.agent.name"),
    "agent_id": keys("gen_ai.agent.id"),
    "workflow": keys("gen_ai.workflow.name", "workflow.name"),
    "session": keys("gen_ai.conversation.id", "session.id"),
    "model": keys("gen_ai.response.model", "gen_ai.request.model"),
    "tool": keys("gen_ai.tool.name"),
    "call_id": keys("gen_ai.tool.call.id"),
    "arguments": payloads("gen_ai.tool.call.arguments"),
    "result": payloads("gen_ai.tool.call.result"),
    "system": (
        Source(key="gen_ai.system_instructions", fmt="parts", role="system"),
        Source(events=DETAILS, key="gen_ai.system_instructions", fmt="parts", role="system"),
    ),
    "input_messages": _chat("gen_ai.input.messages", "user"),
    "output_messages": _chat("gen_ai.output.messages", "assistant"),
    "query": keys("gen_ai.retrieval.query.text", "gen_ai.memory.query.text"),
    "documents": (
        Source(key="gen_ai.retrieval.documents", fmt="documents"),
        Source(key="gen_ai.memory.records", fmt="documents"),
    ),
    "finish_reason": keys("gen_ai.response.finish_reasons"),
    "error_type": (*keys("error.type"), Source(events=("exception",), key="exception.type")),
    "error_message": (
        Source(span="status_message"),
        Source(events=("exception",), key="exception.message"),
    ),
    "handoff_from": keys(
        "gen_ai.handoff.from_agent", "gen_ai.agent.handoff.source.name", "gen_ai.caller.name"
    ),
    "handoff_to": keys(
        "gen_ai.transfer.target.name", "gen_ai.handoff.to_agent", "gen_ai.agent.handoff.target.name"
    ),
    "handoff_mode": keys("gen_ai.transfer.mode"),
    **USAGE,
    "evaluations": (Source(events=("gen_ai.evaluation.result",), fmt="evaluation_events"),),
}  # fmt: skip

OTEL_GENAI = Dialect(
    id="otel_genai",
    title="OpenTelemetry GenAI semantic conventions",
    priority=30,
    detect=(When(prefix="gen_ai."),),
    kinds=KINDS,
    fields=fields(**COMMON),
)

_INPUT_EVENTS = (
    "gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message",
    "gen_ai.tool.message",
)  # fmt: skip

OTEL_GENAI_LEGACY = Dialect(
    id="otel_genai_legacy",
    title="OTel GenAI up to 1.36: message events, gen_ai.prompt and gen_ai.completion",
    priority=31,
    detect=(
        When(key="gen_ai.system"),
        When(event_prefix="gen_ai."),
        When(prefix="gen_ai.prompt"),
        When(prefix="gen_ai.completion"),
    ),
    kinds=KINDS,
    fields=fields(
        input_messages=(
            Source(events=_INPUT_EVENTS, fmt="events", kinds=_NOT_TOOL),
            Source(events=("gen_ai.content.prompt",), key="gen_ai.prompt", fmt="messages"),
            Source(prefix="gen_ai.prompt.", fmt="flat_messages"),
            Source(key="gen_ai.prompt", fmt="messages", kinds=("model",)),
        ),
        output_messages=(
            Source(events=("gen_ai.choice",), fmt="events", kinds=_NOT_TOOL),
            Source(
                events=("gen_ai.content.completion",),
                key="gen_ai.completion",
                fmt="messages",
                role="assistant",
            ),
            Source(prefix="gen_ai.completion.", fmt="flat_messages", role="assistant"),
            Source(key="gen_ai.completion", fmt="messages", role="assistant", kinds=("model",)),
        ),
        arguments=(
            Source(events=("gen_ai.tool.message",), key="content", fmt="payload", kinds=("tool",)),
        ),
        result=(Source(events=("gen_ai.choice",), key="message", fmt="payload", kinds=("tool",)),),
    ),
)
