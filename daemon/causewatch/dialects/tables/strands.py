"""Strands Agents SDK: content in span events, old (one a message) or new (one with all).

Source: strands-agents/sdk-python, src/strands/telemetry/tracer.py.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, Source, When, fields
from causewatch.dialects.tables.otel_genai import COMMON, DETAILS, KINDS
from causewatch.model.step import StepKind

_TOOL: tuple[StepKind, ...] = ("tool",)

STRANDS = Dialect(
    id="strands",
    title="Strands Agents SDK",
    priority=25,
    detect=(
        When(scope_prefix="strands."),
        When(key="gen_ai.system", values=("strands-agents",)),
        When(key="gen_ai.provider.name", values=("strands-agents",)),
    ),
    kinds=KINDS,
    fields=fields(
        **{
            **COMMON,
            "arguments": (
                *COMMON["arguments"],
                Source(
                    events=("gen_ai.tool.message",), key="content", fmt="payload", kinds=_TOOL
                ),
                Source(
                    events=DETAILS, key="gen_ai.input.messages", path="0.parts.0.arguments",
                    fmt="payload", kinds=_TOOL,
                ),
            ),
            "result": (
                *COMMON["result"],
                Source(events=("gen_ai.choice",), key="message", fmt="payload", kinds=_TOOL),
                Source(
                    events=DETAILS, key="gen_ai.output.messages", path="0.parts.0.response",
                    fmt="payload", kinds=_TOOL,
                ),
            ),
            "error_type": (
                *COMMON["error_type"],
                # The span may be green although the tool reported an error.
                Source(key="gen_ai.tool.status", pattern="(error)$", kinds=_TOOL),
            ),
        }
    ),
)  # fmt: skip
