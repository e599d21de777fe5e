"""What happens in a story: who works, what they call, what they say, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import msgspec


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a tool with its result."""

    tool: str
    arguments: dict[str, Any]
    result: Any
    tag: str = ""
    """How the ground truth refers to it."""
    failed: bool = False
    """Whether the tool raised: its span then has an error status."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a model that calls tools, several of them at one time."""

    uses: tuple[Use, ...]
    text: str = ""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one agent does before it speaks."""

    agent: str
    turns: tuple[Turn, ...] = ()
    says: str
    task: str | None = None
    """What it is told to do, where that is not what the part before it said."""
    hears: str | None = None
    """What reaches it, where code on the way changed what was sent."""
    beside: bool = False
    """Whether it runs at one time with the parts before and after it that do."""
    lost: bool = False
    """Whether what it says is dropped where the branches are joined."""


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a story; each tuple holds the answers that are right, none for nothing."""

    categories: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    """Tags: of a `Use`, or `hand:AGENT`, `agent:AGENT`, `says:AGENT`, `turn:AGENT`, `merge`."""
    propagators: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()


HEALTHY = Truth()


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """A story before it is played by a system of a certain topology."""

    lead: str
    ask: str
    parts: tuple[Part, ...]
    final: str
    truth: Truth = HEALTHY
    more: tuple[tuple[str, Part], ...] = ()
    """What the user asks afterwards, and who answers it."""
    language: str = "en"
