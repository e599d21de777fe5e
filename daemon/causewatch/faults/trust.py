"""Whose words may steer actions: what rule files declare about tools, retrievals and agents."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from causewatch.model.graph import CausalGraph


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """Whether what a tool, retrieval or agent says may steer actions."""

    kind: Literal["tool", "retrieval", "agent"]
    glob: str
    level: Literal["trusted", "untrusted"]


def trusted_steps(graph: CausalGraph, trust: Sequence[Trust]) -> frozenset[int]:
    """Return the steps whose results may steer actions: the first entry that matches decides."""
    if not trust:
        return frozenset()
    return frozenset(
        i
        for i, step in enumerate(graph.steps)
        if step.kind in {"tool", "retrieval"} and _is_trusted(graph, i, trust)
    )


def _is_trusted(graph: CausalGraph, index: int, trust: Sequence[Trust]) -> bool:
    step = graph.steps[index]
    for entry in trust:
        if entry.kind == "agent":
            name = graph.owner[index]
        elif entry.kind == step.kind:
            name = step.name
        else:
            continue
        if fnmatchcase(name, entry.glob):
            return entry.level == "trusted"
    return False
