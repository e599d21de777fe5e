"""What rules found, and the alerts that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

AlertState = Literal["inactive", "pending", "firing", "keep_firing", "resolved"]
Labels = Mapping[str, str]


class StepRef(msgspec.Struct, frozen=True, kw_only=True):
    """A step named so that it outlives the graph: ids and names only, no payloads."""

    trace_id: str
    span_id: str
    name: str
    agent: str
    kind: str = "other"
    evidence: str = ""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Origin, propagators and symptom of one run, ready to show; unknown is ``None`` or empty."""

    category: str = ""
    workflow: str = ""
    origin: StepRef | None = None
    origin_reason: str = ""
    origin_at: Literal["input", "output"] = "output"
    propagators: tuple[StepRef, ...] = ()
    symptom: StepRef | None = None
    path: tuple[StepRef, ...] = ()
    confidence: float | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One rule matched one run, keyed by (rule_id, rule_version, run_id, labels)."""

    rule_id: str
    """``group/alertname`` of a rule, ``group/contract:NAME`` of a contract: stable over reloads."""
    rule_version: str
    """Digest of the rule's text: a changed rule starts from now."""
    run_id: str
    trace_ids: tuple[str, ...]
    labels: Labels
    at_ns: int
    """When the run matched: the slot time it was first seen in."""
    cause: Cause
    evidence: tuple[str, ...] = ()
    """Sentences for people: violations with pointers, sizes and digests; matched spans."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's firing state for one label set, as in Prometheus. Times are Unix ns, 0 is never."""

    rule_id: str
    rule_version: str
    alertname: str
    labels: Labels
    annotations: Labels = msgspec.field(default_factory=dict)
    state: AlertState
    value: float
    active_at_ns: int = 0
    fired_at_ns: int = 0
    keep_firing_since_ns: int = 0
    resolved_at_ns: int = 0
    run_ids: tuple[str, ...] = ()
    """The runs behind ``value``, newest last, at most 100."""
    cause: Cause = msgspec.field(default_factory=Cause)
    evidence: tuple[str, ...] = ()
    revision: str = ""
    """Revision of the rule files (a git commit where known)."""

    @property
    def fingerprint(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Return what identifies this alert over time and over reloads."""
        return self.rule_id, tuple(sorted(self.labels.items()))
