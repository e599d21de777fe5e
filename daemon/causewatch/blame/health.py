"""Context health: did what mattered survive every transition of a run?

Each handoff is one transition. What code carries must arrive whole; what a model passes on in its
own words must hold the facts (numbers, ids, dates, addresses) that a later act or answer needs. A
transition of which a side is not known counts as unknown, never as bad. The run is as healthy as
its worst transition: one lost order number is not made good by nine handoffs that went well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from causewatch.blame.uses import scene_of
from causewatch.contracts.boundary import boundary_of
from causewatch.contracts.mention import Mention, Told, mentions_of
from causewatch.faults.calls import Run
from causewatch.faults.lost_at_handoff import common_prefix_chars, given_to, place_of
from causewatch.faults.text import excerpt, fold
from causewatch.graph.imprints import breaks_between
from causewatch.model.expectation import Health, HealthPart
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.imprint import Claim, FieldPrint, Imprint
from causewatch.model.judgement import Blame, Category, Fault, FaultName
from causewatch.model.step import Payload

MIN_FAULT_CONFIDENCE = 0.5
MIN_HANDOFF_CONFIDENCE = 0.5
"""A handoff that is only a guess has no sides that must agree."""
FAULT_SCORE = 0.5
"""At most this, where something was lost and nothing tells how much."""
MIN_TEXT_CHARS = 40
MAX_TEXTS_COUNT = 200
MAX_SHOWN_FACTS_COUNT = 3
MAX_FACTS_COUNT = 500
_LOSSES: frozenset[FaultName] = frozenset(
    {"lost_at_handoff", "cut_off", "flattened", "changed_fact", "out_of_order"}
)
_CONTEXT: frozenset[Category] = frozenset(
    {"truncation", "serialization", "ordering", "lost_result", "schema", "ungrounded"}
)
"""Corruptions in which context did not survive; a loop or a failed tool leaves it as it was."""


class _Score(NamedTuple):
    """The share that survived, and why."""

    score: float | None
    reason: str


def health_of(run: Run, faults: Sequence[Fault], blame: Blame) -> Health:
    """Return the context health of a judged run, with a part for each handoff.

    A run whose context was corrupted by a step that is no handoff has one more part, for that step.
    """
    graph = run.graph
    parts = [
        _part(run, index, [fault for fault in faults if fault.handoff == index])
        for index in range(len(graph.handoffs))
    ]
    parts.extend(_of_origin(graph, faults, blame))
    known = [part.score for part in parts if part.score is not None]
    return Health(score=min(known, default=None), parts=tuple(parts))


def _of_origin(graph: CausalGraph, faults: Sequence[Fault], blame: Blame) -> Iterator[HealthPart]:
    """Yield the part of the step that first lost context, where that is no handoff."""
    origin = blame.origin
    if blame.verdict != "corrupted" or origin is None or blame.category not in _CONTEXT:
        return
    told = {place_of(handoff) for handoff in graph.handoffs}
    if origin.step in told | {each.step for each in faults if each.handoff is not None}:
        return
    score = round(max(0.0, min(FAULT_SCORE, 1 - (blame.confidence or 0.0))), 2)
    yield HealthPart(step=origin.step, score=score, reason=origin.reason)


def _part(run: Run, index: int, faults: Sequence[Fault]) -> HealthPart:
    found = _transition(run, run.graph.handoffs[index])
    lost = [each for each in faults if each.name in _LOSSES]
    for fault in lost:
        is_worse = found.score is None or found.score > FAULT_SCORE
        if fault.confidence >= MIN_FAULT_CONFIDENCE and is_worse:
            found = _Score(FAULT_SCORE, fault.reason)
    score = None if found.score is None else round(found.score, 2)
    return HealthPart(handoff=index, score=score, reason=found.reason)


def _told_after(run: Run, handoff: Handoff) -> Told:
    """Return what the acts and answers after a handoff tell."""
    at_ns = run.graph.steps[place_of(handoff)].span.start_ns
    uses = scene_of(run).uses
    texts = [use.text for use in uses if use.kind != "handoff" and use.at_ns >= at_ns]
    return Told("\n".join(texts))


def _transition(run: Run, handoff: Handoff) -> _Score:
    claim = handoff.claim
    if claim is not None and claim.sent is not None and claim.received is not None:
        return _of_imprints(claim)
    boundary = boundary_of(handoff)
    if boundary.intact:
        return _Score(1.0, boundary.summary)
    sent = handoff.sent
    if sent is None or sent.cut or handoff.received is None or handoff.received.cut:
        return _Score(None, boundary.summary)
    if sent.key.endswith("input.messages") or handoff.confidence < MIN_HANDOFF_CONFIDENCE:
        return _Score(None, "what the handoff itself carried is not recorded")
    got = given_to(run.graph, handoff) or ""
    if handoff.mechanical:
        return _of_carried(sent, got)
    return _of_reworded(run, handoff, sent, got)


def _of_carried(sent: Payload, got: str) -> _Score:
    """Judge what code carried: the lower share of its facts and of its longer texts."""
    facts = mentions_of(sent.value).facts[:MAX_FACTS_COUNT]
    gone = _gone(facts, got)
    fact_share = 1 - len(gone) / len(facts) if facts else 1.0
    text_share = _text_share(sent, got)
    if text_share < fact_share:
        return _Score(text_share, f"{text_share:.0%} of the text arrived")
    if not gone:
        return _Score(1.0, "every fact of it arrived")
    return _Score(fact_share, _told(gone, len(facts)))


def _of_reworded(run: Run, handoff: Handoff, sent: Payload, got: str) -> _Score:
    """Judge what may have been reworded: only facts that something later tells must be in it."""
    facts = mentions_of(sent.value).facts[:MAX_FACTS_COUNT]
    if not facts:
        return _Score(None, "nothing in it can be followed")
    lost = _gone(facts, got)
    if not lost:
        return _Score(1.0, "every fact of it arrived")
    needed = _told_after(run, handoff)
    wanted = [fact for fact in facts if needed.has(fact)]
    gone = [fact for fact in lost if fact in wanted]
    if not gone:
        return _Score(1.0, "every fact that was needed later arrived")
    return _Score(1 - len(gone) / len(wanted), _told(gone, len(wanted)))


def _gone(facts: Sequence[Mention], got: str) -> list[Mention]:
    """Return the facts that ``got``, which is folded, does not tell in any spelling."""
    missing = [fact for fact in facts if fold(fact.text) not in got]
    if not missing:
        return []
    told = Told(got)
    return [fact for fact in missing if not told.has(fact)]


def _told(gone: Sequence[Mention], count: int) -> str:
    shown = ", ".join(fact.text for fact in gone[:MAX_SHOWN_FACTS_COUNT])
    return f"{len(gone)} of {count} facts did not arrive ({excerpt(shown)})"


def _text_share(sent: Payload, got: str) -> float:
    """Return the share of the longer texts that arrived: of each the longest beginning."""
    whole = kept = 0
    for text in [each for each in sent.strings if len(each) >= MIN_TEXT_CHARS][:MAX_TEXTS_COUNT]:
        folded = fold(text)
        whole += len(folded)
        kept += len(folded) if folded in got else common_prefix_chars(folded, got)
    return kept / whole if whole else 1.0


def _of_imprints(claim: Claim) -> _Score:
    """Judge by digests: the share of the places whose value is found again."""
    sent, received = claim.sent, claim.received
    if sent is None or received is None:
        return _Score(None, "")
    found = breaks_between(sent, received)
    if not found:
        return _Score(1.0, "all of it arrived, by its digest")
    if all(each.kind == "serialization" and not each.lost for each in found):
        return _Score(None, "it arrived in another form, of which only the digest is known")
    places = {pointer: field for pointer, field in sent.fields.items() if _is_leaf(field)}
    if not places:
        return _Score(FAULT_SCORE, found[0].message)
    digests = {field.digest for field in received.fields.values()}
    cut = {each.pointer for each in found if each.kind == "truncation"}
    kept = sum(_kept(pointer, field, received, digests, cut) for pointer, field in places.items())
    place = f" at {excerpt(found[0].pointer)}" if found[0].pointer else ""
    return _Score(kept / len(places), f"{found[0].message}{place}")


def _is_leaf(field: FieldPrint) -> bool:
    return field.type not in {"array", "object"}


def _kept(
    pointer: str, field: FieldPrint, received: Imprint, digests: set[str], cut: set[str]
) -> float:
    if field.digest in digests:
        return 1.0
    other = received.fields.get(pointer)
    if other is None or pointer not in cut or not field.size:
        return 0.0
    return min(other.size / field.size, 1.0)
