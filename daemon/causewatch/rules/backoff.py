"""How often a rule that fails is tried, and what is remembered of its failures.

Theory of operation
===================
A rule that raises over a run is tried with the next run all the same: one odd run must not blind
it. Only after ``PATIENCE`` failures in a row does it rest: it is asked of no run for
``FIRST_REST_S``, then of one, and each further failure doubles the rest, up to ``LONGEST_REST_S``.
The first run over which it does not fail ends that. It never leaves its schedule, and a changed
rule starts anew. The runs that pass while it rests are counted: it does not judge them.

An *episode* begins with the first failure and is over ``OVER_AFTER_S`` after the last.
"""

from __future__ import annotations

import msgspec

PATIENCE = 10
FIRST_REST_S = 10.0
LONGEST_REST_S = 300.0
OVER_AFTER_S = 900.0
MAX_RUN_IDS = 20
_NS_PER_S = 1_000_000_000


class Failing(msgspec.Struct, frozen=True, kw_only=True):
    """A rule in an episode of failures. Times are Unix ns."""

    in_a_row: int = 0
    """Failures since it last did not fail."""
    failed_count: int = 0
    """Runs over which it failed in this episode."""
    rested_count: int = 0
    """Runs that passed while it rested, in this episode."""
    last_at_ns: int = 0
    """When it last failed."""
    retry_at_ns: int = 0
    """It rests until then."""
    reason: str = ""
    """A sentence on the last failure; payload text in it stands in quotation marks."""
    run_ids: tuple[str, ...] = ()
    """The last runs over which it failed, newest last."""


def rest_s(in_a_row: int, *, patience: int, first_s: float, longest_s: float) -> float:
    """Return how long to rest after so many failures in a row: doubled with each, up to a limit."""
    over = in_a_row - patience
    if over < 0:
        return 0.0
    return longest_s if over > longest_s else min(longest_s, first_s * 2.0**over)


def failed(before: Failing, *, reason: str, run_id: str, now_ns: int) -> Failing:
    """Return what is remembered after one more failure, over a run where ``run_id`` names one."""
    if is_over(before, now_ns):
        before = Failing()
    in_a_row = before.in_a_row + 1
    rest = rest_s(in_a_row, patience=PATIENCE, first_s=FIRST_REST_S, longest_s=LONGEST_REST_S)
    others = tuple(known for known in before.run_ids if known != run_id)
    return msgspec.structs.replace(
        before,
        in_a_row=in_a_row,
        failed_count=before.failed_count + 1,
        last_at_ns=now_ns,
        retry_at_ns=now_ns + int(rest * _NS_PER_S) if rest else 0,
        reason=reason,
        run_ids=(*others, run_id)[-MAX_RUN_IDS:] if run_id else before.run_ids,
    )


def worked(before: Failing) -> Failing:
    """Return what is remembered after a run over which the rule did not fail."""
    return msgspec.structs.replace(before, in_a_row=0, retry_at_ns=0)


def rested(before: Failing) -> Failing:
    """Return what is remembered after a run that passed while the rule rested."""
    return msgspec.structs.replace(before, rested_count=before.rested_count + 1)


def is_resting(failing: Failing, now_ns: int) -> bool:
    """Tell whether nothing is to be asked of the rule yet."""
    return now_ns < failing.retry_at_ns


def is_over(failing: Failing, now_ns: int) -> bool:
    """Tell whether the last failure is so long ago that nobody need hear of it."""
    return now_ns - failing.last_at_ns >= int(OVER_AFTER_S * _NS_PER_S)
