"""A path template, compiled: which nodes it describes, and what may stand below each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache

import msgspec

from causewatch.paths.derive import Fits
from causewatch.paths.parser import Order
from causewatch.paths.syntax import Leaf, Model, Name, Pattern
from causewatch.paths.visits import Child, Visit


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``expect``: the node's name and what may stand below it."""

    pattern: Pattern
    model: Model
    written: str
    """The key as written."""


class PathTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """What shape the runs of a workflow may have; a node that is not listed is free."""

    name: str
    rule_id: str
    workflow: str = "*"
    """Glob over the names of workflows."""
    nodes: tuple[Node, ...] = ()
    required: tuple[Order, ...] = ()
    forbidden: tuple[Order, ...] = ()

    def binds(self, workflow: str) -> bool:
        """Tell whether the template is about runs of this workflow."""
        return is_match(self.workflow, workflow)


@lru_cache(4_000)
def _compiled(glob: str) -> re.Pattern[str]:
    # ``translate`` makes each star atomic, so matching cannot backtrack.
    return re.compile(translate(glob))


def is_match(glob: str, name: str) -> bool:
    """Tell whether a glob fits a name, case and all."""
    return _compiled(glob).match(name) is not None


def fits_child(leaf: Leaf, child: Child) -> bool:
    """Tell whether a name of a content model fits a child.

    A plain name fits however the child was reached, and a handoff also by the name of the tool
    that did it; one with an arrow fits handoffs only.
    """
    if not isinstance(leaf, Name):
        return child.is_handoff or not leaf.is_handoff
    if leaf.is_handoff and not child.is_handoff:
        return False
    kind, glob = leaf.pattern.kind, leaf.pattern.glob
    if kind in {"", child.kind} and is_match(glob, child.name):
        return True
    is_by_tool = bool(child.by) and not leaf.is_handoff and kind != "agent"
    return is_by_tool and is_match(glob, child.by)


def fits_of(leaves: Iterable[Leaf], child: Child) -> Fits:
    """Return the names of a content model that fit a child."""
    return frozenset(leaf for leaf in leaves if fits_child(leaf, child))


def node_of(template: PathTemplate, visit: Visit, agents: frozenset[str]) -> Node | None:
    """Return the line of a template that is about a visit: a plain name before globs.

    A name without a kind means agents, then tools, then the run: it is about tools only where no
    agent of the run bears it.
    """
    found = [node for node in template.nodes if _is_about(node.pattern, visit, agents)]
    return min(found, key=lambda node: node.pattern.is_wild, default=None)


def _is_about(pattern: Pattern, visit: Visit, agents: frozenset[str]) -> bool:
    if pattern.kind not in {"", visit.kind} or not is_match(pattern.glob, visit.name):
        return False
    if pattern.kind or visit.kind == "agent":
        return True
    return not any(is_match(pattern.glob, agent) for agent in agents)
