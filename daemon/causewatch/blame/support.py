"""What each step says that nothing before it supports, and whether the end rests on it.

The content of a step is split into what was there before it (told from outside, found out, said by
others) and what is its own. What is its own and comes out at the end was introduced there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from causewatch.blame.atoms import Atoms, atoms_of, atoms_of_text
from causewatch.blame.uses import Scene
from causewatch.faults.outcome import judges_of
from causewatch.faults.sources import said_in
from causewatch.faults.text import plain
from causewatch.model.graph import CausalGraph
from causewatch.model.step import Message, Step

CLOCK_SKEW_NS = 5_000_000
MIN_WORDS_COUNT = 5
"""Last words with fewer values and words than this ("done") say nothing of what came before."""
STRONG_WEIGHT = 3
"""An id or a number tells as much as this many words."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one step brought in: what a model or an agent said, or what a call found out."""

    step: int
    agent: str
    start_ns: int
    end_ns: int
    atoms: Atoms
    found_out: bool
    """It is a call's result, so that its values are news by nature."""


class Known:
    """What is known at each point of a run: strong atoms by the saying before which they were."""

    def __init__(self) -> None:
        self.weak: set[str] = set()
        self._first: dict[str, int] = {}

    def add(self, atoms: Atoms, number: int) -> None:
        """Take in atoms that were there when saying ``number`` began; numbers grow."""
        self.weak |= atoms.weak
        for atom in atoms.strong:
            self._first.setdefault(atom, number)

    def news(self, atoms: Atoms) -> Atoms:
        """Return what of some atoms is not known yet."""
        strong = frozenset(atom for atom in atoms.strong if atom not in self._first)
        return Atoms(strong=strong, weak=atoms.weak - self.weak)

    def before(self, number: int) -> frozenset[str]:
        """Return the strong atoms that were known when saying ``number`` began."""
        return frozenset(atom for atom, first in self._first.items() if first <= number)


class Novelty(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What of a saying was not there before it."""

    said: Said
    own: Atoms
    """What nothing before it shows."""
    number: int
    timeline: Known

    @property
    def known(self) -> frozenset[str]:
        """Return the strong atoms that were known when it was said."""
        return self.timeline.before(self.number)


def weight_of(atoms: Atoms) -> int:
    """Return how much some atoms tell."""
    return STRONG_WEIGHT * len(atoms.strong) + len(atoms.weak)


def common(one: Atoms, other: Atoms) -> Atoms:
    """Return the values and words that are in both."""
    return Atoms(strong=one.strong & other.strong, weak=one.weak & other.weak)


def sayings_of(scene: Scene) -> tuple[Said, ...]:
    """Return what was said and found out in a run, each once, in the order in which it was there.

    A model's words count at the model's step; an agent without model steps speaks for itself. What
    a delegation returns is its agent's words, not found out by it.
    """
    graph = scene.graph
    judges = judges_of(graph)
    sources = {call.index for call in scene.calls if not call.delegates}
    with_models = {
        graph.owner[i] for i, s in enumerate(graph.steps) if s.kind == "model" and s.output_messages
    }
    found = []
    for i, step in enumerate(graph.steps):
        if i in judges:
            continue
        if i in sources:
            text = plain(step.result)
        elif step.kind == "model" or (step.kind == "agent" and graph.owner[i] not in with_models):
            text = _words(step)
        else:
            continue
        if text.strip():
            found.append(_said(graph, i, text, found_out=i in sources))
    return tuple(sorted(found, key=lambda said: (said.end_ns, said.step)))


def _said(graph: CausalGraph, index: int, text: str, *, found_out: bool) -> Said:
    span = graph.steps[index].span
    return Said(
        step=index,
        agent=graph.owner[index],
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        atoms=atoms_of_text(text),
        found_out=found_out,
    )


def _words(step: Step) -> str:
    said = "\n".join(text for message in step.output_messages for text in said_in(message))
    return said or plain(step.output)


def novelties(scene: Scene, sayings: Sequence[Said]) -> Iterator[Novelty]:
    """Yield of each saying what is its own, in order of time."""
    known = Known()
    told = sorted(scene.prompts, key=lambda prompt: -prompt.at_ns)
    coming = list(reversed(sayings))
    # A message that later turns repeat is one object, and is known from then on.
    heard: set[int] = set()
    ordered = sorted(sayings, key=lambda said: (said.start_ns, said.step))
    for number, said in enumerate(ordered):
        while told and told[-1].at_ns <= said.start_ns:
            known.add(atoms_of_text(told.pop().text), number)
        while coming and coming[-1].end_ns <= said.start_ns + CLOCK_SKEW_NS:
            if coming[-1].step == said.step:
                break
            known.add(coming.pop().atoms, number)
        step = scene.graph.steps[said.step]
        for message in (*step.system, *step.input_messages):
            if id(message) not in heard:
                heard.add(id(message))
                known.add(_atoms_of_message(message), number)
        if step.arguments is not None:
            known.add(atoms_of(step.arguments.value), number)
        yield Novelty(said=said, own=known.news(said.atoms), number=number, timeline=known)


def _atoms_of_message(message: Message) -> Atoms:
    return atoms_of_text("\n".join(said_in(message)))


def last_words(scene: Scene, sayings: Sequence[Said], symptom: int | None) -> Said | None:
    """Return what the end says: at the symptom, else the answer, else the last words of substance.

    ``None`` for a run in which nobody said anything.
    """
    if symptom is not None:
        graph = scene.graph
        step = graph.steps[symptom]
        text = "\n".join((plain(step.arguments), _words(step), plain(step.result)))
        return _said(graph, symptom, text, found_out=False)
    spoken = [said for said in sayings if not said.found_out]
    by_answer = [said for said in spoken if said.step == scene.answer]
    for said in (*by_answer, *reversed(spoken)):
        if weight_of(said.atoms) >= MIN_WORDS_COUNT:
            return said
    return next(reversed(spoken or sayings), None)
