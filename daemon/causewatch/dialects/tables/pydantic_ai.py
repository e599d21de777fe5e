"""Pydantic AI's own instrumentation, format versions 2 to 6.

Source: pydantic/pydantic-ai, pydantic_ai_slim/pydantic_ai/_instrumentation.py.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, Source, When, fields, keys, payloads
from causewatch.dialects.tables.otel_genai import COMMON, KINDS

PYDANTIC_AI = Dialect(
    id="pydantic_ai",
    title="Pydantic AI",
    priority=15,
    detect=(
        When(scope="pydantic-ai"),
        When(prefix="pydantic_ai."),
        When(key="gen_ai.agent.call.id"),
    ),
    kinds=(
        KindRule(kind="agent", when=(When(name="agent run$"),), why="span name"),
        KindRule(
            kind="tool", when=(When(name="running (tool|output function)$"),), why="span name"
        ),
        KindRule(kind="other", when=(When(name="running( [0-9]+)? tools?$"),), why="span name"),
        *KINDS,
        KindRule(
            kind="agent",
            when=(When(key="pydantic_ai.all_messages"),),
            why="pydantic_ai.all_messages",
        ),
        KindRule(kind="agent", when=(When(key="all_messages_events"),), why="all_messages_events"),
        KindRule(kind="agent", when=(When(key="agent_name"),), why="agent_name"),
    ),
    fields=fields(
        **{
            **COMMON,
            "agent": keys("gen_ai.agent.name", "agent_name"),
            "arguments": payloads("gen_ai.tool.call.arguments", "tool_arguments"),
            "result": payloads("gen_ai.tool.call.result", "tool_response"),
            "output": payloads("final_result"),
            "input_messages": (
                Source(key="gen_ai.input.messages", fmt="messages"),
                Source(key="pydantic_ai.all_messages", fmt="messages"),
                Source(key="all_messages_events", fmt="messages"),
                Source(key="events", fmt="messages", pick="asked"),
            ),
            "output_messages": (
                *COMMON["output_messages"],
                Source(key="events", fmt="messages", role="assistant", pick="said"),
            ),
            "input_tokens": (
                *COMMON["input_tokens"],
                *keys("gen_ai.aggregated_usage.input_tokens", kinds=("agent",)),
            ),
            "output_tokens": (
                *COMMON["output_tokens"],
                *keys("gen_ai.aggregated_usage.output_tokens", kinds=("agent",)),
            ),
        }
    ),
)
