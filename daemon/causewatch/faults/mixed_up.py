"""Two things of one kind that were read together, and told with each other's facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from causewatch.faults.calls import Run
from causewatch.faults.outcome import outcomes_of
from causewatch.faults.records import Record, records_of
from causewatch.faults.text import excerpt
from causewatch.faults.timeline import Content
from causewatch.model.facts import fact_of, tokens_of
from causewatch.model.judgement import Fault
from causewatch.model.value import Value

MIN_RECORDS_COUNT = 2
MAX_RECORDS_COUNT = 30
"""In a longer list too much is alike."""
MIN_DIGITS_COUNT = 3
CONFIDENCE = 0.6


class _Thing(msgspec.Struct, frozen=True, kw_only=True):
    """One of several things that a result tells of: its ids, and the numbers only it has."""

    ids: frozenset[str]
    numbers: dict[str, str]


class _Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """A number under the id of another thing, in what a model said."""

    content: Content
    id: str
    number: str
    own: str
    """What this thing's own number is."""


def mixed_up(run: Run) -> Iterator[Fault]:
    """Yield a fault for each result of which a model told one thing's number with another's id.

    It counts if no text shows them together before, the id of the number's own thing is not beside
    it, and an act took both.
    """
    for call in run.calls:
        result = call.result
        if result is None or result.cut or call.delegates:
            continue
        things = _things(records_of(call.opened, 2)) if _may_list(call.opened) else []
        pairing = _first(run, things, call.step.span.end_ns) if things else None
        symptom = None if pairing is None else _acted_on(run, pairing)
        if pairing is not None and symptom is not None:
            yield Fault(
                name="changed_fact",
                step=pairing.content.step,
                reason=(
                    f"told {excerpt(pairing.number)} of {excerpt(pairing.id)}, which has"
                    f" {excerpt(pairing.own)}: it belongs to another thing that was read with it"
                ),
                confidence=CONFIDENCE,
                induced=symptom,
            )


def _may_list(value: Value) -> bool:
    """Tell whether a result may hold several objects: one of scalars alone is one thing."""
    members = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    )
    return any(isinstance(member, dict | list) for member in members)


def _things(records: list[Record]) -> list[_Thing]:
    """Return the things of a result that can be told apart; none if they are not of one kind."""
    if not MIN_RECORDS_COUNT <= len(records) <= MAX_RECORDS_COUNT:
        return []
    keys = frozenset(records[0])
    if any(frozenset(record) != keys for record in records):
        return []
    times = Counter(text for record in records for text in set(record.values()))
    return [
        _Thing(
            ids=frozenset(t for t in record.values() if times[t] == 1 and _is_id(t)),
            numbers={k: t for k, t in record.items() if times[t] == 1 and _is_number(t)},
        )
        for record in records
    ]


def _is_id(text: str) -> bool:
    fact = fact_of(text)
    return fact is not None and fact.kind == "id"


def _is_number(text: str) -> bool:
    fact = fact_of(text)
    if fact is None or fact.kind != "number":
        return False
    return sum(map(str.isdigit, text)) >= MIN_DIGITS_COUNT


def _first(run: Run, things: list[_Thing], after_ns: int) -> _Pairing | None:
    """Return the first wrong pairing that a model said, if nothing else had paired them."""
    ids = frozenset[str]().union(*(thing.ids for thing in things))
    for content, tokens in zip(run.timeline.contents, run.timeline.tokens, strict=True):
        if content.at_ns < after_ns or ids.isdisjoint(map(str.lower, tokens)):
            continue
        pairing = _wrong(content, tokens, things)
        if pairing is None:
            continue
        is_said = content.side == "said" and run.graph.steps[content.step].kind == "model"
        return pairing if is_said else None
    return None


def _wrong(content: Content, tokens: Iterable[str], things: list[_Thing]) -> _Pairing | None:
    """Return how a text that names one thing gives it the number of another."""
    said = _readings(tokens)
    named = [thing for thing in things if thing.ids & said]
    if len(named) != 1:
        return None
    mine = named[0]
    for other in things:
        for key, number in other.numbers.items():
            own = mine.numbers.get(key, "")
            if other is not mine and number in said and own and own not in said:
                return _Pairing(content=content, id=min(mine.ids & said), number=number, own=own)
    return None


def _acted_on(run: Run, pairing: _Pairing) -> int | None:
    """Return the first act that took both, without what is right."""
    for outcome in outcomes_of(run):
        if outcome.kind == "act" and outcome.at_ns + 1 >= pairing.content.at_ns:
            said = readings_in(outcome.text)
            if {pairing.id, pairing.number} <= said and pairing.own not in said:
                return outcome.step
    return None


def readings_in(text: str) -> frozenset[str]:
    """Return all that the facts of a text may be read as."""
    return _readings(tokens_of(text))


def _readings(tokens: Iterable[str]) -> frozenset[str]:
    facts = map(fact_of, tokens)
    return frozenset(r for fact in facts if fact is not None for r in fact.readings)
