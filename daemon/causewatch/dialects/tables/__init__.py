"""The dialects that causewatch knows. A new one is a module here and a name in ``SHIPPED``."""

from __future__ import annotations

from causewatch.dialects.table import Dialect
from causewatch.dialects.tables.mcp import MCP
from causewatch.dialects.tables.openinference import OPENINFERENCE
from causewatch.dialects.tables.otel_genai import OTEL_GENAI, OTEL_GENAI_LEGACY
from causewatch.dialects.tables.pydantic_ai import PYDANTIC_AI

SHIPPED: tuple[Dialect, ...] = (OPENINFERENCE, PYDANTIC_AI, MCP, OTEL_GENAI, OTEL_GENAI_LEGACY)
"""All dialects, in order of priority."""
