"""Pydantic Logfire's integrations: OpenAI Agents, Claude Agent SDK, model providers, MCP.

Source: pydantic/logfire, logfire/_internal/integrations. Span names are templates ("Agent run:
{name!r}"); the name itself is an attribute. Pending spans repeat a span while it runs.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, Source, When, fields, keys, payloads
from causewatch.dialects.tables.otel_genai import COMMON, KINDS
from causewatch.model.step import StepKind

_TEMPLATE = "logfire.msg_template"
_TOOL: tuple[StepKind, ...] = ("tool",)
_AGENT: tuple[StepKind, ...] = ("agent",)
_MODEL: tuple[StepKind, ...] = ("model",)


def _template(kind: StepKind, pattern: str) -> KindRule:
    return KindRule(kind=kind, when=(When(key=_TEMPLATE, pattern=pattern),), why=_TEMPLATE)


LOGFIRE = Dialect(
    id="logfire",
    title="Pydantic Logfire integrations",
    priority=16,
    detect=(When(scope_prefix="logfire"), When(key=_TEMPLATE)),
    kinds=(
        KindRule(
            kind="other",
            when=(When(key="logfire.span_type", values=("pending_span",)),),
            why="stands in for a span while it runs",
        ),
        _template("handoff", "Handoff:"),
        _template("workflow", "OpenAI Agents trace"),
        _template("agent", "Agent run:"),
        _template("tool", "Function:"),
        _template("guardrail", "Guardrail"),
        _template("model", "(Chat completion with|Responses API)"),
        _template("other", "(MCP: list tools|Task:|Turn)"),
        *KINDS,
        KindRule(kind="other", when=(When(name="MCP request"),), why="span name"),
    ),
    fields=fields(
        **{
            **COMMON,
            "agent": (*keys("gen_ai.agent.name", "agent_name"), *keys("name", kinds=_AGENT)),
            "session": keys("gen_ai.conversation.id", "group_id"),
            "tool": (*keys("gen_ai.tool.name"), *keys("name", kinds=_TOOL)),
            "arguments": (
                *payloads("gen_ai.tool.call.arguments"),
                *payloads("input", kinds=_TOOL),
            ),
            "result": (*payloads("gen_ai.tool.call.result"), *payloads("output", kinds=_TOOL)),
            "input_messages": (
                *COMMON["input_messages"],
                Source(key="raw_input", fmt="messages", kinds=_MODEL),
                Source(key="request_data", path="messages", fmt="messages", kinds=_MODEL),
                Source(key="request_data", path="input", fmt="messages", kinds=_MODEL),
                Source(key="events", fmt="messages", pick="asked", kinds=_MODEL),
            ),
            "output_messages": (
                *COMMON["output_messages"],
                Source(key="events", fmt="messages", pick="said", role="assistant", kinds=_MODEL),
                Source(
                    key="response", path="output", fmt="messages", role="assistant", kinds=_MODEL
                ),
                Source(
                    key="response_data", path="message", fmt="messages", role="assistant",
                    kinds=_MODEL,
                ),
            ),
            "handoff_from": (*keys("from_agent"), *COMMON["handoff_from"]),
            "handoff_to": (*keys("to_agent"), *COMMON["handoff_to"]),
        }
    ),
)  # fmt: skip
