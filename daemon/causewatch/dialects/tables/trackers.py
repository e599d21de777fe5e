"""Experiment trackers that also trace: W&B Weave, MLflow, Laminar.

Sources: wandb/weave, weave/trace_server/opentelemetry; mlflow/mlflow, mlflow/tracing/constant.py;
lmnr-ai/lmnr, app-server/src/traces/span_attributes.rs. MLflow writes each value as JSON, plain
names too. Weave's values of ``weave.span.kind`` were not verified: experimental.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, Source, When, fields, keys, payloads
from causewatch.dialects.tables.otel_genai import COMMON, KINDS, USAGE
from causewatch.model.step import StepKind

_SPEAKING: tuple[StepKind, ...] = ("agent", "workflow", "guardrail", "evaluation")
_CALLS: tuple[StepKind, ...] = ("tool", "retrieval")


def _rule(kind: StepKind, key: str, *values: str) -> KindRule:
    return KindRule(kind=kind, when=(When(key=key, values=values),), why=key)


WEAVE = Dialect(
    id="weave",
    title="W&B Weave (experimental)",
    priority=14,
    detect=(When(prefix="wandb."), When(key="weave.span.kind")),
    kinds=(
        _rule("model", "weave.span.kind", "llm", "LLM"),
        _rule("agent", "weave.span.kind", "agent", "AGENT"),
        _rule("tool", "weave.span.kind", "tool", "TOOL"),
        _rule("handoff", "agent.span.type", "handoff"),
        _rule("agent", "agent.span.type", "agent"),
        _rule("tool", "agent.span.type", "function"),
        _rule("guardrail", "agent.span.type", "guardrail"),
        *KINDS,
    ),
    fields=fields(
        **{
            **COMMON,
            "session": keys("wandb.thread_id", "gen_ai.conversation.id"),
            "agent": keys("gen_ai.agent.name", "agent.name"),
        }
    ),
)

_MLFLOW = "mlflow.spanType"
_TOKENS = "mlflow.chat.tokenUsage"
_INPUTS, _OUTPUTS = "mlflow.spanInputs", "mlflow.spanOutputs"

MLFLOW = Dialect(
    id="mlflow",
    title="MLflow Tracing",
    priority=32,
    detect=(When(prefix="mlflow."),),
    kinds=(
        _rule("model", _MLFLOW, "LLM", "CHAT_MODEL"),
        _rule("agent", _MLFLOW, "AGENT"),
        _rule("tool", _MLFLOW, "TOOL"),
        _rule("retrieval", _MLFLOW, "RETRIEVER", "RERANKER"),
        _rule("memory", _MLFLOW, "MEMORY"),
        _rule("evaluation", _MLFLOW, "EVALUATOR"),
        _rule("workflow", _MLFLOW, "WORKFLOW"),
        _rule("other", _MLFLOW),
    ),
    fields=fields(
        session=keys("session.id", "mlflow.trace.session"),
        agent=(Source(span="name", kinds=("agent",), fallback=True),),
        model=keys("mlflow.llm.model"),
        tool=(Source(span="name", kinds=_CALLS, fallback=True),),
        arguments=payloads(_INPUTS, kinds=("tool",)),
        result=payloads(_OUTPUTS, kinds=_CALLS),
        input=payloads(_INPUTS, kinds=_SPEAKING),
        output=payloads(_OUTPUTS, kinds=_SPEAKING),
        input_messages=(Source(key=_INPUTS, fmt="messages", kinds=("model",)),),
        output_messages=(Source(key=_OUTPUTS, fmt="messages", kinds=("model",), role="assistant"),),
        documents=(Source(key=_OUTPUTS, fmt="documents", kinds=("retrieval",)),),
        query=(Source(key=_INPUTS, path="query", kinds=("retrieval",)),),
        input_tokens=(Source(key=_TOKENS, path="input_tokens"),),
        output_tokens=(Source(key=_TOKENS, path="output_tokens"),),
        total_tokens=(Source(key=_TOKENS, path="total_tokens"),),
        cost=(Source(key="mlflow.llm.cost", path="total_cost"),),
        error_message=(Source(span="status_message"),),
    ),
)

_LAMINAR = "lmnr.span.type"
_IN, _OUT = "lmnr.span.input", "lmnr.span.output"

LAMINAR = Dialect(
    id="laminar",
    title="Laminar",
    priority=33,
    detect=(When(prefix="lmnr."),),
    kinds=(
        _rule("model", _LAMINAR, "LLM"),
        _rule("tool", _LAMINAR, "TOOL"),
        _rule("evaluation", _LAMINAR, "EVALUATOR", "HUMAN_EVALUATOR"),
        _rule("other", _LAMINAR),
    ),
    fields=fields(
        session=keys("lmnr.association.properties.session_id"),
        model=keys("gen_ai.response.model", "gen_ai.request.model"),
        tool=(Source(span="name", kinds=("tool",), fallback=True),),
        arguments=payloads(_IN, kinds=("tool",)),
        result=payloads(_OUT, kinds=("tool",)),
        input_messages=(Source(key=_IN, fmt="messages", kinds=("model",)),),
        output_messages=(Source(key=_OUT, fmt="messages", kinds=("model",), role="assistant"),),
        error_message=(Source(span="status_message"),),
        **USAGE,
    ),
)
