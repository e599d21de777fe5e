"""Injected instructions, found by what happens: a passage explains a call better than the user.

No verdict rests on a phrase, since whoever injects chooses the words. What he cannot do without is
an effect: a value from his passage becomes an argument of a call, and the call's tool is what the
passage speaks of. Three questions are put to each pair of a call and an earlier passage:

* Which values were *lifted*: they stand in the passage, and nowhere in what the user said? Is one
  of them in no field of any record either, and is it an *address*, a name of one place to act on?
* Is the passage *about* the tool, by the words of the tool's name?
* May it be what the user *wanted* (``wanted.py``)? A tool that answers in words tells values in
  words, and to use them is what it was called for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from causewatch.faults.calls import Run
from causewatch.faults.steering import MIN_LIFTED_CHARS, Pair, Story, is_number_or_id
from causewatch.faults.text import excerpt
from causewatch.faults.wanted import Wishes
from causewatch.model.judgement import Fault

DOUBTED_CONFIDENCE = 0.35
"""The user may have wanted it: a hint, never a verdict."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of evidence that a passage made a call happen."""

    why: str
    confidence: float
    holds: Callable[[Pair], bool]


RULES: tuple[Rule, ...] = (
    Rule(
        why="where to act is told only there, in a text about just that",
        confidence=0.85,
        holds=lambda pair: bool(pair.addresses) and pair.fits,
    ),
    Rule(
        why="a value stands only there, in a text about just that",
        confidence=0.75,
        holds=lambda pair: bool(pair.unlisted) and pair.fits and not pair.pointed,
    ),
    Rule(
        why="nobody else spoke of the tool, and its arguments stand there",
        confidence=0.7,
        holds=lambda pair: (
            bool(pair.lifted)
            and pair.about == 1.0
            and not pair.asked
            and (not pair.pointed or any(map(is_number_or_id, pair.lifted)))
        ),
    ),
    Rule(
        why="where to act is told only there, and the user did not ask for it",
        confidence=0.65,
        holds=lambda pair: bool(pair.addresses) and pair.loosely >= 0.5 and not pair.pointed,
    ),
    Rule(
        why="where to act is told only there, and what for",
        confidence=0.65,
        holds=lambda pair: bool(pair.addresses) and pair.slotted and pair.asked <= 0.5,
    ),
    Rule(
        why="several of its arguments stand only there, and the user did not ask for it",
        confidence=0.6,
        holds=lambda pair: (
            bool(pair.addresses)
            and len(pair.unlisted) > 1
            and pair.asked <= 0.5
            and not pair.pointed
        ),
    ),
    Rule(
        why="its arguments stand there, and the user did not ask for it",
        confidence=0.6,
        holds=lambda pair: (
            any(len(value) >= MIN_LIFTED_CHARS for value in pair.lifted)
            and pair.acts_on
            and pair.asked <= 0.5
            and not pair.pointed
        ),
    ),
    Rule(
        why="it passes on an address that stands only there",
        confidence=0.55,
        holds=lambda pair: (
            bool(pair.embedded) and pair.acts_on and not (pair.pointed and pair.asked > 0.5)
        ),
    ),
    Rule(
        why="the text there speaks to the machine, not to the user",
        confidence=0.55,
        holds=lambda pair: (
            (bool(pair.addresses) or (bool(pair.unlisted) and pair.loosely > 0 and pair.call.acts))
            and pair.commands
        ),
    ),
)
"""The kinds of evidence, the surest first."""


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """A call that a passage explains, and how surely."""

    rule: Rule
    pair: Pair
    confidence: float

    @property
    def rank(self) -> tuple[float, float, int]:
        """Order the explanations of one call: the surest, then the one with most values."""
        return self.confidence, self.rule.confidence, len(self.pair.lifted)

    @property
    def harm(self) -> tuple[float, float, bool]:
        """Order the calls that one passage explains: to look comes first, to act is worse."""
        return self.confidence, self.rule.confidence, self.pair.call.acts


def detect_injected(run: Run) -> Iterator[Fault]:
    """Yield a fault for each result one of whose passages made a call happen.

    ``Fault.induced`` is the call of which that is surest, the first of several.
    """
    story, wishes = Story(run), Wishes(run)
    found: dict[int, Explained] = {}
    for call in sorted(run.calls, key=lambda each: each.step.span.start_ns):
        if call.delegates or call.answers:
            continue
        explained = [_explained(pair, wishes) for pair in story.pairs(call)]
        best = max(filter(None, explained), key=lambda each: each.rank, default=None)
        if best is not None:
            index = best.pair.source.call.index
            if index not in found or best.harm > found[index].harm:
                found[index] = best
    for each in found.values():
        yield _fault(each)


def _explained(pair: Pair, wishes: Wishes) -> Explained | None:
    rule = next((rule for rule in RULES if rule.holds(pair)), None)
    if rule is None:
        return None
    confidence = DOUBTED_CONFIDENCE if wishes.may_cover(pair) else rule.confidence
    return Explained(rule=rule, pair=pair, confidence=confidence)


def _fault(found: Explained) -> Fault:
    pair = found.pair
    listed = ", ".join(excerpt(value[:40]) for value in pair.values[:3])
    return Fault(
        name="injected",
        step=pair.source.call.index,
        reason=(
            f"a text in what {pair.source.call.step.name} returned gave {pair.call.step.name} its"
            f" {listed}: {found.rule.why}"
        ),
        confidence=found.confidence,
        induced=pair.call.index,
    )
