"""Google Agent Development Kit: its first schema (``gcp.vertex.agent.*``) and the current one.

Source: google/adk-python, src/google/adk/telemetry. Placeholders stand where nothing was recorded:
``{}`` for a tool span's model request, ``<not specified>`` for a call id.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, Source, When, fields, keys, payloads
from causewatch.dialects.tables.otel_genai import COMMON, KINDS
from causewatch.model.step import StepKind

_PREFIX = "gcp.vertex.agent."
_MODEL: tuple[StepKind, ...] = ("model",)
_FILLERS = ("{}", "N/A")
"""What stands there where recording is off, or where a span only sums up parallel calls."""


def _name(kind: StepKind, pattern: str) -> KindRule:
    return KindRule(kind=kind, when=(When(name=pattern),), why="span name")


GOOGLE_ADK = Dialect(
    id="google_adk",
    title="Google Agent Development Kit",
    priority=19,
    detect=(When(scope="gcp.vertex.agent"), When(prefix=_PREFIX)),
    kinds=(
        *KINDS,
        _name("model", "call_llm$"),
        _name("agent", r"agent_run \[.+\]$"),
        _name("workflow", "invocation"),
        _name("tool", "execute_tool "),
        _name("message", "send_data$"),
    ),
    fields=fields(
        **{
            **COMMON,
            "agent": (
                *keys("gen_ai.agent.name"),
                Source(span="name", pattern=r"agent_run \[([^\]]+)\]$"),
            ),
            "session": keys("gen_ai.conversation.id", _PREFIX + "session_id"),
            "tool": (*keys("gen_ai.tool.name"), Source(span="name", pattern="execute_tool (.+)$")),
            "input_messages": (
                *COMMON["input_messages"],
                Source(
                    key=_PREFIX + "llm_request", fmt="messages", kinds=_MODEL, absent=_FILLERS
                ),
            ),
            "output_messages": (
                *COMMON["output_messages"],
                Source(
                    key=_PREFIX + "llm_response", fmt="messages", role="assistant", kinds=_MODEL,
                    absent=_FILLERS,
                ),
            ),
            "input": payloads(_PREFIX + "data", kinds=("message",)),
            "arguments": (
                *payloads("gen_ai.tool.call.arguments"),
                Source(
                    key=_PREFIX + "tool_call_args", fmt="payload", kinds=("tool",), absent=_FILLERS
                ),
            ),
            "result": (
                *payloads("gen_ai.tool.call.result"),
                Source(
                    key=_PREFIX + "tool_response", fmt="payload", kinds=("tool",), absent=_FILLERS
                ),
            ),
        }
    ),
)  # fmt: skip
