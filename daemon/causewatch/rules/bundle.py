"""The rules of all files, checked and compiled: what a reload swaps in as one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from causewatch.contracts.compile import Contract
from causewatch.faults.trust import Trust
from causewatch.model.finding import Labels
from causewatch.novelty.watch import Watch
from causewatch.paths.template import PathTemplate
from causewatch.rules.keys import DEFAULT_INTERVAL_S, DEFAULT_WINDOW_S
from causewatch.rules.template import Template
from causewatch.rules.yaml import Place
from causewatch.signatures.signature import Signature
from causewatch.signatures.syntax import Attribute, Intrinsic

CONTRACT_ALERTNAME = "ContractViolated"
CONTRACT_LABELS = ("contract", "from", "to", "violation", "severity")
PATH_ALERTNAME = "PathDeviation"
PATH_LABELS = ("path", "workflow", "node")
NOVEL_ALERTNAME = "NovelPath"
NOVEL_LABELS = ("path", "workflow", "edge")


class ByLabel(msgspec.Struct, frozen=True, kw_only=True):
    """One label of a rule's alerts, read from a binding of its signature."""

    label: str
    text: str
    """As written, such as ``source.span.causewatch.tool``."""
    reference: Attribute | Intrinsic


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """Recorded runs a rule must, or must not, match."""

    traces: str
    """Path within the rules root."""
    expect: Literal["match", "no-match"]
    place: Place


class AnyRule(msgspec.Struct, frozen=True, kw_only=True):
    """What every rule has: its identity, when it fires, and what its alerts carry."""

    rule_id: str
    """Stable over reloads: group and alertname, or group and contract or path."""
    version: str
    """Digest of the rule's content, schemas included."""
    alertname: str
    labels: Labels
    """Group labels and rule labels together; the rule's own win."""
    annotations: Mapping[str, Template]
    window_s: float = DEFAULT_WINDOW_S
    min_runs: int = 1
    for_s: float = 0.0
    keep_firing_for_s: float = 0.0
    examples: tuple[Example, ...] = ()
    place: Place

    @property
    def finding_labels(self) -> tuple[str, ...]:
        """Return the names of the labels that tell this rule's alerts apart."""
        raise NotImplementedError

    def alert_labels(self, found: Labels) -> dict[str, str]:
        """Return an alert's labels for a finding's labels: those of the rule file are current."""
        own = {name: found.get(name, "") for name in self.finding_labels}
        return {**self.labels, **own, "alertname": self.alertname}


class Rule(AnyRule, frozen=True, kw_only=True):
    """A signature rule."""

    signature: Signature
    by: tuple[ByLabel, ...] = ()

    @property
    def finding_labels(self) -> tuple[str, ...]:
        """Return the labels of ``by``."""
        return tuple(by.label for by in self.by)


class ContractRule(AnyRule, frozen=True, kw_only=True):
    """A contract, which is a rule: a violation is its match."""

    name: str
    contract: Contract

    @property
    def finding_labels(self) -> tuple[str, ...]:
        """Return the labels of every contract's alert."""
        return CONTRACT_LABELS


class PathRule(AnyRule, frozen=True, kw_only=True):
    """A path template, which is a rule: a deviation is its match."""

    name: str
    template: PathTemplate

    @property
    def finding_labels(self) -> tuple[str, ...]:
        """Return the labels of every path's alert."""
        return PATH_LABELS


class NoveltyRule(AnyRule, frozen=True, kw_only=True):
    """What a path watches for as new, which is a rule: an edge or a shape never seen is its match.

    A thing is new once only, so it fires at its first run, whatever the path's ``min_runs``.
    """

    name: str
    watch: Watch

    @property
    def finding_labels(self) -> tuple[str, ...]:
        """Return the labels of every alert on something new."""
        return NOVEL_LABELS


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that are evaluated together."""

    name: str
    file: str
    interval_s: float = DEFAULT_INTERVAL_S
    labels: Labels = msgspec.field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    contracts: tuple[ContractRule, ...] = ()
    paths: tuple[PathRule, ...] = ()
    novelties: tuple[NoveltyRule, ...] = ()
    limit: int = 0
    """At most so many active alerts; 0 is no limit."""
    key: str
    """Identity over reloads: the name, or ``file;name`` where two files use one name."""

    def __iter__(self) -> Iterator[Rule | ContractRule | PathRule | NoveltyRule]:
        """Iterate over the rules, then the contracts, then the paths, then what is watched."""
        yield from self.rules
        yield from self.contracts
        yield from self.paths
        yield from self.novelties


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """All rule files, loaded together."""

    groups: tuple[Group, ...] = ()
    trust: tuple[Trust, ...] = ()
    sha256: str = ""
    """Digest of all files under the rules root, names included."""
    files: tuple[str, ...] = ()
    """The rule files that were read."""

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """Return the compiled contracts of all groups."""
        return tuple(rule.contract for group in self.groups for rule in group.contracts)

    @property
    def paths(self) -> tuple[PathTemplate, ...]:
        """Return the path templates of all groups."""
        return tuple(rule.template for group in self.groups for rule in group.paths)

    @property
    def watches(self) -> tuple[Watch, ...]:
        """Return what the paths of all groups watch for as new."""
        return tuple(rule.watch for group in self.groups for rule in group.novelties)
