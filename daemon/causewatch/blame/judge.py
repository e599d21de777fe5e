"""Judge a run: contracts, faults, blame."""

from __future__ import annotations

from collections.abc import Sequence

from causewatch.blame.attribute import attribute
from causewatch.contracts.check import check
from causewatch.contracts.compile import Contract
from causewatch.faults.detect import detect
from causewatch.faults.trust import Trust
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Assessment


def judge(
    graph: CausalGraph, contracts: Sequence[Contract] = (), trust: Sequence[Trust] = ()
) -> Assessment:
    """Return all that can be said of one run, by itself: other runs are not its history."""
    faults = detect(graph, trust)
    verdicts = tuple(verdict for contract in contracts for verdict in check(contract, graph))
    return Assessment(
        graph=graph, faults=faults, verdicts=verdicts, blame=attribute(graph, faults, verdicts)
    )
