"""Langfuse SDK, versions 3 and 4.

Source: langfuse/langfuse, packages/shared/src/server/otel. Values of metadata are written as JSON,
plain names too. The LangChain handler marks chains whose name contains "agent" as agents; the
agent that owns a step is in the metadata (``lc_agent_name``).
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

_TYPE = "langfuse.observation.type"
_META = "langfuse.observation.metadata."
_INPUT, _OUTPUT = "langfuse.observation.input", "langfuse.observation.output"
_LC_AGENT = _META + "lc_agent_name"
_SPEAKING: tuple[StepKind, ...] = ("agent", "workflow", "guardrail", "evaluation")
_CALLS: tuple[StepKind, ...] = ("tool", "retrieval")


def _detail(*names: str, key: str = "langfuse.observation.usage_details") -> tuple[Source, ...]:
    return tuple(Source(key=key, path=name) for name in names)


_USAGE = {
    "input_tokens": _detail("input"),
    "output_tokens": _detail("output"),
    "total_tokens": _detail("total"),
    "cache_read_tokens": _detail("input_cached_tokens", "cache_read_input_tokens"),
    "cache_write_tokens": _detail("cache_creation_input_tokens"),
    "reasoning_tokens": _detail("output_reasoning_tokens"),
    "cost": _detail("total", key="langfuse.observation.cost_details"),
}


def _type(kind: StepKind, value: str, *more: When, why: str = _TYPE) -> KindRule:
    return KindRule(kind=kind, when=(When(key=_TYPE, values=(value,)), *more), why=why)


_BEARS_AGENT = When(key=_LC_AGENT, equals_name=True)

LANGFUSE = Dialect(
    id="langfuse",
    title="Langfuse SDK 3 and 4",
    priority=12,
    detect=(When(prefix="langfuse."), When(scope="langfuse-sdk")),
    kinds=(
        _type("model", "generation"),
        _type("other", "embedding"),
        _type(
            "other",
            "agent",
            When(key=_LC_AGENT),
            When(key=_LC_AGENT, equals_name=True, negate=True),
            why="a run inside of an agent whose name contains 'agent'",
        ),
        _type(
            "other",
            "agent",
            When(key=_LC_AGENT, negate=True),
            When(key=_META + "langgraph_node", equals_name=True),
            why=GRAPH_NODE,
        ),
        _type("agent", "agent"),
        _type("tool", "tool"),
        _type("retrieval", "retriever"),
        _type("guardrail", "guardrail"),
        _type("evaluation", "evaluator"),
        KindRule(
            kind="model",
            when=(When(key="langfuse.observation.model.name"),),
            why="langfuse.observation.model.name",
        ),
        *(
            rule
            for value in ("chain", "span")
            for rule in (
                _type("agent", value, _BEARS_AGENT, why="a chain that bears its agent's name"),
                _type(
                    "other",
                    value,
                    When(key=_META + "langgraph_node", equals_name=True),
                    why=GRAPH_NODE,
                ),
                _type("other", value, When(root=True, negate=True)),
                _type("workflow", value, why="a chain at the root"),
            )
        ),
        _type("other", "event"),
    ),
    fields=fields(
        operation=keys(_TYPE),
        agent=(*keys(_LC_AGENT), Source(span="name", kinds=("agent",), fallback=True)),
        workflow=keys("langfuse.trace.name"),
        session=keys("langfuse.session.id", "session.id", _META + "thread_id"),
        model=keys("langfuse.observation.model.name"),
        tool=(Source(span="name", kinds=_CALLS, fallback=True),),
        call_id=keys(_META + "tool_call_id"),
        arguments=payloads(_INPUT, kinds=("tool",)),
        result=payloads(_OUTPUT, kinds=_CALLS),
        input=payloads(_INPUT, "langfuse.trace.input", kinds=_SPEAKING),
        output=payloads(_OUTPUT, "langfuse.trace.output", kinds=_SPEAKING),
        **_USAGE,
        input_messages=(Source(key=_INPUT, fmt="messages", kinds=("model",)),),
        output_messages=(Source(key=_OUTPUT, fmt="messages", kinds=("model",), role="assistant"),),
        query=keys(_INPUT, kinds=("retrieval",)),
        documents=(Source(key=_OUTPUT, fmt="documents", kinds=("retrieval",)),),
        error_type=(Source(events=("exception",), key="exception.type"),),
        error_message=(
            *keys("langfuse.observation.status_message"),
            Source(span="status_message"),
        ),
    ),
)
