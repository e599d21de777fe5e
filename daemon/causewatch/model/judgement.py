"""What was judged of a run: faults, contract verdicts, blame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from causewatch.model.expectation import Deviation, Health, Novel
from causewatch.model.graph import CausalGraph

FaultName = Literal[
    "failure", "truncated", "empty", "malformed", "rate_limited", "stale", "low_score", "injected",
    "repeated_call", "ping_pong", "unknown_agent", "cut_off", "missing_shape", "lost_at_handoff",
    "flattened", "changed_fact", "unused_result", "out_of_order", "ungrounded",
]  # fmt: skip
FAULT_NAMES: tuple[FaultName, ...] = get_args(FaultName)
ViolationName = Literal[
    "schema", "truncation", "serialization", "ordering", "poisoning",
    "missing", "delta", "empty", "stale", "low_score",
]  # fmt: skip
Category = Literal[
    "truncation", "serialization", "ordering", "poisoning", "schema", "tool_failure", "empty",
    "stale", "loop", "ungrounded", "missing_step", "lost_result", "path", "other",
]  # fmt: skip
HandoffVerdictName = Literal["pass", "violated", "unverifiable"]
RunVerdictName = Literal["healthy", "corrupted", "unverifiable"]
ReachedRole = Literal["agent", "handoff", "act", "answer"]
"""An agent's first turn with it, a handoff that carried it, a call that acted on it, the answer."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something a built-in detector saw on one step (or at one handoff)."""

    name: FaultName
    step: int
    """Index of the step it was seen on: for a handoff, the step that performed it or first received
    it.
    """
    reason: str
    """One sentence for people; payload excerpts in it are at most 120 characters."""
    confidence: float
    handoff: int | None = None
    """Index into ``CausalGraph.handoffs``, where the fault is about one."""
    at: Literal["input", "output"] = "output"
    induced: int | None = None
    """Index of the first call that it made happen, where the detector knows it."""


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a contract was not kept."""

    name: ViolationName
    side: Literal["sent", "received", "both", "result", "arguments"]
    pointer: str
    """JSON pointer of the place, empty for the whole payload."""
    message: str
    severity: str
    expected: str = ""
    actual: str = ""


class ContractVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one contract says of one handoff or of one step's result."""

    contract: str
    rule_id: str
    verdict: HandoffVerdictName
    handoff: int | None
    step: int
    """Index of the step that performed the handoff (or its receiver), or of the tool step."""
    from_agent: str = ""
    to_agent: str = ""
    violations: tuple[Violation, ...] = ()
    reason: str = ""
    """Why unverifiable, with what would make it verifiable."""
    sent_sha256: str = ""
    received_sha256: str = ""
    sent_bytes: int = 0
    received_bytes: int = 0


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """One step on the causal path, with the evidence that leads to it from the one before."""

    step: int
    agent: str
    evidence: str


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The first step that introduced the corruption."""

    step: int
    agent: str
    at: Literal["input", "output"]
    reason: str


class Propagator(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that took the corrupted content in and went on with it in ``step``."""

    step: int
    agent: str
    evidence: str


class Symptom(msgspec.Struct, frozen=True, kw_only=True):
    """Where the corruption surfaced."""

    step: int
    agent: str


class Unverifiable(msgspec.Struct, frozen=True, kw_only=True):
    """A boundary that could not be checked, why, and what would make it checkable."""

    step: int | None
    what: str
    reason: str
    fix: str


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """A step downstream of the origin that took the corruption in, or carried it on."""

    step: int
    agent: str
    role: ReachedRole
    evidence: str


class Failing(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run is known to have ended wrong, whatever its spans show.

    ``step`` is the step that says so (an evaluation, a step with feedback), ``about`` the step that
    it judges: for a symptom that a person named, that step.
    """

    by: Literal["caller", "symptom", "evaluation"]
    what: str
    """One sentence part for people; payload excerpts in it are at most 120 characters."""
    step: int | None = None
    about: int | None = None


class Blame(msgspec.Struct, frozen=True, kw_only=True):
    """Who introduced the corruption of a run, who passed it on, where it surfaced.

    ``verdict`` is what the evidence says. A run that is known to have ended wrong has an origin
    whatever the verdict: the likeliest one, with an honest confidence.
    """

    verdict: RunVerdictName
    category: Category | None = None
    origin: Origin | None = None
    propagators: tuple[Propagator, ...] = ()
    symptom: Symptom | None = None
    confidence: float | None = None
    """``observed`` times ``attributed``."""
    observed: float | None = None
    """How sure it is that something was wrong at the origin."""
    attributed: float | None = None
    """How sure it is, if so, that this is what went on to the symptom."""
    path: tuple[Hop, ...] = ()
    reached: tuple[Reached, ...] = ()
    """The blast radius: what took the corruption in, or carried it on, in order of time."""
    unverifiable: tuple[Unverifiable, ...] = ()


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """A causal graph and all that was judged of it."""

    graph: CausalGraph
    faults: tuple[Fault, ...] = ()
    verdicts: tuple[ContractVerdict, ...] = ()
    redact: Mapping[int, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """By the index of a handoff, the JSON pointers that its contracts redact. What became of the
    context at each boundary (``Boundary``) is made from this when somebody looks at it.
    """
    deviations: tuple[Deviation, ...] = ()
    novel: tuple[Novel, ...] = ()
    health: Health | None = None
    failed_by: tuple[Failing, ...] = ()
    """Why it is known to have ended wrong; empty where nobody says so."""
    has_ended: bool = False
    """Of an early run: nothing is missing and nothing more is expected, so blame will stay."""
    blame: Blame = msgspec.field(default_factory=lambda: Blame(verdict="healthy"))
