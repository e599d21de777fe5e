"""A fact that changed on the way: a decimal point that moved, two digits of an id swapped.

A value is suspicious if it stands nowhere before in the run, nearly equals one that does, cannot be
reckoned from others, and what is done with it does not name the original as well. Only models whose
whole input is recorded are judged: what they were not shown to be given they may still have got.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from causewatch.faults.asked import calls_by_id
from causewatch.faults.calls import Run
from causewatch.faults.crossings import crossings_of
from causewatch.faults.derived import is_derived
from causewatch.faults.lost_at_handoff import place_of
from causewatch.faults.mixed_up import mixed_up, readings_in
from causewatch.faults.outcome import Outcome, outcomes_of
from causewatch.faults.text import excerpt
from causewatch.faults.timeline import Content, Timeline, sees_all
from causewatch.faults.verbatim import changes_between
from causewatch.model.facts import Fact, fact_of, how_near
from causewatch.model.graph import Handoff
from causewatch.model.judgement import Fault

MAX_CHANGES_COUNT = 20
"""Suspicious values looked at in one run: one that computes much computes more."""
MAX_KNOWN_COUNT = 60
"""Of more long numbers than that, some nearly equal each other by chance."""
CARRIED_CONFIDENCE = 0.85
ANSWERED_FACTOR = 0.7
"""An answer is for people, who may see that it is wrong; and answers reckon more than acts do."""
UNSEEN_FACTOR = 0.85
"""An agent without model spans may have been told more than its task."""
_CONFIDENCE = {
    "the decimal point moved": 0.75,
    "two digits swapped": 0.7,
    "one letter changed": 0.7,
    "a character changed": 0.7,
    "a digit lost or doubled": 0.6,
    "day and month changed places": 0.6,
    "one digit changed": 0.55,
}
_LENGTHS = re.compile(
    r"[\s_-]{0,2}(mm|cm|dm|m|km|mg|g|kg|t|ml|cl|dl|l|ms|s|min|h|%|‰)\b", re.IGNORECASE
)


class _Change(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that stands first in one content, and the one it may have been made from."""

    fact: Fact
    original: Fact
    how: str
    content: Content
    number: int


def detect_changed_fact(run: Run) -> Iterator[Fault]:
    """Yield a fault for each fact that a model, a handoff or a tool's caller changed.

    ``Fault.induced`` is the act that took the changed fact, else the answer that tells it.
    """
    seen: set[int] = set()
    for fault in (*_verbatim(run), *_near(run), *mixed_up(run)):
        if fault.step not in seen:
            seen.add(fault.step)
            yield fault


def _near(run: Run) -> Iterator[Fault]:
    """Yield a fault for each new fact that nearly equals one that stood before it."""
    timeline = run.timeline
    suspects = [
        (number, token)
        for token, number in timeline.first.items()
        if _is_suspect(run, timeline.contents[number]) and fact_of(token) is not None
    ]
    if not suspects:
        return
    outcomes = outcomes_of(run)
    uses = [(outcome, readings_in(outcome.text)) for outcome in outcomes]
    wanted = frozenset[str]().union(*(readings for _, readings in uses))
    suspects = [each for each in suspects if _fact(each[1]).readings & wanted]
    if not suspects:
        return
    known = _Known(timeline)
    for number, token in suspects[:MAX_CHANGES_COUNT]:
        change = _change(run, known, number, _fact(token))
        fault = None if change is None else _fault(run, change, uses)
        if fault is not None:
            yield fault


def _verbatim(run: Run) -> Iterator[Fault]:
    """Yield a fault for each handoff whose text arrived word for word, but with another fact."""
    for crossing in crossings_of(run):
        index, handoff = crossing.handoff, run.graph.handoffs[crossing.handoff]
        for original, arrived in changes_between(crossing.sent.value, crossing.received.value):
            number = run.timeline.first.get(arrived)
            if number is None or not _is_carried(run, run.timeline.contents[number]):
                continue
            symptom = _acted_on(run, handoff, arrived)
            if symptom is not None:
                yield Fault(
                    name="changed_fact",
                    step=place_of(handoff),
                    reason=f"{excerpt(original)} became {excerpt(arrived)} in the same words",
                    confidence=CARRIED_CONFIDENCE,
                    handoff=index,
                    at="output" if handoff.performed_by is not None else "input",
                    induced=symptom.step,
                )
                break


def _acted_on(run: Run, handoff: Handoff, arrived: str) -> Outcome | None:
    """Return the first act, else the answer, that names what arrived."""
    at_ns = run.graph.steps[place_of(handoff)].span.start_ns
    wanted = readings_in(arrived)
    later = [
        each
        for each in outcomes_of(run)
        if each.at_ns >= at_ns
        and (wanted & readings_in(each.text) if wanted else arrived.strip(" .,:;") in each.text)
    ]
    acts = (each for each in later if each.kind == "act")
    answers = (each for each in later if each.kind == "answer")
    return next(acts, None) or next(answers, None)


def _is_suspect(run: Run, content: Content) -> bool:
    """Tell whether what stands first in a content may have been changed there.

    What a tool found out, it may say; but a transfer's own result only passes on.
    """
    if content.side in {"said", "told"}:
        return True
    if content.side == "asked":
        return _is_unseen(run, content.step)
    return any(h.performed_by == content.step for h in run.graph.handoffs)


def _is_unseen(run: Run, step: int) -> bool:
    """Tell whether a call was made by an agent of whose models there is no trace."""
    steps, owner = run.graph.steps, run.graph.owner
    mine = [other for i, other in enumerate(steps) if owner[i] == owner[step]]
    if not owner[step] or any(other.kind == "model" for other in mine):
        return False
    return any(other.kind == "agent" and other.input is not None for other in mine)


def _is_carried(run: Run, content: Content) -> bool:
    """Tell whether code, not a model, put a text there."""
    if content.side == "asked":
        return False
    return content.side != "said" or run.graph.steps[content.step].kind != "model"


class _Known:
    """The facts of a run, to be asked what stood before a content and is close to a fact."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._facts: list[tuple[int, Fact]] = []
        self._first: dict[str, int] = {}
        for token, number in timeline.first.items():
            fact = fact_of(token)
            if fact is None:
                continue
            self._facts.append((number, fact))
            for reading in fact.readings:
                self._first[reading] = min(number, self._first.get(reading, number))

    def is_new(self, fact: Fact, number: int) -> bool:
        """Tell whether none of a fact's readings stands before a content."""
        return all(self._first[reading] >= number for reading in fact.readings)

    def before(self, number: int, kind: str) -> list[Fact]:
        """Return the facts of a kind that stand before a content."""
        return [fact for at, fact in self._facts if at < number and fact.kind == kind]


def _fact(token: str) -> Fact:
    found = fact_of(token)
    assert found is not None, "only facts are suspects"  # noqa: S101 - a programming error
    return found


def _change(run: Run, known: _Known, number: int, fact: Fact) -> _Change | None:
    """Return what a new fact was made from, or ``None`` if it is nobody's slip."""
    content = known.timeline.contents[number]
    step = run.graph.steps[content.step]
    if not known.is_new(fact, number):
        return None
    if not _is_carried(run, content) and content.side == "said" and not sees_all(step):
        return None
    earlier = known.before(number, fact.kind)
    found = [(how, each) for each in earlier if (how := how_near(fact, each))]
    if fact.kind == "number":
        found = _likely(fact, found, earlier)
    if not found or len({each.readings for _, each in found}) > 1:
        return None
    how, original = found[0]
    if original.text.startswith(fact.text) and content.text.rstrip().endswith(fact.text):
        return None  # a text that breaks off in the middle of it: another fault
    if known.timeline.stands_before(fact.text, number) or _is_shown(known, fact, original, number):
        return None
    return _Change(fact=fact, original=original, how=how, content=content, number=number)


def _likely(
    fact: Fact, found: list[tuple[str, Fact]], earlier: list[Fact]
) -> list[tuple[str, Fact]]:
    """Return what is left of near numbers without those that come about by chance or reckoning."""
    if not found:
        return []
    long = [each for each in earlier if sum(c.isdigit() for c in each.text) >= 4]
    if len(long) > MAX_KNOWN_COUNT:
        found = [each for each in found if each[0] == "the decimal point moved"]
    # Whole numbers are counts, years, line numbers: those differ by a digit as a matter of course.
    found = [
        (how, each)
        for how, each in found
        if how != "one digit changed" or (_has_cents(fact) and _has_cents(each))
    ]
    if not found:
        return []
    numbers = [float(reading) for each in earlier for reading in sorted(each.readings)]
    if any(is_derived(float(reading), numbers) for reading in fact.readings):
        return []
    return found


def _has_cents(fact: Fact) -> bool:
    return any("." in reading for reading in fact.readings) or bool(
        re.search(r"[.,]\d\d?$", fact.text)
    )


def _is_shown(known: _Known, fact: Fact, original: Fact, number: int) -> bool:
    """Tell whether the digits that differ stand elsewhere by themselves, or in another unit."""
    if fact.kind == "id":
        groups = set(re.findall(r"\d{4,}", fact.text)) - set(re.findall(r"\d{4,}", original.text))
        return any(known.timeline.stands_before(group, number) for group in groups)
    if fact.kind == "number":
        text = known.timeline.contents[number].text
        unit = _unit(text, fact.text)
        first = known.timeline.first.get(original.text)
        other = "" if first is None else _unit(known.timeline.contents[first].text, original.text)
        return bool(unit and other and unit != other)
    return False


def _unit(text: str, token: str) -> str:
    at = text.find(token)
    found = _LENGTHS.match(text, at + len(token)) if at >= 0 else None
    return found[1].lower() if found else ""


def _fault(run: Run, change: _Change, uses: list[tuple[Outcome, frozenset[str]]]) -> Fault | None:
    """Return the fault, if what came of the changed fact harms."""
    symptom = _symptom(change, uses)
    if symptom is None:
        return None
    carried = _is_carried(run, change.content)
    handoff = _handoff_of(run, change) if carried else None
    if carried and handoff is None and not _is_result(run, change):
        return None
    confidence = CARRIED_CONFIDENCE if carried else _CONFIDENCE[change.how]
    if symptom.kind == "answer":
        confidence *= ANSWERED_FACTOR
    if change.content.side == "asked":
        confidence *= UNSEEN_FACTOR
    step = change.content.step
    at_input = carried or change.content.side == "asked"
    if handoff is not None:
        step = place_of(run.graph.handoffs[handoff])
        at_input = run.graph.handoffs[handoff].performed_by is None
    return Fault(
        name="changed_fact",
        step=step,
        reason=(
            f"{excerpt(change.original.text)} became {excerpt(change.fact.text)}: {change.how}"
        ),
        confidence=confidence,
        handoff=handoff,
        at="input" if at_input else "output",
        induced=symptom.step,
    )


def _symptom(change: _Change, uses: list[tuple[Outcome, frozenset[str]]]) -> Outcome | None:
    """Return the first act, else the answer, with the changed fact and without the original."""
    at_ns = change.content.at_ns
    later = [
        outcome
        for outcome, readings in uses
        if outcome.at_ns + 1 >= at_ns
        and change.fact.readings & readings
        and not change.original.readings & readings
    ]
    acts = (outcome for outcome in later if outcome.kind == "act")
    answers = (outcome for outcome in later if outcome.kind == "answer")
    return next(acts, None) or next(answers, None)


def _handoff_of(run: Run, change: _Change) -> int | None:
    """Return the handoff that brought a text in which a fact of what was sent had changed."""
    for crossing in crossings_of(run):
        sent, got = readings_in(crossing.sent.raw), readings_in(crossing.received.raw)
        brought = change.fact.readings & got and not change.original.readings & got
        if brought and change.original.readings & sent and not change.fact.readings & sent:
            return crossing.handoff
    return None


def _is_result(run: Run, change: _Change) -> bool:
    """Tell whether a model was shown another value than the call that it made had returned."""
    if change.content.side != "told" or not change.content.call_id:
        return False
    call = calls_by_id(run).get(change.content.call_id)
    if call is None or call.result is None or call.result.cut:
        return False
    found = readings_in(call.result.raw)
    return bool(change.original.readings & found) and not change.fact.readings & found
