"""The names that instrumented handoffs are written in: attributes of spans, keys of messages.

``gen_ai.transfer.*`` and ``gen_ai.caller.*`` are those of the OpenTelemetry proposal for agent to
agent interactions (semantic-conventions-genai, pull request 447), which is a draft: they may change
with it. What ``causewatch`` itself relies on are its own names.
"""

from __future__ import annotations

from typing import Literal

VERSION = "0.1.0"

Mode = Literal["pass_control", "return_to_caller"]
Side = Literal["sent", "received"]

INSTRUMENT = "causewatch.instrument"
"""Marks a span as ours; its value is ``VERSION``. Without it no ``causewatch.*`` is believed."""
HANDOFF = "causewatch.handoff."
HANDOFF_ID = f"{HANDOFF}id"
HANDOFF_FROM = f"{HANDOFF}from"
HANDOFF_TO = f"{HANDOFF}to"
HANDOFF_MODE = f"{HANDOFF}mode"
HANDOFF_KEYED = f"{HANDOFF}keyed"
"""True where digests are made with a key, so that they compare only with each other."""

OPERATION_NAME = "gen_ai.operation.name"
AGENT_NAME = "gen_ai.agent.name"
TRANSFER_MODE = "gen_ai.transfer.mode"
TRANSFER_TARGET = "gen_ai.transfer.target.name"
CALLER_NAME = "gen_ai.caller.name"
CALLER_TYPE = "gen_ai.caller.type"
ERROR_TYPE = "error.type"

CARRIER_ID = "causewatch-handoff"
"""The key of a message's headers that holds the handoff's id."""
CARRIER_FROM = "causewatch-handoff-from"
"""The key that holds the sending agent's name, percent-encoded UTF-8."""


def content_of(side: Side) -> str:
    """Return the attribute for a side's content: JSON text."""
    return f"{HANDOFF}{side}"


def sha256_of(side: Side) -> str:
    """Return the attribute for a side's digest: 64 hex characters."""
    return f"{HANDOFF}{side}.sha256"


def bytes_of(side: Side) -> str:
    """Return the attribute for the size of a side's canonical JSON, in bytes."""
    return f"{HANDOFF}{side}.bytes"


def fields_of(side: Side) -> str:
    """Return the attribute for a side's shape: JSON text."""
    return f"{HANDOFF}{side}.fields"


def dropped_of(side: Side) -> str:
    """Return the attribute for how many places of a side its shape does not list."""
    return f"{HANDOFF}{side}.fields.dropped"


def left_out_of(side: Side) -> str:
    """Return the attribute for what is not on the span, and why: a list of sentences."""
    return f"{HANDOFF}{side}.left_out"
