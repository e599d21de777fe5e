"""What good runs show of each node: the children of each of its activations, as words."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import msgspec

from causewatch.paths.parser import plain_pattern
from causewatch.paths.syntax import Name, Pattern, PatternKind
from causewatch.paths.visits import Child, Visit, VisitKind

MIN_GLOB_NAMES_COUNT = 3
"""So many names that differ in a number only are one glob, where no run has all of them."""
_NUMBER = re.compile(r"[0-9a-f]{8,}(?:-[0-9a-f]+)*|[0-9]+")
_LITERAL = re.compile(r"\[([*?\[])\]")
_WILD = "\0"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One child in a word: the name a content model would give it, and when it ran."""

    name: Name
    start_ns: int
    end_ns: int


Word = tuple[Item, ...]


class NodeSample(msgspec.Struct, frozen=True, kw_only=True):
    """All activations of one node in some runs."""

    pattern: Pattern
    words: tuple[Word, ...]
    runs_count: int


def samples_of(runs: Sequence[Sequence[Visit]]) -> tuple[NodeSample, ...]:
    """Return what runs of one workflow show of each node, in the order of first appearance.

    The run itself is a node unless all below it is the agent that it is named after, a tool where
    something ever stands below it.
    """
    names = _names(runs)
    globs = {key[2]: name.pattern for key, name in names.items() if name.pattern.is_wild}
    words: dict[tuple[VisitKind, str], list[Word]] = {}
    seen_in: dict[tuple[VisitKind, str], set[int]] = {}
    for number, visits in enumerate(runs):
        for visit in visits:
            # Agents made up for each run are one node.
            known = globs.get(visit.name) if visit.kind == "agent" else None
            node = visit.kind, known.glob if known else plain_pattern("", visit.name).glob
            words.setdefault(node, []).append(
                tuple(
                    Item(name=names[_key(child)], start_ns=child.start_ns, end_ns=child.end_ns)
                    for child in visit.children
                )
            )
            seen_in.setdefault(node, set()).add(number)
    return tuple(
        NodeSample(
            pattern=_node_pattern(node, words),
            words=tuple(found),
            runs_count=len(seen_in[node]),
        )
        for node, found in words.items()
        if _is_worth(node, found)
    )


def _key(child: Child) -> tuple[bool, str, str]:
    return child.is_handoff, child.kind, child.name


def _is_worth(node: tuple[VisitKind, str], words: Sequence[Word]) -> bool:
    """Tell whether a node says something that is not said by the others."""
    match node:
        case "agent", _:
            return True
        case "workflow", name:
            below = ([item.name.pattern.glob for item in word] for word in words)
            return any(names not in ([], [name]) for names in below)
        case _:
            return any(words)


def _node_pattern(node: tuple[VisitKind, str], nodes: Collection[tuple[VisitKind, str]]) -> Pattern:
    """Return the key of a node: with its kind where the name alone would mean another."""
    kind, glob = node
    shown: PatternKind = ""
    if kind == "workflow" or (kind == "tool" and ("agent", glob) in nodes):
        shown = kind
    return Pattern(kind=shown, glob=glob, text=_LITERAL.sub(r"\1", glob))


def _names(runs: Sequence[Sequence[Visit]]) -> dict[tuple[bool, str, str], Name]:
    """Return the name in content models of each child of the runs."""
    kinds_of: dict[str, set[str]] = {}
    runs_of: dict[tuple[bool, str, str], set[int]] = {}
    for number, visits in enumerate(runs):
        for visit in visits:
            for child in visit.children:
                kinds_of.setdefault(child.name, set()).add(child.kind)
                runs_of.setdefault(_key(child), set()).add(number)
    globs = _globs(runs_of)
    return {
        key: Name(
            pattern=globs.get(key) or _pattern(key, kinds_of[key[2]]),
            is_handoff=key[0],
        )
        for key in runs_of
    }


def _pattern(key: tuple[bool, str, str], kinds: set[str]) -> Pattern:
    is_handoff, kind, name = key
    if is_handoff or len(kinds) == 1:
        return plain_pattern("", name)
    return plain_pattern("agent" if kind == "agent" else "tool", name)


def _globs(runs_of: dict[tuple[bool, str, str], set[int]]) -> dict[tuple[bool, str, str], Pattern]:
    """Return globs for names made up for each run, such as ``worker_17``."""
    families: dict[tuple[bool, str, str], list[tuple[bool, str, str]]] = {}
    for key in runs_of:
        is_handoff, kind, name = key
        family = _NUMBER.sub(_WILD, name)
        if family != name:
            families.setdefault((is_handoff, kind, family), []).append(key)
    found: dict[tuple[bool, str, str], Pattern] = {}
    for (_, _, family), members in families.items():
        in_all = set.intersection(*(runs_of[member] for member in members))
        if len(members) < MIN_GLOB_NAMES_COUNT or in_all:
            continue
        plain = plain_pattern("", family)
        glob = msgspec.structs.replace(
            plain, glob=plain.glob.replace(_WILD, "*"), text=family.replace(_WILD, "*")
        )
        found |= dict.fromkeys(members, glob)
    return found
