"""An older state of a thing that reaches an agent after a newer one, and is acted upon."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from causewatch.faults.calls import Run
from causewatch.faults.lost_at_handoff import place_of
from causewatch.faults.outcome import Outcome, outcomes_of
from causewatch.faults.text import excerpt, fold
from causewatch.faults.versions import State, is_older, is_same_thing, outdated, states_of
from causewatch.model.facts import fact_of, tokens_of
from causewatch.model.judgement import Fault
from causewatch.model.value import Value

MAX_DELIVERIES_COUNT = 2_000
MAX_PAIRS_COUNT = 5_000
RECORD_CONFIDENCE = 0.7
LABEL_CONFIDENCE = 0.6
MIN_VALUE_CHARS = 2


class _Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One state as it reached an agent."""

    state: State
    at_ns: int
    agent: str
    step: int
    source: str
    """Who gave it, and for what: where the states name no thing, it tells what they are of."""
    asked: str
    """What was asked for, folded: who asks for an old version gets one."""
    handoff: int | None = None


def detect_out_of_order(run: Run) -> Iterator[Fault]:
    """Yield a fault for each state that came after a newer one of the same thing and was used.

    Only states that carry a version, a sequence number or a time of their own are compared, and
    only if what was done afterwards rests on a value that the newer state had replaced.
    """
    latest: dict[str, list[_Delivery]] = {}
    outcomes: tuple[Outcome, ...] | None = None
    left = MAX_PAIRS_COUNT
    for delivery in sorted(_deliveries(run), key=lambda each: each.at_ns)[:MAX_DELIVERIES_COUNT]:
        known = latest.setdefault(delivery.agent, [])
        for other in known[-left:] if left > 0 else []:
            left -= 1
            if other.step == delivery.step or not _are_of_one_thing(delivery, other):
                continue
            if is_older(delivery.state, other.state) and not _was_wanted(delivery):
                outcomes = outcomes_of(run) if outcomes is None else outcomes
                fault = _fault(run, delivery, other, outcomes)
                if fault is not None:
                    yield fault
                    break
        known.append(delivery)


def _are_of_one_thing(one: _Delivery, other: _Delivery) -> bool:
    named = one.state.ids or other.state.ids
    return bool(named or one.source == other.source) and is_same_thing(one.state, other.state)


def _was_wanted(delivery: _Delivery) -> bool:
    """Tell whether the old version itself was asked for."""
    shown = fold(delivery.state.shown)
    return len(delivery.asked) > 0 and shown in delivery.asked.split()


def _deliveries(run: Run) -> Iterator[_Delivery]:
    for call in run.calls:
        result = call.result
        if call.delegates or result is None or result.cut:
            continue
        asked = (
            "" if call.step.arguments is None else fold(" ".join(_words(call.step.arguments.value)))
        )
        for state in states_of(result):
            yield _Delivery(
                state=state,
                at_ns=call.step.span.end_ns,
                agent=call.agent,
                step=call.index,
                source=f"{call.step.name} {call.arguments_key}",
                asked=asked,
            )
    for index, handoff in enumerate(run.graph.handoffs):
        payload = handoff.received or handoff.sent
        if payload is None or payload.cut:
            continue
        step = place_of(handoff)
        for state in states_of(payload):
            yield _Delivery(
                state=state,
                at_ns=run.graph.steps[step].span.start_ns,
                agent=handoff.to_agent,
                step=step,
                source=handoff.from_agent,
                asked="",
                handoff=index,
            )


def _words(value: Value) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _words(each)
    elif not isinstance(value, list):
        yield str(value)


def _fault(run: Run, old: _Delivery, new: _Delivery, outcomes: tuple[Outcome, ...]) -> Fault | None:
    gone = frozenset(
        text for text in outdated(old.state, new.state) if len(text) >= MIN_VALUE_CHARS
    )
    symptom = _symptom(outcomes, old, new, gone) if gone else None
    if symptom is None:
        return None
    outcome, used = symptom
    handed = old.handoff is not None
    performed = handed and run.graph.handoffs[old.handoff or 0].performed_by is not None
    labelled = old.state.key.startswith("label ")
    return Fault(
        name="out_of_order",
        step=old.step,
        reason=(
            f"{old.agent or 'an agent'} got {excerpt(old.state.shown)} after"
            f" {excerpt(new.state.shown)} of the same thing, and went by its {excerpt(used)}"
        ),
        confidence=LABEL_CONFIDENCE if labelled else RECORD_CONFIDENCE,
        handoff=old.handoff,
        at="input" if handed and not performed else "output",
        induced=outcome.step,
    )


def _symptom(
    outcomes: tuple[Outcome, ...], old: _Delivery, new: _Delivery, gone: frozenset[str]
) -> tuple[Outcome, str] | None:
    """Return the first act, else the answer, that rests on what the newer state had replaced."""
    current = frozenset(new.state.members.values()) - frozenset(old.state.members.values())
    later = [each for each in outcomes if each.at_ns >= old.at_ns]
    for kind in ("act", "answer"):
        for outcome in later:
            if outcome.kind == kind:
                said = _said(outcome.text)
                text = f" {fold(outcome.text)} "
                used = sorted(each for each in gone if each in said or f" {each} " in text)
                if used and not any(each in said or f" {each} " in text for each in current):
                    return outcome, used[0]
    return None


def _said(text: str) -> frozenset[str]:
    """Return the facts of a text, and its lines: the values of a structure."""
    facts = (fact_of(token) for token in tokens_of(text))
    readings = {reading for fact in facts if fact is not None for reading in fact.readings}
    return frozenset(readings | {fold(line) for line in text.splitlines()})
