"""Which setting makes an instrumentation record content: the advice beside *unverifiable*."""

from __future__ import annotations

from causewatch.model.step import Step

_GENAI = (
    "set OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY and"
    " OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental for the instrumentation {scope}"
)
BY_SCOPE = {
    "gcp.vertex.agent": "set OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY for ADK",
    "agent_framework": "switch on sensitive data (ENABLE_SENSITIVE_DATA=true) in Agent Framework",
}
"""By the name of the instrumentation scope, where its setting is its own."""
BY_DIALECT = {
    "openinference": "unset OPENINFERENCE_HIDE_INPUTS and OPENINFERENCE_HIDE_OUTPUTS for {scope}",
    "pydantic_ai": "use InstrumentationSettings(include_content=True)",
    "mcp": "MCP spans carry no content: instrument the agent that calls the server as well",
    "otel_genai": _GENAI,
    "otel_genai_legacy": _GENAI,
}
MAX_SCOPE_CHARS = 120


def capture_fix(step: Step) -> str:
    """Return what would put the content of this step on its span."""
    scope = step.span.scope.name
    name = scope[:MAX_SCOPE_CHARS] or step.dialect or "of your framework"
    default = "switch on content capture in the instrumentation {scope}"
    text = BY_SCOPE.get(scope) or BY_DIALECT.get(step.dialect) or default
    return text.format(scope=name)
