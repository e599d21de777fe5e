"""All detectors, in one explicit list."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from causewatch.faults.calls import Run, calls_of
from causewatch.faults.changed_fact import detect_changed_fact
from causewatch.faults.cut_off import detect_cut_off
from causewatch.faults.empty import detect_empty
from causewatch.faults.failure import detect_failure
from causewatch.faults.flattened import detect_flattened
from causewatch.faults.injected import detect_injected
from causewatch.faults.known import NOTHING_KNOWN, Known
from causewatch.faults.lost_at_handoff import detect_lost_at_handoff
from causewatch.faults.low_score import detect_low_score
from causewatch.faults.malformed import detect_malformed
from causewatch.faults.missing_shape import detect_missing_shape
from causewatch.faults.out_of_order import detect_out_of_order
from causewatch.faults.partial_page import detect_partial_page
from causewatch.faults.ping_pong import detect_ping_pong
from causewatch.faults.rate_limited import detect_rate_limited
from causewatch.faults.repeated_call import detect_repeated_call
from causewatch.faults.stale import detect_stale
from causewatch.faults.stopped_short import detect_stopped_short
from causewatch.faults.told_loss import detect_told_loss
from causewatch.faults.truncated import detect_truncated
from causewatch.faults.trust import trusted_steps
from causewatch.faults.ungrounded import detect_ungrounded
from causewatch.faults.unknown_agent import detect_unknown_agent
from causewatch.faults.unused_result import detect_unused_result
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Fault

Detector = Callable[[Run], Iterable[Fault]]

DETECTORS: tuple[Detector, ...] = (
    detect_failure,
    detect_rate_limited,
    detect_truncated,
    detect_partial_page,
    detect_malformed,
    detect_stale,
    detect_empty,
    detect_low_score,
    detect_missing_shape,
    detect_unknown_agent,
    detect_repeated_call,
    detect_told_loss,
    detect_changed_fact,
    detect_flattened,
    detect_ping_pong,
    detect_stopped_short,
    detect_lost_at_handoff,
    detect_cut_off,
    detect_injected,
    detect_unused_result,
    detect_out_of_order,
    detect_ungrounded,
)

MAX_FAULTS_COUNT = 200
"""A run with more shows nothing new."""


def detect(graph: CausalGraph, known: Known = NOTHING_KNOWN) -> tuple[Fault, ...]:
    """Return what the detectors see in ``graph``, in order of step and then of detector.

    Of two faults that see the same loss at one handoff, the first listed stays. ``known`` is what
    is known beside the run; a fault that is tuned off is left out.
    """
    return detect_in(run_of(graph, known))


def run_of(graph: CausalGraph, known: Known = NOTHING_KNOWN) -> Run:
    """Return a run as detectors look at it."""
    return Run(
        graph=graph,
        calls=calls_of(graph),
        trusted=trusted_steps(graph, known.trust),
        known=known,
    )


def detect_in(run: Run) -> tuple[Fault, ...]:
    """Return the same as ``detect`` of a run that others look at as well."""
    found: list[Fault] = []
    lost: set[int] = set()
    for detector in DETECTORS:
        for fault in detector(run):
            if fault.name in run.known.tuning.off:
                continue
            if fault.handoff is not None:
                if fault.handoff in lost:
                    continue
                lost.add(fault.handoff)
            found.append(fault)
    found.sort(key=lambda fault: fault.step)
    return tuple(found[:MAX_FAULTS_COUNT])
