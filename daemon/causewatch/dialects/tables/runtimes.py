"""Agent runtimes that pass messages: AutoGen, Microsoft Agent Framework, Semantic Kernel.

Sources: microsoft/autogen, autogen_core/_telemetry; microsoft/agent-framework,
agent_framework/observability.py; microsoft/semantic-kernel, utils/telemetry. Who caused what is in
span links only: a step that processes a message links to the step that sent it.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, Source, When, fields, keys
from causewatch.dialects.tables.otel_genai import COMMON, KINDS
from causewatch.model.step import StepKind


def _name(kind: StepKind, pattern: str) -> KindRule:
    return KindRule(kind=kind, when=(When(name=pattern),), why="span name")


_AUTOGEN_OPERATION = "autogen (create|send|publish|receive|intercept|process|ack)"

AUTOGEN = Dialect(
    id="autogen",
    title="AutoGen 0.4 and later",
    priority=22,
    detect=(
        When(scope_prefix="autogen"),
        When(key="gen_ai.system", values=("autogen",)),
        When(name=_AUTOGEN_OPERATION),
    ),
    kinds=(_name("message", _AUTOGEN_OPERATION), *KINDS),
    fields=fields(
        **{
            **COMMON,
            "operation": keys("messaging.operation", "gen_ai.operation.name"),
            "input_messages": (
                *COMMON["input_messages"],
                Source(key="message", fmt="messages", kinds=("message",), absent=("No Message",)),
            ),
        }
    ),
)

_NAMED = r"(?!WorkflowBuilder-[0-9a-f]{8}-)(.{1,200})"
"""A generated name holds an id: no name to group runs by."""

AGENT_FRAMEWORK = Dialect(
    id="microsoft_agent_framework",
    title="Microsoft Agent Framework",
    priority=23,
    detect=(
        When(scope="agent_framework"),
        When(key="gen_ai.provider.name", values=("microsoft.agent_framework",)),
        When(key="executor.id"),
        When(key="edge_group.type"),
        When(key="message.destination_executor_id"),
    ),
    kinds=(
        _name("other", r"workflow\.build$"),
        _name("workflow", r"workflow\.run$"),
        _name("other", r"executor\.process"),
        _name("message", r"(edge_group\.process|message\.send)"),
        *KINDS,
    ),
    fields=fields(
        **{
            **COMMON,
            "workflow": (
                *keys("gen_ai.workflow.name"),
                Source(key="workflow.name", pattern=_NAMED),
            ),
            "error_type": (*keys("build.error.type"), *COMMON["error_type"]),
            "error_message": (*keys("build.error.message"), *COMMON["error_message"]),
        }
    ),
)

SEMANTIC_KERNEL = Dialect(
    id="semantic_kernel",
    title="Semantic Kernel",
    priority=24,
    detect=(When(scope_prefix="semantic_kernel."), When(key="sk.available_functions")),
    kinds=(_name("other", "AutoFunctionInvocationLoop$"), *KINDS),
    fields=fields(**COMMON),
)
