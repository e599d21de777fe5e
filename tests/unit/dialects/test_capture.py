"""The advice beside *unverifiable*."""

from __future__ import annotations

import pytest

from causewatch.dialects.capture import capture_fix
from causewatch.model.span import Scope, Span
from causewatch.model.step import Step

CASES = [
    ("gcp.vertex.agent", "otel_genai", "for ADK"),
    ("agent_framework", "otel_genai", "ENABLE_SENSITIVE_DATA=true"),
    ("opentelemetry.util.genai.handler", "otel_genai", "instrumentation opentelemetry.util.genai"),
    ("openinference.instrumentation.langchain", "openinference", "OPENINFERENCE_HIDE_INPUTS"),
    ("pydantic-ai", "pydantic_ai", "include_content=True"),
    ("fastmcp", "mcp", "instrument the agent"),
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
