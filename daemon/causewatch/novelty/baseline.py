"""What a workflow had so far: its shapes and edges, as a value that can be merged."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from causewatch.novelty.shape import Shape

MAX_SHAPES_COUNT = 1_000
MAX_EDGES_COUNT = 2_000
"""Of one workflow. Beyond them what was seen longest ago is forgotten, and would be new again."""
MAX_WORKFLOWS_COUNT = 500
"""Beyond it, what changed longest ago is forgotten: such a workflow learns anew."""
NS_PER_DAY = 86_400 * 1_000_000_000


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The shapes and edges of a workflow's good runs, each with the day on which it was last seen.

    Days count from the Unix epoch: a known shape that comes again changes nothing until the next
    day, so that it costs no write.
    """

    since_ns: int | None = None
    """When the first of these runs ended, Unix ns; ``None`` where there was none."""
    shapes: Mapping[str, int] = {}
    """By fingerprint."""
    edges: Mapping[str, int] = {}


NO_BASELINE = Baseline()


def learned(shape: Shape, at_ns: int) -> Baseline:
    """Return what one good run teaches; ``joined`` adds it to what is known."""
    day = at_ns // NS_PER_DAY
    return Baseline(
        since_ns=at_ns, shapes={shape.fingerprint: day}, edges=dict.fromkeys(shape.edges, day)
    )


def joined(one: Baseline, other: Baseline) -> Baseline:
    """Return what both know. Neither the order nor the grouping of several merges matters.

    Beyond the limits, what was seen longest ago is forgotten (of one day, the last by name).
    """
    known = [each.since_ns for each in (one, other) if each.since_ns is not None]
    return Baseline(
        since_ns=min(known, default=None),
        shapes=_newest(_merged(one.shapes, other.shapes), MAX_SHAPES_COUNT),
        edges=_newest(_merged(one.edges, other.edges), MAX_EDGES_COUNT),
    )


def forgotten_count(one: Baseline, other: Baseline) -> int:
    """Return how many shapes and edges ``joined`` forgets."""
    return max(len(one.shapes.keys() | other.shapes.keys()) - MAX_SHAPES_COUNT, 0) + max(
        len(one.edges.keys() | other.edges.keys()) - MAX_EDGES_COUNT, 0
    )


def _merged(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}


def _newest(seen: Mapping[str, int], limit_count: int) -> dict[str, int]:
    order = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    return dict(sorted(order[:limit_count]))
