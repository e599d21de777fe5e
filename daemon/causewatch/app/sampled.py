"""Sampling in the pipeline: what policies ask of a run, and the decisions that were made before.

A run that was kept stays kept, so that its late spans follow it. One that was not is decided again
when it grew: what is known of it now may be a reason to keep it, and then all of it is. Neither
spends anything of a budget a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import structlog

from causewatch.forward.destination import Destination
from causewatch.graph.gathered import RunSnapshot
from causewatch.graph.lone import LoneTrace
from causewatch.likeness.familiar import Familiar
from causewatch.model.judgement import Assessment, RunVerdictName
from causewatch.model.span import StatusCode
from causewatch.model.value import Value
from causewatch.otlp.raw import RawSpan
from causewatch.sampling.decide import Chooser
from causewatch.sampling.decided import Decided
from causewatch.sampling.decision import Decision
from causewatch.sampling.facts import Facts, Matched, NovelKind
from causewatch.sampling.policy import Sampling
from causewatch.sampling.trace_state import explicit_randomness

MAX_FAMILIARS_COUNT = 10_000
"""Likenesses whose span statuses are remembered: they are part of a likeness."""
MAX_HEAD_BYTES = 2_048
"""Of a trace's first request, where the trace state of its first span is looked for."""
MAX_SPAN_HEAD_BYTES = 640
"""Of a span, the same: writers put it behind the ids, and W3C asks for at most 512 characters."""
SENT_BEFORE = Decision(
    keep=True,
    policy="",
    reason="Earlier spans of this run were forwarded before a restart.",
    probability=None,
)
UNDECIDED = Decision(keep=True, policy="", reason="It could not be decided on.", probability=None)
"""Of a run that we failed to decide on: better one too many."""
_RANDOMNESS = b"rv:"
Spans = Callable[[], Sequence[RawSpan]]

log = structlog.get_logger("causewatch.sampling")


class Sampler:
    """Decides for every destination that samples; destinations of the same policies share one.

    One caller at a time, the pipeline's thread.

    Args:
        shared: the policies of destinations that have none of their own.
        destinations: all of them.
        matched: returns the rules that match a judged run.
        has_sent: tells whether spans of a run, by its ids, went to one of some destinations; asked
            for late spans of a run on which no decision is remembered.
    """

    def __init__(
        self,
        shared: Sampling | None,
        destinations: Iterable[Destination],
        *,
        matched: Callable[[Assessment], Sequence[Matched]] = lambda _assessment: (),
        has_sent: Callable[[Sequence[str], Collection[str]], bool] = lambda _ids, _names: False,
    ) -> None:
        common = _Lane(shared) if shared is not None else None
        lanes: dict[_Lane, None] = {}
        for one in destinations:
            own = _Lane(one.sampling) if one.sampling is not None else common
            if one.sampled and own is not None:
                own.destinations.append(one.name)
                lanes[own] = None
        self._lanes = tuple(lanes)
        self._has_sent = has_sent
        self._matched = matched
        self._statuses: dict[int, tuple[Familiar, frozenset[StatusCode]]] = {}

    def judged(
        self, snapshot: RunSnapshot, assessment: Assessment | None, now_ns: int
    ) -> Mapping[str, Decision]:
        """Decide on a run that was judged in full, or that could not be judged."""
        if not self._lanes:
            return {}
        spans = snapshot.raw_spans
        facts = _facts(
            snapshot,
            novel=_novel(assessment),
            verdict=None if assessment is None else assessment.blame.verdict,
            faults=frozenset(fault.name for fault in assessment.faults) if assessment else (),
            matched=lambda: () if assessment is None else self._matched(assessment),
            statuses=lambda: _statuses(spans),
        )
        return self._decide(facts, now_ns, snapshot.aliases, is_late=snapshot.state == "late")

    def passed_over(
        self, snapshot: RunSnapshot, familiar: Familiar, now_ns: int
    ) -> Mapping[str, Decision]:
        """Decide on a run that was passed over."""
        if not self._lanes:
            return {}
        spans = snapshot.raw_spans
        facts = _facts(
            snapshot,
            verdict=familiar.verdict,
            faults=familiar.faults,
            statuses=lambda: self._statuses_of(familiar, lambda: spans),
        )
        return self._decide(facts, now_ns, snapshot.aliases, is_late=snapshot.state == "late")

    def trace_passed_over(
        self, trace: LoneTrace, familiar: Familiar, spans: Spans, now_ns: int
    ) -> Mapping[str, Decision]:
        """Decide on a run that is one trace; ``spans`` is called only if a policy needs them."""
        if not self._lanes:
            return {}
        facts = Facts(
            run_id=trace.trace_id,
            trace_ids=(trace.trace_id,),
            verdict=familiar.verdict,
            span_count=trace.span_count,
            duration_ns=max(trace.end_ns - trace.start_ns, 0),
            statuses=lambda: self._statuses_of(familiar, spans),
            attribute=lambda key: _attribute(spans(), key),
            randomness=lambda: _randomness(spans()) if _may_have_randomness(trace) else None,
            faults=frozenset(familiar.faults),
        )
        return self._decide(facts, now_ns)

    def _decide(
        self, facts: Facts, now_ns: int, aliases: tuple[str, ...] = (), *, is_late: bool = False
    ) -> Mapping[str, Decision]:
        made: dict[str, Decision] = {}
        ids = (facts.run_id, *aliases)
        for lane in self._lanes:
            if is_late and lane.before(ids) is None and self._has_sent(ids, lane.destinations):
                lane.keep_on(facts.run_id)
            decision = self._decide_in(lane, facts, ids, now_ns)
            for name in lane.destinations:
                made[name] = decision
        return made

    def _decide_in(
        self, lane: _Lane, facts: Facts, run_ids: Sequence[str], now_ns: int
    ) -> Decision:
        try:
            return lane.decide(facts, run_ids, now_ns)
        except Exception:
            # One run that our code cannot decide on must stop neither the others nor judging.
            log.exception("run could not be sampled", run=facts.run_id)
            return UNDECIDED

    def _statuses_of(self, familiar: Familiar, spans: Spans) -> frozenset[StatusCode]:
        """Return the statuses of a run, those of its like where they are known."""
        known = self._statuses.get(id(familiar))
        if known is None:
            if len(self._statuses) >= MAX_FAMILIARS_COUNT:
                self._statuses.clear()
            # The familiar is kept beside them, so that its id cannot become another one's.
            known = self._statuses[id(familiar)] = familiar, _statuses(spans())
        return known[1]


class _Lane:
    """One set of policies, what it decided, and the names of the destinations it is for."""

    def __init__(self, sampling: Sampling) -> None:
        self._chooser = Chooser(sampling)
        self._decided = Decided()
        self.destinations: list[str] = []

    def before(self, run_ids: Sequence[str]) -> Decision | None:
        """Return what was decided of a run before, ``None`` where that is not remembered."""
        return self._decided.of(run_ids)

    def keep_on(self, run_id: str) -> None:
        """Follow a decision of which only the outcome is known."""
        self._decided.put(run_id, SENT_BEFORE)

    def decide(self, facts: Facts, run_ids: Sequence[str], now_ns: int) -> Decision:
        """Follow a keep; decide on a run that is new, or that was dropped and grew."""
        before = self.before(run_ids)
        if before is None:
            decision = self._chooser.decide(facts, now_ns)
        elif before.keep:
            decision = before
        else:
            decision = self._chooser.decide_again(facts)
        self._decided.put(facts.run_id, decision)
        return decision


def _facts(  # noqa: PLR0913  # what differs between runs that were judged and that were not
    snapshot: RunSnapshot,
    *,
    verdict: RunVerdictName | None,
    faults: Iterable[str],
    statuses: Callable[[], frozenset[StatusCode]],
    novel: frozenset[NovelKind] = frozenset(),
    matched: Callable[[], Sequence[Matched]] = tuple,
) -> Facts:
    spans = snapshot.raw_spans
    start_ns = min((span.start_ns for span in spans), default=0)
    end_ns = max((span.end_ns for span in spans), default=0)
    return Facts(
        run_id=snapshot.run_id,
        trace_ids=snapshot.trace_ids or (snapshot.run_id,),
        verdict=verdict,
        span_count=len(spans),
        duration_ns=max(end_ns - start_ns, 0),
        statuses=statuses,
        attribute=lambda key: _attribute(spans, key),
        randomness=lambda: _randomness(spans),
        faults=frozenset(faults),
        novel=novel,
        matched=matched,
    )


def _novel(assessment: Assessment | None) -> frozenset[NovelKind]:
    if assessment is None:
        return frozenset({"unfamiliar"})
    kinds: set[NovelKind] = {one.kind for one in assessment.novel}
    if assessment.deviations:
        kinds.add("deviation")
    return frozenset({*kinds, "unfamiliar"})


def _statuses(spans: Iterable[RawSpan]) -> frozenset[StatusCode]:
    return frozenset(span.whole().status for span in spans)


def _attribute(spans: Iterable[RawSpan], key: str) -> Iterator[Value]:
    """Yield the values of an attribute; spans in whose bytes the key is not are not decoded."""
    name = key.encode()
    for span in spans:
        if key in span.resource.attributes:
            yield span.resource.attributes[key]
        if span.holds(name):
            attributes = span.whole().attributes
            if key in attributes:
                yield attributes[key]


def _may_have_randomness(trace: LoneTrace) -> bool:
    """Tell whether the trace's first span may have a randomness of its own; others then do too."""
    return any(body.find(_RANDOMNESS, 0, MAX_HEAD_BYTES) >= 0 for body in trace.bodies[:1])


def _randomness(spans: Iterable[RawSpan]) -> int | None:
    """Return the first explicit randomness; few spans have one, and only these are decoded."""
    for span in spans:
        body = span.body
        if not body or body.find(_RANDOMNESS, 0, MAX_SPAN_HEAD_BYTES) >= 0:
            found = explicit_randomness(span.whole().trace_state)
            if found is not None:
                return found
    return None
