"""Which likenesses are known to have nothing to tell, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from causewatch.model.judgement import Assessment, RunVerdictName

CONFIRMATIONS_COUNT = 6
"""Runs that were judged in full, and that no rule matched, before the next is passed over. What
tools return is learned from these: it takes five good results to know one."""
FIRST_SAMPLE_COUNT = 100
"""Of the runs that could be passed over, which one is judged in full all the same."""
MAX_SAMPLE_GAP_COUNT = 1_000
"""After each that agreed it is twice as many until the next one, up to so many."""
MAX_LIKENESSES_COUNT = 100_000
MAX_AWAITED_COUNT = 10_000


class FamiliarGap(msgspec.Struct, frozen=True, kw_only=True):
    """Something that could not be checked, at the ``at``-th span in order of time."""

    at: int | None
    what: str
    reason: str
    fix: str


class Familiar(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs of one likeness have in common, for those that are passed over."""

    workflow: str
    verdict: RunVerdictName
    is_lone: bool
    """Nothing in them says that they are parts of more: their like need not be looked for."""
    gaps: tuple[FamiliarGap, ...]
    """What could not be checked in them."""
    steps: tuple[tuple[str, str, int], ...]
    """Dialect, kind and number of the steps."""
    faults: tuple[str, ...]
    """Names of the faults that came to nothing."""
    health: float | None
    """The context health of the last one that was judged in full."""


class _Known(msgspec.Struct, kw_only=True):
    """One likeness, and what came of it so far."""

    familiar: Familiar | None = None
    confirmed_count: int = 0
    met_count: int = 0
    sample_at: int
    """Which of the runs that are met is judged in full all the same."""
    is_loud: bool = False
    has_told: bool = False


_NEW = _Known(sample_at=0)


class _Awaited(msgspec.Struct, kw_only=True):
    """A run that was judged in full, and that some rule groups have yet to look at."""

    likeness: int
    familiar: Familiar
    groups: set[str]


def familiar_of(
    assessment: Assessment, span_ids: Sequence[str], *, is_lone: bool
) -> Familiar | None:
    """Return what to remember of a run that has nothing to tell, ``None`` where it has something.

    A contract looks at values, so a run that one applies to is judged in full each time; so is one
    that somebody rated.

    Args:
        assessment: the run, judged in full.
        span_ids: its received spans in order of time.
        is_lone: nothing in it says that it is a part of more.
    """
    graph, blame = assessment.graph, assessment.blame
    told = (
        blame.verdict == "corrupted"
        or assessment.verdicts
        or assessment.deviations
        or assessment.novel
        or assessment.failed_by
    )
    if told or graph.state == "evicted":
        return None
    gaps: list[FamiliarGap] = []
    for gap in blame.unverifiable:
        span_id = "" if gap.step is None else graph.steps[gap.step].span.span_id
        if span_id and span_id not in span_ids:
            return None
        at = span_ids.index(span_id) if span_id else None
        gaps.append(FamiliarGap(at=at, what=gap.what, reason=gap.reason, fix=gap.fix))
    counts: dict[tuple[str, str], int] = {}
    for step in graph.steps:
        place = (step.dialect or "none", step.kind)
        counts[place] = counts.get(place, 0) + 1
    return Familiar(
        workflow=graph.workflow,
        verdict=blame.verdict,
        is_lone=is_lone,
        gaps=tuple(gaps),
        steps=tuple((dialect, kind, count) for (dialect, kind), count in counts.items()),
        faults=tuple(fault.name for fault in assessment.faults),
        health=None if assessment.health is None else assessment.health.score,
    )


class Familiars:
    """The likenesses that were met; one caller at a time.

    A likeness is trusted after ``CONFIRMATIONS_COUNT`` runs with nothing to tell that no rule
    matched either. One run that tells something, or matches, takes the trust away for good: then
    its likeness does not say enough.
    """

    def __init__(
        self,
        *,
        confirmations: int = CONFIRMATIONS_COUNT,
        first_sample: int = FIRST_SAMPLE_COUNT,
        max_likenesses: int = MAX_LIKENESSES_COUNT,
    ) -> None:
        self._confirmations = confirmations
        self._first_sample = first_sample
        self._max = max_likenesses
        self._known: dict[int, _Known] = {}
        self._awaited: dict[str, _Awaited] = {}
        self._awaited_counts: Counter[int] = Counter()
        """By likeness."""
        self._last: dict[str, tuple[int, int | None]] = {}
        """The likenesses of the runs judged last, and of how many runs they had become one then;
        ``None`` for those that said that they are parts."""

    def __len__(self) -> int:
        """Return how many likenesses are remembered."""
        return len(self._known)

    def known(self, likeness: int | None) -> Familiar | None:
        """Return what is known of a likeness whose runs may be passed over."""
        known = None if likeness is None else self._known.get(likeness)
        if known is None or known.is_loud or known.confirmed_count < self._confirmations:
            return None
        return known.familiar

    def has_told(self, likeness: int | None) -> bool:
        """Tell whether some run of a likeness told something, or matched."""
        return likeness is not None and self._known.get(likeness, _NEW).has_told

    def is_learning(self, likeness: int | None) -> bool:
        """Tell whether enough runs of a likeness were judged, and only rules have yet to look."""
        if likeness is None:
            return False
        known = self._known.get(likeness, _NEW)
        so_far = known.confirmed_count + self._awaited_counts[likeness]
        return not known.is_loud and known.confirmed_count < self._confirmations <= so_far

    def meet(self, likeness: int | None) -> Familiar | None:
        """Return what is known of a run's likeness if the run may be passed over."""
        if likeness is None or self.known(likeness) is None:
            return None
        known = self._known[likeness]
        known.met_count += 1
        if known.met_count >= known.sample_at:
            known.sample_at += min(known.sample_at, MAX_SAMPLE_GAP_COUNT)
            return None
        return known.familiar

    def judged(
        self,
        run_id: str,
        likeness: int,
        familiar: Familiar | None,
        groups: Iterable[str],
        *,
        parts: int | None = 1,
    ) -> None:
        """Note what came of a run that was judged in full, and which groups will look at it.

        ``parts`` are the runs that became one with it, ``None`` where it says that it is itself a
        part of more.
        """
        self._take_awaited(run_id)
        self._last[run_id] = likeness, parts
        while len(self._last) > MAX_AWAITED_COUNT:
            del self._last[next(iter(self._last))]
        if familiar is None:
            self._silence(likeness, has_told=True)
            return
        awaited = _Awaited(likeness=likeness, familiar=familiar, groups=set(groups))
        if not awaited.groups:
            self._confirm(awaited)
            return
        self._awaited[run_id] = awaited
        self._awaited_counts[likeness] += 1
        while len(self._awaited) > MAX_AWAITED_COUNT:
            self._take_awaited(next(iter(self._awaited)))

    def looked(self, group: str, run_id: str, *, matched: bool) -> None:
        """Note that a rule group looked at a run, and whether one of its rules matched."""
        if matched:
            # Also where a look at what had arrived by then came between: it counted as this one.
            self._awaited.pop(run_id, None)
            if run_id in self._last:
                self._silence(self._last[run_id][0], has_told=True)
            return
        awaited = self._awaited.get(run_id)
        if awaited is None:
            return
        awaited.groups.discard(group)
        if not awaited.groups:
            self._take_awaited(run_id)
            self._confirm(awaited)

    def distrust(self, run_id: str, *, parts: int) -> None:
        """Trust the likeness of a run no more that turned out to be one of so many parts.

        One that said so itself is expected to: others are asked before its like is passed over.
        """
        likeness, before = self._last.get(run_id, (0, None))
        if before is not None and before < parts:
            self._silence(likeness)

    def clear(self) -> None:
        """Forget everything: other rules are in force."""
        self._known.clear()
        self._awaited.clear()
        self._awaited_counts.clear()
        self._last.clear()

    def _take_awaited(self, run_id: str) -> None:
        awaited = self._awaited.pop(run_id, None)
        if awaited is not None:
            self._awaited_counts[awaited.likeness] -= 1
            if not self._awaited_counts[awaited.likeness]:
                del self._awaited_counts[awaited.likeness]

    def _confirm(self, awaited: _Awaited) -> None:
        known = self._known.pop(awaited.likeness, None) or self._new()
        known.familiar = awaited.familiar
        known.confirmed_count += 1
        # At the end again: what was not met for longest is forgotten first.
        self._known[awaited.likeness] = known
        self._forget_oldest()

    def _new(self) -> _Known:
        return _Known(sample_at=self._first_sample)

    def _forget_oldest(self) -> None:
        while len(self._known) > self._max:
            del self._known[next(iter(self._known))]

    def _silence(self, likeness: int, *, has_told: bool = False) -> None:
        """Trust a likeness no more, whatever comes."""
        known = self._known.setdefault(likeness, self._new())
        known.is_loud = True
        known.has_told = known.has_told or has_told
        self._forget_oldest()
