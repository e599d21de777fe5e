"""Vercel AI SDK: the ``ai.*`` spans of versions 3 to 6, and the spans of its OpenTelemetry package.

Source: vercel/ai, packages/otel/src/legacy-open-telemetry.ts and open-telemetry.ts. The SDK has no
agents: the function id that its user gives to a call names one. What the model said is spread over
two attributes, its text and its calls.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, Source, When, fields, keys, payloads
from causewatch.dialects.tables.otel_genai import COMMON, KINDS
from causewatch.model.step import StepKind

_OPERATION = "ai.operationId"
_AGENT: tuple[StepKind, ...] = ("agent",)
_MODEL: tuple[StepKind, ...] = ("model",)


def _operation(kind: StepKind, *names: str) -> KindRule:
    return KindRule(kind=kind, when=(When(key=_OPERATION, values=names),), why=_OPERATION)


VERCEL_AI = Dialect(
    id="vercel_ai",
    title="Vercel AI SDK 3 to 6",
    priority=17,
    detect=(
        When(key=_OPERATION),
        When(scope="ai", prefix="ai."),
        When(key="operation.name", pattern=r"ai\."),
    ),
    kinds=(
        _operation(
            "model", "ai.generateText.doGenerate", "ai.streamText.doStream",
            "ai.generateObject.doGenerate", "ai.streamObject.doStream",
        ),
        _operation("tool", "ai.toolCall"),
        _operation("retrieval", "ai.rerank.doRerank"),
        _operation(
            "agent", "ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject",
            "ai.workflowAgent.stream",
        ),
        _operation(
            "other", "ai.embed", "ai.embedMany", "ai.embed.doEmbed", "ai.embedMany.doEmbed",
            "ai.rerank",
        ),
    ),
    fields=fields(
        ("output_messages",),
        operation=keys(_OPERATION, "operation.name"),
        agent=keys("ai.telemetry.functionId", "resource.name"),
        session=keys(
            "ai.telemetry.metadata.sessionId", "ai.settings.context.sessionId",
            "ai.telemetry.metadata.threadId",
        ),
        model=keys(
            "gen_ai.response.model", "ai.response.model", "gen_ai.request.model", "ai.model.id"
        ),
        tool=keys("ai.toolCall.name"),
        call_id=keys("ai.toolCall.id"),
        arguments=payloads("ai.toolCall.args"),
        result=payloads("ai.toolCall.result"),
        input=(
            Source(key="ai.prompt", path="prompt", fmt="payload", kinds=_AGENT),
            *payloads("ai.prompt", kinds=_AGENT),
        ),
        output=payloads(
            "ai.response.text", "ai.response.object", "ai.result.text", "ai.result.object",
            kinds=_AGENT,
        ),
        input_messages=(
            Source(key="ai.prompt.messages", fmt="messages", kinds=_MODEL),
            Source(key="ai.prompt", fmt="messages", kinds=_AGENT),
        ),
        output_messages=tuple(
            Source(key=name, fmt="messages", role="assistant", kinds=_MODEL)
            for name in (
                "ai.response.text", "ai.response.toolCalls", "ai.response.object",
                "ai.result.text", "ai.result.toolCalls", "ai.result.object",
            )
        ),
        input_tokens=keys(
            "gen_ai.usage.input_tokens", "ai.usage.inputTokens", "ai.usage.promptTokens"
        ),
        output_tokens=keys(
            "gen_ai.usage.output_tokens", "ai.usage.outputTokens", "ai.usage.completionTokens"
        ),
        total_tokens=keys("ai.usage.totalTokens", "ai.usage.tokens"),
        cache_read_tokens=keys(
            "ai.usage.cachedInputTokens", "ai.usage.inputTokenDetails.cacheReadTokens"
        ),
        reasoning_tokens=keys(
            "ai.usage.reasoningTokens", "ai.usage.outputTokenDetails.reasoningTokens"
        ),
        finish_reason=keys(
            "ai.response.finishReason", "ai.finishReason", "gen_ai.response.finish_reasons"
        ),
        error_type=(Source(events=("exception",), key="exception.type"),),
        error_message=(
            Source(span="status_message"),
            Source(events=("exception",), key="exception.message"),
        ),
    ),
)  # fmt: skip

VERCEL_AI_OTEL = Dialect(
    id="vercel_ai_otel",
    title="Vercel AI SDK 7, OpenTelemetry package",
    priority=18,
    detect=(When(scope="gen_ai"),),
    kinds=(
        KindRule(
            kind="retrieval",
            when=(When(key="gen_ai.operation.name", values=("rerank",)),),
            why="gen_ai.operation.name",
        ),
        *KINDS,
    ),
    fields=fields(**COMMON),
)
