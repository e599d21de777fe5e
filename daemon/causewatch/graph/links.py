"""Span links inside of a run, and the agents that they join."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from causewatch.graph.owners import Owners
from causewatch.graph.tree import Tree

MAX_HOPS_COUNT = 16
MAX_VISITED_COUNT = 1_000


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """The links that resolve: ``pairs`` of (linked-to step, step that carries the link)."""

    pairs: tuple[tuple[int, int], ...]
    sources: dict[int, tuple[int, ...]]
    """By the step that carries them, the steps that its links lead to."""


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """An activation that sent a message; ``performed_by`` is a step between, of no agent."""

    sender: int
    performed_by: int | None


def link(tree: Tree) -> Links:
    """Return the links of a run, in the order of the steps that carry them."""
    index = {(s.span.trace_id, s.span.span_id): i for i, s in enumerate(tree.steps)}
    sources: dict[int, tuple[int, ...]] = {}
    for i, step in enumerate(tree.steps):
        ids = dict.fromkeys((each.trace_id, each.span_id) for each in step.span.links)
        found = tuple(index[each] for each in ids if index.get(each, i) != i)
        if found:
            sources[i] = found
    pairs = tuple((source, i) for i, found in sources.items() for source in found)
    return Links(pairs=pairs, sources=sources)


def senders_of(tree: Tree, owners: Owners, links: Links, head: int) -> Iterator[Sender]:
    """Yield the activations whose message started the activation ``head``.

    Follows links backwards from the steps around ``head``, through steps that belong to no agent
    (an executor that merges, a queue), to the nearest activations.
    """
    if not links.pairs:
        return
    seen = {head}
    between: int | None = None
    level = list(_linked_to(tree, links, head))
    for _ in range(MAX_HOPS_COUNT):
        following: list[int] = []
        found: list[int] = []
        for source in level:
            if source in seen or len(seen) > MAX_VISITED_COUNT:
                continue
            seen.add(source)
            sender = _activation(tree, owners, source)
            if sender is None:
                following.extend(_linked_to(tree, links, source))
            elif sender != head and sender not in found:
                found.append(sender)
        if found:
            yield from (Sender(sender=sender, performed_by=between) for sender in found)
            return
        if between is None and level:
            between = _container(tree, level[0])
        level = following


def _linked_to(tree: Tree, links: Links, index: int) -> Iterator[int]:
    """Yield what the links of ``index``, and of the steps around it, lead to."""
    yield from links.sources.get(index, ())
    for i in islice(tree.ancestors(index), MAX_VISITED_COUNT):
        yield from links.sources.get(i, ())


def _container(tree: Tree, index: int) -> int:
    """Return the step around a message that is not yet the whole run's root."""
    at = index
    for i in islice(tree.ancestors(index), MAX_VISITED_COUNT):
        if tree.parent[i] < 0:
            break
        at = i
    return at


def _activation(tree: Tree, owners: Owners, index: int) -> int | None:
    """Return the activation that a message came out of: around it, or beside it."""
    if owners.head[index] >= 0:
        return owners.head[index]
    below = islice(tree.descendants(_container(tree, index)), MAX_VISITED_COUNT)
    return next((i for i in below if owners.head[i] == i), None)
