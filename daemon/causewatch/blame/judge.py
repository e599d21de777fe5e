"""Judge a run: contracts, paths, faults, blame."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from causewatch.blame.attribute import attribute
from causewatch.blame.ending import NOT_KNOWN, Ending, failings_of
from causewatch.blame.health import health_of
from causewatch.contracts.check import check
from causewatch.contracts.compile import Contract
from causewatch.contracts.meaning import Judge, with_opinion
from causewatch.faults.detect import detect_in, run_of
from causewatch.faults.known import NOTHING_KNOWN, Known
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Assessment, ContractVerdict
from causewatch.paths.check import walk
from causewatch.paths.template import PathTemplate


def judge(  # noqa: PLR0913  # what is judged, by what, and whom to ask
    graph: CausalGraph,
    contracts: Sequence[Contract] = (),
    known: Known = NOTHING_KNOWN,
    ending: Ending = NOT_KNOWN,
    *,
    paths: Sequence[PathTemplate] = (),
    meaning: Judge | None = None,
) -> Assessment:
    """Return all that can be said of one run, by itself.

    Other runs are not its history, but for what ``known`` says of them. Of a run that is known to
    have ended wrong, by ``ending`` or by an evaluation in it, the likeliest origin is named.
    ``meaning`` is asked where a contract wants a judge of meaning.
    """
    run = run_of(graph, known)
    faults = detect_in(run)
    verdicts = tuple(
        verdict
        for contract in contracts
        for verdict in with_opinion(contract, graph, check(contract, graph), meaning)
    )
    walked = walk(paths, graph)
    failed_by = failings_of(graph, ending, known.scores)
    blame = attribute(run, faults, verdicts, failed_by, walked.deviations)
    gaps = (*blame.unverifiable, *walked.unjudged)
    return Assessment(
        graph=graph,
        faults=faults,
        verdicts=verdicts,
        redact=_redacted(contracts, verdicts),
        deviations=walked.deviations,
        health=health_of(run, faults, blame),
        failed_by=failed_by,
        blame=msgspec.structs.replace(blame, unverifiable=gaps) if walked.unjudged else blame,
    )


def _redacted(
    contracts: Sequence[Contract], verdicts: Sequence[ContractVerdict]
) -> dict[int, tuple[str, ...]]:
    """Return what the contracts that bind each handoff redact, by the handoff's index."""
    pointers = {contract.rule_id: contract.spec.redact for contract in contracts}
    found: dict[int, tuple[str, ...]] = {}
    for verdict in verdicts:
        if verdict.handoff is not None and (own := pointers.get(verdict.rule_id)):
            found[verdict.handoff] = (*found.get(verdict.handoff, ()), *own)
    return found
