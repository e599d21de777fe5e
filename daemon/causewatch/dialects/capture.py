"""Which setting makes an instrumentation record more: the advice beside *unverifiable*.

Sources: the documentation and code of each instrumentation, as named in its table.
"""

from __future__ import annotations

from typing import Literal

from causewatch.model.step import Step

Limit = Literal["length", "attributes", "events", "links"]

_GENAI = (
    "set OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY and"
    " OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental for the instrumentation {scope};"
    " where it writes content to log records, send those here as well (OTEL_LOGS_EXPORTER=otlp)"
)
BY_SCOPE = {
    "gcp.vertex.agent": (
        "set OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY for ADK; in versions"
        " before it, unset ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS"
    ),
    "agent_framework": "switch on sensitive data (ENABLE_SENSITIVE_DATA=true) in Agent Framework",
}
"""By the name of the instrumentation scope, where its setting is its own."""
_VERCEL = "set recordInputs and recordOutputs to true in experimental_telemetry"
BY_DIALECT = {
    "openinference": (
        "unset OPENINFERENCE_HIDE_INPUTS and OPENINFERENCE_HIDE_OUTPUTS, and those for single"
        " messages and texts, for the instrumentation {scope}"
    ),
    "llamaindex": "unset OPENINFERENCE_HIDE_INPUTS and OPENINFERENCE_HIDE_OUTPUTS",
    "openllmetry": "unset TRACELOOP_TRACE_CONTENT, or set it to true",
    "langfuse": (
        "leave capture_input and capture_output on in observe(), unset"
        " LANGFUSE_OBSERVE_DECORATOR_IO_CAPTURE_ENABLED, and look at what the mask function removes"
    ),
    "langsmith": "unset LANGSMITH_HIDE_INPUTS and LANGSMITH_HIDE_OUTPUTS",
    "claude_agent_sdk_langsmith": "unset LANGSMITH_HIDE_INPUTS and LANGSMITH_HIDE_OUTPUTS",
    "pydantic_ai": "use InstrumentationSettings(include_content=True)",
    "logfire": (
        "pass include_content=True to logfire.instrument_pydantic_ai(), and look at what scrubbing"
        " removes"
    ),
    "vercel_ai": _VERCEL,
    "vercel_ai_otel": _VERCEL,
    "google_adk": BY_SCOPE["gcp.vertex.agent"],
    "autogen": (
        "AutoGen's own spans carry no content: instrument it with"
        " openinference-instrumentation-autogen-agentchat as well, and send its log records here"
    ),
    "microsoft_agent_framework": BY_SCOPE["agent_framework"],
    "semantic_kernel": (
        "set SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE=true, and send"
        " log records here as well: Semantic Kernel writes messages to them"
    ),
    "claude_code": (
        "set OTEL_LOG_USER_PROMPTS=1, OTEL_LOG_TOOL_DETAILS=1 and OTEL_LOG_TOOL_CONTENT=1"
    ),
    "a2a_draft": "A2A spans carry no content: instrument the agents at both ends as well",
    "mcp": "MCP spans carry no content: instrument the agent that calls the server as well",
    "crewai_native": (
        "these spans are usage statistics: instrument CrewAI with"
        " openinference-instrumentation-crewai"
    ),
    "otel_contrib_openai_agents": _GENAI,
    "otel_genai": _GENAI,
    "otel_genai_legacy": _GENAI,
}
_DEFAULT = "switch on content capture in the instrumentation {scope}"
NAMES_BY_DIALECT = {
    "vercel_ai": "give each call a name with experimental_telemetry.functionId",
    "vercel_ai_otel": "give each call a name with experimental_telemetry.functionId",
    "openinference": "set agent.name (or graph.node.id) on the spans of agents",
    "llamaindex": "instrument with openinference-instrumentation-llama-index, which names agents",
    "openllmetry": "wrap each agent's function with the decorator @agent(name=...)",
    "langfuse": "start agents as observations of the type agent: observe(as_type='agent')",
    "mlflow": "trace agents with span_type=SpanType.AGENT",
    "laminar": "add gen_ai.agent.name to the spans of agents",
    "autogen": "give each AgentChat agent a name of its own",
}
"""Where an instrumentation has its own way to say which agent a span belongs to."""
_NAMES_DEFAULT = "name agents: set gen_ai.agent.name on the spans of each agent"
_LIMITS: dict[Limit, str] = {
    "length": (
        "raise the attribute length limit: of the SDK (OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT,"
        " OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT), of the Collector (truncate_all in its transform"
        " processor) or of the backend"
    ),
    "attributes": (
        "raise the limit of attributes a span, OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT (128 by default)"
    ),
    "events": "raise the limit of events a span, OTEL_SPAN_EVENT_COUNT_LIMIT (128 by default)",
    "links": "raise the limit of links a span, OTEL_SPAN_LINK_COUNT_LIMIT (128 by default)",
}
WITHHELD_REASON = "redacted or dropped on receipt"
WITHHELD_FIX = (
    "narrow receive.redact and receive.drop_attributes in causewatch.yaml where this content may be"
    " stored; where it may not, causewatch.instrument can send digests and shapes to compare"
)
MAX_SCOPE_CHARS = 120


def capture_fix(step: Step) -> str:
    """Return what would put the content of this step on its span."""
    scope = step.span.scope.name
    clean = "".join(char for char in scope[:MAX_SCOPE_CHARS] if char.isprintable())
    name = clean or step.dialect or "of your framework"
    # A server of the Model Context Protocol may speak another dialect's words besides.
    dialect = "mcp" if "mcp.method.name" in step.span.attributes else step.dialect
    text = BY_SCOPE.get(scope) or BY_DIALECT.get(dialect) or _DEFAULT
    return text.format(scope=name)


def name_fix(step: Step) -> str:
    """Return what would tell which agent this step belongs to."""
    return NAMES_BY_DIALECT.get(step.dialect, _NAMES_DEFAULT)


def limit_fix(limit: Limit) -> str:
    """Return what would stop telemetry from cutting values, or from dropping parts of spans."""
    return _LIMITS[limit]
