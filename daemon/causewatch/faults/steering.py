"""Who may have steered a call: each earlier passage that values of the call were lifted from."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

import msgspec

from causewatch.faults.calls import Call, Run
from causewatch.faults.malformed import is_malformed
from causewatch.faults.override import speaks_to_machine
from causewatch.faults.passages import Content, content_in, normal, values_of, words_of
from causewatch.faults.sources import prompts_in
from causewatch.faults.text import has_word
from causewatch.faults.words import name_words, starts_as_failure
from causewatch.model.calendar import names_day, take_dates
from causewatch.model.kept import kept

MIN_LIFTED_CHARS = 4
MIN_ADDRESS_CHARS = 6
MIN_STEM_CHARS = 5
MIN_ROOT_CHARS = 3
MAX_SOURCES_COUNT = 60
"""The latest results looked at for one call."""
_MARK = re.compile(r"[\d@./_]")
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[t ]00:00(?::00)?)?")
_PLAIN = re.compile(r"[\d.,:/\s%€$£-]+")
_ADDRESS = re.compile(r"[^\s,;()<>\"']{0,200}\w[@./_][^\s,;()<>\"']{0,200}\w")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was told that a result cannot have caused, normalised, and its words' stems."""

    text: str
    stems: frozenset[str]
    asked: str
    """What the user and, before the result, delegating agents said; no standing instructions."""
    asked_stems: frozenset[str]
    """The stems of all words by which anybody, standing instructions too, may have asked."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A result with passages."""

    call: Call
    content: Content
    text: str
    """All passages, to see at once that a value is in none."""
    told: Told
    pointed: bool
    """The user named what was asked for."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A call, and an earlier passage that may have made it happen."""

    call: Call
    source: Source
    passage: str
    lifted: tuple[str, ...]
    unlisted: tuple[str, ...]
    """Lifted values that no field of any record holds."""
    embedded: tuple[str, ...]
    """Addresses of the passage inside of longer arguments."""
    acts_on: bool
    """The first word of the tool's name, its verb, stands in the passage."""
    about: float
    """The share of the words of the tool's name that stand in the passage."""
    loosely: float
    """The same with words that only begin alike."""
    asked: float
    """The share of the words of the tool's name that the user used."""
    slotted: bool
    """The passage speaks of an argument, by its name, into which a lifted address went."""

    @property
    def commands(self) -> bool:
        """Tell whether the passage, or the one before it, speaks to the machine."""
        passages = self.source.content.passages
        at = passages.index(self.passage)
        return speaks_to_machine(" ".join(passages[max(at - 1, 0) : at + 1]))

    @property
    def pointed(self) -> bool:
        """Tell whether the user named what the source was asked for."""
        return self.source.pointed

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the unlisted values that name one place to act on."""
        return tuple(filter(is_address, self.unlisted))

    @property
    def fits(self) -> bool:
        """Tell whether the passage is about the tool."""
        return self.acts_on or self.about >= 0.5

    @property
    def values(self) -> tuple[str, ...]:
        """Return what the passage gave the call, the most telling first."""
        return self.addresses or self.unlisted or self.lifted or self.embedded


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """A result with passages, before anybody asked what the user said beside it."""

    call: Call
    content: Content
    text: str


class Story:
    """What the user said and what the results brought, in order of time."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._prompts = prompts_in(run)
        self._handed = tuple(_handed(run))
        self._fields: set[str] = set()
        self._reads: list[_Read] = []
        self._read_texts: set[str] = set()
        self._sources: dict[int, Source] = {}
        self._known: dict[str, Content] = {}
        self._days_of: dict[int, frozenset[str]] = {}
        self._coming = sorted(
            (call for call in run.calls if _may_tell(call)),
            key=lambda call: call.step.span.end_ns,
            reverse=True,
        )

    @kept
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
        has_days = any(map(_DAY.fullmatch, values))
        for read in self._reads[-MAX_SOURCES_COUNT:]:
            days = self._days(read) if has_days else frozenset[str]()
            there = {
                value: key
                for value, key in values.items()
                if value in read.text or value[:10] in days
            }
            within = [v for v in embedded if v in read.text]
            if not there and not within:
                continue
            source = self._source(read)
            told = source.told.text
            news = {v: k for v, k in there.items() if not _has(v, told) and not _counts(v, told)}
            parts = tuple(v for v in within if v not in told)
            for passage in source.content.passages if news or parts else ():
                lifted = {v: k for v, k in news.items() if _has(v, passage) or _dates(v, passage)}
                inner = tuple(v for v in parts if v in passage)
                if lifted or inner:
                    yield self._pair(call, source, passage, lifted, inner)

    def _pair(
        self,
        call: Call,
        source: Source,
        passage: str,
        lifted: dict[str, str],
        embedded: tuple[str, ...],
    ) -> Pair:
        names = name_words(call.step.name)
        words = words_of(passage)
        stems = frozenset(map(stem, words))
        unlisted = tuple(
            value
            for value in lifted
            if len(value) >= MIN_LIFTED_CHARS and value not in self._fields and _has(value, passage)
        )
        slots = {word for v in unlisted if is_address(v) for word in name_words(lifted[v])}
        return Pair(
            call=call,
            source=source,
            passage=passage,
            lifted=tuple(lifted),
            unlisted=unlisted,
            embedded=embedded,
            acts_on=bool(names) and stem(names[0]) in stems,
            about=_share(names, stems),
            loosely=_loose_share(names, words),
            slotted=not slots.isdisjoint(words),
            asked=_share(names, source.told.stems),
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

    def _days(self, read: _Read) -> frozenset[str]:
        """Return the days that a text names, written as calls write them."""
        index = read.call.index
        if index not in self._days_of:
            self._days_of[index] = days_in(read.text)
        return self._days_of[index]

    def _read_until(self, at_ns: int) -> None:
        while self._coming and self._coming[-1].step.span.end_ns <= at_ns:
            call = self._coming.pop()
            if call.result is None:
                continue
            # The same page read twice is taken apart once.
            raw = call.result.raw
            content = self._known[raw] = self._known.get(raw) or content_in(call.opened)
            self._fields |= content.fields
            if not content.passages or call.index in self._run.trusted:
                continue
            if _failed(call):
                # A failed call with half its data is a failure, whatever its error text says, and
                # data that something broke are no prose.
                continue
            read = _read(call, content)
            # Who read it first brought it.
            if read.text not in self._read_texts:
                self._read_texts.add(read.text)
                self._reads.append(read)

    def _source(self, read: _Read) -> Source:
        """Return what was read with what the run was told beside it, put together once."""
        index = read.call.index
        if index not in self._sources:
            told = self._told_beside(read.call, read.content.passages)
            asked = values_of(read.call.step.arguments.value) if read.call.step.arguments else {}
            self._sources[index] = Source(
                call=read.call,
                content=read.content,
                text=read.text,
                told=told,
                pointed=any(len(v) >= MIN_LIFTED_CHARS and _has(v, told.text) for v in asked),
            )
        return self._sources[index]

    @kept
    def _normal(self) -> list[str]:
        """The prompts, normalised."""
        return [normal(prompt.text) for prompt in self._prompts]

    def _told_beside(self, call: Call, passages: tuple[str, ...]) -> Told:
        """Return what the run was told that cannot stem from the result of ``call``.

        What an agent is told that had spoken before is a user's next message. What one is told that
        starts afterwards was made up from what went before, in whatever role it is recorded; and a
        later message that holds one of the ``passages`` is the result itself, told again.
        """
        owner, end_ns = self._run.graph.owner, call.step.span.end_ns
        spoke = {agent for agent, turns in self._turns.items() if agent and turns[0][0] < end_ns}
        said = [
            (prompt, text)
            for prompt, text in zip(self._prompts, self._normal, strict=True)
            if prompt.at_ns < end_ns
            or (owner[prompt.step] in spoke and not any(p in text for p in passages))
        ]
        text = "\n".join(text for _, text in said)
        users = (text for prompt, text in said if not prompt.is_standing)
        handed = (text for at_ns, text in self._handed if at_ns < end_ns)
        asked = "\n".join((*users, *handed))
        return Told(
            text=text,
            stems=frozenset(map(stem, words_of(text))),
            asked=asked,
            asked_stems=frozenset(map(stem, words_of(asked))),
        )


def _read(call: Call, content: Content) -> _Read:
    """Return what was read without the passages that only repeat what the call itself said."""
    asked = values_of(call.step.arguments.value) if call.step.arguments else {}
    kept = tuple(p for p in content.passages if not any(p in value for value in asked))
    return _Read(
        call=call,
        content=msgspec.structs.replace(content, passages=kept),
        text="\n".join(kept),
    )


def _handed(run: Run) -> Iterator[tuple[int, str]]:
    """Yield what agents were handed, with the time: who delegates asks for something, too."""
    for handoff in run.graph.handoffs:
        if handoff.sent is not None:
            start = handoff.performed_by if handoff.performed_by is not None else handoff.sender
            at_ns = run.graph.steps[start].span.start_ns
            yield from ((at_ns, normal(text)) for text in handoff.sent.strings)


def _may_tell(call: Call) -> bool:
    return call.result is not None and not call.delegates and not call.answers


def _failed(call: Call) -> bool:
    if call.result is None:
        return False
    value = call.result.value
    if is_malformed(call.result.raw):
        return True
    return call.failure is not None or (isinstance(value, str) and starts_as_failure(value))


def _has(value: str, text: str) -> bool:
    """Tell whether a value stands in a text; a short one must be a word of it."""
    if value not in text:
        return False
    if len(value) >= MIN_LIFTED_CHARS:
        return True
    return has_word(value, text)


def days_in(text: str) -> frozenset[str]:
    """Return the days that a text names in words, written year-month-day."""
    return frozenset(day for _, days in take_dates(text)[1] for day in days)


def _dates(value: str, text: str) -> bool:
    """Tell whether a value is a day that stands in a text in words."""
    return bool(_DAY.fullmatch(value)) and value[:10] in days_in(text)


def _counts(value: str, told: str) -> bool:
    """Tell whether a value is a day that whoever asked may have spoken of."""
    if not _DAY.fullmatch(value):
        return False
    return value[:10] in told or names_day(value[:10], told)


def is_address(value: str) -> bool:
    """Tell whether a value names one place: a link, a mailbox, an account, an identifier."""
    if len(value) < MIN_ADDRESS_CHARS or _PLAIN.fullmatch(value):
        return False
    if " " not in value:
        return bool(_MARK.search(value))
    # Account numbers are written in groups, most of them of digits.
    dense = value.replace(" ", "")
    return sum(char.isdigit() for char in dense) * 2 > len(dense)


def is_number_or_id(value: str) -> bool:
    """Tell whether a value is one word with a digit in it."""
    return " " not in value and any(char.isdigit() for char in value)


def stem(word: str) -> str:
    """Return the beginning by which the forms of a word are told to be one."""
    return word[:MIN_STEM_CHARS]


def _share(names: Sequence[str], stems: frozenset[str]) -> float:
    return sum(stem(name) in stems for name in names) / len(names) if names else 0.0


def _loose_share(names: Sequence[str], words: frozenset[str]) -> float:
    if not names:
        return 0.0
    return sum(any(_are_alike(name, word) for word in words) for name in names) / len(names)


def _are_alike(one: str, other: str) -> bool:
    """Tell whether two words begin alike for two fifths of the longer (webpage, website)."""
    least = max(MIN_ROOT_CHARS, min(MIN_STEM_CHARS, -(-2 * max(len(one), len(other)) // 5)))
    return one == other or (len(one) >= least and one[:least] == other[:least])
