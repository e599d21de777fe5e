"""Exceptions with which frameworks steer control: healthy runs are full of them."""

from __future__ import annotations

CONTROL_FLOW_EXCEPTIONS = frozenset(
    {
        # LangGraph: a handoff to a node of the parent graph, an interrupt, a drained graph.
        "ParentCommand", "GraphInterrupt", "NodeInterrupt", "GraphBubbleUp", "GraphDelegate",
        # Python: the end of an iteration or of a task that was asked to stop.
        "StopIteration", "StopAsyncIteration", "GeneratorExit", "CancelledError", "QueueShutDown",
        # Pydantic AI: deferred and repeated calls.
        "CallDeferred", "ApprovalRequired", "ToolRetryError", "ModelRetry", "SkipModelRequest",
        "SkipToolExecution", "SkipToolValidation",
    }
)  # fmt: skip


def is_control_flow(exception_type: str) -> bool:
    """Tell whether an exception of this (maybe qualified) type steers control rather than fails."""
    return exception_type.rpartition(".")[2] in CONTROL_FLOW_EXCEPTIONS
