"""The dialects that causewatch knows. A new one is a module here and a name in ``SHIPPED``."""

from __future__ import annotations

from causewatch.dialects.table import Dialect
from causewatch.dialects.tables.a2a import A2A
from causewatch.dialects.tables.claude_code import CLAUDE_CODE
from causewatch.dialects.tables.google_adk import GOOGLE_ADK
from causewatch.dialects.tables.instrument import INSTRUMENT
from causewatch.dialects.tables.langfuse import LANGFUSE
from causewatch.dialects.tables.langsmith import CLAUDE_LANGSMITH, LANGSMITH
from causewatch.dialects.tables.llamaindex import LLAMAINDEX
from causewatch.dialects.tables.logfire import LOGFIRE
from causewatch.dialects.tables.mcp import MCP
from causewatch.dialects.tables.minor import (
    CREWAI_NATIVE,
    LANGGRAPH,
    MINOR,
    OTEL_CONTRIB_OPENAI_AGENTS,
)
from causewatch.dialects.tables.openinference import OPENINFERENCE
from causewatch.dialects.tables.openllmetry import OPENLLMETRY
from causewatch.dialects.tables.otel_genai import OTEL_GENAI, OTEL_GENAI_LEGACY
from causewatch.dialects.tables.pydantic_ai import PYDANTIC_AI
from causewatch.dialects.tables.runtimes import AGENT_FRAMEWORK, AUTOGEN, SEMANTIC_KERNEL
from causewatch.dialects.tables.strands import STRANDS
from causewatch.dialects.tables.trackers import LAMINAR, MLFLOW, WEAVE
from causewatch.dialects.tables.vercel_ai import VERCEL_AI, VERCEL_AI_OTEL

SHIPPED: tuple[Dialect, ...] = (
    INSTRUMENT, LLAMAINDEX, OPENINFERENCE, CLAUDE_LANGSMITH, LANGFUSE, LANGSMITH, WEAVE,
    PYDANTIC_AI, LOGFIRE, VERCEL_AI, VERCEL_AI_OTEL, GOOGLE_ADK, OPENLLMETRY,
    OTEL_CONTRIB_OPENAI_AGENTS, AUTOGEN, AGENT_FRAMEWORK, SEMANTIC_KERNEL, STRANDS, CLAUDE_CODE,
    A2A, MCP, OTEL_GENAI, OTEL_GENAI_LEGACY, MLFLOW, LAMINAR, CREWAI_NATIVE, LANGGRAPH, MINOR,
)  # fmt: skip
"""All dialects, in order of priority."""
