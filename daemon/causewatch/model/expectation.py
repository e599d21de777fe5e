"""What was expected of a run beyond its contracts, and what came: boundaries, paths, novelty."""

from __future__ import annotations

from typing import Literal

import msgspec

DeviationKind = Literal["unexpected", "missing", "order", "required", "forbidden"]
"""A child too many, one missing, one out of order; of ``required`` and ``forbidden`` orders, a step
without the one that it needs, and a step that may not come where it came.
"""


class Boundary(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the context at one handoff, whether or not a contract binds it.

    ``delta`` is a JSON Patch (RFC 6902) from what was sent to what was received, as JSON text of at
    most 4 KiB with the redacted values left out; ``summary`` says the same for people. ``checksum``
    chains the digests of all boundaries up to this one in causal order, so the first that differs
    from another run's is where the context changed. ``intact`` is ``None`` where one side is not
    known, and where nothing shows that code, not a model, carried what differs.
    """

    handoff: int
    """Index into ``CausalGraph.handoffs``."""
    intact: bool | None
    delta: str = ""
    summary: str = ""
    checksum: str = ""


class HealthPart(msgspec.Struct, frozen=True, kw_only=True):
    """How well the context survived one transition: a share from 0 to 1, and what was lost.

    The transition is a handoff, else the one step that first lost context within an agent's work.
    """

    score: float | None
    """``None`` where it could not be checked."""
    reason: str
    """One sentence for people; payload excerpts in it are at most 120 characters."""
    handoff: int | None = None
    """Index into ``CausalGraph.handoffs``."""
    step: int | None = None
    """Index of the step, where it is no handoff."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The context health of a run: did what mattered survive every transition?

    ``score`` is that of the worst transition, from 0 to 1; ``None`` where none could be checked.
    """

    score: float | None
    parts: tuple[HealthPart, ...] = ()


class Deviation(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a run left a path template: which child, at which node, what was allowed."""

    path: str
    """Name of the path template."""
    rule_id: str
    kind: DeviationKind
    node: str
    """Name of the node at which it happened, as the run has it."""
    step: int
    """Index of the node's step."""
    child: str
    """Name of the child at fault: too many, out of place or missing; empty where several could be
    missing.
    """
    at: int
    """Index of the step at fault: the child's, the node's own where a child is missing."""
    allowed: tuple[str, ...] = ()
    """What could have stood there, as content models write it."""
    message: str = ""
    """One sentence for people, of names only."""


class Novel(msgspec.Struct, frozen=True, kw_only=True):
    """A shape or an edge that this workflow never had before, in reviewed or learned runs."""

    path: str = ""
    """Name of the path rule that watches for it."""
    rule_id: str = ""
    kind: Literal["shape", "edge"]
    edge: str
    """Such as ``planner -> researcher`` (a handoff) or ``planner > kb_search`` (a call); empty for
    a shape.
    """
    fingerprint: str
    """Of the run's whole shape."""
    step: int
    """Index of the step where it stands: the edge's target, the root for a shape."""
    message: str = ""
    """One sentence for people, of names only."""
