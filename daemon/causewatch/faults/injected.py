"""Injected instructions, found by what happens: a passage explains a call better than the user.

No phrase is looked for, since whoever injects chooses the words. What he cannot do without is an
effect: a value from his passage becomes an argument of a call, and the call's tool is what the
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

<<<<<<< HEAD
from causewatch.faults.calls import Call, Run
from causewatch.faults.envelope import failure_in
from causewatch.faults.malformed import is_malformed
from causewatch.faults.passages import Content, content_of, normal, values_of, words_of
from causewatch.faults.sources import prompts_of
=======
from causewatch.faults.calls import Run
from causewatch.faults.steering import MIN_LIFTED_CHARS, Pair, Story, is_number_or_id
>>>>>>> ae3a4eff8bb932f99905013a90b2f354cac57b8f
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
        holds=lambda pair: bool(pair.embedded) and pair.acts_on and not pair.pointed,
    ),
    Rule(
        why="the text there speaks to the machine, not to the user",
        confidence=0.55,
        holds=lambda pair: (
            (bool(pair.addresses) or (bool(pair.unlisted) and pair.loosely > 0))
            and pair.call.acts
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

<<<<<<< HEAD
class _Source(msgspec.Struct, frozen=True, kw_only=True):
    call: Call
    content: Content
    text: str
    """All passages, to see at once that a value is in none."""


class _Story:
    """What the user said and what the results brought, in order of time."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._prompts = prompts_of(run.graph)
        self._telling: dict[int, _Told] = {}
        self._fields: set[str] = set()
        self._sources: list[_Source] = []
        self._source_texts: set[str] = set()
        self._known: dict[str, Content] = {}
        self._coming = sorted(
            (call for call in run.calls if _may_tell(call)),
            key=lambda call: call.step.span.end_ns,
            reverse=True,
        )

    @cached_property
    def _normal(self) -> list[str]:
        """The prompts, normalised."""
        return [normal(prompt.text) for prompt in self._prompts]

    @cached_property
    def _turns(self) -> dict[str, list[tuple[int, int]]]:
        """The starts and ends of each agent's model turns."""
        found: dict[str, list[tuple[int, int]]] = {}
        for i, step in enumerate(self._run.graph.steps):
            if step.kind == "model":
                found.setdefault(self._run.graph.owner[i], []).append(
                    (step.span.start_ns, step.span.end_ns)
                )
        return {agent: sorted(turns) for agent, turns in found.items()}

    def pairs(self, call: Call) -> Iterator[Pair]:
        """Yield the call with each passage that it lifted values from. Calls come in order."""
        values = values_of(call.step.arguments.value) if call.step.arguments else {}
        if not values:
            return
        self._read_until(self._decided_ns(call))
        embedded = {found for value in values if " " in value for found in _ADDRESS.findall(value)}
        for source in self._sources[-MAX_SOURCES_COUNT:]:
            there = {v: k for v, k in values.items() if v in source.text}
            within = [v for v in embedded if v in source.text]
            if not there and not within:
                continue
            told = self._told_beside(source).text
            news = {v: k for v, k in there.items() if not _has(v, told)}
            parts = tuple(v for v in within if v not in told)
            for passage in source.content.passages if news or parts else ():
                lifted = {value: key for value, key in news.items() if _has(value, passage)}
                inner = tuple(v for v in parts if v in passage)
                if lifted or inner:
                    yield self._pair(call, source, passage, lifted, inner)

    def _pair(
        self,
        call: Call,
        source: _Source,
        passage: str,
        lifted: dict[str, str],
        embedded: tuple[str, ...],
    ) -> Pair:
        names = name_words(call.step.name)
        words = words_of(passage)
        stems = frozenset(map(_stem, words))
        unlisted = tuple(
            value
            for value in lifted
            if len(value) >= MIN_LIFTED_CHARS and value not in self._fields
        )
        slots = {word for v in unlisted if _is_address(v) for word in name_words(lifted[v])}
        return Pair(
            call=call,
            source=source.call,
            lifted=tuple(lifted),
            unlisted=unlisted,
            embedded=embedded,
            acts_on=bool(names) and _stem(names[0]) in stems,
            about=_share(names, stems),
            loosely=_loose_share(names, words),
            slotted=not slots.isdisjoint(words),
            asked=_share(names, self._told_beside(source).stems),
            pointed=self._is_pointed_at(source),
        )

    def _decided_ns(self, call: Call) -> int:
        """Return when the model turn that issued a call began: what it knew ended before.

        A turn that spans its calls tells nothing of when it decided on one of them.
        """
        start_ns = call.step.span.start_ns
        turns = self._turns.get(call.agent, [])
        before = bisect_right(turns, (start_ns, start_ns))
        if not before or turns[before - 1][1] > start_ns:
            return start_ns
        return turns[before - 1][0]

    def _read_until(self, at_ns: int) -> None:
        while self._coming and self._coming[-1].step.span.end_ns <= at_ns:
            call = self._coming.pop()
            if call.result is None:
                continue
            # The same page read twice is taken apart once.
            raw = call.result.raw
            content = self._known[raw] = self._known.get(raw) or content_of(call.result.value)
            self._fields |= content.fields
            if not content.passages or call.index in self._run.trusted:
                continue
            if failure_in(call.result.value) is not None or is_malformed(raw):
                # A failed call with half its data is a failure, whatever its error text says, and
                # data that something broke are no prose.
                continue
            source = self._source(call, content)
            # Who read it first brought it.
            if source.text not in self._source_texts:
                self._source_texts.add(source.text)
                self._sources.append(source)

    def _source(self, call: Call, content: Content) -> _Source:
        """Return a source without the passages that only repeat what the call itself said."""
        asked = values_of(call.step.arguments.value) if call.step.arguments else {}
        kept = tuple(p for p in content.passages if not any(p in value for value in asked))
        return _Source(
            call=call,
            content=msgspec.structs.replace(content, passages=kept),
            text="\n".join(kept),
        )

    def _is_pointed_at(self, source: _Source) -> bool:
        """Tell whether the user named what the source was asked for."""
        arguments = source.call.step.arguments
        asked = values_of(arguments.value) if arguments else {}
        told = self._told_beside(source).text
        return any(len(v) >= MIN_LIFTED_CHARS and _has(v, told) for v in asked)

    def _told_beside(self, source: _Source) -> _Told:
        """Return what the run was told that cannot stem from the result of ``source``.

        What an agent is told that had spoken before is a user's next message. What one is told that
        starts afterwards was made up from what went before, in whatever role it is recorded; and a
        later message that holds one of the passages is the result itself, told again.
        """
        index, end_ns = source.call.index, source.call.step.span.end_ns
        if index not in self._telling:
            owner, passages = self._run.graph.owner, source.content.passages
            spoke = {who for who, turns in self._turns.items() if who and turns[0][0] < end_ns}
            text = "\n".join(
                said
                for prompt, said in zip(self._prompts, self._normal, strict=True)
                if prompt.at_ns < end_ns
                or (owner[prompt.step] in spoke and not any(p in said for p in passages))
            )
            self._telling[index] = _Told(text=text, stems=frozenset(map(_stem, words_of(text))))
        return self._telling[index]
=======
    @property
    def harm(self) -> tuple[float, float, bool]:
        """Order the calls that one passage explains: to look comes first, to act is worse."""
        return self.confidence, self.rule.confidence, self.pair.call.acts
>>>>>>> ae3a4eff8bb932f99905013a90b2f354cac57b8f


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
<<<<<<< HEAD


def _is_told_by_handbook(pair: Pair) -> bool:
    """Tell whether it may be a rule of the house: one value, for what the user asked for."""
    step = pair.source.step
    is_library = step.kind == "retrieval" or not _LIBRARY_WORDS.isdisjoint(name_words(step.name))
    return is_library and len(pair.lifted) <= 1 and pair.asked > 0


def _may_tell(call: Call) -> bool:
    return call.result is not None and not call.delegates and not call.answers


def _has(value: str, text: str) -> bool:
    """Tell whether a value stands in a text; a short one must be a word of it."""
    if value not in text:
        return False
    if len(value) >= MIN_LIFTED_CHARS:
        return True
    return bool(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text))


def _is_address(value: str) -> bool:
    """Tell whether a value names one place: a link, a mailbox, an account, an identifier."""
    if len(value) < MIN_ADDRESS_CHARS or _PLAIN.fullmatch(value):
        return False
    if " " not in value:
        return bool(_MARK.search(value))
    # Account numbers are written in groups, most of them of digits.
    dense = value.replace(" ", "")
    return sum(char.isdigit() for char in dense) * 2 > len(dense)


def _is_number_or_id(value: str) -> bool:
    return " " not in value and any(char.isdigit() for char in value)


def _stem(word: str) -> str:
    return word[:MIN_STEM_CHARS]


def _share(names: Sequence[str], stems: frozenset[str]) -> float:
    return sum(_stem(name) in stems for name in names) / len(names) if names else 0.0


def _loose_share(names: Sequence[str], words: frozenset[str]) -> float:
    if not names:
        return 0.0
    return sum(any(_are_alike(name, word) for word in words) for name in names) / len(names)


def _are_alike(one: str, other: str) -> bool:
    """Tell whether two words begin alike for two fifths of the longer (webpage, website)."""
    least = max(MIN_ROOT_CHARS, min(MIN_STEM_CHARS, -(-2 * max(len(one), len(other)) // 5)))
    return one == other or (len(one) >= least and one[:least] == other[:least])
=======
>>>>>>> ae3a4eff8bb932f99905013a90b2f354cac57b8f
