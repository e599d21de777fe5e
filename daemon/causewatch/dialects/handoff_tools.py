"""Names of tools with which agents pass control to other agents, as frameworks give them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from causewatch.model.step import HandoffMode
from causewatch.model.value import Value

_OTHER = re.compile(r"[^a-z0-9]+")


class HandoffTool(msgspec.Struct, frozen=True, kw_only=True):
    """A naming pattern; the target agent is the pattern's first group or one of the arguments.

    A group can be any text, so ``transfer_to_savings`` is a handoff only where ``savings`` is an
    agent of the run; a target argument is asked for by the framework itself and is believed
    (``certain``).
    """

    pattern: str
    target_arguments: tuple[str, ...] = ()
    mode: HandoffMode
    frameworks: tuple[str, ...]
    dialects: tuple[str, ...] = ()
    """Only in these dialects; empty for all."""
    certain: bool = False


HANDOFF_TOOLS: tuple[HandoffTool, ...] = (
    HandoffTool(
        pattern=r"transfer_to_agent$",
        target_arguments=("agent_name",),
        mode="pass_control",
        frameworks=("google_adk",),
        certain=True,
    ),
    HandoffTool(
        pattern=r"handoff_to_agent$",
        target_arguments=("agent_name",),
        mode="pass_control",
        frameworks=("strands_swarm",),
        certain=True,
    ),
    HandoffTool(
        pattern=r"handoff$",
        target_arguments=("to_agent",),
        mode="pass_control",
        frameworks=("llamaindex_agent_workflow",),
        certain=True,
    ),
    HandoffTool(
        pattern=r"transfer_back_to_(.+)$",
        mode="return_to_caller",
        frameworks=("langgraph_supervisor",),
    ),
    HandoffTool(
        pattern=r"(?:Handoff-)?transfer_to_(.+)$",
        mode="pass_control",
        frameworks=(
            "openai_agents",
            "langgraph_supervisor",
            "langgraph_swarm",
            "autogen",
            "semantic_kernel",
        ),
    ),
    HandoffTool(
        pattern=r"handoff_to_(.+)$",
        mode="pass_control",
        frameworks=("microsoft_agent_framework", "openinference_js_openai_agents"),
    ),
    HandoffTool(
        pattern=r"(?i:delegate[ _]work[ _]to[ _]coworker)$",
        target_arguments=("coworker",),
        mode="return_to_caller",
        frameworks=("crewai",),
        certain=True,
    ),
    HandoffTool(
        pattern=r"(?i:ask[ _]question[ _]to[ _]coworker)$",
        target_arguments=("coworker",),
        mode="return_to_caller",
        frameworks=("crewai",),
        certain=True,
    ),
    HandoffTool(
        pattern=r"(?:Task|Agent)$",
        target_arguments=("subagent_type",),
        mode="return_to_caller",
        frameworks=("claude_agent_sdk",),
        dialects=("claude_code", "claude_agent_sdk_langsmith", "openinference", "logfire"),
        certain=True,
    ),
)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a tool call hands over to, and what else it says."""

    agent: str
    mode: HandoffMode
    has_payload: bool
    """The call carries more than the target's name."""
    known: bool
    """The target is an agent of the run."""


def normalised(name: str) -> str:
    """Return an agent's name as handoff tools spell it: lower case, all else underscores."""
    return _OTHER.sub("_", name.lower()[:500]).strip("_")


def by_normalised(agents: Iterable[str]) -> dict[str, str]:
    """Return the agents' names by their normalised form."""
    return {normalised(agent): agent for agent in agents}


def target_of(
    tool: str, arguments: Value, agents: Mapping[str, str], dialect: str
) -> Target | None:
    """Return whom a call of ``tool`` hands over to, or ``None`` when it is no handoff.

    Args:
        tool: the tool's name.
        arguments: the call's arguments, unwrapped.
        agents: names of the run's agents, by their normalised form.
        dialect: the dialect of the step that made or ran the call.
    """
    for entry, named in _entries_of(tool[:500]):
        if entry.dialects and dialect not in entry.dialects:
            continue
        said = _argument(arguments, entry.target_arguments) if named is None else named
        agent = agents.get(normalised(said))
        if agent is not None or (entry.certain and said):
            rest = _rest(arguments, entry.target_arguments)
            return Target(
                agent=agent or said, mode=entry.mode, has_payload=rest, known=agent is not None
            )
    return None


@lru_cache(maxsize=1024)
def _entries_of(tool: str) -> tuple[tuple[HandoffTool, str | None], ...]:
    """Return the entries that a tool's name matches, with the target that it names itself."""
    found = ((entry, re.match(entry.pattern, tool)) for entry in HANDOFF_TOOLS)
    return tuple(
        (entry, match.group(1) if match.groups() else None) for entry, match in found if match
    )


def _argument(arguments: Value, names: tuple[str, ...]) -> str:
    if isinstance(arguments, str):
        # A single argument may be recorded bare.
        return arguments if len(arguments) <= 200 else ""
    if not isinstance(arguments, dict):
        return ""
    return next((v for n in names if isinstance(v := arguments.get(n), str) and v), "")


def _rest(arguments: Value, names: tuple[str, ...]) -> bool:
    if isinstance(arguments, dict):
        return any(v not in (None, "", [], {}) for n, v in arguments.items() if n not in names)
    return bool(arguments) and not names
