"""The causal graph of one run."""

from __future__ import annotations

from typing import Literal

import msgspec

from causewatch.model.imprint import Claim
from causewatch.model.step import HandoffMode, Payload, Step

EdgeType = Literal["call", "return", "link", "handoff", "data", "before"]
RunState = Literal["early", "complete", "late", "evicted"]


class Join(msgspec.Struct, frozen=True, kw_only=True):
    """A run that another one was found to be part of, by what, and how sure that is (0 to 1)."""

    run_id: str
    by: Literal["session", "a2a", "history", "setup"]
    confidence: float


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """Cause to effect: ``source`` and ``target`` are indices into ``CausalGraph.steps``.

    ``share`` is how much of the source's output was found at the target, 0 to 1.
    """

    source: int
    target: int
    type: EdgeType
    evidence: str
    share: float = 1.0


class Handoff(msgspec.Struct, frozen=True, kw_only=True):
    """Context passing from one agent to another.

    ``sent`` and ``received`` are the two sides of the boundary, ``None`` where no span tells.
    ``performed_by`` is the index of the received span that did it (a handoff span, a delegation
    tool call), ``None`` where none did. ``sender`` and ``receiver`` are the indices of the agents'
    steps. ``span_id`` is the handoff span's own id, or, for a derived one, a stable hash of both
    sides.
    """

    span_id: str
    from_agent: str
    to_agent: str
    derived: bool
    rule: str
    confidence: float
    mode: HandoffMode
    sender: int
    receiver: int | None
    performed_by: int | None
    sent: Payload | None
    received: Payload | None
    received_by: int | None = None
    """The step whose input ``received`` was read from."""
    mechanical: bool = False
    """True when code, not a model, carried the payload: then every loss is a loss."""
    claim: Claim | None = None
    """What the agents' own instrumentation says of it: digests and shapes, with content or not."""

    @property
    def sent_sha256(self) -> str:
        """Return the digest of what was sent, empty where it is not known."""
        if self.claim is not None and self.claim.sent is not None:
            return self.claim.sent.sha256
        return self.sent.sha256 if self.sent is not None else ""

    @property
    def received_sha256(self) -> str:
        """Return the digest of what was received, empty where it is not known."""
        if self.claim is not None and self.claim.received is not None:
            return self.claim.received.sha256
        return self.received.sha256 if self.received is not None else ""

    @property
    def sent_bytes(self) -> int | None:
        """Return the size of what was sent in bytes, ``None`` where it is not known."""
        if self.claim is not None and self.claim.sent is not None:
            return self.claim.sent.size_bytes if self.claim.sent.size_bytes >= 0 else None
        return self.sent.size_bytes if self.sent is not None else None

    @property
    def received_bytes(self) -> int | None:
        """Return the size of what was received in bytes, ``None`` where it is not known."""
        if self.claim is not None and self.claim.received is not None:
            return self.claim.received.size_bytes if self.claim.received.size_bytes >= 0 else None
        return self.received.size_bytes if self.received is not None else None


class CausalGraph(msgspec.Struct, frozen=True, kw_only=True):
    """All steps of one run and the edges between them.

    Steps are in order of start time (ties: end time descending, then span id).

    ``owner[i]`` is the agent that owns step i (empty if none); ``parent[i]`` the index of its
    parent step, -1 for a root, -2 for an orphan (the parent has not arrived).
    ``call``/``return``/``link``/``handoff``/ ``data`` edges are listed; ``before`` (A ended no
    later than B started) is computed from the times.
    """

    run_id: str
    trace_ids: tuple[str, ...]
    state: RunState
    workflow: str
    session: str
    steps: tuple[Step, ...]
    owner: tuple[str, ...]
    parent: tuple[int, ...]
    edges: tuple[Edge, ...]
    handoffs: tuple[Handoff, ...]

    @property
    def is_whole(self) -> bool:
        """Tell whether all is there that came: what did not happen can be judged."""
        return self.state in {"complete", "late"}

    @property
    def agents(self) -> tuple[str, ...]:
        """Return the agents' names in order of first appearance."""
        return tuple(dict.fromkeys(name for name in self.owner if name))

    def index_of(self, span_id: str) -> int | None:
        """Return the index of the first step with this span id, or ``None``."""
        return next((i for i, s in enumerate(self.steps) if s.span.span_id == span_id), None)
