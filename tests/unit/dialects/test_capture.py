"""The advice beside *unverifiable*."""

from __future__ import annotations

import pytest

from causewatch.dialects.capture import (
    BY_DIALECT,
    NAMES_BY_DIALECT,
    Limit,
    capture_fix,
    limit_fix,
    name_fix,
)
from causewatch.dialects.tables import SHIPPED
from causewatch.model.span import Scope, Span
from causewatch.model.step import Step

CASES = [
    ("gcp.vertex.agent", "otel_genai", "for ADK"),
    ("agent_framework", "otel_genai", "ENABLE_SENSITIVE_DATA=true"),
    ("opentelemetry.util.genai.handler", "otel_genai", "instrumentation opentelemetry.util.genai"),
    ("openinference.instrumentation.langchain", "openinference", "OPENINFERENCE_HIDE_INPUTS"),
    ("pydantic-ai", "pydantic_ai", "include_content=True"),
    ("fastmcp", "mcp", "instrument the agent"),
    ("gcp.vertex.agent", "google_adk", "ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS"),
    ("ai", "vercel_ai", "recordInputs and recordOutputs"),
    ("langsmith", "langsmith", "LANGSMITH_HIDE_INPUTS"),
    ("opentelemetry.instrumentation.openai.v1", "openllmetry", "TRACELOOP_TRACE_CONTENT"),
    ("semantic_kernel.x", "semantic_kernel", "ENABLE_OTEL_DIAGNOSTICS_SENSITIVE"),
    ("com.anthropic.claude_code", "claude_code", "OTEL_LOG_TOOL_CONTENT"),
    ("autogen-core", "autogen", "openinference-instrumentation-autogen-agentchat"),
    ("my.tracer", "", "in the instrumentation my.tracer"),
    ("", "", "in the instrumentation of your framework"),
    ("x" * 500, "", "x" * 120),
]


@pytest.mark.parametrize(("scope", "dialect", "advice"), CASES)
def test_the_advice_names_the_setting(scope: str, dialect: str, advice: str) -> None:
    """What to change goes by instrumentation scope, then by dialect, and is always an action."""
    span = Span(trace_id="a" * 32, span_id="b" * 16, scope=Scope(name=scope))
    fix = capture_fix(Step(span=span, kind="tool", dialect=dialect, reason=""))
    assert advice in fix
    assert "x" * 121 not in fix
    assert "{" not in fix


def test_a_server_of_mcp_is_told_by_its_method() -> None:
    """Its spans may carry the words of GenAI, whose setting would not help."""
    attributes = {"mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool"}
    span = Span(trace_id="a" * 32, span_id="b" * 16, attributes=attributes)
    fix = capture_fix(Step(span=span, kind="tool", dialect="otel_genai", reason=""))
    assert "instrument the agent" in fix


def test_advice_is_for_dialects_that_exist() -> None:
    """A misspelt id would leave its dialect with the advice for all."""
    known = {dialect.id for dialect in SHIPPED}
    assert set(BY_DIALECT) | set(NAMES_BY_DIALECT) <= known


@pytest.mark.parametrize("dialect", ["vercel_ai", "openllmetry", "otel_genai", ""])
def test_names_of_agents_have_their_settings_too(dialect: str) -> None:
    """Where no span tells whose work it is, the advice says how to."""
    span = Span(trace_id="a" * 32, span_id="b" * 16)
    fix = name_fix(Step(span=span, kind="model", dialect=dialect, reason=""))
    assert {"vercel_ai": "functionId", "openllmetry": "@agent"}.get(dialect, "agent.name") in fix


def test_each_limit_has_its_variable() -> None:
    """The names of OpenTelemetry's SDK specification."""
    limits: tuple[tuple[Limit, str], ...] = (
        ("length", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
        ("attributes", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"),
        ("events", "OTEL_SPAN_EVENT_COUNT_LIMIT"),
        ("links", "OTEL_SPAN_LINK_COUNT_LIMIT"),
    )
    for limit, variable in limits:
        assert variable in limit_fix(limit)
